"""The budgets as tables.yaml gives them."""

from supasync_core.config.document import Entry, Section
from supasync_core.config.reading import Reading
from supasync_core.config.schema import BUDGETS
from supasync_core.settings import Budgets


def budgets(reading: Reading, given: Entry | None, on_budget: str) -> Budgets:
    """What each project may use, without limits where none are given; what is wrong is a problem."""
    stop = on_budget == "stop"
    if given is None or not isinstance(given.value, Section):
        return Budgets(stop=stop)
    return Budgets(**reading.values(given.value, given.at, "budgets", BUDGETS), stop=stop)
