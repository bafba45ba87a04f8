"""One request in, one response out: routing, schemas, roles and the order in which things are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg

from . import auth, messages, openapi, prefer, query, read, rpc, sql, write
from .database import Database, Scope
from .errors import ApiError, from_postgres
from .messages import Response
from .payload import Payload
from .payload import read as read_payload
from .write import Write

if TYPE_CHECKING:
    from .auth import Caller
    from .messages import Request
    from .prefer import Preferences
    from .query import Query
    from .rpc import Call
    from .schema import Table
    from .settings import Settings

METHODS = {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"}
WRITES = {"POST", "PATCH", "PUT", "DELETE"}


class App:
    """The API over one database."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database(settings)

    def reload(self) -> None:
        """Read the schema cache again."""
        self.database.reload()

    def reconnect(self) -> None:
        """Open new database connections."""
        self.database.reconnect()

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def early(self, request: Request) -> Response | None:
        """Every body is read."""

    def handle(self, request: Request) -> Response:
        """Answer a request; every error becomes a response."""
        try:
            caller = auth.caller(request.headers, self.settings)
        except auth.KeyRefusedError as error:
            return Response(401, [("Content-Type", "application/json; charset=utf-8")], error.body)
        except ApiError as error:
            return self.refusal(request, error)
        try:
            return self.route(request, caller)
        except ApiError as error:
            return self.refusal(request, error)
        except UnicodeDecodeError:
            body = b"Something went wrong"
            return Response(500, [("Content-Type", "text/plain; charset=utf-8")], body, chunked=True)
        except psycopg.Error as error:
            is_anon = caller.role == self.settings.anon_role
            return self.refusal(request, from_postgres(error, is_anon=is_anon))

    def refusal(self, request: Request, error: ApiError) -> Response:
        """Return the response of an error; HEAD tells its length alone."""
        body = error.body()
        return Response(
            error.status, error.all_headers(), b"" if request.method == "HEAD" else body, len(body)
        )

    def route(self, request: Request, caller: Caller) -> Response:
        """Find what the path names."""
        if request.method not in METHODS:
            raise ApiError(405, "PGRST117", f"Unsupported HTTP method: {request.method}")
        schema = self.schema_of(request)
        parts = request.path.split("/")[1:]
        if parts == [""]:
            return self.root(request, caller, schema)
        if len(parts) == 2 and parts[0] == "rpc" and parts[1]:
            return self.call(request, caller, schema, parts[1])
        if len(parts) != 1:
            raise ApiError(404, "PGRST125", "Invalid path specified in request URL")
        return self.table(request, caller, schema, parts[0])

    def schema_of(self, request: Request) -> str:
        """Return the schema that the profile headers name."""
        header = "content-profile" if request.method in WRITES else "accept-profile"
        named = request.headers.get(header)
        schema = self.settings.schemas[0] if named is None else messages.unlatin(named)
        if schema not in self.settings.schemas:
            hint = f"Only the following schemas are exposed: {', '.join(self.settings.schemas)}"
            raise ApiError(406, "PGRST106", f"Invalid schema: {schema}", None, hint)
        return schema

    def preferences(self, request: Request) -> Preferences:
        """Return what the Prefer header asks for."""
        return prefer.parse(request.headers.get("prefer", ""), self.database.timezones)

    def scope(self, request: Request, caller: Caller, schema: str, preferences: Preferences) -> Scope:
        """Return what the transaction of a request starts with."""
        zone = preferences.get("timezone")
        settings = (("timezone", zone),) if zone else ()
        path = request.path
        return Scope(caller, schema, request.is_read, request.method, path, request.headers, settings)

    def profiled(self, schema: str) -> list[tuple[str, str]]:
        """Return the Content-Profile header, which only servers of several schemas send."""
        return [("Content-Profile", messages.latin(schema))] if len(self.settings.schemas) > 1 else []

    def root(self, request: Request, caller: Caller, schema: str) -> Response:
        """Describe the API."""
        if not request.is_read:
            raise ApiError(405, "PGRST117", f"Unsupported HTTP method: {request.method}")
        messages.accepted(request.headers.get("accept"), (messages.OPENAPI, messages.JSON))
        scope = self.scope(request, caller, schema, self.preferences(request))
        body = openapi.describe(self.database, scope, self.settings)
        headers = [messages.content_type(messages.OPENAPI), *self.profiled(schema)]
        head = request.method == "HEAD"
        return Response(200, headers, b"" if head else body, no_length=head)

    def find(self, schema: str, name: str) -> Table:
        """Return a table; an unknown one is looked up once more."""
        if (schema, name) not in self.database.schema.tables:
            self.database.reload()
        table = self.database.schema.tables.get((schema, name))
        if table is None:
            message = f"Could not find the table '{schema}.{name}' in the schema cache"
            hint = self.database.schema.similar_table(schema, name)
            raise ApiError(404, "PGRST205", message, None, hint)
        return table

    def table(self, request: Request, caller: Caller, schema: str, name: str) -> Response:
        """Read or write a table."""
        if request.method == "OPTIONS":
            return allowed(self.find(schema, name))
        asked = query.parse(query.parameters(request.raw_query))
        preferences = self.preferences(request)
        scope = self.scope(request, caller, schema, preferences)
        if request.is_read:
            return self.read(request, scope, asked, preferences, name)
        return self.write(request, scope, asked, preferences, name)

    def read(
        self, request: Request, scope: Scope, asked: Query, preferences: Preferences, name: str
    ) -> Response:
        """Answer GET and HEAD on a table."""
        page = read.page(request, asked, preferences.get("count"))
        table = self.find(scope.schema, name)
        work = read.table_work(sql.ident(table.schema, table.name), page, body=request.method == "GET")
        row = self.database.run(scope, work)
        headers = [
            messages.content_location(request.path, asked.pairs),
            *read.preferences_applied(preferences),
            *self.profiled(scope.schema),
        ]
        return read.answer(request, page, row, headers, is_13=self.settings.is_13)

    def write(
        self, request: Request, scope: Scope, asked: Query, preferences: Preferences, name: str
    ) -> Response:
        """Answer POST, PUT, PATCH and DELETE on a table."""
        media = messages.accepted(request.headers.get("accept"))
        payload = Payload(b"", ())
        if request.method != "DELETE":
            payload = read_payload(request.headers.get("content-type"), request.body, asked.columns)
        table = self.find(scope.schema, name)
        wanted = self.known_columns(Write(table, asked, preferences, media, payload))
        if request.method == "PUT":
            wanted = write.check_put(wanted)
        row = self.database.run(scope, write.work(request.method, wanted))
        response = write.answer(request, wanted, row)
        response.headers += self.profiled(scope.schema)
        return response

    def known_columns(self, wanted: Write) -> Write:
        """Look the table up once more when it lacks a column of the payload."""
        if not set(wanted.payload.columns) <= set(wanted.table.columns):
            self.database.reload()
            table = self.find(wanted.table.schema, wanted.table.name)
            wanted = replace(wanted, table=table)
        return replace(wanted, refilter=self.settings.is_13)

    def resolve(
        self, request: Request, target: tuple[str, str], pairs: list[tuple[str, str]]
    ) -> tuple[Call, Query]:
        """Find the function of a call; an unknown one is looked up once more."""
        is_13 = self.settings.is_13
        try:
            return rpc.resolve(request, self.database.schema, target, pairs, is_13=is_13)
        except ApiError as error:
            if error.code != "PGRST202":
                raise
        self.database.reload()
        return rpc.resolve(request, self.database.schema, target, pairs, is_13=is_13)

    def call(self, request: Request, caller: Caller, schema: str, name: str) -> Response:
        """Call a function."""
        if request.method == "OPTIONS":
            return Response(200, [("Allow", "OPTIONS,GET,HEAD,POST")])
        if request.method not in {"GET", "HEAD", "POST"}:
            raise ApiError(405, "PGRST101", f"Cannot use the {request.method} method on RPC")
        pairs = query.parameters(request.raw_query)
        preferences = self.preferences(request)
        called, asked = self.resolve(request, (schema, name), pairs)
        page = read.page(request, asked, preferences.get("count"))
        scope = self.scope(request, caller, schema, preferences)
        read_only = request.is_read or not called.function.is_volatile
        scope = replace(scope, read_only=read_only, settings=scope.settings + called.function.settings)
        row = self.database.run(scope, rpc.work(called, page))
        headers = [*read.preferences_applied(preferences), *self.profiled(schema)]
        if rpc.is_void(called.function):
            headers.append(messages.content_range(0, row.number(1) or 0, row.number(0)))
            return Response(204, headers, no_length=True)
        return read.answer(request, page, row, headers, is_13=self.settings.is_13)


def allowed(table: Table) -> Response:
    """Answer OPTIONS on a table."""
    methods = ["OPTIONS", "GET", "HEAD"]
    if table.writable:
        methods += ["POST", *(["PUT"] if table.key else []), "PATCH", "DELETE"]
    return Response(200, [("Allow", ",".join(methods))])
