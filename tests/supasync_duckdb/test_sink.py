"""The sink `duckdb`: creates what is missing, keeps files private, refuses what it cannot hold."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from threading import Thread

import duckdb
import pytest

from supasync_core.api.backend import missing_columns
from supasync_core.model.batch import Batch, Keyset, Span, Window
from supasync_core.model.errors import LockedError, RowError, SchemaError, StateError
from supasync_core.model.table import Column, Shape, Table
from supasync_core.staging.connection import open_to_write
from supasync_duckdb.sink import DuckdbSink
from supasync_duckdb.source import DuckdbSource
from supasync_duckdb.store import DuckdbStore

TABLE = Table(name="jobs", timestamp=())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that does not exist yet, in a folder that does not."""
    return tmp_path / "staging" / "new.duckdb"


def _upsert(path: Path, body: bytes, table: Table = TABLE) -> int:
    with closing(DuckdbSink(path)) as sink:
        return sink.upsert(table, Batch(body))


def _rows(path: Path) -> list[dict[str, object]]:
    with closing(DuckdbSource(path)) as source:
        return [dict(row) for row in source.read(TABLE, Window((Span(Keyset(None)),), 100)).rows]


def test_asking_creates_no_file(path: Path) -> None:
    """A table that is not there yet lacks nothing: the first batch creates it."""
    with closing(DuckdbSink(path)) as sink:
        assert sink.shape(TABLE).known is False
        assert missing_columns(sink, TABLE, ["anything"]) == []
        assert sink.count(TABLE) == 0
    assert not path.exists()


def test_files_are_for_their_owner_alone(path: Path) -> None:
    """The write-ahead log too, which DuckDB creates again after each checkpoint."""
    with closing(DuckdbSink(path)) as sink:
        for number in range(2):
            sink.upsert(TABLE, Batch(b'[{"id":%d}]' % number))
            sink.flush()
            modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
            assert "new.duckdb.wal" in modes
            assert set(modes.values()) == {0o600}
            with closing(open_to_write(path)) as connection:
                connection.execute("CHECKPOINT")


def test_a_table_of_its_own_grows_with_the_batches(path: Path) -> None:
    """Older rows have NULL there."""
    _upsert(path, b'[{"id":1}]')
    _upsert(path, b'[{"id":2,"colour":"red"}]')
    assert _rows(path) == [{"id": "1", "colour": None}, {"id": "2", "colour": "red"}]


def test_rows_of_a_batch_may_have_different_columns(path: Path) -> None:
    """What a row leaves out is NULL, as PostgREST has it."""
    _upsert(path, b'[{"id":1},{"id":2,"colour":"red"}]')
    assert _rows(path) == [{"id": "1", "colour": None}, {"id": "2", "colour": "red"}]


def test_a_typed_table_does_not_grow(path: Path) -> None:
    """The missing column is named, nothing is written."""
    path.parent.mkdir()
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE jobs (id BIGINT)")
    with closing(DuckdbSink(path)) as sink:
        assert missing_columns(sink, TABLE, ["id", "colour"]) == ["colour"]
        with pytest.raises(SchemaError, match="colour"):
            sink.upsert(TABLE, Batch(b'[{"id":1,"colour":"red"}]'))
        assert sink.count(TABLE) == 0


def test_types_are_told_only_where_they_mean_something(path: Path) -> None:
    """A table of raw cells does not know what they were."""
    _upsert(path, b'[{"id":1}]')
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE typed (id BIGINT, doc JSON)")
    with closing(DuckdbSink(path)) as sink:
        assert [column.type for column in sink.shape(TABLE).columns] == [None]
        assert [column.type for column in sink.shape(Table(name="typed")).columns] == ["BIGINT", "JSON"]


def test_a_key_is_the_same_as_number_and_as_text(path: Path) -> None:
    """Rows from a CSV file replace rows from a project."""
    _upsert(path, b'[{"id":1,"from":"rest"}]')
    _upsert(path, b'[{"id":"1","from":"csv"}]')
    assert _rows(path) == [{"id": "1", "from": "csv"}]


def test_a_constraint_refuses_all_rows_and_shows_none(path: Path) -> None:
    """DuckDB's own message would print the values."""
    path.parent.mkdir()
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE jobs (id BIGINT PRIMARY KEY, secret VARCHAR UNIQUE)")
    with pytest.raises(RowError) as refused:
        _upsert(path, b'[{"id":1,"secret":"hush"},{"id":2,"secret":"hush"}]')
    assert "hush" not in str(refused.value)
    assert _rows(path) == []


def test_an_indexed_row_is_updated(path: Path) -> None:
    """Again and again, in all of its columns."""
    path.parent.mkdir()
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE jobs (id BIGINT PRIMARY KEY, n BIGINT UNIQUE, tags VARCHAR[])")
    with closing(DuckdbSink(path)) as sink:
        for n in (b"1", b"2", b"1"):
            sink.upsert(TABLE, Batch(b'[{"id":1,"n":' + n + b',"tags":["x"]}]'))
        assert sink.count(TABLE) == 1


@pytest.mark.parametrize("body", [b'[{"id":1,"Name":"a","name":"b"}]', b'[{"id":1,"ID":2}]'])
def test_columns_that_differ_by_case_alone_are_refused(path: Path, body: bytes) -> None:
    """DuckDB cannot tell them apart."""
    with pytest.raises(SchemaError, match="apart"):
        _upsert(path, body)


def test_tables_that_differ_by_case_alone_are_refused(path: Path) -> None:
    """Their rows would be mixed."""
    _upsert(path, b'[{"id":1}]')
    with pytest.raises(SchemaError, match="apart"):
        _upsert(path, b'[{"id":1}]', Table(name="Jobs"))


def test_odd_names_are_quoted(path: Path) -> None:
    """Keywords, quotes and blanks."""
    table = Table(name='or"der by', key=("select ' \" x",), timestamp=())
    body = b'[{"select \' \\" x":1,"from":2}]'
    with closing(DuckdbSink(path)) as sink:
        assert [sink.upsert(table, Batch(body)) for _ in range(2)] == [1, 1]
        assert sink.count(table) == 1
    with closing(DuckdbSource(path)) as source:
        assert source.read(table, Window((Span(Keyset(None)),), 5)).rows == [
            {"select ' \" x": "1", "from": "2"}
        ]


def test_sink_and_store_share_a_file(path: Path) -> None:
    """Sinks and stores of one process see each other's work, in several threads."""
    with closing(DuckdbSink(path)) as sink, closing(DuckdbStore(path)) as store:
        sink.upsert(TABLE, Batch(b'[{"id":1}]'))
        writer = Thread(target=sink.upsert, args=(TABLE, Batch(b'[{"id":2}]')))
        writer.start()
        assert store.past(1).records == ()
        writer.join()
        assert sink.count(TABLE) == 2


def test_another_process_is_refused(path: Path) -> None:
    """By a sentence."""
    _upsert(path, b'[{"id":1}]')
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(LockedError, match="in use"):
            _upsert(path, b'[{"id":2}]')
        with pytest.raises(LockedError, match="in use"):
            DuckdbSource(path)
        with pytest.raises(LockedError, match="in use"):
            DuckdbStore(path).past(1)


@pytest.mark.parametrize("content", [b"", b"id,name\n1,x\n", b"\0" * 20_000])
def test_a_file_that_is_no_duckdb_file_is_left_alone(path: Path, content: bytes) -> None:
    """It is named, and never written over."""
    path.parent.mkdir()
    path.write_bytes(content)
    for attempt in (lambda: _upsert(path, b'[{"id":1}]'), lambda: DuckdbSource(path)):
        with pytest.raises(StateError, match=r"new\.duckdb"):
            attempt()
    assert path.read_bytes() == content


def test_a_damaged_file_is_left_alone(path: Path) -> None:
    """A single byte is enough to know."""
    _upsert(path, b'[{"id":1}]')
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(StateError, match=r"new\.duckdb"):
        _rows(path)
    assert path.read_bytes() == damaged


def test_a_folder_without_rights_is_a_sentence(tmp_path: Path) -> None:
    """And no traceback."""
    blocker = tmp_path / "file"
    blocker.touch()
    with pytest.raises(StateError, match="file"):
        _upsert(blocker / "new.duckdb", b'[{"id":1}]')


def test_importing_the_package_does_not_load_duckdb() -> None:
    """The command line starts at once."""
    code = "import sys, supasync_duckdb, supasync_csv; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, env=os.environ).returncode == 0


def test_texts_of_a_source_without_types_stay_texts(path: Path) -> None:
    """NULL and the empty text are two values; objects stay JSON."""
    with closing(DuckdbSink(path)) as sink:
        sink.informed(TABLE, Shape((Column("id"), Column("a"), Column("doc")), texts=True))
        sink.upsert(TABLE, Batch(b'[{"id":"1","a":"two","doc":{"x":1}},{"id":"2","a":"","doc":null}]'))
        sink.upsert(TABLE, Batch(b'[{"id":"3","a":null,"doc":null}]'))
    with duckdb.connect(str(path), read_only=True) as connection:
        kinds = connection.execute("SELECT DISTINCT typeof(id), typeof(a), typeof(doc) FROM jobs").fetchall()
        rows = connection.execute("SELECT id, a FROM jobs ORDER BY id").fetchall()
    assert kinds == [("VARCHAR", "VARCHAR", "JSON")]
    assert rows == [("1", "two"), ("2", ""), ("3", None)]


def test_a_key_in_another_spelling_updates_its_row(path: Path) -> None:
    with closing(DuckdbSink(path)) as sink:
        sink.informed(TABLE, Shape((Column("id", type="timestamp with time zone"), Column("v", type="text"))))
        for spelt, value in (("2024-05-05T10:00:00+00:00", "a"), ("2024-05-05 12:00:00+02", "b")):
            sink.upsert(TABLE, Batch(f'[{{"id":"{spelt}","v":"{value}"}}]'.encode()))
        assert sink.count(TABLE) == 1
        assert sink.delete(TABLE, [("2024-05-05T10:00:00Z",)]) == 1
