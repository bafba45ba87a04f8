"""The source `duckdb`: reads what is there, creates nothing, loses no row."""

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from supasync_core.model.batch import Cursor, Keyset, Span, Window
from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Table
from supasync_duckdb.source import DuckdbSource

TABLE = Table(name="jobs")
WHOLE = Window((Span(Keyset(None)),), 100)
UPDATED = Window((Span(Keyset("updated_at")),), 100)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with the table jobs, whose columns a person declared."""
    path = tmp_path / "old.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(
            "CREATE TABLE jobs (id VARCHAR, updated_at VARCHAR, state VARCHAR);"
            "INSERT INTO jobs VALUES ('a', '2024-05-01 12:00:00+00', 'done'), ('b', NULL, 'new')"
        )
    return path


def test_a_missing_file_is_named_and_not_created(tmp_path: Path) -> None:
    """A wrong path must not look like an empty project."""
    path = tmp_path / "nowhere.duckdb"
    with pytest.raises(SchemaError, match=r"nowhere\.duckdb"):
        DuckdbSource(path)
    assert not path.exists()


def test_where_leaves_rows_out(path: Path) -> None:
    """It is SQL, for pages and counts alike."""
    with closing(DuckdbSource(path)) as source:
        table = replace(TABLE, where="state = 'x' OR state = 'done'")
        assert [row["id"] for row in source.read(table, WHOLE).rows] == ["a"]
        assert (source.count(table), source.count(table, UPDATED)) == (1, 1)


def test_a_wrong_where_is_a_schema_error(path: Path) -> None:
    """The message says where to look."""
    with closing(DuckdbSource(path)) as source, pytest.raises(SchemaError) as refused:
        source.read(replace(TABLE, where="colour = 1"), WHOLE)
    assert "colour" in str(refused.value)
    assert "where:" in str(refused.value.hint)


def test_a_text_that_is_no_timestamp_is_refused(path: Path) -> None:
    """Its row would have no place in the order and be lost."""
    with duckdb.connect(path) as connection:
        connection.execute("INSERT INTO jobs VALUES ('c', 'soon', 'new')")
    with (
        closing(DuckdbSource(path)) as source,
        pytest.raises(SchemaError, match=r"1 row of which updated_at is not a timestamp"),
    ):
        source.read(TABLE, UPDATED)


def test_a_missing_column_is_a_schema_error(path: Path) -> None:
    """The key, a timestamp, or a column that tables.yaml names."""
    missing = {
        replace(TABLE, key=("no",)): WHOLE,
        replace(TABLE, columns=("no",)): WHOLE,
        TABLE: Window((Span(Keyset("no")),), 5),
    }
    with closing(DuckdbSource(path)) as source:
        for table, window in missing.items():
            with pytest.raises(SchemaError, match="no such column: no"):
                source.read(table, window)


def test_named_columns_alone_are_read(path: Path) -> None:
    """In the table's order."""
    with closing(DuckdbSource(path)) as source:
        assert source.read(replace(TABLE, columns=("state", "id")), WHOLE).columns == ("id", "state")


def test_a_bound_that_is_no_timestamp_is_refused(path: Path) -> None:
    """A damaged cursor is not guessed at."""
    with closing(DuckdbSource(path)) as source, pytest.raises(SchemaError, match="timestamp"):
        source.read(TABLE, Window((Span(Keyset("updated_at"), start="soon"),), 5))


@pytest.mark.parametrize(
    "kind", ["BIGINT", "DOUBLE", "DECIMAL(5, 2)", "VARCHAR", "UUID", "BLOB", "DATE", "JSON"]
)
def test_keys_of_any_type_page(tmp_path: Path, kind: str) -> None:
    """Ordered and compared in their own type."""
    keys = {
        "UUID": [f"{n:08x}-0000-4000-8000-000000000000" for n in (9, 10, 11)],
        "BLOB": [r"\x09", r"\x0A", r"\xFF"],
        "DATE": ["0044-03-15 (BC)", "2024-05-01", "2024-05-02"],
    }.get(kind, ["9", "10", "11"])
    with duckdb.connect(tmp_path / "old.duckdb") as connection:
        connection.execute(f"CREATE TABLE jobs (id {kind}, n INTEGER)")
        connection.executemany("INSERT INTO jobs VALUES ($1, $2)", [[key, n] for n, key in enumerate(keys)])
    with closing(DuckdbSource(tmp_path / "old.duckdb")) as source:
        table, span, seen = replace(TABLE, timestamp=()), Span(Keyset(None)), []
        while (batch := source.read(table, Window((span,), 1))).count:
            seen += [row["n"] for row in batch.rows]
            span = replace(span, after=table.place(batch.rows[-1], None))
    assert sorted(seen) == ["0", "1", "2"]


def test_an_integer_gives_an_order_too(tmp_path: Path) -> None:
    """Bounds are compared in the column's type."""
    with duckdb.connect(tmp_path / "old.duckdb") as connection:
        connection.execute("CREATE TABLE jobs AS SELECT range AS id, 100 - range AS seq FROM range(20)")
    with closing(DuckdbSource(tmp_path / "old.duckdb")) as source:
        span = Span(Keyset("seq"), after=Cursor("97", ("3",)))
        rows = source.read(replace(TABLE, timestamp=("seq",)), Window((span,), 5)).rows
    assert [row["seq"] for row in rows] == ["98", "99", "100"]


def test_a_page_is_read_at_the_local_time(path: Path) -> None:
    """None before the first one."""
    with closing(DuckdbSource(path)) as source:
        assert source.now() is None
        before = time.time()
        read_at = source.read(TABLE, WHOLE).read_at
        assert read_at is not None
        assert source.now() == read_at.at
    assert before <= read_at.at / 1_000_000 <= time.time()


def test_two_sources_read_one_file(path: Path) -> None:
    """In this process or another."""
    with closing(DuckdbSource(path)) as one, closing(DuckdbSource(path)) as two:
        assert one.count(TABLE) == two.count(TABLE) == 2


def test_a_table_of_another_schema_is_found_there(path: Path) -> None:
    """PostgreSQL's public is DuckDB's main."""
    with duckdb.connect(path) as connection:
        connection.execute("CREATE SCHEMA app; CREATE TABLE app.jobs AS SELECT 7 AS id")
    with closing(DuckdbSource(path)) as source:
        table = Table(name="jobs", schema="app", timestamp=())
        assert source.read(table, WHOLE).rows == [{"id": "7"}]


def test_untyped_whole_numbers_are_ordered_as_numbers(path: Path) -> None:
    """A file that a sink made holds JSON alone, and ``append`` reads it by its key."""
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE log (id JSON, line JSON)")
        connection.execute(
            "INSERT INTO log VALUES ('10', '1'), ('9', '1'), ('-1', '1'), ('9007199254740993', '1')"
        )
    by_id = Window((Span(Keyset("id"), beyond="-1"),), 100)
    with closing(DuckdbSource(path)) as source:
        assert [row["id"] for row in source.read(Table(name="log"), by_id).rows] == [
            "9",
            "10",
            "9007199254740993",
        ]


def test_a_key_that_is_no_whole_number_is_refused_where_rows_are_read_by_it(path: Path) -> None:
    """A cast would round it."""
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE log (id JSON); INSERT INTO log VALUES ('1.5')")
    with (
        closing(DuckdbSource(path)) as source,
        pytest.raises(SchemaError, match="1 row of which id is not a whole"),
    ):
        source.read(Table(name="log"), Window((Span(Keyset("id")),), 100))


def test_null_in_the_key_is_refused_unless_where_leaves_it_out(path: Path) -> None:
    """No page that continues after a key would hold such a row."""
    with duckdb.connect(path) as connection:
        connection.execute("INSERT INTO jobs VALUES (NULL, NULL, 'lost')")
    with closing(DuckdbSource(path)) as source:
        with pytest.raises(SchemaError, match=r"1 row has NULL in the key \(id\)"):
            source.read(TABLE, WHOLE)
        assert source.read(replace(TABLE, where="id IS NOT NULL"), WHOLE).count == 2


def test_where_leaves_out_what_is_no_timestamp(path: Path) -> None:
    """As the message says that it does."""
    with duckdb.connect(path) as connection:
        connection.execute("INSERT INTO jobs VALUES ('c', 'soon', 'new')")
    with closing(DuckdbSource(path)) as source:
        assert source.read(replace(TABLE, where="updated_at <> 'soon'"), UPDATED).count == 1
