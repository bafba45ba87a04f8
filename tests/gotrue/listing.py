"""The list of all users, in pages by offset, as the server sorts and counts them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from . import accounts
from .accounts import NIL, Row
from .errors import crashed, invalid

if TYPE_CHECKING:
    import psycopg

PAGE = 50
MOST = 2**63 - 1
DIRECTIONS = ("asc", "desc")


@dataclass(frozen=True)
class Page:
    """Which page is asked for."""

    pairs: dict[str, str]
    number: int
    size: int
    direction: str

    @classmethod
    def of(cls, raw_query: str) -> Page:
        """Read the query; AuthError says what is wrong."""
        pairs = dict(parse_qsl(raw_query, keep_blank_values=True))
        number, size = (_count(pairs.get(name)) for name in ("page", "per_page"))
        if size == 0:
            raise crashed()
        return cls(pairs, number or 1, PAGE if size is None else size, _direction(pairs.get("sort", "")))

    def links(self, total: int) -> str:
        """The value of `Link`: without the prefix of the gateway."""
        last = math.ceil(total / self.size)
        told = [self._link(last, "last")]
        if self.number < last:
            told.insert(0, self._link(self.number + 1 if self.pairs.get("page") != "0" else 1, "next"))
        return ", ".join(told)

    def _link(self, number: int, kind: str) -> str:
        query = urlencode(sorted({**self.pairs, "page": str(number)}.items()))
        return f'</admin/users?{query}>; rel="{kind}"'


def _count(text: str | None) -> int | None:
    if not text:
        return None
    if not text.isdigit():
        raise invalid(f'Bad Pagination Parameters: strconv.ParseUint: parsing "{text}": invalid syntax')
    return int(text)


def _direction(text: str) -> str:
    name, _, direction = text.strip().partition(" ")
    if text and name != "created_at":
        raise invalid(f"Bad Sort Parameters: bad field for sort '{name}'")
    if direction.lower() not in ("", *DIRECTIONS):
        told = f"bad direction for sort '{direction}', only 'asc' and 'desc' allowed"
        raise invalid(f"Bad Sort Parameters: {told}")
    return direction.lower() or "desc"


def listed(connection: psycopg.Connection[Any], page: Page, audience: str) -> tuple[list[Row], int]:
    """The rows of a page, and how many users there are."""
    where = f"where instance_id = '{NIL}' and aud = $1"
    values: tuple[Any, ...] = (audience,)
    if part := page.pairs.get("filter"):
        where += " and (email like $2 or raw_user_meta_data->>'full_name' ilike $2)"
        values = (audience, f"%{part}%")
    counted = connection.execute(f"select count(*) from auth.users {where}".encode(), values)  # noqa: S608
    (total,) = counted.fetchone() or (0,)
    skipped = min((page.number - 1) * page.size, MOST)
    order = f"{where} order by created_at {page.direction} limit {min(page.size, MOST)} offset {skipped}"
    rows = [accounts.readable(row) for row in accounts.rows(connection, order, values)]
    return rows, int(total)


def shown(rows: list[Row], audience: str) -> str:
    """The JSON of a page."""
    users = ",".join(accounts.shown(row, None) for row in rows)
    return f'{{"users":[{users}],"aud":"{audience}"}}'
