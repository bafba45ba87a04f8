"""What a failure of PostgreSQL means: its SQLSTATE becomes one of supasync's errors, here and nowhere else.

Codes: PostgreSQL documentation, appendix A. Its ``detail`` may print a whole row, and is never shown.
"""

import re
from collections.abc import Callable
from typing import Final

import psycopg

from supasync_core.api.function_store import HINT as SCHEMA_HINT
from supasync_core.model.errors import (
    BatchTooLargeError,
    LargeAnswerError,
    RefusedError,
    SchemaError,
    SlowQueryError,
    StateError,
    SupasyncError,
    TableError,
    TakenOverError,
    TransientError,
)
from supasync_core.model.pg_refusal import (
    LATER,
    NARROWER,
    OTHER_QUERY,
    ROWS,
    SMALLER_PAGE,
    UNIQUE_KEY,
    PgRefusal,
)
from supasync_core.model.printable import sql_name
from supasync_core.model.table import Table
from supasync_postgres.database_url import DatabaseUrl

_LONGEST: Final = 300
_PASSING: Final = re.compile(r"(08...|25P03|40001|40P01|53300|55P03|57P0[1235]|58...|)")
"""A connection that broke, or slept for too long, a deadlock, too many clients, a lock, a shutdown."""
_MISSING: Final = ("42883", "42P01", "42703", "3F000")
_GONE: Final = ("22023", "42704", "55000", "58P01")
_RESET: Final = (
    "reset it under Dashboard -> Project Settings -> Database; in url: encode special characters, such as @ "
    "as %40"
)
_UNKNOWN: Final = (
    "the project may be paused (Dashboard -> Restore project); else check the region of the host and the "
    "user, postgres.<ref>: Dashboard -> Connect -> Session pooler"
)
_POOLER: Final = "take the session pooler's address: Dashboard -> Connect -> Session pooler"


_DENIED: Final = re.compile(r"permission denied for (\w+) (.+)$")
_RIGHTS: Final = {"schema": "usage", "function": "execute", "procedure": "execute", "sequence": "usage"}


class RetryableError(TransientError):
    """A failure that may pass when the same is asked again at once."""


class SnapshotGoneError(TransientError):
    """Whoever exported the snapshot has lost its connection."""


class Failure(PgRefusal):
    """A refused statement, and for what it was; the SQLSTATE is empty where the connection broke."""

    def __init__(self, project: str, error: psycopg.Error, table: Table | None, purpose: str) -> None:
        diag, state = error.diag, error.sqlstate or ""
        said = " ".join(filter(None, (state, diag.message_primary or _first_line(error))))[:_LONGEST]
        detail, constraint = diag.message_detail or "", diag.constraint_name
        super().__init__(project, table, state, said, detail=detail, constraint=constraint)
        self.purpose = purpose
        self.column = f" (column {diag.column_name})" if diag.column_name and state == "23502" else ""


def error_of(failure: Failure) -> SupasyncError:
    """The error that the run acts on."""
    state, purpose = failure.state, failure.purpose
    rule = (_of_the_store(failure) if purpose == "state" else None) or _BY_STATE.get(state)
    if rule:
        return rule(failure)
    if "snapshot" in failure.said and state in _GONE:
        return failure.of_table(SnapshotGoneError, "no longer has the snapshot", LATER)
    if ROWS.fullmatch(state) and purpose in ("upsert", "delete"):
        what = "refuses to delete rows" if purpose == "delete" else "refuses rows"
        return failure.row(what + failure.column)
    if _PASSING.fullmatch(state):
        return failure.of_table(RetryableError, "did not answer" if not state else "failed", LATER)
    return failure.of_table(SchemaError, "cannot answer this query", OTHER_QUERY)


def _of_the_store(failure: Failure) -> Callable[[Failure], SupasyncError] | None:
    what = None
    if failure.state in _MISSING:
        what = "is not set up for supasync"
    elif ROWS.fullmatch(failure.state):
        what = "refused to record this run"
    sentence = f"{failure.project} {what} ({failure.said})"
    return (lambda _: StateError(sentence, hint=SCHEMA_HINT)) if what else None


def _no_right(failure: Failure) -> TableError:
    if "row-level security" in failure.said or "row security" in failure.said:
        return failure.of_table(
            RefusedError,
            "would hide rows by row level security",
            "connect as the owner of the tables, or as a role with BYPASSRLS, as Supabase's postgres is",
        )
    what = "does not let the user of the connection string do this"
    return failure.of_table(RefusedError, what, f"run there: grant {_lacking(failure)} to that user")


def _lacking(failure: Failure) -> str:
    """The right that the server's sentence names; one on the table where that is in another language."""
    rights = "select" if failure.project == "OLD" else "select, insert, update, delete"
    denied = _DENIED.search(failure.said)
    kind, name = (denied[1], sql_name(denied[2])) if denied else ("table", "the table")
    if kind in _RIGHTS:
        return f"{_RIGHTS[kind]} on {kind} {name}"
    return f"{rights} on {'.'.join(map(sql_name, failure.table.address)) if failure.table else name}"


def _timeout(failure: Failure) -> TableError:
    error = failure.of_table(SlowQueryError, "cancelled a statement that took too long", SMALLER_PAGE)
    return BatchTooLargeError(error) if failure.purpose == "upsert" else error


def _too_large(failure: Failure) -> TableError:
    if failure.purpose not in ("upsert", "delete"):
        what = "has rows that are too large for one answer" if failure.table else "answers too much"
        return failure.of_table(LargeAnswerError, what, NARROWER)
    error = failure.row("does not accept a batch of this size")
    return BatchTooLargeError(error) if failure.purpose == "upsert" else error


_BY_STATE: dict[str, Callable[[Failure], SupasyncError]] = {
    "SUP01": lambda _: TakenOverError(),
    "57014": _timeout,
    "54000": _too_large,
    "53200": _too_large,
    "42P10": lambda failure: failure.of_table(
        SchemaError, "cannot tell the rows apart by the key", UNIQUE_KEY
    ),
    "42501": _no_right,
    "42P01": lambda failure: failure.of_table(
        SchemaError, "has no such table", "create it there, or correct its name in tables.yaml"
    ),
    "25006": lambda failure: failure.refused(
        "is read-only", "a project above its database size turns read-only: free space there, or upgrade it"
    ),
    "53100": lambda failure: failure.refused(
        "has no room left on its disk", "free space there, or upgrade it; " + LATER, "quota"
    ),
}


def unconnected(project: str, err: psycopg.Error, address: DatabaseUrl) -> TableError:
    """The error for a connection that did not come about; the password is in none of libpq's texts."""
    text = _first_line(err)
    for words, what, hint, reason in _REFUSALS:
        if words.search(text):
            refused = RefusedError(f"{project} {what} ({text})", hint=hint)
            refused.reason, refused.project = reason, project
            return refused
    hint = "check the network and url:; a paused project has no database until it is restored"
    if address.is_direct and _NO_ROUTE.search(text):
        hint = f"this host has only an IPv6 address, which this machine does not reach: {_POOLER}"
    error = RetryableError(f"{project} cannot be reached ({text})", hint=hint)
    error.reason, error.project = "unreachable", project
    return error


_NO_ROUTE: Final = re.compile(
    r"translate host name|resolve|unreachable|assign requested|No address", re.IGNORECASE
)
_REFUSALS: Final = (
    (
        re.compile(r"password authentication failed|Wrong password|SASL|no password supplied", re.IGNORECASE),
        "does not accept the password",
        _RESET,
        "key",
    ),
    (
        re.compile(r"Tenant or user not found|no tenant identifier|tenant/user .* not found", re.IGNORECASE),
        "is not known to the pooler",
        _UNKNOWN,
        "paused",
    ),
    (
        re.compile(r'database ".*" does not exist|role ".*" does not exist'),
        "has no such database or user",
        "check url:, whose database is postgres on Supabase",
        "key",
    ),
    (
        re.compile(r"certificate|root.crt|SSL error", re.IGNORECASE),
        "was not reached: its certificate was not accepted",
        "sslrootcert= names the file of the certificate: Dashboard -> Project Settings -> Database -> SSL",
        "unreachable",
    ),
    (
        re.compile(r"does not support SSL"),
        "was not reached: it offers no TLS",
        "rows and password would travel unencrypted: take an address with TLS",
        "unreachable",
    ),
)


def _first_line(err: psycopg.Error) -> str:
    """What libpq said of the last address that it tried."""
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    found = [line for line in lines if "FATAL" in line or "failed" in line or "could not" in line]
    return (found or lines or [type(err).__name__])[-1][:_LONGEST]
