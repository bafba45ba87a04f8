"""Buckets one by one: one that fails is named and left for another run, and the others go on."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from supasync_account.storage.storage_errors import ObjectError
from supasync_account.storage.storage_progress import EVERYWHERE, StorageProgress
from supasync_account.storage.storage_report import StorageReport
from supasync_core.model.errors import ExitCode, StateError, SupasyncError, TransientError

_AWAY: Final = 3
"""Buckets in a row of which nothing is known because a side does not answer, before the others are left."""


@dataclass
class BucketsApart:
    """What is done bucket by bucket in one run. ``failed`` are the errors, in order."""

    progress: StorageProgress
    report: StorageReport
    failed: list[SupasyncError] = field(default_factory=list)

    def run(self, what: str, buckets: Iterable[str], act: Callable[[str], None]) -> Collection[str]:
        """Act on each bucket; those that failed or had no turn, which is theirs first in the next run."""
        names, left, away = self._turned(what, list(buckets)), list[str](), 0
        for place, name in enumerate(names, 1):
            try:
                act(name)
            except (ObjectError, StateError, TransientError) as err:
                left.append(name)
                self._name(name, err)
                away += isinstance(err, TransientError)
            else:
                away = 0
            if away == _AWAY and place < len(names):
                return left + self._postponed(what, names[place:])
        return left

    def _turned(self, what: str, names: list[str]) -> list[str]:
        first = self.progress.of_bucket(EVERYWHERE).get(f"first_{what}")
        at = names.index(first) if first in names else 0
        return names[at:] + names[:at]

    def _name(self, bucket: str, err: SupasyncError) -> None:
        self.failed.append(err)
        text = f"not finished: {err.message}" + (f"; {err.hint}" if err.hint else "")
        self.report.name(bucket, text, "later" if err.exit_code == ExitCode.LATER else "refused")

    def _postponed(self, what: str, names: list[str]) -> list[str]:
        self.progress.remember(EVERYWHERE, **{f"first_{what}": names[0]})
        for name in names:
            self.report.name(name, f"left for the next run, since {_AWAY} buckets before it failed", "later")
        return names
