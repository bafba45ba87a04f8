"""Connections and transactions: one request is one transaction under the caller's role."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors as states
from psycopg.adapt import Dumper
from psycopg.pq import Format, TransactionStatus

from . import schema as catalogue
from .sql import Parameters, Raw, ident, literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg.abc import Buffer

    from .auth import Caller
    from .schema import Schema
    from .settings import Settings

RETRIED = (states.SerializationFailure, states.DeadlockDetected)
PAUSE_BETWEEN_ATTEMPTS = 0.01
JSON_OID = 114


class RawDumper(Dumper):
    """Hands a body to PostgreSQL as the json it came as: wrong bytes are PostgreSQL's to refuse."""

    oid = JSON_OID
    format = Format.BINARY

    def dump(self, obj: Raw) -> Buffer:
        """Return the bytes."""
        return obj.data


@dataclass(frozen=True)
class Row:
    """The one row of a finished statement, as PostgreSQL's own bytes."""

    values: tuple[bytes | None, ...]

    def number(self, place: int) -> int | None:
        """Return a whole number."""
        value = self.values[place]
        return int(value) if value else None

    def data(self, place: int) -> bytes:
        """Return a text's bytes."""
        return self.values[place] or b""


@dataclass(frozen=True)
class Scope:
    """What a transaction starts with."""

    caller: Caller
    schema: str
    read_only: bool
    method: str
    path: str
    headers: dict[str, str]
    settings: tuple[tuple[str, str], ...] = ()

    def prologue(self, cache: Schema) -> bytes:
        """Return the statements that open the transaction."""
        access = "read only" if self.read_only else "read write"
        pairs = [
            ("search_path", ident(self.schema)),
            ("role", self.caller.role),
            ("request.jwt.claims", self.caller.claims),
            ("request.method", self.method),
            ("request.path", self.path),
            ("request.headers", json.dumps(self.headers)),
            *cache.role_settings.get(self.caller.role, ()),
            *self.settings,
        ]
        calls = ", ".join(f"set_config({literal(name)}, {literal(value)}, true)" for name, value in pairs)
        return f"begin isolation level read committed {access}; select {calls}".encode("utf-8", "replace")


class Database:
    """A pool of connections with the schema cache."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.idle: queue.LifoQueue[psycopg.Connection[Any] | None] = queue.LifoQueue()
        self.closing = threading.Event()
        for _ in range(settings.pool_size):
            self.idle.put(None)
        self.loading = threading.Lock()
        self.reader = self.connect()
        self.zones: frozenset[str] = frozenset()
        self.schema = self.load()
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def connect(self) -> psycopg.Connection[Any]:
        """Open one connection that speaks the server's dialect."""
        connection = psycopg.connect(
            self.settings.database_url, autocommit=True, cursor_factory=psycopg.RawCursor, prepare_threshold=3
        )
        connection.adapters.register_dumper(Raw, RawDumper)
        return connection

    def load(self) -> Schema:
        """Read the schema cache, again over the same connection, for which PostgreSQL has caches."""
        with self.loading:
            with contextlib.suppress(psycopg.OperationalError):
                return self.loaded()
            self.reader.close()
            self.reader = self.connect()
            return self.loaded()

    def loaded(self) -> Schema:
        """Read it once."""
        self.reader.execute("set search_path = ''")
        return catalogue.load(self.reader, self.settings.schemas)

    def timezones(self) -> frozenset[str]:
        """Return the names of time zones, which PostgreSQL reads from 600 files: not before somebody asks."""
        if not self.zones:
            with self.connect() as connection:
                found = connection.execute("select name from pg_timezone_names")
                self.zones = frozenset(name for (name,) in found)
        return self.zones

    def reload(self) -> None:
        """Replace the schema cache."""
        self.schema = self.load()

    def listen(self) -> None:
        """Reload whenever somebody says NOTIFY pgrst."""
        while not self.closing.is_set():
            try:
                self.follow_notifications()
            except psycopg.Error:
                self.closing.wait(0.2)

    def follow_notifications(self) -> None:
        """Wait on one connection until it breaks or the server closes."""
        with self.connect() as connection:
            connection.execute("listen pgrst")
            while not self.closing.is_set():
                for _ in connection.notifies(timeout=0.2, stop_after=1):
                    self.reload()

    def reconnect(self) -> None:
        """Close every idle connection; the next request opens a new one."""
        for connection in [self.idle.get() for _ in range(self.settings.pool_size)]:
            if connection is not None:
                connection.close()
            self.idle.put(None)

    def close(self) -> None:
        """Stop listening and close the connections."""
        self.closing.set()
        self.listener.join()
        self.reader.close()
        self.reconnect()

    def run(self, scope: Scope, work: Callable[[psycopg.Connection[Any]], Row]) -> Row:
        """Run `work` in a transaction; like the real server, repeat it without limit on 40001 and 40P01."""
        while True:
            try:
                return self.attempt(scope, work)
            except RETRIED:
                if self.closing.is_set():
                    raise
                time.sleep(PAUSE_BETWEEN_ATTEMPTS)

    def attempt(self, scope: Scope, work: Callable[[psycopg.Connection[Any]], Row]) -> Row:
        """Run `work` once and commit."""
        connection = self.idle.get()
        try:
            if connection is None or connection.closed:
                connection = self.connect()
            connection.execute(scope.prologue(self.schema), prepare=False)
            row = work(connection)
            connection.execute("commit", prepare=False)
        finally:
            self.idle.put(cleaned(connection))
        return row


def cleaned(connection: psycopg.Connection[Any] | None) -> psycopg.Connection[Any] | None:
    """Return a connection that is ready for the next request, or none."""
    if connection is None or connection.closed:
        return None
    if connection.info.transaction_status != TransactionStatus.IDLE:
        with contextlib.suppress(psycopg.Error):
            connection.execute("rollback", prepare=False)
            return connection
        return None
    return connection


def fetch(connection: psycopg.Connection[Any], text: str, parameters: Parameters) -> Row:
    """Run one statement that returns one row."""
    with connection.cursor() as cursor:
        cursor.execute(text.encode(), parameters.values or None)
        result = cursor.pgresult
        if result is None:  # pragma: no cover - a statement always has a result
            raise TypeError("no result")
        return Row(tuple(result.get_value(0, place) for place in range(result.nfields)))
