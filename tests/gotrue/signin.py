"""Signing in by password and by refresh token, and what a user's own token opens."""

from __future__ import annotations

import secrets
import time
from datetime import MAXYEAR, UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.postgrest.auth import sign

from . import accounts, passwords
from .accounts import NIL, Row, SickRowError
from .admin import change, valid_phone
from .errors import UNEXPECTED, UNFORESEEN, AuthError, crashed

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

LIFETIME = 3600  # seconds


def by_password(connection: Connection, fields: dict[str, Any], audience: str, key: str) -> str:
    """The session of a user who knows the password."""
    where, value = "lower(email) = $2 and not is_sso_user", fields.get("email", "").lower()
    if fields.get("phone"):
        where, value = "phone = $2", valid_phone(fields["phone"])
    query = f"where instance_id = '{NIL}' and aud = $1 and {where}"
    row = _known(connection, query, (audience, value))
    if row is None:
        raise _refused()
    if _banned(row):
        raise AuthError(400, "user_banned", "User is banned")
    if not _knows(fields.get("password", ""), row["encrypted_password"]):
        raise _refused()
    if fields.get("phone") and row["phone_confirmed_at"] is None:
        raise AuthError(400, "phone_not_confirmed", "Phone not confirmed")
    if not fields.get("phone") and row["email_confirmed_at"] is None:
        raise AuthError(400, "email_not_confirmed", "Email not confirmed")
    change(connection, row["id"], {"last_sign_in_at": datetime.now(UTC)})
    return _session(connection, row["id"], key, str(uuid4()))


def _known(connection: Connection, where: str, values: tuple[Any, ...]) -> Row | None:
    found = accounts.rows(connection, where, values)
    try:
        return accounts.readable(found[0]) if found else None
    except SickRowError:
        raise AuthError(500, UNEXPECTED, "Database error querying schema") from None


def _refused() -> AuthError:
    return AuthError(400, "invalid_credentials", "Invalid login credentials")


def _banned(row: Row) -> bool:
    if not row["banned_until"]:
        return False
    year = int(row["banned_until"].partition("-")[0])
    return year > MAXYEAR or datetime.fromisoformat(row["banned_until"]) > datetime.now(UTC)


def _knows(password: str, text: str | None) -> bool:
    if not text:
        return False
    try:
        return passwords.fits(password, text)
    except passwords.NotAHashError:
        raise crashed(UNFORESEEN) from None


def by_refresh_token(connection: Connection, fields: dict[str, Any], key: str) -> str:
    """The session that goes on, under a new refresh token."""
    token = fields.get("refresh_token", "")
    query = b"select user_id, session_id::text from auth.refresh_tokens where token = $1 and not revoked"
    found = connection.execute(query, (token,)).fetchone()
    if found is None:
        raise AuthError(400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found")
    row = _known(connection, "where id = $1", (found[0],))
    if row is None or _banned(row):
        raise AuthError(400, "user_banned", "Invalid Refresh Token: User Banned")
    connection.execute(b"update auth.refresh_tokens set revoked = true where token = $1", (token,))
    change(connection, row["id"], {"last_sign_in_at": row["last_sign_in_at"]})
    return _session(connection, row["id"], key, found[1])


def _session(connection: Connection, user: str, key: str, session: str) -> str:
    token = secrets.token_urlsafe(16)
    connection.execute(
        b"insert into auth.sessions (id, user_id, created_at, updated_at, aal)"
        b" values ($1, $2, now(), now(), 'aal1') on conflict (id) do update set updated_at = now()",
        (session, user),
    )
    connection.execute(
        b"insert into auth.refresh_tokens"
        b" (instance_id, token, user_id, revoked, created_at, updated_at, session_id)"
        b" values ($1, $2, $3, false, now(), now(), $4)",
        (NIL, token, user, session),
    )
    [row] = accounts.rows(connection, "where id = $1", (user,))
    expires = int(time.time()) + LIFETIME
    claims = {"sub": user, "aud": row["aud"], "role": row["role"], "exp": expires, "session_id": session}
    told = accounts.whole(connection, row)
    return (
        f'{{"access_token":"{sign(claims, key)}","token_type":"bearer","expires_in":{LIFETIME},'
        f'"expires_at":{expires},"refresh_token":"{token}","user":{told},"weak_password":null}}'
    )


def own(connection: Connection, claims: dict[str, Any]) -> str:
    """The user whose token asks."""
    row = _known(connection, "where id = $1", (claims.get("sub"),))
    if row is None:
        raise AuthError(403, "user_not_found", "User from sub claim in JWT does not exist")
    if _banned(row):
        raise AuthError(403, "user_banned", "User is banned")
    return accounts.whole(connection, accounts.rows(connection, "where id = $1", (row["id"],))[0])
