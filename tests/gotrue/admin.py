"""What an administrator may do with users: make, change and delete them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg

from . import accounts, golang, passwords
from .accounts import NIL, Row
from .errors import UNEXPECTED, AuthError, DatabaseError, crashed, invalid

if TYPE_CHECKING:
    from collections.abc import Callable

Connection = psycopg.Connection[Any]
Fields = dict[str, Any]
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
EMAIL = re.compile(
    rf"{ATOM}(\.{ATOM})*@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$"
)
PHONE = re.compile(r"[1-9][0-9]{1,14}$")
LONGEST = 255
FORGOTTEN = ("email_change_sent_at", "phone_change_sent_at", "recovery_sent_at", "reauthentication_sent_at")
"""What a new password makes void."""
PHONE_HASH = 15  # characters that are kept of it


@dataclass(frozen=True)
class Asked:
    """A user as a request describes it, checked."""

    fields: Fields
    email: str
    phone: str
    banned: datetime | None
    lifts: bool

    @classmethod
    def of(cls, fields: Fields) -> Asked:
        """Check what has a form; AuthError names what does not fit."""
        email = valid_email(fields["email"]) if fields.get("email") else ""
        phone = valid_phone(fields["phone"]) if fields.get("phone") else ""
        term = fields.get("ban_duration")
        banned = until(term) if term and term != "none" else None
        return cls(fields, email, phone, banned, term == "none")


def valid_email(text: str) -> str:
    """The address in lower case."""
    if len(text) > LONGEST:
        raise invalid("An email address is too long")
    if EMAIL.match(text) is None:
        raise invalid("Unable to validate email address: invalid format")
    return text.lower()


def valid_phone(text: str) -> str:
    """The number without blanks and plus."""
    number = text.replace(" ", "").removeprefix("+")
    if PHONE.match(number) is None:
        raise invalid("Invalid phone number format (E.164 required)")
    return number


def until(term: str) -> datetime:
    """The end of a ban of this duration."""
    try:
        return datetime.now(UTC) + timedelta(microseconds=golang.duration(term) // 1000)
    except ValueError as error:
        raise invalid(f"invalid format for ban duration: {error}") from None


def created(connection: Connection, fields: Fields, audience: str) -> str:
    """Make a user as the request says; the JSON of it."""
    audience = fields.get("aud") or audience
    asked = _creatable(connection, fields, audience)
    key = identifier(fields.get("id"))
    providers = [name for name in ("email", "phone") if getattr(asked, name)]
    row = {
        "id": key,
        "aud": audience,
        "email": asked.email or None,
        "phone": asked.phone or None,
        "encrypted_password": secret(fields),
        "raw_app_meta_data": golang.encoded({"provider": providers[0], "providers": providers}),
        "raw_user_meta_data": golang.encoded(_metadata(fields)),
    }
    writing(lambda: _insert(connection, row), "Database error creating new user")
    writing(lambda: _identify_all(connection, key, asked), "Error creating identity")
    _finish(connection, key, asked, fields)
    return _as_made(connection, key)


def _metadata(fields: Fields) -> Fields | None:
    """What is kept as metadata: nothing at all beside a hash of somebody else's making."""
    return fields.get("user_metadata", None if fields.get("password_hash") else {})


def _as_made(connection: Connection, key: str) -> str:
    """The JSON of a user that was just made: what the database generated is not in it yet."""
    [row] = accounts.rows(connection, "where id = $1", (key,))
    nothing = row["user_meta"] == "null"
    row = accounts.readable(row)
    row["confirmed_at"] = None
    if nothing:
        row["user_meta"] = None
    return accounts.shown(row, accounts.related(connection, "identities", key))


def _creatable(connection: Connection, fields: Fields, audience: str) -> Asked:
    if not fields.get("email") and not fields.get("phone"):
        raise invalid("Cannot create a user without either an email or phone")
    asked = Asked.of({name: value for name, value in fields.items() if name != "ban_duration"})
    if asked.email and _taken(connection, "lower(email) = $2 and not is_sso_user", audience, asked.email):
        message = "A user with this email address has already been registered"
        raise AuthError(422, "email_exists", message)
    if asked.phone and _taken(connection, "phone = $2", audience, asked.phone):
        raise AuthError(422, "phone_exists", "Phone number already registered by another user")
    if "password" in fields and "password_hash" in fields:
        raise invalid("Only a password or a password hash should be provided")
    return Asked.of(fields)


def _taken(connection: Connection, where: str, audience: str, value: str) -> bool:
    query = f"where instance_id = '{NIL}' and aud = $1 and {where}"
    found = accounts.rows(connection, query, (audience, value))
    try:
        return bool([accounts.readable(row) for row in found])
    except accounts.SickRowError:
        raise AuthError(500, UNEXPECTED, "Database error checking email") from None


def identifier(text: str | None) -> str:
    """The id of a new user."""
    if not text:
        return str(uuid4())
    try:
        key = str(UUID(text))
    except ValueError:
        raise invalid("ID must conform to the uuid v4 format") from None
    if key == NIL:
        raise invalid("ID cannot be a nil uuid")
    return key


def secret(fields: Fields) -> str:
    """The hash to keep: as given, of the password, or of one that nobody knows."""
    if given := fields.get("password_hash"):
        try:
            passwords.check(given)
        except passwords.NotAHashError:
            raise AuthError(500, UNEXPECTED, "Error creating user") from None
        return str(given)
    if not (password := fields.get("password")):
        return passwords.invented()
    if len(password.encode()) > passwords.LONGEST:
        raise crashed()
    return passwords.made(password)


def writing(work: Callable[[], object], message: str) -> None:
    """Do it; an error of the database is told with `message`."""
    try:
        work()
    except psycopg.Error as error:
        raise DatabaseError(error, message) from None


def _insert(connection: Connection, row: Row) -> None:
    empty = ", ".join(accounts.TOKENS)
    blanks = ", ".join("''" for _ in accounts.TOKENS)
    columns = ", ".join(row)
    values = ", ".join(f"${index}" for index in range(1, len(row) + 1))
    query = (
        f"insert into auth.users ({columns}, {empty}, instance_id, role, created_at, updated_at)"  # noqa: S608
        f" values ({values}, {blanks}, '{NIL}', '', clock_timestamp(), clock_timestamp())"
    )
    connection.execute(query.encode(), tuple(row.values()))


def _identify_all(connection: Connection, key: str, asked: Asked) -> None:
    for provider in ("email", "phone"):
        if value := getattr(asked, provider):
            _identify(connection, key, provider, value)


def _identify(connection: Connection, key: str, provider: str, value: str) -> None:
    told = {"sub": key, provider: value, "email_verified": False, "phone_verified": False}
    query = b"""
        insert into auth.identities
          (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
        values ($1, $2, $3, $4, clock_timestamp(), clock_timestamp(), clock_timestamp())"""
    connection.execute(query, (key, key, golang.encoded(told), provider))


def _finish(connection: Connection, key: str, asked: Asked, fields: Fields) -> None:
    """The changes that the server makes after the row is there: no trigger on the insertion sees them."""
    change(connection, key, {"role": fields.get("role") or "authenticated"})
    _common(connection, key, asked)


def _common(connection: Connection, key: str, asked: Asked) -> None:
    """What making and changing a user share."""
    if (metadata := asked.fields.get("app_metadata")) is not None:
        _merge(connection, key, "raw_app_meta_data", metadata)
    if asked.fields.get("email_confirm"):
        change(connection, key, {"email_confirmed_at": datetime.now(UTC), "confirmation_token": ""})
        _merge(connection, key, "raw_user_meta_data", {"email_verified": True})
    if asked.fields.get("phone_confirm"):
        change(connection, key, {"phone_confirmed_at": datetime.now(UTC)})
    if asked.banned is not None or asked.lifts:
        change(connection, key, {"banned_until": asked.banned})


def _merge(connection: Connection, key: str, column: str, told: Fields) -> None:
    """Merge at the top level; null takes a member away."""
    query = f"select {column}::text from auth.users where id = $1"  # noqa: S608
    (text,) = connection.execute(query.encode(), (key,)).fetchone() or (None,)
    kept = {**(golang.parsed(text or "{}") or {}), **told}
    left = {name: value for name, value in kept.items() if value is not None or name not in told}
    change(connection, key, {column: golang.encoded(left)})


def change(connection: Connection, key: str, values: Fields) -> None:
    """Set columns of a user; its time of change moves."""
    pairs = ", ".join(f"{name} = ${index}" for index, name in enumerate(values, 2))
    query = f"update auth.users set {pairs}, updated_at = clock_timestamp() where id = $1"  # noqa: S608
    connection.execute(query.encode(), (key, *values.values()))


def changed(connection: Connection, row: Row, fields: Fields) -> str:
    """Change a user as the request says; the JSON of it."""
    asked = Asked.of(fields)
    key = row["id"]
    identities = accounts.related(connection, "identities", key)  # shown as they were before
    writing(lambda: _change(connection, key, asked), "Error updating user")
    [row] = accounts.rows(connection, "where id = $1", (key,))
    return accounts.shown(
        accounts.readable(row), identities, accounts.related(connection, "mfa_factors", key)
    )


def _change(connection: Connection, key: str, asked: Asked) -> None:
    if asked.fields.get("role"):
        change(connection, key, {"role": asked.fields["role"]})
    if asked.fields.get("password"):
        hashed = secret({"password": asked.fields["password"]})
        change(connection, key, {"encrypted_password": hashed, **dict.fromkeys(FORGOTTEN)})
    for provider in ("email", "phone"):
        if value := getattr(asked, provider):
            _readdress(
                connection, key, provider, value, verified=bool(asked.fields.get(f"{provider}_confirm"))
            )
    if metadata := asked.fields.get("user_metadata"):
        _merge(connection, key, "raw_user_meta_data", metadata)
    _common(connection, key, asked)


def _readdress(connection: Connection, key: str, provider: str, value: str, *, verified: bool) -> None:
    change(connection, key, {provider: value})
    told = json.dumps({provider: value, f"{provider}_verified": verified})
    query = b"""
        update auth.identities set identity_data = identity_data || $1::jsonb
        where user_id = $2 and provider = $3"""
    if connection.execute(query, (told, key, provider)).rowcount == 0:
        _identify(connection, key, provider, value)


def deleted(connection: Connection, row: Row, *, soft: bool) -> None:
    """Take a user away, or empty the row."""
    if soft:
        _emptied(connection, row)
        return
    query = b"delete from auth.users where id = $1"
    writing(lambda: connection.execute(query, (row["id"],)), "Database error deleting user")


def _emptied(connection: Connection, row: Row) -> None:
    key = row["id"]
    values: Fields = {
        name: obscured(key, row[name] or "")[: PHONE_HASH if name.startswith("phone") else None]
        for name in ("email", "phone", "email_change", "phone_change")
    }
    values |= dict.fromkeys((name for name in accounts.TOKENS if name.endswith("token")), "")
    values |= {"encrypted_password": None, "raw_app_meta_data": "{}", "raw_user_meta_data": "{}"}
    if row["deleted_at"] is None:
        change(connection, key, {**values, "deleted_at": datetime.now(UTC)})
    for found in accounts.related(connection, "identities", key):
        name = obscured(key, f"{found['provider']}:{found['provider_id']}")
        query = b"update auth.identities set provider_id = $1, identity_data = '{}' where id = $2"
        if found["identity_data"]:
            connection.execute(query, (name, found["id"]))
    for table in ("sessions", "mfa_factors"):
        connection.execute(f"delete from auth.{table} where user_id = $1".encode(), (key,))  # noqa: S608


def obscured(key: str, value: str) -> str:
    """What stands in the place of a value that is no longer to be known."""
    return base64.urlsafe_b64encode(hashlib.sha256((key + value).encode()).digest()).rstrip(b"=").decode()
