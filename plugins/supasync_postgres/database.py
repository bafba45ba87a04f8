"""One database: its connections, what is repeated, what every statement is counted as.

Nothing is set for a whole session and no statement is prepared, so that a pooler that gives each transaction
another connection does no harm: every statement stands in a transaction that begins with its settings. Those
of a source are READ ONLY, which the server itself enforces and no statement inside can take back.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Final, TypeVar

import psycopg
from psycopg import ClientCursor

from supasync_core.api.registration import Context
from supasync_core.api.retries import retrying
from supasync_core.api.sql_session import PINNED
from supasync_core.model.errors import RefusedError
from supasync_core.system.addresses import host_of
from supasync_postgres.answer_limits import limited
from supasync_postgres.copy_out import Copied, copied_out
from supasync_postgres.database_url import OF_SUPABASE, parse
from supasync_postgres.pg_failures import Failure, RetryableError, error_of, unconnected
from supasync_postgres.transaction import (
    Connection,
    Found,
    Statement,
    Transaction,
    found_of,
    literal,
    size_of,
)

T = TypeVar("T")

OLDEST: Final = 120000
"""The first server that is supported, as libpq counts versions."""
SCRAM: Final = 160000
"""The first libpq that can be told to show no password (documentation, ``require_auth``)."""
PATIENCE: Final = 60
"""Seconds beside twice the statement's own, after which a server that says nothing is left."""
FIRST_WAIT: Final = 1.0
"""Seconds before what may pass is asked again; each wait is twice as long as the one before."""
_ATTEMPTS: Final = 5
_SHARED: Final = "postgres"
_FIRING: Final = (
    ", CASE WHEN pg_catalog.current_setting('session_replication_role') <> 'origin' "
    "THEN pg_catalog.set_config('session_replication_role', 'origin', true) END"
)
"""Foreign keys hold, whatever the database's own setting; who may not say so is refused."""


def shared(context: Context, *, read_only: bool, sleep: Callable[[float], None] = time.sleep) -> "Database":
    """The one database of all that is opened with this context: a state store uses its sink's connections."""
    if _SHARED not in context.shared:
        context.shared[_SHARED] = Database(context, read_only=read_only, sleep=sleep)
    found: Database = context.shared[_SHARED]
    return found


class Database:
    """Connections to one database, kept for any number of threads; each is used by one at a time."""

    def __init__(
        self, context: Context, *, read_only: bool, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.project = context.project
        self.address = parse(context.settings["url"])
        given = host_of(context.settings.get("project", ""))
        # A domain of the project's own says nothing of its database.
        if given.endswith(OF_SUPABASE) and self.address.project not in (None, given):
            raise RefusedError(
                f"{self.project}: url: is a database of {self.address.project}, project: is {given}",
                hint="take both from the same project",
            )
        self.read_only = read_only
        self.sleep = sleep
        self.folder = context.folder
        self._ledger = context.ledger
        self._idle: list[Connection] = []
        self._lock = Lock()

    def one(self, statement: Statement, snapshot: str | None = None) -> Found:
        """The answer to one statement that only reads, in a transaction of its own; repeated if it is lost.

        One request: the settings, the statement and the end travel together.
        """
        if statement.alone:
            return self.work(lambda transaction: transaction.run(statement), statement, snapshot)
        script = [*self._beginning(snapshot, statement), statement.text, "COMMIT"]

        def ask(connection: Connection) -> Found:
            cursor = ClientCursor(connection)
            text = "; ".join(script).encode()
            try:
                cursor.execute(text, list(statement.values))
                for _ in range(len(script) - 2):
                    cursor.nextset()
                found = found_of(cursor)
            except BaseException:
                self._count(statement.purpose, len(text), 0)
                raise
            self._count(statement.purpose, len(text), size_of(found))
            return found

        return self._repeated(ask, statement, repeat=True)

    def copied(self, clock: str, statement: Statement, snapshot: str | None, largest: int) -> Copied:
        """What a COPY TO STDOUT sends, and the answer to ``clock`` before it: one request, repeated if lost.

        So many bytes at most, and the row with which they are reached. The statement holds no SQL of the
        user's own.
        """

        def ask(connection: Connection) -> Copied:
            parts = [*self._beginning(snapshot, statement), clock, statement.text, "COMMIT"]
            text = ClientCursor(connection).mogrify("; ".join(parts).encode(), list(statement.values))
            copied = copied_out(connection, text.encode(), largest)
            self._count(statement.purpose, len(text), copied.size)
            return copied

        return self._repeated(ask, statement, repeat=True)

    def work(  # noqa: PLR0913 - what a write needs beside its statements
        self,
        task: Callable[["Transaction"], T],
        statement: Statement,
        snapshot: str | None = None,
        *,
        repeat: bool = True,
        first: Callable[[], Sequence[str]] = tuple,
        lost: Callable[[], None] = lambda: None,
    ) -> T:
        """What the task returns, whose statements are one transaction; ``statement`` says what all is for.

        ``first`` is called before each attempt, for statements that travel with the beginning; the answer to
        the last one is the transaction's ``begun``. ``lost`` is called where the connection breaks while it
        is being committed.
        """

        def ask(connection: Connection) -> T:
            transaction = Transaction(connection, self._count)
            begin = [*self._beginning(snapshot, statement), *first()]
            transaction.begin("; ".join(begin), statement.purpose)
            result = task(transaction)
            try:
                transaction.script("COMMIT", statement.purpose)
            except psycopg.OperationalError:
                lost()
                raise
            return result

        return self._repeated(ask, statement, repeat=repeat)

    @contextmanager
    def held(self, statement: Statement, *, steady: bool = False) -> Iterator["Transaction"]:
        """A transaction that stays open as long as the block; nothing is repeated.

        ``steady``: it sees the database as it is now until its end, and may export that as a snapshot.
        """
        begin = "; ".join(self._beginning(None, statement, repeatable=steady))

        def begun(connection: Connection) -> Connection:
            Transaction(connection, self._count).script(begin, statement.purpose)
            return connection

        connection = self._repeated(begun, statement, repeat=True, keep=True)
        transaction = Transaction(connection, self._count)
        try:
            with self._translated(statement):
                yield transaction
                transaction.script("COMMIT", statement.purpose)
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close the connections that are not in use."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _beginning(
        self, snapshot: str | None, statement: Statement, *, repeatable: bool = False
    ) -> list[str]:
        level = "REPEATABLE READ" if snapshot or repeatable else "READ COMMITTED"
        # A project above its size makes transactions read-only by default, and that stays as it is.
        begin = f"BEGIN ISOLATION LEVEL {level}{' READ ONLY' if self.read_only else ''}"
        imported = [f"SET TRANSACTION SNAPSHOT {literal(snapshot)}"] if snapshot else []
        pinned = {
            **{
                name: value
                for name, value in PINNED.items()
                if not (statement.writes and name == "search_path")
            },
            "statement_timeout": f"{statement.seconds}s",
            "idle_in_transaction_session_timeout": "0",
        }
        # A query, not SET LOCAL: behind the first query no statement can make the transaction read-write.
        each = (
            f"pg_catalog.set_config({literal(name)}, {literal(value)}, true)"
            for name, value in pinned.items()
        )
        return [begin, *imported, f"SELECT {', '.join(each)}{'' if self.read_only else _FIRING}"]

    def _repeated(
        self, ask: Callable[[Connection], T], statement: Statement, *, repeat: bool, keep: bool = False
    ) -> T:
        """What the first attempt returns that succeeds; ``keep`` leaves its connection with the caller."""
        for attempt in range(_ATTEMPTS):
            connection = None
            try:
                connection = self._taken(statement)
                with self._translated(statement), limited(connection, 2 * statement.seconds + PATIENCE):
                    result = ask(connection)
            except BaseException as err:
                self._give_back(connection)
                if not (repeat and isinstance(err, RetryableError) and attempt + 1 < _ATTEMPTS):
                    raise
                said = err.message
            else:
                if not keep:
                    self._give_back(connection)
                return result
            seconds = FIRST_WAIT * 2**attempt
            retrying(said, retry=attempt + 1, retries=_ATTEMPTS - 1, seconds=seconds)
            self.sleep(seconds)
        raise AssertionError  # the last attempt has returned or raised

    @contextmanager
    def _translated(self, statement: Statement) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as err:
            raise error_of(Failure(self.project, err, statement.table, statement.purpose)) from None

    def _taken(self, statement: Statement) -> Connection:
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        return connection or self._opened(statement)

    def _opened(self, statement: Statement) -> Connection:
        arguments = self.address.arguments(self.folder)
        if "require_auth" in arguments and psycopg.pq.version() < SCRAM:
            raise RefusedError(
                f"{self.project}: this libpq would show the password to a server that is not verified",
                hint='run: pip install "psycopg[binary]"; or name the server\'s certificate: ?sslrootcert=',
            )
        try:
            connection = psycopg.connect(
                **arguments,  # type: ignore[arg-type]
                autocommit=True,
                prepare_threshold=None,
            )
        except psycopg.Error as err:
            self._count(statement.purpose, 0, 0)
            raise unconnected(self.project, err, self.address) from None
        if connection.info.server_version < OLDEST:
            version = connection.info.server_version // 10000
            connection.close()
            raise RefusedError(
                f"{self.project}: its PostgreSQL is version {version}, and supasync needs 12 or later",
                hint="upgrade it in the dashboard: Project Settings -> Infrastructure",
            )
        return connection

    def _give_back(self, connection: Connection | None) -> None:
        """Keep the connection, unless it is broken or in the middle of something."""
        if connection is None:
            return
        with suppress(psycopg.Error):
            if not connection.closed and connection.info.transaction_status.name in ("INTRANS", "INERROR"):
                connection.execute("ROLLBACK")
        if connection.closed or connection.info.transaction_status.name != "IDLE":
            connection.close()
            return
        with self._lock:
            self._idle.append(connection)

    def _count(self, purpose: str, sent: int, received: int) -> None:
        self._ledger.add(self.project, purpose, sent=sent, received=received)
