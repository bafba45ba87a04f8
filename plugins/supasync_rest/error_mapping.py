"""What a refusal means: status, code and body become one of supasync's errors, here and nowhere else.

Codes: PostgREST documentation, "Errors"; PostgreSQL documentation, appendix A; Supabase documentation, "HTTP
status codes" (402, 540, 544). Bodies: measured on PostgREST 13.0.8 and 14.10.
"""

import re
from collections.abc import Callable

from supasync_core.model.errors import SchemaError, StateError, SupasyncError, TableError, TakenOverError
from supasync_rest.refusal import Refusal, identifier
from supasync_rest.rest_errors import (
    ComputedColumnError,
    ForbiddenError,
    HiddenSchemaError,
    MissingColumnError,
    RetryableError,
    StatementTimeoutError,
    TooLargeError,
)

Rule = Callable[[Refusal], SupasyncError]

SCHEMA_HINT = "run: supasync schema sql, and paste what it prints into NEW's SQL editor"
PROXY_HINT = "write its user and password into HTTPS_PROXY, as http://user:password@host:port"
_LATER = "nothing is lost: the next run continues from here"
_RELOAD = "after a change in SQL run: notify pgrst, 'reload schema';"

_NO_COLUMN = ("PGRST204", "42703")
_MISSING = ("PGRST202", "PGRST205", "42P01", "42883")
# A gateway that gives up on a request which the database may still be working on.
_LOST = (408, 502, 504, 520, 524, 544)
_EXPOSED = re.compile(r"(?:schemas are exposed|one of the following): (.+)")
# Data exceptions, constraints, an ON CONFLICT that meets a row twice, view checks, limits of
# PostgreSQL, RAISE in a trigger.
_ROWS = re.compile(r"(2[123]|44|54|P0)...")
_ROW_HINTS = {
    "23503": "copy the table that it refers to first (after:). If that table is not copied, like auth.users, "
    "drop the foreign key in NEW until the switch (supasync schema sql --foreign-keys off), or copy those "
    "rows yourself",
    "23505": "another row there has the same value in a unique column: change or delete that row there",
    "22P02": "fix the value in OLD. An array of jsonb whose elements are JSON arrays cannot travel as JSON: "
    "copy that row by SQL",
    "23502": "fill it in OLD, or allow NULL in NEW; the JSON null of a json column arrives as NULL",
    "22P05": "PostgreSQL cannot store \\u0000: replace it in that row's text in OLD",
}
_ROW_HINT = "fix the row in OLD, or the column or constraint in NEW; nothing of its batch was written"


def error_of(refusal: Refusal) -> SupasyncError:
    """The error that the run acts on."""
    code, request = refusal.answer.code, refusal.request
    if request.state and code in _NO_COLUMN:
        what = "has a table sync_metadata without the columns that supasync needs"
        return StateError(refusal.message(what), hint=f"if it is your app's, rename it; then {SCHEMA_HINT}")
    if request.state and code in _MISSING:
        return StateError(refusal.message("is not set up for supasync"), hint=SCHEMA_HINT)
    if request.state and request.writes and _ROWS.fullmatch(code):
        return StateError(refusal.message("refused to record this run"), hint=SCHEMA_HINT)
    rule = _BY_CODE.get(code) or _BY_STATUS.get(refusal.answer.status) or _by_class
    return rule(refusal)


def exposing(schema: str, project: str) -> str:
    """How a schema comes to be seen by the API."""
    rights = "select" if project == "OLD" else "select, insert, update, delete"
    name = identifier(schema)
    return (
        f"add it under Project Settings -> API -> Exposed schemas, and run in {project}: grant usage on "
        f"schema {name} to service_role; grant {rights} on all tables in schema {name} to service_role; "
        "notify pgrst, 'reload schema';"
    )


def _of_table(what: str, hint: str, kind: type[TableError] = SchemaError) -> Rule:
    return lambda refusal: refusal.of_table(kind, what, hint)


def _project(what: str, hint: str, reason: str | None = None) -> Rule:
    return lambda refusal: refusal.refused(what, hint, reason)


def _statement_timeout(refusal: Refusal) -> SupasyncError:
    error = refusal.of_table(
        StatementTimeoutError,
        "cancelled a statement that took too long",
        "set a smaller page_size for this table, or add an index on its timestamp and key",
    )
    error.final = refusal.request.eased
    return error


def _no_schema(refusal: Refusal) -> SupasyncError:
    """PostgREST names the exposed ones: in the message up to 13, in the hint since (recorded)."""
    hint = exposing(refusal.schema_name, refusal.project)
    error = HiddenSchemaError(
        refusal.message("does not expose the schema {schema}"), table=refusal.table, hint=hint
    )
    found = _EXPOSED.search(refusal.answer.hint) or _EXPOSED.search(refusal.answer.message)
    error.exposes = tuple(found[1].split(", ")) if found else ()
    return error


_no_unique_key = _of_table(
    "cannot tell the rows of {table} apart by ({key})",
    "key: must name the columns of a primary key or of a unique constraint that is neither partial (no "
    "where) nor deferrable; add one there, or name another key in tables.yaml",
)


def _not_ready(refusal: Refusal) -> SupasyncError:
    """55000 is what a deferrable constraint gives as the target of a merge, among other things (measured)."""
    return (_no_unique_key if "ON CONFLICT" in refusal.answer.message else _by_class)(refusal)


def _generated(refusal: Refusal) -> SupasyncError:
    if "generated column" not in refusal.answer.details:
        return refusal.of_table(
            SchemaError,
            "numbers the column {column} itself and accepts no value for it",
            "run there: alter table {table} alter column {identifier} set generated by default; "
            "-- for all such columns: supasync schema sql --identity",
        )
    hint = "name it in tables.yaml: exclude: [{column}]"
    error = refusal.of_table(ComputedColumnError, "computes the column {column} itself", hint)
    error.column = refusal.filled("{column}")
    return error


def _no_right(refusal: Refusal) -> SupasyncError:
    if refusal.request.state:
        return refusal.of_table(ForbiddenError, "does not let this key use sync_metadata", SCHEMA_HINT)
    if not refusal.request.table:
        hint = "paste the function's SQL again: it grants that right"
        return refusal.of_table(SchemaError, "does not let this key call a function", hint)
    rights = "select" if refusal.project == "OLD" else "select, insert, update"
    if refusal.request.method == "DELETE":
        rights = "delete"
    hint = f"run there: grant {rights} on table {{table}} to service_role;"
    return refusal.of_table(ForbiddenError, "does not let this key use the table {table}", hint)


def _too_large(refusal: Refusal) -> SupasyncError:
    hint = "set a smaller page_size for this table"
    return refusal.row("does not accept a batch of this size", hint, TooLargeError)


def _rate_limit(refusal: Refusal) -> SupasyncError:
    error = RetryableError(f"{refusal.project} asks to slow down ({refusal.said})", hint=_LATER)
    error.after = refusal.answer.retry_after
    return error


def _retryable(refusal: Refusal) -> SupasyncError:
    error = RetryableError(refusal.message("failed"), table=refusal.table, hint=_LATER)
    error.after = refusal.answer.retry_after
    error.lost = refusal.answer.status in _LOST
    return error


def _by_class(refusal: Refusal) -> SupasyncError:
    """What neither its code nor its status names."""
    answer = refusal.answer
    if _ROWS.fullmatch(answer.code) and refusal.request.writes:
        if refusal.request.method == "DELETE":
            return refusal.row(
                "refuses to delete rows",
                "rows of another table there still refer to them: delete those first, or keep these",
            )
        return refusal.row("refuses rows", _ROW_HINTS.get(answer.code, _ROW_HINT))
    if answer.status >= 500:  # noqa: PLR2004 - server errors
        return _retryable(refusal)
    if answer.code or refusal.request.method == "HEAD":
        hint = "check where:, key: and timestamp: in tables.yaml"
        return refusal.of_table(SchemaError, "cannot answer this query", hint)
    return refusal.refused("refuses the request", "is url: the address of a Supabase project?")


_no_column = _of_table(
    "lacks a column of {table}",
    "key:, timestamp:, columns: and where: must name columns that exist; where NEW lacks one, add it there "
    f"or name it under exclude: in tables.yaml; {_RELOAD}",
    MissingColumnError,
)
_no_table = _of_table(
    "has no table {table}, or does not show it",
    f"create it there, or correct its name in tables.yaml; {_RELOAD}",
)

_BY_CODE: dict[str, Rule] = {
    "SUP01": lambda _: TakenOverError(),  # what NEW itself says to a late write: see `fence-on.sql`
    "57014": _statement_timeout,
    "PGRST205": _no_table,
    "42P01": _no_table,
    "42883": _of_table(
        "cannot compare one of the columns",
        "a key or timestamp column has a type without order, or where: compares it wrongly",
    ),
    "PGRST204": _no_column,
    "42703": _no_column,
    "PGRST106": _no_schema,
    "PGRST203": _of_table(
        "has several functions of one name and cannot tell which one is meant",
        "drop the older one in its SQL editor, then run: supasync schema sql, and paste what it prints",
    ),
    "PGRST124": _of_table(
        "refused to delete more rows than were named",
        "({key}) names several rows there: declare a unique key; nothing was changed",
    ),
    "42P10": _no_unique_key,
    "55000": _not_ready,
    "428C9": _generated,
    "42501": _no_right,
    "25006": _project(
        "is read-only", "a project above its database size becomes read-only: free space there, or upgrade it"
    ),
}

_BY_STATUS: dict[int, Rule] = {
    401: _project(
        "does not accept the key",
        "take the secret key (sb_secret_...) or service_role from its Project Settings -> API keys",
        "key",
    ),
    402: _project(
        "is over its organisation's quota and answers nothing until that is raised or renewed",
        "cursors are kept, and a later run continues from them; the quota is the whole organisation's, so "
        "keep NEW in another one. The last gap can be imported from files: supasync status says how",
        "quota",
    ),
    403: _project("forbids the request", "check the key, and the project's network restrictions"),
    407: _project("was not reached: the proxy in front of it requires authentication", PROXY_HINT),
    408: _retryable,
    413: _too_large,
    414: _of_table("does not accept an address of this length", "shorten where: or columns:"),
    425: _retryable,
    429: _rate_limit,
    540: _project("is paused", "restore it in the dashboard: the project -> Restore project", "paused"),
    **dict.fromkeys(
        (301, 302, 303, 307, 308),
        _project(
            "redirects to another address, which is not followed: the key would go along",
            "set url: to the project's own address, https://<ref>.supabase.co",
        ),
    ),
}
