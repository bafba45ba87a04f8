"""Copies that are known and not believed any more: they are forgotten, so that the next copy sends them.

A server that encrypts has ETags that are no MD5, for all of its objects. So one that does not match says
nothing until another one has matched; then it says that something on the way changed the bytes.
"""

from typing import Final

from supasync_account.storage.object_copy import Task
from supasync_account.storage.object_listing import StoredObject
from supasync_account.storage.storage_progress import StorageProgress

_OF_OLD: Final = "FROM kept.storage_objects WHERE pair = ? AND length(etag) = 32 AND etag NOT LIKE '%-%'"


def has_md5(progress: StorageProgress) -> bool:
    """Whether an ETag of OLD has been the MD5 of bytes that were copied."""
    return bool(progress.asked(f"SELECT 1 {_OF_OLD} AND md5 = etag LIMIT 1", [progress.pair]))


def disproved(progress: StorageProgress) -> list[Task]:
    """The copies whose bytes are not those of OLD's ETag, forgotten; to be copied again."""
    if not has_md5(progress):
        return []
    rows = progress.asked(
        f"SELECT bucket, name, size, etag, mimetype, cache, updated {_OF_OLD} AND md5 <> etag",
        [progress.pair],
    )
    found = [Task(bucket, StoredObject(*values), replaces=True) for bucket, *values in rows]
    for task in found:
        forget(progress, task.bucket, task.listed)
    return found


def forget(progress: StorageProgress, bucket: str, listed: StoredObject) -> None:
    """Forget one copy; what NEW has of it stays known as our own, which may be replaced."""
    progress.begin(bucket, listed, "")
    progress.drop(bucket, [listed.name])
    progress.remember(bucket, mark=None)
