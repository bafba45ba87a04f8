"""A row of auth.users as the API shows it, and the rows that it cannot show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from . import golang

if TYPE_CHECKING:
    import psycopg


Row = dict[str, Any]
NIL = "00000000-0000-0000-0000-000000000000"
TOKENS = (
    "confirmation_token",
    "recovery_token",
    "email_change_token_new",
    "email_change",
    "email_change_token_current",
    "phone_change",
    "phone_change_token",
    "reauthentication_token",
)
"""The columns whose NULL the server cannot read."""
NEEDED = (*TOKENS, "instance_id", "aud", "role", "created_at", "updated_at")
LAST_YEAR = 4  # digits of the years that go into JSON


class SickRowError(Exception):
    """The server cannot read this row."""


class UnwritableRowError(Exception):
    """The server reads this row, and cannot write it as JSON."""


def rows(connection: psycopg.Connection[Any], where: str, values: tuple[Any, ...]) -> list[Row]:
    """The rows of auth.users as texts and JSON texts; `where` is SQL of this package."""
    query = f"""
        select (to_jsonb(u) || jsonb_build_object('user_meta', raw_user_meta_data::text,
          'app_meta', raw_app_meta_data::text))::text from auth.users u {where}"""  # noqa: S608
    return [json.loads(text) for (text,) in connection.execute(query.encode(), values).fetchall()]


def readable(row: Row) -> Row:
    """The same row; SickRowError where the server cannot read it."""
    if any(row[name] is None for name in NEEDED):
        raise SickRowError
    for name in ("user_meta", "app_meta"):
        try:
            row[name] = golang.parsed(row[name] or "{}") or {}
        except OverflowError:
            raise SickRowError from None
        if not isinstance(row[name], dict):
            raise SickRowError
    if any(str(row[name]).endswith("infinity") for name in row if name.endswith(("_at", "_until"))):
        raise SickRowError
    return row


def shown(row: Row, identities: list[Row] | None, factors: list[Row] | None = None) -> str:
    """The JSON of a user; None for the identities is `null`, as in a list."""
    members = {
        "id": row["id"],
        "aud": row["aud"],
        "role": row["role"],
        "email": row["email"] or "",
        "email_confirmed_at": _time(row["email_confirmed_at"]),
        "invited_at": _time(row["invited_at"]),
        "phone": row["phone"] or "",
        "phone_confirmed_at": _time(row["phone_confirmed_at"]),
        "confirmation_sent_at": _time(row["confirmation_sent_at"]),
        "confirmed_at": _time(row["confirmed_at"]),
        "recovery_sent_at": _time(row["recovery_sent_at"]),
        "new_email": row["email_change"] or None,
        "email_change_sent_at": _time(row["email_change_sent_at"]),
        "new_phone": row["phone_change"] or None,
        "phone_change_sent_at": _time(row["phone_change_sent_at"]),
        "reauthentication_sent_at": _time(row["reauthentication_sent_at"]),
        "last_sign_in_at": _time(row["last_sign_in_at"]),
        "app_metadata": row["app_meta"],
        "user_metadata": row["user_meta"],
        "factors": [_factor(each) for each in factors] if factors else None,
        "identities": None if identities is None else [_identity(each) for each in identities],
        "created_at": _time(row["created_at"]),
        "updated_at": _time(row["updated_at"]),
        "banned_until": _time(row["banned_until"]),
        "deleted_at": _time(row["deleted_at"]),
        "is_anonymous": row["is_anonymous"],
    }
    always = {"identities", "user_metadata"}
    told = {name: value for name, value in members.items() if value is not None or name in always}
    return "{" + ",".join(f'"{name}":{_json(value)}' for name, value in told.items()) + "}"


def _json(value: Any) -> str:
    """JSON, but for the members that are JSON already, in their order."""
    if isinstance(value, list) and value and isinstance(value[0], str):
        return "[" + ",".join(value) + "]"
    return golang.encoded(value)


def _time(text: str | None) -> str | None:
    if text is not None and len(text.partition("-")[0]) > LAST_YEAR:
        raise UnwritableRowError
    return None if text is None else golang.time(text)


def _identity(row: Row) -> str:
    members = {
        "identity_id": row["id"],
        "id": row["provider_id"],
        "user_id": row["user_id"],
        "identity_data": row["identity_data"] or None,
        "provider": row["provider"],
        "last_sign_in_at": _time(row["last_sign_in_at"]),
        "created_at": _time(row["created_at"]),
        "updated_at": _time(row["updated_at"]),
        "email": row["email"] or None,
    }
    return _object(members)


def _factor(row: Row) -> str:
    members = {
        "id": row["id"],
        "created_at": _time(row["created_at"]),
        "updated_at": _time(row["updated_at"]),
        "status": row["status"],
        "friendly_name": row["friendly_name"],
        "factor_type": row["factor_type"],
        "phone": row["phone"] or "",
        "last_challenged_at": _time(row["last_challenged_at"]),
    }
    return _object(members)


def _object(members: Row) -> str:
    told = (f'"{name}":{golang.encoded(value)}' for name, value in members.items() if value is not None)
    return "{" + ",".join(told) + "}"


def related(connection: psycopg.Connection[Any], table: str, key: str) -> list[Row]:
    """The identities, or the factors, of a user."""
    order = "provider" if table == "identities" else "created_at"
    query = f"select to_jsonb(t)::text from auth.{table} t where user_id = $1 order by {order}"  # noqa: S608
    found = connection.execute(query.encode(), (key,)).fetchall()
    return [golang_row(text) for (text,) in found]


def golang_row(text: str) -> Row:
    """A row with the numbers of its JSON as doubles."""
    row: Row = golang.parsed(text)
    return row


def whole(connection: psycopg.Connection[Any], row: Row) -> str:
    """The JSON of a user with identities and factors."""
    kept = [related(connection, table, row["id"]) for table in ("identities", "mfa_factors")]
    return shown(readable(row), kept[0], kept[1])
