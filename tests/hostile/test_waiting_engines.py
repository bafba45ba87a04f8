"""An engine of DuckDB that waits for its file to be opened again holds nothing, and lets nothing in."""

import sys
from contextlib import closing, nullcontext
from pathlib import Path
from subprocess import run

import duckdb
import pytest

from supasync_core.model.errors import SupasyncError
from supasync_core.model.table import Table
from supasync_core.staging.connection import (
    SCRATCH,
    open_to_look,
    open_to_read,
    open_to_write,
    release,
    releasing,
)
from supasync_core.staging.duckdb_tables import Tables

ADD = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('insert into users values (2)')"
PLANTED = "create macro lower(x) as (select content from read_text('/etc/hostname'))"


@pytest.fixture(autouse=True, scope="module")
def macros_unlisted() -> None:
    """Look for macros here: a file of these tests has one."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that was written here and released."""
    made = tmp_path / "own.duckdb"
    with releasing(open_to_write(made)) as connection:
        connection.execute("create table users (id int); insert into users values (1)")
        connection.execute("create temp table mine as select 1 as id")
    return made


def test_the_file_is_whole_and_free_for_others_and_what_they_wrote_is_read(path: Path) -> None:
    assert [each.name for each in path.parent.iterdir()] == ["own.duckdb"], "no log is left"
    run([sys.executable, "-c", ADD, str(path)], check=True)
    for opened in (open_to_read, open_to_look, open_to_write):
        with releasing(opened(path)) as connection:
            assert connection.execute("select id from users order by id").fetchall() == [(1,), (2,)]
            with pytest.raises(duckdb.CatalogException):
                connection.execute("from mine")


def test_another_file_in_its_place_is_looked_through_again(path: Path) -> None:
    path.unlink()
    with duckdb.connect(path) as connection:
        connection.execute(PLANTED)
    for opened in (open_to_read, open_to_look, open_to_write):
        with pytest.raises(SupasyncError, match="replaces one of DuckDB's own"):
            opened(path)


def test_columns_of_the_same_names_and_types_are_looked_through_again(path: Path) -> None:
    table = Table(name="names")
    for collation in ("", " collate nocase"):
        path.unlink()
        with duckdb.connect(path) as connection:
            connection.execute(f"create table names (name varchar{collation})")
        with releasing(open_to_read(path)) as connection:
            for _ in range(2):
                with pytest.raises(SupasyncError, match="nocase") if collation else nullcontext():
                    Tables(connection).existing(table)


def test_it_reads_no_other_file_and_keeps_its_settings(path: Path) -> None:
    other = path.with_name("other.txt")
    other.write_text("content")
    for _ in range(2):
        with releasing(open_to_read(path)) as connection:
            with pytest.raises(duckdb.PermissionException):
                connection.execute(f"from read_text('{other}')")
            with pytest.raises(duckdb.InvalidInputException, match="locked"):
                connection.execute("set enable_external_access = true")
            with pytest.raises(duckdb.Error, match="read-only"):
                connection.execute("insert into users values (3)")
    with releasing(open_to_write(path, loads=True)) as connection:
        assert connection.execute(f"select content from read_text('{other}')").fetchall() == [("content",)]  # noqa: S608


def test_the_file_stays_open_until_its_last_connection_is_released(path: Path) -> None:
    with closing(open_to_write(path)) as one:
        with releasing(open_to_look(path)) as two:
            assert two.execute("from users").fetchall() == [(1,)]
        one.execute("insert into users values (2)")
        with pytest.raises(SupasyncError, match="in use"):
            open_to_read(path)
    with releasing(open_to_read(path)) as three:
        assert three.execute("select count(*) from users").fetchall() == [(2,)]


def test_an_engine_with_tables_of_its_own_ends(path: Path) -> None:
    with releasing(open_to_write(path)) as connection:
        connection.execute(f"create table {SCRATCH}.left_over as select 1 as id")
    with releasing(open_to_write(path)) as connection:
        connection.execute(f"create table {SCRATCH}.left_over as select 2 as id")


def test_what_is_closed_or_failed_is_released_too(path: Path) -> None:
    connection = open_to_write(path)
    connection.close()
    release(connection)
    connection = open_to_write(path)
    connection.execute("begin")
    connection.execute("insert into users values (2)")
    with pytest.raises(duckdb.Error):
        connection.execute("select error('no')")
    release(connection)
    with releasing(open_to_read(path)) as last:
        assert last.execute("from users").fetchall() == [(1,)]


def test_who_joins_an_engine_that_loads_does_not_leave_it_to_one_that_must_not(path: Path) -> None:
    other = path.with_name("other.txt")
    other.write_text("content")
    loading, looking = open_to_write(path, loads=True), open_to_look(path)
    release(loading)
    release(looking)
    with releasing(open_to_read(path)) as connection, pytest.raises(duckdb.PermissionException):
        connection.execute(f"from read_text('{other}')")


def test_what_was_closed_and_not_released_lends_its_rights_to_nobody(path: Path) -> None:
    other = path.with_name("other.txt")
    other.write_text("content")
    closed = open_to_read(path)
    closed.close()
    with releasing(open_to_write(path, loads=True)):
        pass
    with releasing(open_to_read(path)) as connection, pytest.raises(duckdb.PermissionException):
        connection.execute(f"from read_text('{other}')")
