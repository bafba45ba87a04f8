"""The objects of a bucket, all of them: listed flat, by a cursor.

The other two listings of Storage lose objects: by folder, `p-0500-thumb` after `p-0500` is never shown
(recorded). This one is in the order of the names' bytes, and a page has at most 1,000.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

import msgspec

from supasync_account.storage.storage_client import StorageClient, path_of
from supasync_account.storage.storage_errors import ObjectError
from supasync_core.model.errors import StateError
from supasync_core.model.printable import visible
from supasync_core.model.wording import counted

AT_ONCE: Final = 1000
"""Objects of a page; the server cuts more off without a word."""
_TYPE: Final = "application/octet-stream"
_CACHE: Final = "no-cache"
"""What Storage itself stores where nothing was said (recorded)."""
_EXACT: Final[dict[str, Any]] = {"ensure_ascii": False, "allow_nan": False}


UNKNOWN: Final = object()
"""User metadata that nobody has looked at yet, or that nobody can see."""


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

    def tags_of(self, new: "StoredObject") -> str:
        """Its x-robots-tag and another one of NEW's, as JSON; empty where they are the same."""
        return "" if self.robots == new.robots else json.dumps([self.robots, new.robots])

    def looks_like(self, other: "StoredObject") -> bool:
        """Whether size, content type and cache control are the same; bytes are not compared."""
        mine, its = ((each.size, each.mimetype, each.cache) for each in (self, other))
        return mine == its


@dataclass(frozen=True, slots=True)
class _Page:
    """What one request lists; ``cursor`` asks for the next page, if ``more`` is to come."""

    objects: list[StoredObject]
    more: bool
    cursor: str | None


def pages(
    client: StorageClient, bucket: str, go_on: Callable[[], bool] = lambda: True
) -> Iterator[list[StoredObject]]:
    """Every object of the bucket, a page at a time.

    StateError where a name does not come behind the one before it, where the cursor stays, or where ``go_on``
    says behind a page that it is to stop.
    """
    cursor: str | None = None
    last: str | None = None
    number = 0
    while True:
        options: Any = {"limit": AT_ONCE, **({"cursor": cursor} if cursor else {})}
        found = _page(client, bucket, options)
        page = found.objects
        wrong = _out_of_order(last, page)
        if wrong is not None or (cursor and found.more and found.cursor == cursor):
            shown = visible(wrong or last or "")
            raise StateError(
                f"{client.project}: the listing of the bucket {bucket} does not go on behind {shown}",
                hint="nothing was decided by it; run it again",
            )
        if page:
            yield page
            last = page[-1].name
        number += len(page)
        if not found.more:
            return
        if not found.cursor or not page:
            shown = visible(last or "")
            raise StateError(
                f"{client.project}: the listing of the bucket {bucket} breaks off behind {shown}"
            )
        if not go_on():
            seen = counted(number, "object", "objects")
            raise StateError(
                f"{client.project}: the listing of the bucket {bucket} was stopped behind {seen}",
                hint="it was interrupted, or max_runtime is over: raise it, or name fewer buckets",
            )
        cursor = found.cursor


def _out_of_order(last: str | None, page: Sequence[StoredObject]) -> str | None:
    """The name behind which another one comes that should not: no name comes twice, no listing circles."""
    names = [*([] if last is None else [last]), *(each.name for each in page)]
    return next((one for one, other in pairwise(names) if other.encode() <= one.encode()), None)


def lists(client: StorageClient, bucket: str, name: str) -> bool | None:
    """Whether a listing shows the object; None where more names begin like it than a page has."""
    found = _beginning(client, bucket, name)
    return True if any(each.name == name for each in found.objects) else None if found.more else False


def listed(client: StorageClient, bucket: str, name: str) -> StoredObject | None:
    """The object as a listing shows it, with its robots; None where it is not there."""
    found = _beginning(client, bucket, name)
    return next((each for each in found.objects if each.name == name), None)


def _beginning(client: StorageClient, bucket: str, name: str) -> _Page:
    return _page(client, bucket, {"limit": AT_ONCE, "prefix": name})


def _page(client: StorageClient, bucket: str, options: Mapping[str, Any]) -> _Page:
    headers, body = {"Content-Type": "application/json"}, json.dumps(options).encode()
    path = path_of("object", "list-v2", bucket)
    found = client.understood("POST", path, _Listing, headers=headers, body=body)
    return _Page([_stored(each) for each in found.objects], found.hasNext, found.nextCursor)


def looked_up(client: StorageClient, bucket: str, name: str) -> tuple[StoredObject, Any] | None:
    """The object as ``object/info`` shows it, and its user metadata; None where it is not there.

    Where that address is refused, whatever for, a listing shows it, and its user metadata is UNKNOWN.

    Without ``authenticated``, a bucket named ``public`` would be a way to other buckets' objects.
    """
    try:
        found = _info(client, bucket, name)
    except ObjectError as err:
        if err.kind == "missing":
            return None
        if err.kind != "refused":
            raise
        page = _beginning(client, bucket, name)
        shown = next((each for each in page.objects if each.name == name), None)
        if shown is None and page.more:
            raise
        return None if shown is None else (shown, UNKNOWN)
    metadata = found.get("metadata")
    try:
        json.dumps([metadata, found.get("content_type"), found.get("cache_control")], **_EXACT).encode()
    except (ValueError, RecursionError):
        text = f"{client.project}: object/info of {bucket}/{name} has metadata that no request can hold"
        raise ObjectError("refused", text) from None
    stored = StoredObject(
        name,
        _size(found.get("size")),
        plain_etag(found.get("etag")),
        str(found.get("content_type") or _TYPE),
        str(found.get("cache_control") or _CACHE),
        "",
    )
    return stored, metadata


def _info(client: StorageClient, bucket: str, name: str) -> dict[str, Any]:
    found = client.send("GET", path_of("object", "info", "authenticated", bucket, key=name)).json()
    if not isinstance(found, dict):
        raise ObjectError("refused", f"{client.project}: object/info of {bucket}/{name} is not an object")
    return found


class _Listed(msgspec.Struct, frozen=True):
    """An object in a listing; what a row of any app may have is looked at one by one."""

    name: str
    key: str | None = None
    updated_at: Any = None
    metadata: Any = None


class _Listing(msgspec.Struct, frozen=True):
    """A page as it is answered."""

    objects: list[_Listed]
    hasNext: bool  # noqa: N815 - the server's
    nextCursor: str | None = None  # noqa: N815 - the server's


def _stored(each: _Listed) -> StoredObject:
    told: dict[str, Any] = each.metadata if isinstance(each.metadata, dict) else {}
    return StoredObject(
        each.key or each.name,
        _size(told.get("size")),
        plain_etag(told.get("eTag")),
        str(told.get("mimetype") or _TYPE),
        str(told.get("cacheControl") or _CACHE),
        _moment(each.updated_at),
        str(told.get("xRobotsTag") or ""),
    )


def _size(told: object) -> int:
    """The bytes; -1 for what is not a size that a file can have."""
    return told if type(told) is int and 0 <= told < 1 << 63 else -1


def plain_etag(etag: object) -> str:
    """Without quotes, and without the mark of a weak one, which a gateway sets."""
    return str(etag or "").removeprefix("W/").strip('"')


def _moment(told: object) -> str:
    try:
        at = datetime.fromisoformat(str(told))
    except ValueError:
        return ""
    with suppress(OverflowError):  # within a day of the first or the last year
        at = at.astimezone(UTC)
    return at.isoformat(timespec="milliseconds")
