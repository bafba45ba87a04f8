"""One exported snapshot for any number of connections: all of them read the database at one instant."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Lock
from typing import Final, TypeVar

from supasync_core.model.errors import TransientError
from supasync_core.model.timestamps import Instant
from supasync_postgres.database import Database
from supasync_postgres.pg_failures import SnapshotGoneError
from supasync_postgres.transaction import Found, Statement

T = TypeVar("T")

_EXPORT: Final = Statement(
    "SELECT pg_export_snapshot(), (extract(epoch from transaction_timestamp()) * 1000000)::bigint LIMIT %s",
    [1],
    "read",
)
"""The clock is that of the transaction's beginning, which is not later than the snapshot."""
_ATTEMPTS: Final = 3
_NONE: Final = (None, None)


class Snapshots:
    """The snapshot that statements read within `held`; else each reads what is there when it begins."""

    def __init__(self, database: Database) -> None:
        self._held: tuple[str | None, Instant | None] = _NONE
        """The snapshot's name, and the server's time, not later than it was taken."""
        self._database = database
        self._exporting = ExitStack()
        self._lock = Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold one snapshot; a connection that is lost takes it along, and another one is taken then."""
        with self._lock:
            self._export()
        try:
            yield
        finally:
            with self._lock:
                self._release()

    def asked(self, statement: Statement) -> tuple[Found, Instant | None]:
        """The answer to a statement on the snapshot, and when that one was taken; None without one."""
        return self.read(lambda name: self._database.one(statement, name))

    def read(self, read: Callable[[str | None], T]) -> tuple[T, Instant | None]:
        """What is read on the snapshot of this name, and when that one was taken; None without one."""
        name, taken = held = self._held
        try:
            return read(name), taken
        except SnapshotGoneError:
            with self._lock:
                if self._held is held:
                    self._release()
                    self._export()
                name, taken = self._held
            return read(name), taken

    def _export(self) -> None:
        """Take a snapshot; a connection that is lost meanwhile is replaced a few times."""
        for attempt in range(_ATTEMPTS):
            try:
                with ExitStack() as opened:
                    transaction = opened.enter_context(self._database.held(_EXPORT, steady=True))
                    found = transaction.run(_EXPORT)
                    self._exporting = opened.pop_all()
            except TransientError:
                if attempt + 1 == _ATTEMPTS:
                    raise
                continue
            self._held = found.text(), int(found.text(0, 1))
            return

    def _release(self) -> None:
        self._held = _NONE
        exporting, self._exporting = self._exporting, ExitStack()
        with suppress(TransientError):  # its connection may be what was lost
            exporting.close()
