"""One request in, one response out: routing, and what each failure becomes."""

from __future__ import annotations

import queue
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from uuid import UUID

import psycopg

from tests.postgrest.messages import Request, Response

from . import accounts, admin, callers, listing, signin
from .accounts import NIL, Row, SickRowError, UnwritableRowError
from .body import DELETING, GRANT, PARAMETERS, fields
from .errors import UNEXPECTED, UNFORESEEN, VERSION, AuthError, compact, crashed, invalid

if TYPE_CHECKING:
    from tests.postgrest.settings import Settings

Connection = psycopg.Connection[Any]
JSON = ("Content-Type", "application/json")
USERS = "/admin/users"
AUDIENCE = "authenticated"
METHODS = ("GET", "POST", "PUT", "DELETE")
HEALTH = {
    "version": "v2.196.0",
    "name": "GoTrue",
    "description": "GoTrue is a user registration and authentication API",
}


class App:
    """Auth over one database."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.idle: queue.LifoQueue[Connection] = queue.LifoQueue()

    def reload(self) -> None:
        """Nothing is kept of the schema."""

    def reconnect(self) -> None:
        """Open new database connections."""
        while not self.idle.empty():
            self.idle.get().close()

    def close(self) -> None:
        """Let go of the database."""
        self.reconnect()

    def early(self, request: Request) -> Response | None:
        """Every body is read."""

    def handle(self, request: Request) -> Response:
        """Answer a request; every error becomes a response."""
        try:
            return self.answer(request)
        except callers.UnknownKeyError:
            return Response(401, [JSON], compact({"message": "Invalid API key"}))
        except AuthError as error:
            return refusal(request, error)
        except UnwritableRowError:
            return refusal(request, crashed(UNFORESEEN))

    def answer(self, request: Request) -> Response:
        """Answer a request, in one transaction."""
        if request.path == "/health":
            return Response(200, [JSON], compact(HEALTH))
        if request.method not in METHODS:
            return Response(405, [("Allow", METHODS[0] if request.path == USERS else METHODS[-1])])
        if request.path == USERS or request.path.startswith(f"{USERS}/"):
            callers.administrator(request, self.settings)
        connection = self.connect()
        try:
            with connection.transaction():
                return self.routed(connection, request)
        finally:
            self.idle.put(connection)

    def connect(self) -> Connection:
        """An idle connection, or a new one."""
        while not self.idle.empty():
            found = self.idle.get()
            if not found.closed and not found.broken:
                return found
        url = self.settings.database_url
        made = psycopg.connect(url, autocommit=True, cursor_factory=psycopg.RawCursor, prepare_threshold=None)
        made.execute(b"set timezone = 'UTC'")
        return made

    def routed(self, connection: Connection, request: Request) -> Response:
        """Answer by path and method."""
        audience = request.headers.get("x-jwt-aud", AUDIENCE)
        match request.method, request.path:
            case "POST", "/token":
                return told(self.granted(connection, request, audience))
            case "GET", "/user":
                return told(signin.own(connection, callers.claims(request, self.settings)))
            case "GET", path if path == USERS:
                most = None if request.max_rows == self.settings.max_rows else request.max_rows
                return page(connection, request, audience, most)
            case "POST", path if path == USERS:
                return told(admin.created(connection, fields(request, PARAMETERS), audience))
            case method, path if path.startswith(f"{USERS}/"):
                return one(connection, request, method, path.removeprefix(f"{USERS}/"))
        return Response(404, [("Content-Type", "text/plain; charset=utf-8")], b"404 page not found\n")

    def granted(self, connection: Connection, request: Request, audience: str) -> str:
        """A session."""
        asked = fields(request, GRANT)
        match dict(parse_qsl(request.raw_query)).get("grant_type"):
            case "password":
                return signin.by_password(connection, asked, audience, self.settings.jwt_secret)
            case "refresh_token":
                return signin.by_refresh_token(connection, asked, self.settings.jwt_secret)
        raise AuthError(400, "invalid_credentials", "unsupported_grant_type")


def told(text: str) -> Response:
    """An answer of JSON."""
    return Response(200, [JSON], text.encode("utf-8", "replace"))


def refusal(request: Request, error: AuthError) -> Response:
    """The answer that an error becomes."""
    version = request.headers.get("x-supabase-api-version")
    headers = [JSON]
    if error.named:
        headers.append(("X-Sb-Error-Code", error.code))
    if version == VERSION:
        headers.append(("X-Supabase-Api-Version", VERSION))
    return Response(error.status, headers, error.body(version))


def page(connection: Connection, request: Request, audience: str, most: int | None) -> Response:
    """A page of the list; the server itself has no maximum, a test may say ``most``."""
    asked = listing.Page.of(request.raw_query)
    asked = asked if most is None else replace(asked, size=min(asked.size, most))
    try:
        rows, total = listing.listed(connection, asked, audience)
    except SickRowError:
        raise AuthError(500, UNEXPECTED, "Database error finding users") from None
    try:
        response = told(listing.shown(rows, audience))
    except UnwritableRowError:
        response = refusal(request, crashed(UNFORESEEN))
    response.headers += [("X-Total-Count", str(total)), ("Link", asked.links(total))]
    return response


def one(connection: Connection, request: Request, method: str, key: str) -> Response:
    """Read, change or delete one user."""
    row = found(connection, key)
    if method == "GET":
        return told(accounts.whole(connection, row))
    if method == "PUT":
        return told(admin.changed(connection, row, fields(request, PARAMETERS)))
    soft = bool(request.body) and fields(request, DELETING).get("should_soft_delete", False)
    admin.deleted(connection, row, soft=soft)
    return told("{}")


def found(connection: Connection, key: str) -> Row:
    """The row of a user."""
    try:
        rows = accounts.rows(connection, f"where instance_id = '{NIL}' and id = $1", (UUID(key),))
    except ValueError:
        raise invalid("user_id must be an UUID", 404) from None
    if not rows:
        raise AuthError(404, "user_not_found", "User not found")
    try:
        accounts.readable(dict(rows[0]))
    except SickRowError:
        raise AuthError(500, UNEXPECTED, "Database error loading user") from None
    return rows[0]
