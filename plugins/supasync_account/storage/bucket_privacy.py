"""NEW's bucket is at most as open as OLD's before a byte of it travels: a public one can be read at once.

To make it private is the first request of a copy, and alone: other settings that NEW does not take hold it up
no more than objects that are still to come. Where that may not be done, the objects of the bucket wait.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from supasync_account.storage import bucket_settings
from supasync_account.storage.bucket_settings import Bucket, buckets
from supasync_account.storage.object_copy import NEWER
from supasync_account.storage.storage_client import StorageClient
from supasync_account.storage.storage_errors import ObjectError
from supasync_account.storage.storage_progress import StorageProgress
from supasync_account.storage.storage_report import StorageReport
from supasync_core.api.registration import Fence

_PRIVATE: Final[Mapping[str, Any]] = {"public": False}
_WAITS: Final = f"public in NEW and private in OLD, so its files wait: make it private in NEW, or {NEWER}"
_STAYS: Final = "NEW still shows it as public after it was made private, so its files wait"
_MADE: Final = "private in OLD: NEW's public bucket was made private before its files came"
_CHANGES: Final = "its settings change in OLD: NEW's bucket stays private until the next run"
_MEANWHILE: Final = "public in NEW, and private in OLD by now: the next run copies its files"
_PRIVATE_BY_NOW: Final = "its bucket is private by now: the next run copies it"


@dataclass(frozen=True, slots=True)
class BucketPrivacy:
    """Makes buckets of NEW private, and names those that have to wait, in one copy."""

    old: StorageClient
    new: StorageClient
    progress: StorageProgress
    report: StorageReport
    fence: Fence
    accept_newer: bool = False

    def waiting(self, theirs: Mapping[str, Bucket], ours: Mapping[str, Bucket]) -> list[str]:
        """The buckets that `tightened` would not change; each is named, and nothing is written."""
        found = [each.id for each in _exposed(theirs, ours) if not self._may_change(each)]
        for name in found:
            self.report.name(name, _WAITS)
        return found

    def tightened(self, theirs: Mapping[str, Bucket], ours: dict[str, Bucket]) -> list[str]:
        """Make NEW's buckets private where OLD's are, also in ``ours``; the buckets that wait, by id."""
        waiting = self.waiting(theirs, ours)
        changed = []
        for there in _exposed(theirs, ours):
            if there.id in waiting:
                continue
            try:
                bucket_settings.apply(self.new, there.id, _PRIVATE, self.fence)
            except ObjectError as err:
                self.report.name(
                    there.id, f"public in NEW and private in OLD, so its files wait: {err.message}"
                )
                waiting.append(there.id)
            else:
                changed.append(there)
        shown = _named(self.new) if changed else {}
        for there in changed:
            if (now := shown.get(there.id)) and now.public:
                self.report.name(there.id, _STAYS)
                waiting.append(there.id)
                continue
            written = self.progress.of_bucket(there.id).get("settings") or there.settings
            self.progress.remember(there.id, settings={**written, **_PRIVATE})
            ours[there.id] = replace(there, public=False)
            self.report.name(there.id, _MADE, "note")
        return waiting

    def exposed_by_now(self, copied: Collection[str]) -> list[str]:
        """Those of the buckets that are public in NEW, and private in OLD since they were listed; named.

        What is sent was listed before: it was in a bucket that anybody could read, or NEW's is private.
        """
        ours = {name: each for name, each in _named(self.new).items() if name in copied and each.public}
        found = [each.id for each in _exposed(_named(self.old), ours)] if ours else []
        for name in found:
            self.report.name(name, _MEANWHILE, "later")
        return found

    def refuse_private(self, bucket: str) -> None:
        """ObjectError where OLD's bucket is private, for what has changed in it since it was listed."""
        now = _named(self.old).get(bucket)
        if now is None or not now.public:
            raise ObjectError("busy", f"OLD: it changes, and {_PRIVATE_BY_NOW}")

    def may_apply(self, bucket: Bucket, there: Bucket | None) -> bool:
        """Whether NEW's bucket may get these settings: OLD is asked once more before it is made public."""
        if not bucket.public or (there is not None and there.public):
            return True
        now = _named(self.old).get(bucket.id)
        if now is not None and now.public:
            return True
        self.report.name(bucket.id, _CHANGES, "later")
        return False

    def _may_change(self, there: Bucket) -> bool:
        """Whether it is public because supasync has made it so, or a person lets OLD's settings win."""
        written = self.progress.of_bucket(there.id).get("settings")
        return self.accept_newer or (isinstance(written, dict) and written.get("public") is True)


def _named(client: StorageClient) -> dict[str, Bucket]:
    return buckets(client, lambda _id: None)


def _exposed(theirs: Mapping[str, Bucket], ours: Mapping[str, Bucket]) -> Iterator[Bucket]:
    """NEW's buckets that are public and in OLD private."""
    for name, bucket in theirs.items():
        there = ours.get(name)
        if there is not None and there.public and not bucket.public:
            yield there
