"""How much of each budget is used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from supasync_core import clock
from supasync_core.backend import Spending
from supasync_core.settings import Budgets
from supasync_core.usage.spending import PROJECTS, Used, month_of, projected, since, used

WARNING = 0.6
"""The part of a budget from which on it is spoken of."""
_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_KILO = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A project's use of one thing: ``requests`` or ``egress`` of this month, ``database`` as it is.

    ``used`` is None where nobody knows, ``budget`` where there is none, ``projected`` where it is too early.
    """

    project: str
    what: str
    used: int | None
    budget: int | None = None
    projected: int | None = None

    @property
    def part(self) -> float | None:
        """How much of the budget is used, 1 for all of it."""
        return None if self.used is None or self.budget is None else self.used / self.budget

    @property
    def warns(self) -> bool:
        """Whether a person should know."""
        return self.part is not None and self.part >= WARNING

    @property
    def sentence(self) -> str:
        """``OLD has used 63 % of 50,000 requests a month (31,500)``."""
        of = "a month" if self.what != "database" else "in all"
        return (
            f"{self.project} has used {int(100 * (self.part or 0))} % of {self.amount(self.budget)} "
            f"{self.what} {of} ({self.amount(self.used)})"
        )

    def amount(self, number: int | None) -> str | None:
        """A number of this as people write it."""
        if number is None:
            return None
        return f"{number:,}" if self.what == "requests" else size(number)


def size(number: float) -> str:
    """Bytes for people, in units of 1000 as egress is billed."""
    value, unit = float(number), 0
    while value >= _KILO and unit < len(_UNITS) - 1:
        value, unit = value / _KILO, unit + 1
    return f"{value:,.0f} {_UNITS[unit]}" if not unit else f"{value:,.1f} {_UNITS[unit]}"


def monthly(spent: Mapping[str, Used], budgets: Budgets) -> tuple[Share, ...]:
    """The shares of what is counted by the month, from what it has come to."""
    return tuple(
        Share(project=project, what=what, used=number, budget=budget)
        for project, sum_ in spent.items()
        for what, number, budget in (
            ("requests", sum_.requests, budgets.requests),
            ("egress", sum_.received, budgets.egress),
        )
    )


def shares(spendings: Sequence[Spending], budgets: Budgets, now: clock.Instant) -> tuple[Share, ...]:
    """All shares of both projects, with what the month will have come to at its end."""
    month = since(spendings, month_of(now)[0])
    found = []
    for project in PROJECTS:
        later = projected(spendings, project, now)
        requests, egress = monthly({project: used(month, project)}, budgets)
        sizes = [each.sizes[project] for each in spendings if project in each.sizes]
        found += [
            _with(requests, later.requests if later else None),
            _with(egress, later.received if later else None),
            Share(
                project=project,
                what="database",
                used=sizes[-1] if sizes else None,
                budget=budgets.database,
            ),
        ]
    return tuple(found)


def _with(share: Share, later: int | None) -> Share:
    return Share(
        project=share.project, what=share.what, used=share.used, budget=share.budget, projected=later
    )
