"""Reading an object: its bytes, its head, its information."""

from __future__ import annotations

import re
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from tests.postgrest.messages import Request, Response

from . import buckets, errors, objects
from .errors import StorageError, compact
from .files import part

if TYPE_CHECKING:
    from datetime import datetime

    from .app import Session
    from .objects import Row

Headers = list[tuple[str, str]]
RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")
JSON = ("Content-Type", "application/json; charset=utf-8")
ROUTES = ("authenticated", "public")


def seen(session: Session, route: str, bucket: str, key: str) -> Row:
    """The object that a route shows to the caller; StorageError where there is none."""
    name = objects.checked(key)
    home = buckets.found(session, bucket)
    if not home.public:
        if route == "public" or session.stranger:
            raise errors.no_such_bucket()
        session.become_caller()
    return objects.found(session, bucket, name)


def information(row: Row) -> Response:
    """What `object/info` tells, of the row alone."""
    held = row.metadata or {}
    told = {
        "id": str(row.key),
        "name": row.name,
        "version": row.version,
        "bucket_id": row.bucket,
        "size": held.get("size"),
        "content_type": held.get("mimetype"),
        "cache_control": held.get("cacheControl"),
        "etag": held.get("eTag"),
        "metadata": row.user_metadata,
        "last_modified": shown(row.updated_at),
        "created_at": shown(row.created_at),
    }
    headers = [JSON, ("ETag", str(held.get("eTag", "")))]
    if "cacheControl" in held:
        headers += [("Last-Modified", http(row.updated_at)), ("Cache-Control", held["cacheControl"])]
    return Response(200, headers, compact(told))


def head(row: Row) -> Response:
    """The head of a download, of the row alone: the file is not looked at."""
    held = row.metadata or {}
    headers = _headers(held.get("mimetype", ""), held.get("eTag", ""), held.get("xRobotsTag"))
    if not held:
        return Response(200, headers, no_length=True)
    headers += [("Last-Modified", http(row.updated_at)), ("Cache-Control", held.get("cacheControl", ""))]
    return Response(200, headers, length=held.get("size"))


def download(session: Session, request: Request, row: Row) -> Response:
    """The bytes, or the part that is asked for, with what the file was sent with."""
    path, kept = session.files.read(row.bucket, row.name, row.version)
    headers = _headers(kept.mimetype, kept.etag, kept.robots)
    headers.append(("Last-Modified", http(row.updated_at)))
    if _known(request, kept.etag, row.updated_at):
        if session.files.s3:
            return Response(304, [])
        return Response(304, [*headers, ("Cache-Control", kept.cache_control)])
    again = ", stale-while-revalidate=30" if "if-none-match" in request.headers else ""
    headers.append(("Cache-Control", kept.cache_control + again))
    asked = dict(parse_qsl(request.raw_query, keep_blank_values=True))
    if "download" in asked:
        headers.append(("Content-Disposition", _attachment(asked["download"])))
    if "range" not in request.headers:
        return Response(200, headers, path.read_bytes())
    start, end = _range(session, request.headers["range"], kept.size)
    headers.append(("Content-Range", f"bytes {start}-{end}/{kept.size}"))
    return Response(206, headers, part(path, start, end - start + 1))


def _headers(mimetype: str, etag: str, robots: str | None) -> Headers:
    shown_as = "text/plain" if mimetype.startswith("text/html") else mimetype
    return [
        ("Accept-Ranges", "bytes"),
        ("Content-Type", shown_as),
        ("ETag", etag),
        ("X-Robots-Tag", robots or "none"),
    ]


def _known(request: Request, etag: str, updated_at: datetime) -> bool:
    """Tell whether the client has it: one exact ETag, or a time that is not before the last change."""
    if "if-none-match" in request.headers:
        return request.headers["if-none-match"] == etag
    since = request.headers.get("if-modified-since")
    return since is not None and parsedate_to_datetime(since) >= updated_at.replace(microsecond=0)


def _range(session: Session, text: str, size: int) -> tuple[int, int]:
    """First and last byte; StorageError where there is none."""
    match = RANGE.match(text)
    if match is None or match.groups() == ("", ""):
        raise _beyond(session)
    if not match[1]:
        start, end = max(0, size - int(match[2])), size - 1
    else:
        start, end = int(match[1]), min(int(match[2] or size), size - 1)
    if start >= size or end < start:
        raise _beyond(session)
    return start, end


def _beyond(session: Session) -> StorageError:
    return errors.crashed() if session.files.s3 else errors.bad_range()


def _attachment(name: str) -> str:
    if not name:
        return "attachment"
    return f"attachment; filename={quote(name)}; filename*=UTF-8''{quote(name)}"


def http(moment: datetime) -> str:
    """A time as a header tells it."""
    return format_datetime(moment, usegmt=True)


def shown(moment: datetime) -> Any:
    """A time as a body tells it: thousandths of a second, cut."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
