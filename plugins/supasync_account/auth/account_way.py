"""What a way of copying accounts does; `chosen_way` says which one is taken.

A way is opened on both projects. Commands, the step of a run and the check before a switch use it without
knowing which one it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from supasync_account.auth import Deletes
from supasync_account.auth.account_plan import AccountPlan
from supasync_account.auth.account_report import AccountReport
from supasync_account.auth.account_verdict import AccountVerdict
from supasync_account.auth.auth_findings import AuthFindings
from supasync_core.api.registration import Fence

WayName = Literal["sql", "functions", "keys"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person chose: what is accepted, what is done about deleted accounts, which extras are copied."""

    accepted: Sequence[str] = ()
    deletes: Deletes = "report"
    extras: Sequence[str] = ()


class Copying(Protocol):
    """One copy of accounts."""

    def refuse_early(self) -> None:
        """Raise what would be raised anyway, before anything is noted in NEW."""
        ...

    def planned(self) -> AccountPlan:
        """What would be done; nothing is written."""
        ...

    def run(self, fence: Fence, go_on: Callable[[], bool]) -> AccountReport:
        """Copy what is new and changed.

        The fence is asked before each write. ``go_on`` is asked between batches: it may raise, and where it
        is False the copy ends as interrupted.
        """
        ...


class Way(Protocol):
    """A way, opened on both projects; OLD is only read."""

    @property
    def name(self) -> WayName:
        """Its name in ``--json``."""
        ...

    def inspect(self, choices: Choices) -> AuthFindings:
        """What both sides have, what the way carries, what is in the way; nothing is written."""
        ...

    def copying(self, choices: Choices) -> Copying:
        """A copy that has not begun."""
        ...

    def compare(self, choices: Choices) -> AccountVerdict:
        """What differs between both sides; nothing is written."""
        ...
