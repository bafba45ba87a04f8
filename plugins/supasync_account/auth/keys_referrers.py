"""What NEW's own functions tell a secret key: triggers on accounts, and rows that refer to an account.

The functions are those of ``supasync schema sql``, which only read. They name the foreign keys of all
schemas; rows are counted where the REST interface shows them, which are those of ``public`` at most.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import msgspec

from supasync_account.auth.keys_api import KeysApi
from supasync_account.auth.keys_errors import AuthRefusal
from supasync_account.decoding import UndecodableError, decoded
from supasync_core.model.errors import RefusedError
from supasync_core.model.wording import counted

_STRUCTURE: Final = "/rest/v1/rpc/supasync_ready_structure"
_ROWS: Final = 1000


class Referrer(msgspec.Struct, frozen=True):
    """A foreign key to accounts, or to a table of ``auth`` whose rows go with one.

    ``column`` refers to the id of ``parent``; ``hidden``: policies keep rows from the secret key.
    """

    schema: str
    table: str
    parent: str
    hidden: bool
    column: str | None = None

    @property
    def name(self) -> str:
        """The table, as in messages."""
        return self.table if self.schema == "public" else f"{self.schema}.{self.table}"


@dataclass(frozen=True, slots=True)
class Held:
    """``rows``: what refers to accounts, by id. ``unseen``: tables whose rows are not shown, or ``None``.

    ``deeper`` are those of them that refer to other tables of ``auth`` than ``users``.
    """

    rows: Mapping[str, str]
    unseen: Sequence[str] | None = ()
    deeper: Sequence[str] | None = ()


def triggers(new: KeysApi) -> list[str] | None:
    """The triggers of NEW that fire for each new account and are not guarded; None where nobody can tell."""
    parts = _structure(new, [])
    if parts is None or "accounts" not in parts:
        return None
    return [f"{each['name']} (runs {each['function']})" for each in parts["accounts"]]


def held(new: KeysApi, ids: Sequence[str]) -> Held:
    """Of these accounts those to which rows of NEW refer, and the tables that do not show it."""
    keys = _referrers(new)
    if keys is None:
        return Held({}, None, None)
    rows: dict[str, list[str]] = {}
    unseen = []
    for each in keys:
        found = _rows(new, each, ids)
        if found is None:
            unseen.append(each)
            continue
        for account, number in found.items():
            rows.setdefault(account, []).append(f"{counted(number, 'row', 'rows')} of {each.name}")
    return Held(
        {account: f"{', '.join(what)} would go or change with it" for account, what in rows.items()},
        sorted({each.name for each in unseen}),
        sorted({each.name for each in unseen if each.parent != "users"}),
    )


def _referrers(new: KeysApi) -> list[Referrer] | None:
    """The keys of NEW outside of ``auth`` that a deleted account reaches; None where nobody can tell."""
    parts = _structure(new, [])
    try:
        return msgspec.convert((parts or {}).get("behind_accounts"), list[Referrer])
    except msgspec.ValidationError:
        return None


def _rows(new: KeysApi, referrer: Referrer, ids: Sequence[str]) -> Counter[str] | None:
    """How many rows refer to each of these accounts, at least; None where the REST interface cannot tell."""
    column = referrer.column
    if referrer.schema != "public" or referrer.parent != "users" or referrer.hidden or column is None:
        return None
    found: Counter[str] = Counter()
    while left := [each for each in ids if each not in found]:
        query = {"select": column, column: f"in.({','.join(left)})", "limit": str(_ROWS)}
        try:
            page = _decoded(new.get(f"/rest/v1/{quote(referrer.table, safe='')}", query).body)
        except RefusedError:
            return None
        if page == []:
            break
        told = Counter(_of(page, column))
        if told.keys().isdisjoint(left):
            return None  # rows that were not asked for
        found.update({each: told[each] for each in left if each in told})
    return found


def _of(page: object, column: str) -> list[str]:
    """The column's texts of a page of rows."""
    rows = page if isinstance(page, list) else []
    found = [row.get(column) for row in rows if isinstance(row, dict)]
    return [value for value in found if isinstance(value, str)]


def _structure(new: KeysApi, tables: Sequence[str]) -> dict[str, Any] | None:
    asked = json.dumps([["public", name] for name in tables])
    try:
        found = _decoded(new.get(_STRUCTURE, {"tables": asked}).body)
    except AuthRefusal:
        return None
    return found if isinstance(found, dict) else None


def _decoded(body: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return decoded(body, object)
    except UndecodableError:
        return None
