"""Many new accounts, thousands in one transaction, of which two are under way at once.

Where one of them fails, its halves are tried. A few accounts are left to `account_writer`, which finds the
one that is bad and names it.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Final

from supasync_account.auth.account_flaws import FLAWS
from supasync_account.auth.account_plan import AccountPlan
from supasync_account.auth.account_portion import SessionPair, UnequalError, Written
from supasync_account.auth.account_refusal import no_values
from supasync_account.auth.account_report import AccountReport
from supasync_account.auth.account_side import AT_ONCE
from supasync_core.api.registration import Fence
from supasync_core.model.errors import BatchTooLargeError, RowError, SchemaError, TransientError
from supasync_core.system.executors import executor

WORKERS: Final = 2
"""Connections to each side."""
LARGEST: Final = 25_000
"""Accounts of one transaction."""
_HOPELESS: Final = 6
"""So many more failures than successes leave all the rest: what is wrong is not one account."""
_PATIENCE: Final = 5.0
"""Seconds between two looks at whether to go on."""


def fits(plan: AccountPlan) -> bool:
    """Whether NEW has no account but those of OLD, as OLD has them: so none holds what a new one needs."""
    return len(plan.new) > AT_ONCE and not (plan.changed or plan.newer or plan.own or plan.gone)


@dataclass
class AccountBulk:
    """Copies new accounts of a plan that `fits`. What was not written is ``left``."""

    pair: SessionPair
    fence: Fence
    report: AccountReport
    go_on: Callable[[], bool]
    left: list[str] = field(default_factory=list)
    _failures: int = 0

    def run(self, ids: Sequence[str]) -> None:
        """Copy these accounts, in the order of their ids; where nobody wants to go on, the report says so."""
        waiting = deque(_portions(ids))
        free = [self.pair, *(self.pair.another() for _ in range(WORKERS - 1))]
        running: dict[Future[Written | None], tuple[SessionPair, Sequence[str]]] = {}
        with executor(WORKERS, "accounts") as pool:
            while waiting or running:
                if waiting and not self.go_on():
                    self.report.interrupted = True
                    waiting.clear()
                while waiting and free:
                    pair, portion = free.pop(), waiting.popleft()
                    running[pool.submit(self._copied, pair, portion)] = pair, portion
                for each in wait(running, _PATIENCE, FIRST_COMPLETED).done:
                    pair, portion = running.pop(each)
                    free.append(pair)
                    waiting.extendleft(reversed(self._again(portion, each.result())))
        self.left.sort()

    def _copied(self, pair: SessionPair, portion: Sequence[str]) -> Written | None:
        """Copy these accounts; None, and nothing is written, where that cannot be done at once."""
        self.fence.ask()
        try:
            with no_values():
                return pair.copy(portion[0], portion[-1], self.fence.run)
        except UnequalError:
            return None
        except (RowError, BatchTooLargeError, SchemaError, TransientError) as err:
            err.raise_if_of_the_project()
            return None

    def _again(self, portion: Sequence[str], written: Written | None) -> list[Sequence[str]]:
        """What is to be tried next in place of this portion: nothing where it was written."""
        if written:
            self._failures = max(0, self._failures - 1)
            self._count(written)
            return []
        self._failures += 1
        half = len(portion) // 2
        if half < AT_ONCE or self._failures > _HOPELESS:
            self.left += portion
            return []
        return [portion[:half], portion[half:]]

    def _count(self, written: Written) -> None:
        self.report.created += written.accounts
        for account, email, flaws in written.flawed:
            for name in flaws:
                self.report.name(account, email, FLAWS[name].text, refused=FLAWS[name].refused)


def _portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Portions of about one size, as many for each worker."""
    rounds = -(-len(ids) // (WORKERS * LARGEST))
    size = max(AT_ONCE, -(-len(ids) // (WORKERS * rounds)))
    return (ids[at : at + size] for at in range(0, len(ids), size))
