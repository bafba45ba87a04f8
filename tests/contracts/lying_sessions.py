"""Sessions that copy rows as a stream, and break one promise each."""

import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from supasync_core.model.errors import InternalError, RowError, TableError
from supasync_postgres.database import Database
from supasync_postgres.sql_door import PgSession
from tests.contracts.lies import SESSIONS, lie

COPIED = "test_rows_arrive_as_they_were_and_are_counted"
PARTS = "test_many_rows_come_in_parts"
REFUSED = "test_of_rows_that_are_refused_nothing_stays"
LEFT = "test_of_a_transaction_that_is_left_nothing_stays"
RAISED = "test_what_parts_raise_is_raised_and_nothing_stays"
AMID = "test_an_error_amid_the_rows_is_raised"
EARLY = "test_whoever_stops_early_may_ask_again"
STEADY = "test_a_steady_transaction_sees_the_database_as_it_was"


class Session(PgSession):
    """One that keeps all promises; its rows may be changed on their way in."""

    def another(self) -> "Session":
        return type(self)(self._database)

    def copy_in(self, place: str, parts: Iterable[bytes], *, purpose: str = "upsert") -> int:
        return super().copy_in(place, map(self.changed, parts), purpose=purpose)

    def changed(self, part: bytes) -> bytes:
        """What is written instead of these rows."""
        return part


@lie(COPIED, SESSIONS)
class LosesTheLastRow(Session):
    """The last row of each part is left out."""

    def changed(self, part: bytes) -> bytes:
        return b"".join(part.splitlines(keepends=True)[:-1])


@lie(COPIED, SESSIONS)
class LosesARowAndCountsIt(LosesTheLastRow):
    """The last row of each part is left out, and counted."""

    def copy_in(self, place: str, parts: Iterable[bytes], *, purpose: str = "upsert") -> int:
        return super().copy_in(place, parts, purpose=purpose) + 1


@lie(COPIED, SESSIONS)
class CountsTwice(Session):
    """Twice as many rows are said to be written."""

    def copy_in(self, place: str, parts: Iterable[bytes], *, purpose: str = "upsert") -> int:
        return 2 * super().copy_in(place, parts, purpose=purpose)


@lie(COPIED, SESSIONS)
class WritesAscii(Session):
    """A letter that ASCII does not have is written as a question mark."""

    def changed(self, part: bytes) -> bytes:
        return part.decode().encode("ascii", "replace")


@lie(COPIED, SESSIONS)
class WritesEmptyForNull(Session):
    """A NULL is written as 0."""

    def changed(self, part: bytes) -> bytes:
        return re.sub(rb"\t\\N$", rb"\t0", part, flags=re.MULTILINE)


@lie(COPIED, SESSIONS)
class TakesTextForNull(Session):
    """A text with a backslash in it is not written as it was."""

    def changed(self, part: bytes) -> bytes:
        return part.replace(rb"\\", rb"\\\\")


@lie(COPIED, SESSIONS)
class LeavesPercentSignsDoubled(Session):
    """A percent sign of the query arrives twice."""

    def copy_out(
        self, sql: str, values: Sequence[object] = (), *, purpose: str = "sql"
    ) -> Generator[bytes, None, None]:
        return super().copy_out(sql.replace("%%", "%%%%"), values, purpose=purpose)


@lie(COPIED, SESSIONS)
class NeverCommits(Session):
    """What a transaction has written is gone at its end."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with suppress(_UndoneError), super().transaction():
            yield
            raise _UndoneError


class _UndoneError(Exception):
    """Ends a transaction without an error."""


@lie(PARTS, SESSIONS)
class HoldsAll(Session):
    """All rows come at once."""

    def copy_out(
        self, sql: str, values: Sequence[object] = (), *, purpose: str = "sql"
    ) -> Generator[bytes, None, None]:
        yield b"".join(super().copy_out(sql, values, purpose=purpose))


@lie(PARTS, SESSIONS)
class StopsAfterTheFirst(Session):
    """The first part is all that comes, twice."""

    def copy_out(
        self, sql: str, values: Sequence[object] = (), *, purpose: str = "sql"
    ) -> Generator[bytes, None, None]:
        first, *_ = super().copy_out(sql, values, purpose=purpose)
        yield first
        yield first


@lie(REFUSED, SESSIONS)
class HidesRefusals(Session):
    """Rows that are refused are said to be written."""

    def copy_in(self, place: str, parts: Iterable[bytes], *, purpose: str = "upsert") -> int:
        rows = list(parts)
        with suppress(RowError):
            return super().copy_in(place, rows, purpose=purpose)
        return b"".join(rows).count(b"\n")


@lie(REFUSED, SESSIONS)
class CallsRefusalsItsOwnFault(Session):
    """A row that is refused is an internal error."""

    def copy_in(self, place: str, parts: Iterable[bytes], *, purpose: str = "upsert") -> int:
        try:
            return super().copy_in(place, parts, purpose=purpose)
        except RowError as err:
            raise InternalError(err.message) from None


@lie(REFUSED, SESSIONS)
class WritesRowByRow(Session):
    """The rows before and behind the one that is refused are kept."""

    def copy_in(self, place: str, parts: Iterable[bytes], *, purpose: str = "upsert") -> int:
        refused: list[RowError] = []
        for line in b"".join(parts).splitlines(keepends=True):
            with _kept(self._database) as apart:
                try:
                    apart.copy_in(place, [line], purpose=purpose)
                except RowError as err:
                    refused.append(err)
        if refused:
            raise refused[0]
        return 1


@contextmanager
def _kept(database: Database) -> Iterator[PgSession]:
    """A session with a transaction of its own, which is committed."""
    apart = PgSession(database)
    with suppress(TableError), apart.transaction():
        yield apart


class _Committing(Session):
    """What was written before an error is committed."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        failed: BaseException | None = None
        with super().transaction():
            try:
                yield
            except BaseException as err:  # noqa: BLE001 - it is raised behind the end
                failed = err
        if failed:
            raise failed


@lie(LEFT, SESSIONS)
class CommitsWhatIsLeft(_Committing):
    """What a transaction has written stays, although it is left by an error."""


@lie(LEFT, SESSIONS)
class HidesErrors(Session):
    """Nobody learns that a transaction was left by an error."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with suppress(LookupError), super().transaction():
            yield


@lie(RAISED, SESSIONS)
class TakesHalfForAll(Session):
    """Where parts end by an error, what came before it is written."""

    def copy_in(self, place: str, parts: Iterable[bytes], *, purpose: str = "upsert") -> int:
        return super().copy_in(place, _until_an_error(parts), purpose=purpose)


def _until_an_error(parts: Iterable[bytes]) -> Iterator[bytes]:
    with suppress(LookupError):
        yield from parts


@lie(RAISED, SESSIONS)
class CommitsHalf(_Committing):
    """Where parts end by an error, it is raised, and what came before it is kept."""

    def copy_in(self, place: str, parts: Iterable[bytes], *, purpose: str = "upsert") -> int:
        came: list[bytes] = []
        try:
            for part in parts:
                came.append(part)  # noqa: PERF402 - those that came before the error stay
        finally:
            written = super().copy_in(place, came, purpose=purpose)
        return written


@lie(AMID, SESSIONS)
class HidesErrorsAmidRows(Session):
    """Where the server fails, what came before is all that there is."""

    def copy_out(
        self, sql: str, values: Sequence[object] = (), *, purpose: str = "sql"
    ) -> Generator[bytes, None, None]:
        with suppress(TableError):
            yield from super().copy_out(sql, values, purpose=purpose)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with suppress(TableError), super().transaction():
            yield


@lie(EARLY, SESSIONS)
class StaysInTheTransaction(Session):
    """Whoever stops early is still in the transaction, whose connection is gone."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        held = None
        try:
            with super().transaction():
                held = self._open
                yield
        finally:
            self._open = held


@lie(STEADY, SESSIONS)
class NeverSteady(Session):
    """A steady transaction is as any other."""

    def steady(self) -> AbstractContextManager[None]:
        return self.transaction()


@lie(STEADY, SESSIONS)
class ReadsElsewhere(Session):
    """Rows are read as they are now, also in a steady transaction."""

    def copy_out(
        self, sql: str, values: Sequence[object] = (), *, purpose: str = "sql"
    ) -> Generator[bytes, None, None]:
        apart = PgSession(self._database)
        with apart.transaction():
            yield from apart.copy_out(sql, values, purpose=purpose)


@lie(STEADY, SESSIONS)
class RemembersAnswers(Session):
    """An answer that was given once is given again."""

    def query(
        self, sql: str, values: Sequence[object] = (), *, purpose: str = "sql"
    ) -> list[tuple[Any, ...]]:
        known: dict[str, list[tuple[Any, ...]]] = self.__dict__.setdefault("known", {})
        if sql not in known:
            known[sql] = super().query(sql, values, purpose=purpose)
        return known[sql]
