"""One request in, one response out: routing, transactions, and what each failure becomes."""

from __future__ import annotations

import json
import queue
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

from tests.postgrest.messages import Request, Response

from . import buckets, callers, copies, downloads, errors, listing, objects, resumable, uploads
from .callers import Caller
from .downloads import JSON
from .errors import StorageError, compact, invalid

if TYPE_CHECKING:
    from tests.postgrest.settings import Settings

    from .files import Files

Connection = psycopg.Connection[Any]
READS = ("GET", "HEAD")
WRITES = ("POST", "PUT")
MADE_UP = b'{"message":"Invalid API key","hint":"Double check your API key."}'


@dataclass
class Session:
    """One transaction: as Storage itself, until it becomes the caller."""

    connection: Connection
    files: Files
    limit: int
    caller: Caller
    stranger: bool = False
    """Nobody: no token, or none that is good, on a route that lets such pass."""
    gone: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Versions whose files go when the transaction is through."""

    def become_caller(self) -> None:
        """What follows is done with the caller's rights."""
        self.connection.execute(
            b"select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)",
            (self.caller.role, self.caller.claims),
        )

    def become_owner(self) -> None:
        """What follows is done as Storage itself."""
        self.connection.execute(b"reset role")

    def allow_deletes(self) -> None:
        """Open what the trigger on deletes guards."""
        self.connection.execute(b"set local storage.allow_delete_query = 'true'")

    def one(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row."""
        return self.connection.execute(query.encode(), values).fetchone()

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows."""
        return self.connection.execute(query.encode(), values).fetchall()

    def execute(self, statement: str, *values: Any) -> int:
        """How many rows a statement met."""
        return self.connection.execute(statement.encode(), values).rowcount


class App:
    """Storage over one database and one folder."""

    def __init__(self, settings: Settings, files: Files, limit: int) -> None:
        self.settings = settings
        self.files = files
        self.limit = limit
        self.idle: queue.LifoQueue[Connection] = queue.LifoQueue()
        self.uploads: resumable.Uploads = {}

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
        """Refuse a file that is too large for the project."""
        length = int(request.headers.get("content-length", "0"))
        if request.method not in WRITES or length <= self.limit:
            return None
        error = errors.too_large()
        return Response(error.http, [JSON], error.body())

    def handle(self, request: Request) -> Response:
        """Answer a request; every error becomes a response."""
        try:
            response = self.answer(request)
        except callers.UnknownKeyError:
            return Response(401, [("Content-Type", "application/json")], MADE_UP)
        except StorageError as error:
            response = Response(error.http, error.headers(), error.body())
        if request.method == "HEAD" and response.length is None and not response.no_length:
            response.length = len(response.body)
        if request.method == "HEAD":
            response.body = b""
        return response

    def answer(self, request: Request) -> Response:
        """Answer a request, in one transaction."""
        route = _route(request)
        if route[0] == "tus" and request.method == "OPTIONS":
            return resumable.capabilities(self.limit)
        caller, stranger = self.caller(request, route)
        connection = self.connect()
        try:
            session = Session(connection, self.files, self.limit, caller, stranger)
            with connection.transaction():
                if route[0] == "tus":
                    response = resumable.answered(session, request, self.uploads, route[-1])
                else:
                    response = _answered(session, request, route)
        finally:
            self.idle.put(connection)
        for bucket, name, version in session.gone:
            self.files.remove(bucket, name, version)
        return response

    def caller(self, request: Request, route: tuple[str, ...]) -> tuple[Caller, bool]:
        """Who asks; the routes of downloads let strangers pass."""
        nobody = Caller("anon", None, "{}")
        if route[0] in ("read", "info") and route[1] == "public":
            return nobody, True
        try:
            return callers.caller(request, self.settings), False
        except StorageError:
            if route[0] == "read" and route[1] == "lenient":
                return nobody, True
            raise

    def connect(self) -> Connection:
        """An idle connection, or a new one."""
        while not self.idle.empty():
            found = self.idle.get()
            if not found.closed and not found.broken:
                return found
        url = self.settings.database_url
        made = psycopg.connect(url, autocommit=True, cursor_factory=psycopg.RawCursor)
        made.execute(b"set timezone = 'UTC'")
        return made


def _route(request: Request) -> tuple[str, ...]:
    """The words that say what is asked; StorageError where nothing is."""
    parts = request.path.removeprefix("/").split("/", 2)
    if parts[:2] == ["upload", "resumable"]:
        return ("tus", *parts[2:])
    if parts[0] == "bucket":
        return ("bucket", *parts[1:])
    if parts[0] == "object" and len(parts) > 1:
        first, rest = parts[1], parts[2] if len(parts) > 2 else None
        if (found := _object_route(request.method, first, rest)) is not None:
            return found
    told = f"Route {request.method}:{request.path} not found"
    raise StorageError(404, "InvalidRequest", "Not Found", told, http=404)


def _object_route(method: str, first: str, rest: str | None) -> tuple[str, ...] | None:
    if method == "DELETE":
        return ("delete", first) if rest is None else ("delete", first, rest)
    if rest is None:
        return (first,) if method == "POST" and first in ("copy", "move") else None
    if method in WRITES:
        return (first, rest) if first in ("list", "list-v2") else ("upload", first, rest)
    if method not in READS:
        return None
    what = "read"
    if first == "info":
        what, (first, _, rest) = "info", rest.partition("/")
    bucket, _, key = rest.partition("/")
    if first in downloads.ROUTES:
        return (what, first, bucket, key)
    return (what, "lenient" if what == "read" else "authenticated", first, rest)


def _answered(session: Session, request: Request, route: tuple[str, ...]) -> Response:  # noqa: PLR0911 - a table
    match route:
        case ("bucket", *rest):
            return _of_buckets(session, request, rest)
        case (("list" | "list-v2") as way, bucket):
            listed = listing.by_folder if way == "list" else listing.by_cursor
            return told(listed(session, bucket, fields(request)))
        case ("copy",):
            return told(copies.copied(session, request, fields(request)))
        case ("move",):
            return told(copies.moved(session, fields(request)))
        case ("upload", bucket, key):
            upsert = request.method == "PUT" or uploads.wants_upsert(request)
            return told(uploads.uploaded(session, request, bucket, key, upsert=upsert))
        case ("delete", bucket, *key):
            return told(_removed(session, request, bucket, key))
        case (what, way, bucket, key):
            row = downloads.seen(session, way, bucket, key)
            if what == "info":
                return downloads.information(row)
            if request.method == "HEAD":
                return downloads.head(row)
            return downloads.download(session, request, row)
    raise errors.crashed()


def _removed(session: Session, request: Request, bucket: str, key: list[str]) -> str:
    """Remove one object, or those that the body names."""
    asked = fields(request)
    if not key and not asked.get("prefixes"):
        raise invalid("body/prefixes must NOT have fewer than 1 items")
    gone = objects.removed(session, bucket, key or asked["prefixes"])
    if key and gone == "[]":
        raise errors.no_such_key()
    return '{"message":"Successfully deleted"}' if key else gone


def _of_buckets(session: Session, request: Request, rest: list[str]) -> Response:
    match request.method, rest:
        case "GET", []:
            return told(buckets.listed(session, request.raw_query))
        case "POST", []:
            return told(buckets.created(session, fields(request, needed=True)))
        case "GET", [key]:
            return told(buckets.shown(session, key))
        case "PUT", [key]:
            return told(buckets.changed(session, key, fields(request, needed=True)))
        case "DELETE", [key]:
            return told(buckets.removed(session, key))
        case "POST", [key, "empty"]:
            buckets.shown(session, key)
            return told({"message": "Empty bucket has been queued. Completion may take up to an hour."})
    raise errors.no_such_bucket()


def told(value: Any) -> Response:
    """An answer of JSON; a text is JSON already."""
    return Response(200, [JSON], value.encode() if isinstance(value, str) else compact(value))


def fields(request: Request, *, needed: bool = False) -> dict[str, Any]:
    """The members of a body of JSON."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        if needed:
            raise invalid("body must be object")
        return {}
    if not request.body:
        message = "Body cannot be empty when content-type is set to 'application/json'"
        raise invalid(message, "FastifyError")
    found = json.loads(request.body)
    if not isinstance(found, dict):
        raise invalid("body must be object")
    return found
