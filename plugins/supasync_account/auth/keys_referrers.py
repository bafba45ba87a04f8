"""What NEW's own functions tell a secret key: triggers on accounts, and rows that refer to an account.

The functions are those of ``supasync schema sql``, which only read. Tables outside of the schema ``public``
are not seen.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from supasync_account.auth.keys_api import KeysApi
from supasync_account.auth.keys_errors import AuthRefusal
from supasync_core.model.wording import counted

_STRUCTURE: Final = "/rest/v1/rpc/supasync_ready_structure"
_TABLES: Final = 50
"""Tables that one address names."""
_ROWS: Final = 1000


@dataclass(frozen=True, slots=True)
class Referrer:
    """A column of NEW that refers to accounts."""

    table: str
    column: str


def triggers(new: KeysApi) -> list[str] | None:
    """The triggers of NEW that fire for each new account and are not guarded; None where nobody can tell."""
    parts = _structure(new, [])
    if parts is None or "accounts" not in parts:
        return None
    return [f"{each['name']} (runs {each['function']})" for each in parts["accounts"]]


def referrers(new: KeysApi) -> list[Referrer] | None:
    """The columns of NEW that refer to accounts; None where nobody can tell."""
    tables = _tables(new)
    if tables is None:
        return None
    found = []
    for at in range(0, len(tables), _TABLES):
        parts = _structure(new, tables[at : at + _TABLES])
        if parts is None:
            return None
        found += [
            Referrer(each["table"], each["pairs"][0][0])
            for each in parts.get("references", [])
            if (each["parent_schema"], each["parent"]) == ("auth", "users")
        ]
    return found


def held(new: KeysApi, ids: Sequence[str]) -> Mapping[str, str] | None:
    """Of these accounts those to which rows of NEW refer, with how many; None where nobody can tell."""
    columns = referrers(new)
    if columns is None:
        return None
    rows: dict[str, list[str]] = {}
    for each in columns:
        found = _rows(new, each, ids)
        if found is None:
            return None
        for account, number in found.items():
            rows.setdefault(account, []).append(f"{counted(number, 'row', 'rows')} of {each.table}")
    return {account: f"{', '.join(what)} would go or change with it" for account, what in rows.items()}


def _rows(new: KeysApi, referrer: Referrer, ids: Sequence[str]) -> Counter[str] | None:
    """How many rows refer to each of these accounts; where a page is full, at least so many."""
    found: Counter[str] = Counter()
    while left := [each for each in ids if each not in found]:
        query = {"select": referrer.column, referrer.column: f"in.({','.join(left)})", "limit": str(_ROWS)}
        try:
            page = _decoded(new.get(f"/rest/v1/{referrer.table}", query).body)
        except AuthRefusal:
            return None
        if not isinstance(page, list):
            return None
        if not page:
            break
        found.update(row[referrer.column] for row in page)
    return found


def _tables(new: KeysApi) -> list[str] | None:
    """The tables that NEW's API shows."""
    try:
        described = _decoded(new.get("/rest/v1/").body)
    except AuthRefusal:
        return None
    found = described.get("definitions") if isinstance(described, dict) else None
    return sorted(found) if isinstance(found, dict) else None


def _structure(new: KeysApi, tables: Sequence[str]) -> dict[str, Any] | None:
    asked = json.dumps([["public", name] for name in tables])
    try:
        found = _decoded(new.get(_STRUCTURE, {"tables": asked}).body)
    except AuthRefusal:
        return None
    return found if isinstance(found, dict) else None


def _decoded(body: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
