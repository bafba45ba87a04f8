"""The budgets of tables.yaml."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from supasync_core.config.declarations import Field
from supasync_core.config.document import Section
from supasync_core.config.read_settings import Reading
from supasync_core.config.value_kinds import size, whole
from supasync_core.model.budget import USUAL_EGRESS, Budgets

BUDGETS: Final = (
    Field(
        name="requests",
        parse=whole(1, 999_999_999),
        kind="whole number",
        doc="requests in a calendar month (UTC)",
    ),
    Field(
        name="egress",
        parse=size("5GB"),
        kind="size",
        doc="bytes that the project sends in a calendar month, compressed as they travel",
    ),
    Field(
        name="database",
        parse=size("500MB"),
        kind="size",
        doc="total size of the database",
    ),
)
_MONTH: Final = timedelta(days=31)


def budgets(reading: Reading, root: Section, values: Mapping[str, Any]) -> Budgets:
    """What each project may use, without limits where none are set; mistakes are reported.

    ``values`` are the top-level settings, defaults included.
    """
    stop = values["on_budget"] == "stop"
    entry = root.entries["budgets"] if "budgets" in values else None
    found = Budgets(stop=stop)
    if entry is not None and isinstance(entry.value, Section):
        found = Budgets(**reading.values(entry.value, entry.at, "budgets", BUDGETS), stop=stop)
    if entry is not None and found.monthly and values["retention"] < _MONTH:
        sentence = "a month's use is added up from the runs of that month: give retention: 31d or more"
        reading.problems.add(entry.at, "budgets", sentence)
    if stop and not found.monthly and (entry is None or entry.sound):
        sentence = "there is no budget to stop at: give requests: or egress: under budgets:"
        reading.problems.add(root.entries["on_budget"].value.at, "on_budget", sentence)
    return found


def compare_egress(share: Decimal | int, limits: Budgets) -> int:
    """The bytes that comparisons may use a day: a size, or a part of the month's egress."""
    if isinstance(share, int):
        return share
    return max(1, round(share * (limits.egress or USUAL_EGRESS)))
