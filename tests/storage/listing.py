"""The two listings of a bucket: one folder at a time by offset, and everything by cursor.

Both pass over names where they show folders: see `folders`.
"""

from __future__ import annotations

import base64
import binascii
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .buckets import TIME
from .errors import StorageError, compact, invalid
from .folders import Entry, Level

if TYPE_CHECKING:
    from .app import Session

Fields = dict[str, Any]
Rows = list[tuple[Any, ...]]
MOST = 1000
SORTED_BY = ("name", "created_at", "updated_at", "last_accessed_at")
TIMES = ", ".join(
    f"'{name}', {TIME.format(name)}" for name in ("updated_at", "created_at", "last_accessed_at")
)
FLAT = f"json_build_object('id', id, 'name', name, 'metadata', metadata, {TIMES})::text"
NAMED = f"json_build_object('name', substr(name, $3), 'id', id, {TIMES}, 'metadata', metadata)::text"
KEYED = (
    f"json_build_object('key', substr(name, $3), 'name', name, 'id', id, {TIMES}, 'metadata', metadata)::text"
)
FOLDER = dict.fromkeys(("id", "updated_at", "created_at", "last_accessed_at", "metadata"))


def by_folder(session: Session, bucket: str, fields: Fields) -> str:
    """A page of one folder; an empty answer where there is none, or no bucket."""
    if "prefix" not in fields:
        raise invalid("body must have required property 'prefix'")
    limit = _limit(fields, 100)
    sort = {"column": "name", "order": "asc", **(fields.get("sortBy") or {})}
    if sort["column"] not in SORTED_BY:
        raise invalid("body/sortBy/column must be equal to one of the allowed values")
    prefix = fields["prefix"]
    if prefix and not prefix.endswith("/"):
        prefix += "/"
    level = Level(prefix, fields.get("search") or "", folded=True)
    offset, descending = int(fields.get("offset", 0)), sort["order"] == "desc"
    session.become_caller()
    if sort["column"] == "name":
        found = level.page(_names(session, bucket), min(limit, 1500), offset, descending=descending)
    else:
        names = _names(session, bucket, sort["column"], descending=descending)
        found = level.folders_first(names, descending=descending)[offset : offset + min(limit, 1500)]
    rows = _rows(session, NAMED, bucket, level, found)
    told = (_folder(shown) if name is None else rows[name] for shown, name in found)
    return "[" + ",".join(told) + "]"


def _folder(shown: str) -> str:
    return compact({"name": shown, **FOLDER}).decode()


def _rows(session: Session, how: str, bucket: str, level: Level, found: list[Entry]) -> dict[str, str]:
    """The JSON of the objects among these entries, by their names."""
    query = f"select name, {how} from storage.objects where bucket_id = $1 and name = any($2)"  # noqa: S608
    names = [name for _, name in found if name is not None]
    return dict(session.rows(query, bucket, names, len(level.folder) + 1))


def _names(session: Session, bucket: str, column: str = "", *, descending: bool = False) -> list[str]:
    """All names that the caller sees, in this order."""
    order = f"order by {column}{' desc' if descending else ''}" if column else ""
    query = f"select name from storage.objects where bucket_id = $1 {order}"  # noqa: S608
    return [name for (name,) in session.rows(query, bucket)]


def _limit(fields: Fields, default: int) -> int:
    asked = fields.get("limit")
    if asked is not None and int(asked) < 1:
        raise invalid("body/limit must be >= 1")
    return default if asked is None else int(asked)


def by_cursor(session: Session, bucket: str, fields: Fields) -> str:
    """A page by name, bytewise, or by a time; of everything, or of one folder and its names."""
    size = min(_limit(fields, MOST), MOST)
    cursor = decoded(fields.get("cursor"))
    session.become_caller()
    if fields.get("with_delimiter"):
        return _with_folders(session, bucket, fields, size, cursor)
    rows = _flat(session, bucket, fields, size + 1, cursor)
    page, objects = rows[:size], [text for _, text, _ in rows[:size]]
    if len(rows) <= size:
        return _told(None, [], objects)
    last, _, moment = page[-1]
    return _told(_next(fields, cursor, last, moment), [], objects)


def _flat(session: Session, bucket: str, fields: Fields, size: int, cursor: dict[str, str]) -> Rows:
    sort = _sort(fields, cursor)
    order, sign = ("desc", "<") if sort["order"] == "desc" else ("asc", ">")
    values = [bucket, fields.get("prefix") or "", cursor.get("l", "")]
    where, by = f'name collate "C" {sign} $3', f'name collate "C" {order}'
    if order == "desc" and "l" not in cursor:
        where = "$3 = ''"
    if sort["column"] != "name":
        moment = f"date_trunc('milliseconds', {sort['column']})"
        by = f"{moment} {order}, {by}"
        if "a" in cursor:
            where = f'({moment}, name collate "C") {sign} ($4::timestamptz, $3)'
            values.append(cursor["a"])
        else:
            where = "$3 = ''"
    shown = TIME.format("created_at" if sort["column"] == "name" else sort["column"])
    return session.rows(
        f"select name, {FLAT}, {shown} from storage.objects"  # noqa: S608
        f" where bucket_id = $1 and starts_with(name, $2) and {where} order by {by} limit {size}",
        *values,
    )


def _with_folders(session: Session, bucket: str, fields: Fields, size: int, cursor: dict[str, str]) -> str:
    level = Level(fields.get("prefix") or "", "", folded=False)
    found = level.page(_names(session, bucket), size + 1, 0, after=cursor.get("l", ""))
    page = found[:size]
    folders = [shown for shown, name in page if name is None]
    rows = _rows(session, KEYED, bucket, level, page)
    objects = [rows[name] for _, name in page if name is not None]
    told = [compact({"key": each, "name": f"{level.folder}{each}/", **FOLDER}).decode() for each in folders]
    if len(found) <= size:
        return _told(None, told, objects)
    shown, name = page[-1]
    last = f"{level.folder}{shown}/" if name is None else name
    return _told(_next(fields, cursor, last, ""), told, objects)


def _sort(fields: Fields, cursor: dict[str, str]) -> dict[str, str]:
    asked = fields.get("sortBy") or {}
    column, order = cursor.get("c", asked.get("column", "name")), cursor.get("o", asked.get("order", "asc"))
    if column not in SORTED_BY[:3]:
        raise invalid("body/sortBy/column must be equal to one of the allowed values")
    return {"column": column, "order": order}


def _next(fields: Fields, cursor: dict[str, str], last: str, moment: str) -> dict[str, str]:
    """What the next page starts from: after the first page, with how the rows are sorted."""
    sort = _sort(fields, cursor)
    ways = {"l": last}
    if cursor or "sortBy" in fields:
        ways["o"] = sort["order"]
    if "c" in cursor or "sortBy" in fields:
        ways["c"] = sort["column"]
    return ways if sort["column"] == "name" else {**ways, "a": moment}


def _told(ways: dict[str, str] | None, folders: list[str], objects: list[str]) -> str:
    told = f'"hasNext":{str(ways is not None).lower()}'
    if ways is not None:
        told += f',"nextCursor":"{encoded(ways)}","nextCursorKey":{compact(ways["l"]).decode()}'
    return f'{{{told},"folders":[{",".join(folders)}],"objects":[{",".join(objects)}]}}'


def encoded(ways: dict[str, str]) -> str:
    """A cursor: base64 of lines such as `l:<last name>`."""
    return base64.b64encode("\n".join(f"{name}:{value}" for name, value in ways.items()).encode()).decode()


def decoded(cursor: str | None) -> dict[str, str]:
    """What a cursor says."""
    if not cursor:
        return {}
    with suppress(binascii.Error, ValueError):
        text = base64.b64decode(cursor, validate=True).decode()
        ways = dict(line.partition(":")[::2] for line in text.split("\n"))
        if "l" in ways:
            return ways
    message = "Invalid Parameter continuation token"
    raise StorageError(400, "InvalidParameter", "InvalidParameter", message)
