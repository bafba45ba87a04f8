"""Copies that are known and not believed any more: they are forgotten, so that the next copy sends them.

A server that encrypts has ETags that are no MD5. So one that does not match its bytes says nothing by itself:
either something on the way has changed them, or the ETag is none. The same bytes a second time tell.
"""
# ruff: noqa: S608 - the parts of statements are our own

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from supasync_account.storage.known_object import Known
from supasync_account.storage.object_copy import Task
from supasync_account.storage.object_listing import StoredObject
from supasync_account.storage.storage_progress import THESE, StorageProgress

_OF_OLD: Final = "FROM kept.storage_objects WHERE pair = ? AND length(etag) = 32 AND etag NOT LIKE '%-%'"
_DOUBTED: Final = "INSERT INTO kept.storage_doubts SELECT ?, ?, " + ", ".join(
    ["unnest(CAST(? AS VARCHAR[]))"] * 5
)
_CHANGED: Final = f"UPDATE kept.storage_objects SET etag = '' WHERE pair = ? AND bucket = ? AND {THESE}"
_NEW: Final = "coalesce(nullif(new_etag, ''), md5)"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A copy that is to be forgotten. With ETags, those of both sides, its bytes are known to differ, too.

    ``ours``: NEW has what was copied, so it may be replaced. ``md5`` is that of the bytes that came then.
    """

    name: str
    etag: str
    new_etag: str
    ours: bool
    md5: str | None = None

    def concerns(self, listed: StoredObject, there: StoredObject) -> bool:
        """Whether both sides still have the objects that differed."""
        return (listed.etag, there.etag) == (self.etag, self.new_etag)


def has_md5(progress: StorageProgress) -> bool:
    """Whether an ETag of OLD has been the MD5 of bytes that were copied."""
    return bool(progress.asked(f"SELECT 1 {_OF_OLD} AND md5 = etag LIMIT 1", [progress.pair]))


def has_other_etags(progress: StorageProgress) -> bool:
    """Whether OLD has sent the same bytes twice under an ETag that is not their MD5."""
    return bool(progress.asked(f"SELECT 1 {_OF_OLD} AND proven LIMIT 1", [progress.pair]))


def disproved(progress: StorageProgress) -> list[Task]:
    """The copies whose bytes are not those of OLD's ETag, forgotten; to be copied again."""
    if not has_md5(progress):
        return []
    rows = progress.asked(
        f"SELECT md5, {_NEW}, bucket, name, size, etag, mimetype, cache, updated {_OF_OLD} AND md5 <> etag "
        "AND NOT coalesce(proven, false)",
        [progress.pair],
    )
    found = []
    doubts: dict[str, list[Doubt]] = {}
    for md5, new_etag, bucket, *values in rows:
        listed = StoredObject(*values)
        found.append(Task(bucket, listed, replaces=True, came=md5))
        doubt = Doubt(listed.name, listed.etag, new_etag, ours=True, md5=md5)
        doubts.setdefault(bucket, []).append(doubt)
    for bucket, some in doubts.items():
        forget(progress, bucket, some)
    return found


def forget(progress: StorageProgress, bucket: str, doubts: Sequence[Doubt]) -> None:
    """Forget copies; that they are doubted is remembered until they are copied again."""
    names = [each.name for each in doubts]
    these = [progress.pair, bucket, names]
    progress.asked(f"DELETE FROM kept.storage_doubts WHERE pair = ? AND bucket = ? AND {THESE}", these)
    rows = [
        (each.name, each.etag, each.new_etag, each.md5, "true" if each.ours else "false")
        for each in doubts
        if each.etag
    ]
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        progress.asked(_DOUBTED, [progress.pair, bucket, *columns])
    # What NEW has as it was copied counts as changed, and stays known: OLD may delete it.
    progress.asked(_CHANGED, [progress.pair, bucket, [each.name for each in doubts if each.ours]])
    progress.drop(bucket, [each.name for each in doubts if not each.ours])
    progress.remember(bucket, mark=None)


def doubted(progress: StorageProgress, bucket: str, names: Sequence[str]) -> dict[str, Doubt]:
    """Those of the objects that are doubted."""
    rows = progress.asked(
        "SELECT name, etag, new_etag, ours, md5 FROM kept.storage_doubts "
        f"WHERE pair = ? AND bucket = ? AND {THESE}",
        [progress.pair, bucket, list(names)],
    )
    return {row[0]: Doubt(*row) for row in rows}


def remember(seen: StorageProgress, progress: StorageProgress, doubts: Mapping[str, Sequence[Doubt]]) -> None:
    """Forget copies, by bucket, but none that was copied again since they were ``seen``."""
    for bucket, found in doubts.items():
        names = [each.name for each in found]
        before, now = _moments(seen, bucket, names), _moments(progress, bucket, names)
        forget(progress, bucket, [each for each in found if before.get(each.name) == now.get(each.name)])


def _moments(progress: StorageProgress, bucket: str, names: Sequence[str]) -> Mapping[str, str]:
    """When those of the objects were copied that are known."""
    query = f"SELECT name, moment FROM kept.storage_objects WHERE pair = ? AND bucket = ? AND {THESE}"
    return dict(progress.asked(query, [progress.pair, bucket, names]))


def doubt_of(
    left: StoredObject, right: StoredObject | None, known: Known | None, differ: Sequence[str]
) -> Doubt | None:
    """What is to be forgotten of an object that differs or is missing, so that a copy looks at it again.

    None where a copy finds the difference by itself: OLD's object has changed since it was copied.
    """
    if right is None:
        return Doubt(left.name, "", "", ours=False) if known else None
    ours = known is not None and known.is_in(right)
    same = known is not None and known.etag == left.etag
    # Not every Storage keeps an x-robots-tag: what was sent again for it and has another one stays so.
    if differ == ["x-robots-tag"] and not (known and ours and known.tags != left.tags_of(right)):
        return None
    if {"bytes", "x-robots-tag"} & set(differ):
        found = Doubt(left.name, left.etag, right.etag, ours, known.md5 if known else None)
        return found if same or left.etag == right.etag else None
    changed = known is not None and (differ == ["user metadata"] or not ours)
    return Doubt(left.name, "", "", ours=False) if changed and differ else None
