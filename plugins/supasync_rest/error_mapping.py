"""What a refusal means: status, code and body become one of supasync's errors, here and nowhere else.

Codes: PostgREST documentation, "Errors"; PostgreSQL documentation, appendix A; Supabase documentation, "HTTP
status codes" (402, 540, 544). Bodies: measured on PostgREST 13.0.8 and 14.10.
"""

import re

from supasync_core.model.errors import (
    RefusedError,
    RowError,
    SchemaError,
    StateError,
    SupasyncError,
    TakenOverError,
)
from supasync_rest.messages import Request, Response
from supasync_rest.rest_errors import (
    ComputedColumnError,
    ForbiddenError,
    HiddenSchemaError,
    MissingColumnError,
    RetryableError,
    StatementTimeoutError,
    TooLargeError,
)
from supasync_rest.sql_names import column_in, identifier, table_name

SCHEMA_HINT = "run: supasync schema sql, and paste what it prints into NEW's SQL editor"
_KEY_HINT = "take the secret key (sb_secret_...) or service_role from its Project Settings -> API keys"
PROXY_HINT = "write its user and password into HTTPS_PROXY, as http://user:password@host:port"
_LATER = "nothing is lost: a later run goes on from here"
_RELOAD = "after a change in SQL run: notify pgrst, 'reload schema';"

_ABSENT = ("PGRST202", "PGRST204", "PGRST205", "42P01", "42703", "42883")
# A gateway that gives up on a request which the database may still be working on.
_LOST = (408, 502, 504, 520, 524, 544)
_REDIRECTS = (301, 302, 303, 307, 308)
# 23502 and 23514 print the whole row in their details; these name the key alone (measured).
_TELLING = ("23503", "23505")
_EXPOSED = re.compile(r"(?:schemas are exposed|one of the following): (.+)")
_KEY = re.compile(
    r"Key \((?P<columns>.+?)\)=(?P<value>\(.*\)) "
    r"(?:already exists|is not present in table \"(?P<other>.+)\")",
    re.DOTALL,
)
_CONSTRAINT = re.compile(r'violates foreign key constraint "(.+)"$', re.DOTALL)
_ROW_HINTS = {
    "23503": "sync the table that it refers to first (after:). If that one is not synced, as auth.users is "
    "not, drop the foreign key there until the switch (supasync schema sql --foreign-keys off), or copy "
    "those rows by hand",
    "23505": "another row there has the same value in a unique column: change or delete that row there",
    "22P02": "fix the value in OLD. An array of jsonb whose elements are JSON arrays cannot travel as JSON: "
    "copy that row by SQL",
    "23502": "fill it in OLD, or allow NULL in NEW; the JSON null of a json column arrives as NULL",
    "22P05": "PostgreSQL cannot store \\u0000: replace it in that row's text in OLD",
}
_REFERRED_HINT = "rows of another table there still refer to it: remove those first, or leave it"
_ROW_HINT = "fix the row in OLD, or the column or constraint in NEW; nothing of its batch was written"
# Data exceptions, constraints, an ON CONFLICT that meets a row twice, view checks, RAISE in a trigger.
_ROWS = re.compile(r"(2[123]|44|P0)...")


class Refusal:
    """One answer that is no success, in words; ``error`` is what it stands for."""

    def __init__(self, project: str, request: Request, answer: Response) -> None:
        self.project = project
        self.request = request
        self.answer = answer
        self.table = request.table.name if request.table else None
        self.sql = table_name(request.table) if request.table else "the table"

    @property
    def error(self) -> SupasyncError:
        """The error that the runner acts on."""
        if self.request.state and self.answer.code in _ABSENT:
            return StateError(self.told("is not set up for supasync"), hint=SCHEMA_HINT)
        if self.request.state and self.request.writes and _ROWS.fullmatch(self.answer.code):
            return StateError(self.told("does not take the record of this run"), hint=SCHEMA_HINT)
        rule = _BY_CODE.get(self.answer.code) or _BY_STATUS.get(self.answer.status) or _by_class
        return rule(self)

    @property
    def said(self) -> str:
        """What the server said: never its ``details``, which may print a whole row."""
        return " ".join(filter(None, (str(self.answer.status), self.answer.code, self.answer.text)))

    def told(self, what: str) -> str:
        """The message: where, what, and what the server said."""
        where = f"{self.table}: " if self.table else ""
        return f"{where}{self.project} {what} ({self.said})"

    def refused(self, what: str, hint: str, reason: str | None = None) -> RefusedError:
        """A person has to act before anything can go on, whatever the table."""
        error = RefusedError(f"{self.project} {what} ({self.said})", hint=hint)
        error.reason, error.project = reason, self.project
        return error

    def schema(self, what: str, hint: str) -> SchemaError:
        """The table or its settings do not fit."""
        return SchemaError(self.told(what), table=self.table, hint=hint)

    def row(self, what: str, hint: str) -> RowError:
        """The rows do not fit."""
        found = _KEY.match(self.answer.details) if self.answer.code in _TELLING else None
        constraint = _CONSTRAINT.search(self.answer.message) if self.answer.code == "23503" else None
        # "See the array element [1] of key ...": names the column, and no value of the row (measured).
        place = self.answer.hint if self.answer.code == "22P02" else ""
        return RowError(
            " ".join(filter(None, (self.told(what), place))),
            table=self.table,
            hint=hint,
            sqlstate=self.answer.code or None,
            columns=[name.strip('"') for name in found["columns"].split(", ")] if found else (),
            value=found["value"] if found else None,
            other=found["other"] if found else None,
            constraint=constraint[1] if constraint else None,
        )


def _statement_timeout(refusal: Refusal) -> SupasyncError:
    error = StatementTimeoutError(
        refusal.told("gave up on a statement that took too long"),
        table=refusal.table,
        hint="set a smaller page_size for this table, or add an index on its timestamp and key",
    )
    error.final = refusal.request.eased
    return error


def _no_table(refusal: Refusal) -> SupasyncError:
    return refusal.schema(
        f"has no table {refusal.sql}, or does not show it",
        f"create it there, or correct its name in tables.yaml; {_RELOAD}",
    )


def _no_operator(refusal: Refusal) -> SupasyncError:
    return refusal.schema(
        "cannot compare one of the columns",
        "a key or timestamp column has a type without order, or where: compares it wrongly",
    )


def _no_column(refusal: Refusal) -> SupasyncError:
    return MissingColumnError(
        refusal.told(f"lacks a column of {refusal.sql}"),
        table=refusal.table,
        hint="key:, timestamp:, columns: and where: must name columns that exist; where NEW lacks one, add "
        f"it there or name it under exclude: in tables.yaml; {_RELOAD}",
    )


def _no_schema(refusal: Refusal) -> SupasyncError:
    """PostgREST names the exposed ones: in the message up to 13, in the hint since (recorded)."""
    table = refusal.request.table
    schema = table.schema if table else refusal.request.schema
    error = HiddenSchemaError(
        refusal.told(f"does not expose the schema {schema}"),
        table=refusal.table,
        hint=exposing(schema, refusal.project),
    )
    found = _EXPOSED.search(refusal.answer.hint) or _EXPOSED.search(refusal.answer.message)
    error.exposes = tuple(found[1].split(", ")) if found else ()
    return error


def exposing(schema: str, project: str) -> str:
    """How a schema comes to be seen by the API."""
    rights = "select" if project == "OLD" else "select, insert, update, delete"
    name = identifier(schema)
    return (
        f"add it under Project Settings -> API -> Exposed schemas, and run in {project}: grant usage on "
        f"schema {name} to service_role; grant {rights} on all tables in schema {name} to service_role; "
        "notify pgrst, 'reload schema';"
    )


def _too_many_rows(refusal: Refusal) -> SupasyncError:
    key = ", ".join(refusal.request.table.key) if refusal.request.table else ""
    return refusal.schema(
        "refuses to touch more rows than were named",
        f"({key}) names several rows there: declare a unique key; nothing was changed",
    )


def _not_ready(refusal: Refusal) -> SupasyncError:
    """55000 is what a deferrable constraint gives as the target of a merge, among other things (measured)."""
    return (_no_unique_key if "ON CONFLICT" in refusal.answer.message else _by_class)(refusal)


def _no_unique_key(refusal: Refusal) -> SupasyncError:
    key = ", ".join(refusal.request.table.key) if refusal.request.table else ""
    return refusal.schema(
        f"cannot tell the rows of {refusal.sql} apart by ({key})",
        "key: must name the columns of a primary key or of a unique constraint that is neither partial (no "
        "where) nor deferrable; add one there, or name another key in tables.yaml",
    )


def _takes_no_value(refusal: Refusal) -> SupasyncError:
    column = column_in(refusal.answer.message)
    if "generated column" in refusal.answer.details:
        error = ComputedColumnError(
            refusal.told(f"computes the column {column} itself"),
            table=refusal.table,
            hint=f"name it in tables.yaml: exclude: [{column}]",
        )
        error.column = column
        return error
    return refusal.schema(
        f"numbers the column {column} itself and takes no value for it",
        f"run there: alter table {refusal.sql} alter column {identifier(column)} set generated by default; "
        "-- for all such columns: supasync schema sql --identity",
    )


def _no_right(refusal: Refusal) -> SupasyncError:
    if refusal.request.state:
        return ForbiddenError(refusal.told("does not let this key use sync_metadata"), hint=SCHEMA_HINT)
    if not refusal.request.table:
        return refusal.schema("does not let this key call a function", "paste its SQL again: it grants that")
    rights = "select" if refusal.project == "OLD" else "select, insert, update"
    if refusal.request.method == "DELETE":
        rights = "delete"
    return ForbiddenError(
        refusal.told(f"does not let this key use the table {refusal.sql}"),
        table=refusal.table,
        hint=f"run there: grant {rights} on table {refusal.sql} to service_role;",
    )


def _read_only(refusal: Refusal) -> SupasyncError:
    return refusal.refused(
        "is read-only", "a project above its database size turns read-only: free space there, or upgrade it"
    )


def _wrong_key(refusal: Refusal) -> SupasyncError:
    return refusal.refused("does not accept the key", _KEY_HINT, "key")


def _over_quota(refusal: Refusal) -> SupasyncError:
    return refusal.refused(
        "is over its organisation's quota and answers nothing until that is raised or renewed",
        "cursors are kept, and a later run goes on from them; the quota is the whole organisation's, so keep "
        "NEW in another one. The last gap can be carried over by hand: supasync status says how",
        "quota",
    )


def _paused(refusal: Refusal) -> SupasyncError:
    return refusal.refused(
        "is paused", "restore it in the dashboard: the project -> Restore project", "paused"
    )


def _forbidden(refusal: Refusal) -> SupasyncError:
    return refusal.refused("forbids the request", "check the key, and the project's network restrictions")


def _too_large(refusal: Refusal) -> SupasyncError:
    told = refusal.row("takes no batch of this size", "set a smaller page_size for this table")
    return TooLargeError(told.message, table=told.table, hint=told.hint, sqlstate=told.sqlstate)


def _too_long(refusal: Refusal) -> SupasyncError:
    return refusal.schema("takes no address of this length", "shorten where: or columns:")


def _too_many(refusal: Refusal) -> SupasyncError:
    error = RetryableError(f"{refusal.project} asks to slow down ({refusal.said})", hint=_LATER)
    error.after = refusal.answer.retry_after
    return error


def _passing(refusal: Refusal) -> SupasyncError:
    error = RetryableError(refusal.told("failed"), table=refusal.table, hint=_LATER)
    error.after = refusal.answer.retry_after
    error.lost = refusal.answer.status in _LOST
    return error


def _proxy_login(refusal: Refusal) -> SupasyncError:
    return refusal.refused("was not asked: the proxy before it wants a login", PROXY_HINT)


def _redirected(refusal: Refusal) -> SupasyncError:
    return refusal.refused(
        "redirects to another address, which is not followed: the key would go along",
        "set url: to the project's own address, https://<ref>.supabase.co",
    )


def _ambiguous(refusal: Refusal) -> SupasyncError:
    return refusal.schema(
        "has several functions of one name, and cannot tell which one is meant",
        "drop the older one in its SQL editor, then run: supasync schema sql, and paste what it prints",
    )


def _by_class(refusal: Refusal) -> SupasyncError:
    """What is named neither by its code nor by its status."""
    answer = refusal.answer
    if _ROWS.fullmatch(answer.code) and refusal.request.writes:
        if refusal.request.method == "DELETE":
            return refusal.row("refuses to delete rows", _REFERRED_HINT)
        return refusal.row("refuses rows", _ROW_HINTS.get(answer.code, _ROW_HINT))
    if answer.status >= 500:  # noqa: PLR2004 - server errors
        return _passing(refusal)
    if answer.code or refusal.request.method == "HEAD":
        return refusal.schema("cannot answer this query", "check where:, key: and timestamp: in tables.yaml")
    return refusal.refused("refuses the request", "is url: the address of a Supabase project?")


def _taken_over(_: Refusal) -> SupasyncError:
    """What NEW itself says to a late write: see `fence-on.sql`."""
    return TakenOverError()


_BY_CODE = {
    "SUP01": _taken_over,
    "57014": _statement_timeout,
    "PGRST205": _no_table,
    "42P01": _no_table,
    "42883": _no_operator,
    "PGRST204": _no_column,
    "42703": _no_column,
    "PGRST106": _no_schema,
    "PGRST203": _ambiguous,
    "PGRST124": _too_many_rows,
    "42P10": _no_unique_key,
    "55000": _not_ready,
    "428C9": _takes_no_value,
    "42501": _no_right,
    "25006": _read_only,
}

_BY_STATUS = {
    401: _wrong_key,
    402: _over_quota,
    403: _forbidden,
    407: _proxy_login,
    408: _passing,
    413: _too_large,
    414: _too_long,
    425: _passing,
    429: _too_many,
    540: _paused,
    **dict.fromkeys(_REDIRECTS, _redirected),
}
