"""What every session promises that copies rows as a stream, as tests."""

# ruff: noqa: S101, D102 - these are tests, though they are shipped: a name says what is tested

from collections.abc import Callable, Generator, Iterator
from contextlib import closing

import pytest

from supasync_core.api.copy_session import CopySession
from supasync_core.model.errors import RowError, TableError

_ROWS = (
    "select n, E'a\\tb\\\\N \\u00fc %% ' || n, nullif(n, 2) from pg_catalog.generate_series(1, %s::integer) n"
)
_FAILING = "select 1 / (40000 - n) from pg_catalog.generate_series(1, %s::integer) n"
_PLACE = "public.copied (id, label, rest)"
_COUNT = "select count(*) from public.copied"


class CopySessionContract:
    """What every `CopySession` promises. ``opened`` opens one that may write.

    Its database has an empty table ``public.copied (id integer primary key, label text, rest integer)``.
    """

    @pytest.fixture
    def opened(self) -> Callable[[], CopySession]:
        raise NotImplementedError

    @pytest.fixture
    def session(self, opened: Callable[[], CopySession]) -> Generator[CopySession, None, None]:
        """The session that writes."""
        with closing(opened()) as made:
            yield made

    def test_rows_arrive_as_they_were_and_are_counted(self, session: CopySession) -> None:
        """Whatever a text has in it, and a NULL as one."""
        _copied(session, 3)
        rows = session.query("select id, label, rest from public.copied order by id")
        assert rows == [(n, f"a\tb\\N ü % {n}", None if n == 2 else n) for n in (1, 2, 3)]  # noqa: PLR2004 - the NULL

    def test_many_rows_come_in_parts(self, session: CopySession) -> None:
        """Memory holds a part at a time."""
        with session.transaction():
            parts = list(session.copy_out(_ROWS, [50_000]))
        assert len(parts) > 1
        assert b"".join(parts).count(b"\n") == 50_000  # noqa: PLR2004 - as many were asked for

    def test_of_rows_that_are_refused_nothing_stays(self, session: CopySession) -> None:
        """A row that is there already is an error of rows."""
        _copied(session, 1)
        with pytest.raises(RowError):
            _copied(session, 3)
        assert session.query(_COUNT) == [(1,)]

    def test_of_a_transaction_that_is_left_nothing_stays(self, session: CopySession) -> None:
        """Who finds that rows did not arrive as they were raises an error, and none of them is kept."""

        def left() -> None:
            with (
                closing(session.another()) as source,
                session.transaction(),
                source.transaction(),
                closing(source.copy_out(_ROWS, [3])) as parts,
            ):
                session.copy_in(_PLACE, parts)
                assert session.query(_COUNT) == [(3,)]
                raise LookupError

        with pytest.raises(LookupError):
            left()
        assert session.query(_COUNT) == [(0,)]

    def test_what_parts_raise_is_raised_and_nothing_stays(self, session: CopySession) -> None:
        """Half of the rows are not taken for all of them."""

        def parts() -> Iterator[bytes]:
            yield b"1\ta\t1\n"
            raise LookupError

        def copied() -> None:
            with session.transaction():
                session.copy_in(_PLACE, parts())

        with pytest.raises(LookupError):
            copied()
        assert session.query(_COUNT) == [(0,)]

    def test_an_error_amid_the_rows_is_raised(self, session: CopySession) -> None:
        """The rows before it are not taken for all of them."""

        def read() -> None:
            with session.transaction(), closing(session.copy_out(_FAILING, [50_000])) as parts:
                assert b"".join(parts).count(b"\n")

        with pytest.raises(TableError):
            read()
        assert session.query("select 1") == [(1,)]

    def test_whoever_stops_early_may_ask_again(self, session: CopySession) -> None:
        """The transaction is over; the next one is as any other."""

        def stopped() -> None:
            with session.transaction(), closing(session.copy_out(_ROWS, [200_000])) as parts:
                next(parts)
                raise LookupError

        with pytest.raises(LookupError):
            stopped()
        assert session.query("select 1") == [(1,)]

    def test_a_steady_transaction_sees_the_database_as_it_was(self, session: CopySession) -> None:
        """Also what another session has written meanwhile."""
        with session.steady():
            assert session.query(_COUNT) == [(0,)]
            with closing(session.another()) as other:
                _copied(other, 2)
            assert session.query(_COUNT) == [(0,)]
            with closing(session.copy_out("select id from public.copied")) as parts:
                assert not b"".join(parts)
        assert session.query(_COUNT) == [(2,)]


def _copied(session: CopySession, rows: int) -> None:
    with (
        closing(session.another()) as source,
        session.transaction(),
        source.transaction(),
        closing(source.copy_out(_ROWS, [rows])) as parts,
    ):
        assert session.copy_in(_PLACE, parts) == rows
