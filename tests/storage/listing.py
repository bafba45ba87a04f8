"""The two listings of a bucket: one folder at a time by offset, and everything by cursor."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from . import errors
from .buckets import TIME
from .errors import compact, invalid

if TYPE_CHECKING:
    from .app import Session

Fields = dict[str, Any]
MOST = 1000
TIMES = ", ".join(
    f"'{name}', {TIME.format(name)}" for name in ("updated_at", "created_at", "last_accessed_at")
)
FLAT = f"json_build_object('id', id, 'name', name, 'metadata', metadata, {TIMES})::text"


def flat(session: Session, bucket: str, fields: Fields) -> bytes:
    """A page of everything by name, bytewise; names are whole, and no name is passed over."""
    size = min(int(fields.get("limit") or MOST), MOST)
    if size < 1:
        raise invalid("body/limit must be >= 1")
    cursor = decoded(fields.get("cursor"))
    session.become_caller()
    rows = session.rows(
        f"select name, {FLAT} from storage.objects where bucket_id = $1 and starts_with(name, $2)"  # noqa: S608
        f' and name collate "C" > $3 order by name collate "C" limit {size + 1}',
        *(bucket, fields.get("prefix") or "", cursor.get("l", "")),
    )
    page, more = rows[:size], len(rows) > size
    told = f'{{"hasNext":{str(more).lower()}'
    if more:
        last = page[-1][0]
        ways = {"l": last, **({"o": "asc"} if cursor else {})}
        told += f',"nextCursor":{compact(encoded(ways)).decode()},"nextCursorKey":{compact(last).decode()}'
    return f'{told},"folders":[],"objects":[{",".join(text for _, text in page)}]}}'.encode()


def encoded(ways: dict[str, str]) -> str:
    """A cursor: base64 of lines such as `l:<last name>`."""
    return base64.b64encode("\n".join(f"{name}:{value}" for name, value in ways.items()).encode()).decode()


def decoded(cursor: str | None) -> dict[str, str]:
    """What a cursor says."""
    try:
        text = base64.b64decode(cursor or "", validate=True).decode()
    except (binascii.Error, ValueError):
        raise errors.crashed() from None
    return dict(line.partition(":")[::2] for line in text.split("\n") if line)
