"""Budgets of a project, and how much of each is used."""

from dataclasses import dataclass

from supasync_core.model.quantities import format_size

USUAL_EGRESS = 5_000_000_000
"""Bytes a month, where tables.yaml sets no budget: what Supabase's free plan includes."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """What each project may use: requests and bytes of egress in a calendar month, database bytes in all.

    None means no limit. ``stop``: a sync ends before it exceeds one of the first two.
    """

    requests: int | None = None
    egress: int | None = None
    database: int | None = None
    stop: bool = False

    @property
    def monthly(self) -> bool:
        """Whether anything is limited that is counted by the month."""
        return self.requests is not None or self.egress is not None


WARNING = 0.6
"""The part of a budget from which on it is spoken of."""


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
        return f"{number:,}" if self.what == "requests" else format_size(number)
