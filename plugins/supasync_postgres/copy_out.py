"""What a server sends by COPY, taken from libpq row by row: psycopg's own loop takes longer."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import Any, Final

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

from supasync_postgres.transaction import Connection

MESSAGE: Final = 5
"""Bytes of a row's message beside its own (documentation, 55.7)."""
_PART: Final = 65_536
"""Bytes that are handed over together."""


@dataclass
class Copied:
    """The lines that were sent, each with its end, and what the statement before the COPY answered."""

    told: bytes | None = None
    lines: list[bytes] = field(default_factory=list)
    cut: bool = False
    """Whether there is more, which was not received."""

    @property
    def size(self) -> int:
        """Bytes as PostgreSQL sends them, without what TLS adds."""
        return sum(map(len, self.lines)) + MESSAGE * len(self.lines)


def copied_out(connection: Connection, script: bytes, largest: int) -> Copied:
    """Run statements of which the last but one is a COPY TO STDOUT; psycopg.Error where one fails.

    Where more than ``largest`` bytes come, the connection is closed behind the row with which they do.
    """
    with DefaultSelector() as ready:
        conversation = _Conversation(connection, ready)
        try:
            conversation.run(script, largest)
        except psycopg.Error:
            if connection.pgconn.transaction_status != psycopg.pq.TransactionStatus.INERROR:
                connection.close()
            raise
        return conversation.copied


def streamed(connection: Connection, statement: bytes) -> Generator[bytes, None, None]:
    """What a COPY TO STDOUT sends, in parts; psycopg.Error where it fails.

    Whoever stops before the end has no connection left: all that the server still sends would be waited for.
    """
    with DefaultSelector() as ready:
        try:
            yield from _Conversation(connection, ready).parts(statement)
        except GeneratorExit:
            connection.close()
            raise


class _Conversation:
    """One script and its answers."""

    def __init__(self, connection: Connection, ready: DefaultSelector) -> None:
        self._connection = connection
        self._libpq = connection.pgconn
        self._ready = ready
        self.copied = Copied()

    def run(self, script: bytes, largest: int) -> None:
        """Send it, and receive all of its answers."""
        self._send(script)
        failed: psycopg.Error | None = None
        while (result := self._result()) is not None:
            if result.status == ExecStatus.COPY_OUT:
                if not self._receive(largest):
                    self._connection.close()
                    return
            elif result.status == ExecStatus.TUPLES_OK:
                self.copied.told = result.get_value(0, 0)
            elif result.status != ExecStatus.COMMAND_OK:
                failed = failed or error_from_result(result)
        if failed:
            raise failed

    def parts(self, statement: bytes) -> Iterator[bytes]:
        """Send a COPY, and receive its rows in parts."""
        self._send(statement)
        failed: psycopg.Error | None = None
        while (result := self._result()) is not None:
            if result.status == ExecStatus.COPY_OUT:
                yield from self._joined()
            elif result.status != ExecStatus.COMMAND_OK:
                failed = failed or error_from_result(result)
        if failed:
            raise failed

    def _joined(self) -> Iterator[bytes]:
        held: list[bytes] = []
        size = 0
        while True:
            got, line = self._libpq.get_copy_data(1)
            if got > 0:
                held.append(bytes(line))
                size += got
            elif got == 0:
                self._wait()
            if held and (got < 0 or size > _PART):
                yield b"".join(held)
                held, size = [], 0
            if got < 0:
                return

    def _send(self, script: bytes) -> None:
        self._ready.register(self._libpq.socket, EVENT_READ | EVENT_WRITE)
        self._libpq.send_query(script)
        while self._libpq.flush():
            self._ready.select()
            self._libpq.consume_input()
        self._ready.modify(self._libpq.socket, EVENT_READ)

    def _result(self) -> Any:  # noqa: ANN401 - libpq's own, of whichever implementation
        while self._libpq.is_busy():
            self._wait()
        return self._libpq.get_result()

    def _receive(self, largest: int) -> bool:
        """Take the rows; False where there may be more behind those that were taken."""
        lines, held = self.copied.lines, 0
        take = self._libpq.get_copy_data
        while True:
            size, line = take(1)
            if size > 0:
                lines.append(bytes(line))
                held += size
                if held > largest:
                    self.copied.cut = True
                    return False
            elif size == 0:
                self._wait()
            else:
                return True

    def _wait(self) -> None:
        self._ready.select()
        self._libpq.consume_input()
