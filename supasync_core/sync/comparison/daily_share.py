"""What comparisons may cost: bytes a day from each project, those of the last 24 hours counted together."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from supasync_core.model import timestamps
from supasync_core.model.cost import Ledger
from supasync_core.project.migration import Migration
from supasync_core.usage.spending import PROJECTS, Used, by_purpose

PURPOSE = "compare"
"""The name of their requests in the ledger, and in what `supasync usage` shows."""
_DAY = 86_400_000_000


@dataclass(frozen=True)
class Share:
    """``most`` bytes; ``before`` this run so many were received from each project."""

    most: float
    ledger: Ledger
    before: Mapping[str, int]

    @property
    def used_up(self) -> bool:
        """Whether one of the projects has sent that much; a page may go beyond it."""
        now = self.ledger.received(PURPOSE)
        return any(self.before[name] + now.get(name, 0) >= self.most for name in PROJECTS)


def share_of(migration: Migration, now: str, *, limited: bool) -> Share:
    """What is left of the day's share at the store's time ``now``; without end unless it is limited."""
    since = timestamps.to_text(timestamps.parse(now) - _DAY)
    spendings = migration.store.past(0, since).spendings
    before = {name: by_purpose(spendings, name).get(PURPOSE, Used()).received for name in PROJECTS}
    return Share(migration.settings.compare_egress if limited else inf, migration.ledger, before)
