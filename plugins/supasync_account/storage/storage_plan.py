"""What is to be copied of a bucket: OLD's listing against what is known, and against NEW where it is not.

NEW is asked only for what was not copied as it is now: object by object where those are few, else by its
listing. So an hour in which nothing changes costs OLD's listing alone.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from supasync_account.storage.doubted_copies import Doubt, doubted
from supasync_account.storage.known_object import Known
from supasync_account.storage.object_copy import NEWER, Task
from supasync_account.storage.object_listing import UNKNOWN, StoredObject, listed, looked_up, pages
from supasync_account.storage.storage_client import StorageClient
from supasync_account.storage.storage_errors import ObjectError
from supasync_account.storage.storage_progress import StorageProgress
from supasync_account.storage.storage_report import StorageReport

Side = Literal["OLD", "NEW"]
Tasks = list[Task]
FEW: Final = 20
"""Objects of NEW that are always asked for one by one."""
_AT_ONCE: Final = 1000
_LIMIT: Final = "raise it: NEW's Dashboard -> Storage -> Settings"
_NO_FILE: Final = "OLD lists it without a size or an ETag: it has no file to be copied"
EXCLUDE: Final = "remove it in OLD, or name it under exclude: in tables.yaml"
_OTHER_TAG: Final = (
    "NEW's, which was there before, has another x-robots-tag: "
    "supasync storage verify and then sync take OLD's"
)
_CHANGED: Final = f"NEW has another object of this name, left as it is; {NEWER}"


@dataclass(frozen=True, slots=True)
class StoragePlan:
    """Decides what is copied; nothing is written. ``largest`` asks what NEW's project takes for a file."""

    old: StorageClient
    new: StorageClient
    progress: StorageProgress
    report: StorageReport
    exclude: Collection[str] = ()
    accept_newer: bool = False
    largest: Callable[[], int | None] = lambda: None
    metadata: Callable[[str, Sequence[str]], Mapping[str, Any]] = lambda _bucket, _names: {}
    """What is known of user metadata, by name; what is not costs a request an object."""
    go_on: Callable[[], bool] = lambda: True

    def list(self, side: Side, bucket: str) -> bool:
        """List the bucket; False where the run is to stop, and not all of it was seen."""
        client = self.old if side == "OLD" else self.new
        self.progress.forget_listed(side, bucket)
        for page in pages(client, bucket):  # what is stopped here ends in a report, not in an error
            self.progress.note(side, bucket, page)
            if not self.go_on():
                return False
        return True

    def tasks(self, bucket: str, *, made: bool, listed: bool) -> Tasks:
        """What is to be copied, by name; what cannot be is named in the report.

        ``made``: NEW is empty; ``listed``: NEW's bucket has been listed.
        """
        wanted = [
            each for each in self.progress.changed(bucket) if f"{bucket}/{each.name}" not in self.exclude
        ]
        if not wanted:
            return []
        if not made and not listed:
            self._list_new(bucket, wanted)
        most = self.largest()
        found: Tasks = []
        for at in range(0, len(wanted), _AT_ONCE):
            part = wanted[at : at + _AT_ONCE]
            names = [each.name for each in part]
            there = {} if made else self.progress.shown("NEW", bucket, names)
            known = self.progress.known(bucket, names)
            told = self.metadata(bucket, names)
            doubts = doubted(self.progress, bucket, names)
            for each in part:
                name = f"{bucket}/{each.name}"
                if not each.etag or each.size < 0:
                    self.report.name(name, f"{_NO_FILE}; {EXCLUDE}")
                elif most is not None and each.size > most:
                    what = f"{each.size:,} bytes are more than NEW's project takes for a file ({most:,})"
                    self.report.name(name, f"{what}; {_LIMIT}")
                else:
                    facts = there.get(each.name), known.get(each.name), doubts.get(each.name)
                    made_of = self._task(bucket, each, *facts)
                    tags = facts[1].tags if facts[1] else ""
                    metadata = told.get(each.name, UNKNOWN)
                    found += [replace(task, metadata=metadata, tags=tags) for task in made_of]
        return found

    def _list_new(self, bucket: str, wanted: Sequence[StoredObject]) -> None:
        """Ask NEW for what it has of these."""
        if len(wanted) > FEW:
            self.list("NEW", bucket)
            return
        self.progress.forget_listed("NEW", bucket)
        for each in wanted:
            try:
                found = looked_up(self.new, bucket, each.name)
                there = listed(self.new, bucket, each.name) if found and each.robots else found and found[0]
            except ObjectError:
                continue  # a name that NEW does not take: sending it says so
            if there:
                self.progress.note("NEW", bucket, [there])

    def _task(
        self,
        bucket: str,
        listed: StoredObject,
        there: StoredObject | None,
        known: Known | None,
        doubt: Doubt | None,
    ) -> Iterator[Task]:
        if there is None:
            yield Task(bucket, listed)
        elif doubt and doubt.concerns(listed, there):
            if doubt.ours or self.accept_newer:
                yield Task(bucket, listed, replaces=True, came=doubt.md5, again=True)
            else:
                self.report.name(f"{bucket}/{listed.name}", _CHANGED)
        elif there.looks_like(listed) and _same_bytes(listed, there, known):
            ours = self.accept_newer or (known is not None and known.is_in(there))
            tags = listed.tags_of(there)
            if ours and tags and (known is None or known.tags != tags):  # only an upload can say it
                yield Task(bucket, listed, replaces=True, again=True)
                return
            if tags and known is None:
                self.report.name(f"{bucket}/{listed.name}", _OTHER_TAG, "note")
            yield Task(bucket, listed, equal=there, replaces=ours, md5=known.md5 if known else None)
        elif self.accept_newer or self._is_ours(bucket, listed, there, known):
            yield Task(bucket, listed, replaces=True, before=_replaced(listed, there, known))
        else:
            self.report.name(f"{bucket}/{listed.name}", _CHANGED)

    def _is_ours(self, bucket: str, listed: StoredObject, there: StoredObject, known: Known | None) -> bool:
        """Whether NEW's object is what was copied, or what an upload of ours that was cut has left."""
        if known is not None and known.is_in(there):
            return True
        return self.progress.may_have_left(bucket, listed, there)


def _same_bytes(listed: StoredObject, there: StoredObject, known: Known | None) -> bool:
    """Whether both have the same bytes for sure: by MD5, or neither has changed since it was copied."""
    if listed.md5 and there.md5:
        return listed.md5 == there.md5
    return known is not None and known.etag == listed.etag and known.is_in(there)


def _replaced(listed: StoredObject, there: StoredObject, known: Known | None) -> tuple[str, str]:
    """NEW's ETag and the MD5 of what it has, where OLD's ETag says that it has other bytes by now."""
    if known is not None and known.is_in(there):
        return (there.etag, known.md5) if known.md5 and known.etag not in ("", listed.etag) else ("", "")
    differ = there.md5 and listed.md5 and there.md5 != listed.md5
    return (there.etag, there.etag) if differ else ("", "")
