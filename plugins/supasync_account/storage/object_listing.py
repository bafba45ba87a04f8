"""The objects of a bucket, all of them: listed flat, by a cursor.

The other two listings of Storage lose objects: by folder, `p-0500-thumb` after `p-0500` is never shown
(recorded). This one is in the order of the names' bytes, and a page has at most 1,000.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from supasync_account.storage.storage_client import StorageClient, path_of
from supasync_account.storage.storage_errors import ObjectError
from supasync_core.model.errors import StateError

if TYPE_CHECKING:
    from storage3 import SyncStorageClient

AT_ONCE: Final = 1000
"""Objects of a page; the server cuts more off without a word."""
_TYPE: Final = "application/octet-stream"
_CACHE: Final = "no-cache"
"""What Storage itself stores where nothing was said (recorded)."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as a listing shows it; one without ``etag`` has no file that could be read.

    ``updated`` is ISO 8601 text in UTC, of milliseconds; empty where nobody said it.
    """

    name: str
    size: int
    etag: str
    mimetype: str
    cache: str
    updated: str
    robots: str = ""

    @property
    def md5(self) -> str | None:
        """The MD5 of its bytes where the server's ETag is one: an ETag with ``-N`` is of parts."""
        return self.etag if len(self.etag) == 32 and "-" not in self.etag else None  # noqa: PLR2004 - hex digits

    def looks_like(self, other: "StoredObject") -> bool:
        """Whether size, content type and cache control are the same; bytes are not compared."""
        mine, its = ((each.size, each.mimetype, each.cache) for each in (self, other))
        return mine == its


def pages(client: StorageClient, bucket: str) -> Iterator[list[StoredObject]]:
    """Every object of the bucket, a page at a time; StateError where the cursor does not move."""
    cursor: str | None = None
    last = ""
    while True:
        options: Any = {"limit": AT_ONCE, **({"cursor": cursor} if cursor else {})}
        found = client.asked(partial(_page, bucket, options))
        page = [_stored(each) for each in found.objects]
        if page and page[-1].name.encode() <= last.encode() and last:
            raise StateError(
                f"{client.project}: the listing of the bucket {bucket} does not go on behind {last}",
                hint="nothing was decided by it; run it again",
            )
        if page:
            yield page
            last = page[-1].name
        if not found.hasNext:
            return
        if not found.nextCursor or not page:
            raise StateError(f"{client.project}: the listing of the bucket {bucket} breaks off behind {last}")
        cursor = found.nextCursor


def _page(bucket: str, options: Any, storage: "SyncStorageClient") -> Any:  # noqa: ANN401 - the client's types
    return storage.from_(bucket).list_v2(options)


def looked_up(client: StorageClient, bucket: str, name: str) -> tuple[StoredObject, Any] | None:
    """The object as ``object/info`` shows it, and its user metadata; None where it is not there."""
    try:
        found = client.send("GET", path_of("object", "info", bucket, key=name)).json()
    except ObjectError as err:
        if err.kind == "missing":
            return None
        raise
    if not isinstance(found, dict):
        raise ObjectError("refused", f"{client.project}: object/info of {bucket}/{name} is not an object")
    size = found.get("size")
    stored = StoredObject(
        name,
        size if isinstance(size, int) else -1,
        _plain(found.get("etag")),
        str(found.get("content_type") or _TYPE),
        str(found.get("cache_control") or _CACHE),
        "",
    )
    return stored, found.get("metadata")


def _stored(each: Any) -> StoredObject:  # noqa: ANN401 - the client's
    told: dict[str, Any] = each.metadata or {}
    size = told.get("size")
    return StoredObject(
        each.key or each.name,
        size if isinstance(size, int) else -1,
        _plain(told.get("eTag")),
        str(told.get("mimetype") or _TYPE),
        str(told.get("cacheControl") or _CACHE),
        _moment(each.updated_at),
        str(told.get("xRobotsTag") or ""),
    )


def _plain(etag: object) -> str:
    """Without quotes, and without the mark of a weak one, which a gateway sets."""
    return str(etag or "").removeprefix("W/").strip('"')


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
