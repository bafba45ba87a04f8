r"""What the sink `csv` writes, ``\copy ... from`` reads value by value, and so does the source."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from supasync_core.model.batch import Batch, Keyset, Span, Window
from supasync_core.model.table import Column, Shape, Table
from supasync_csv.sink import CsvSink
from supasync_csv.source import CsvSource
from tests.servers.postgres import Cluster

TABLE = Table(name="odd", key=("id",), timestamp=())
TYPES = {
    "id": "bigint",
    "t": "text",
    "n": "numeric",
    "b": "boolean",
    "r": "bytea",
    "d": "json",
    "db": "jsonb",
    "ta": "text[]",
    "ia": "integer[]",
    "na": "numeric[]",
    "fa": "double precision[]",
    "ba": "boolean[]",
    "ra": "bytea[]",
    "tsa": "timestamp with time zone[]",
    "boxes": "box[]",
    "ja": "jsonb[]",
}
SHAPE = Shape(tuple(Column(name, kind) for name, kind in TYPES.items()))
MAKE = "create table odd (" + ", ".join(f"{name} {kind}" for name, kind in TYPES.items()) + ")"

TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8
) | st.sampled_from(["", "null", "NULL", "{}", '"', "\\", "a,b", " ", "\r\n", "\\.", "\\N", ";", "=1+1"])
NUMBER = st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str)
SCALAR = st.none() | st.booleans() | st.integers() | TEXT
DOCUMENT = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=2)
)


def _document(value: Any) -> str:
    """A single string with PostgreSQL's own escapes, which it gets anyway (docs/explanation/values.md)."""
    return json.dumps(value, ensure_ascii=not isinstance(value, str))


ROW: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "t": st.none() | TEXT,
        "n": st.none() | NUMBER,
        "b": st.none() | st.booleans(),
        "r": st.none() | st.binary(max_size=5),
        "d": st.none() | DOCUMENT.filter(lambda value: value is not None).map(_document),
        "db": st.none() | DOCUMENT.filter(lambda value: value is not None).map(json.dumps),
        "ta": st.none() | st.lists(st.none() | TEXT, max_size=4) | st.just([["a", None], ["{", '"\\']]),
        "ia": st.none() | st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), max_size=4),
        "na": st.none() | st.lists(st.none() | NUMBER | st.just("NaN"), max_size=4),
        "fa": st.none() | st.lists(st.none() | st.floats(), max_size=4),
        "ba": st.none() | st.lists(st.none() | st.booleans(), max_size=4),
        "ra": st.none() | st.lists(st.none() | st.binary(max_size=4), max_size=3),
        "tsa": st.none() | st.just(["2024-02-29 23:59:59.123456+05", None, "infinity"]),
        "boxes": st.none() | st.just("{(1,2),(0,0);NULL}"),
        "ja": st.none() | st.lists(st.dictionaries(TEXT, SCALAR, max_size=2).map(json.dumps), max_size=3),
    }
)


@pytest.fixture(scope="module")
def connection(cluster: Cluster) -> Iterator[psycopg.Connection]:
    name = f"csv_{uuid4().hex[:8]}"
    cluster.create(name, MAKE)
    with psycopg.connect(cluster.url(name), autocommit=True) as opened:
        yield opened
    cluster.drop(name)


def _texts(connection: psycopg.Connection) -> list[tuple[str]]:
    """Every row as PostgreSQL prints it."""
    return connection.execute("select x::text from odd as x order by id").fetchall()


def _copy(connection: psycopg.Connection, path: Path) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, path.read_text().split("\n", 1)[0].split(",")))
    statement = sql.SQL("copy odd ({}) from stdin with (format csv, header)").format(names)
    connection.execute("truncate odd")
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(path.read_bytes())


def _insert(connection: psycopg.Connection, row: dict[str, Any], number: int) -> None:
    values = [sql.SQL("%s::{}").format(sql.SQL(TYPES[name])) for name in row]
    query = sql.SQL("insert into odd (id, {}) values ({}, {})").format(
        sql.SQL(", ").join(map(sql.Identifier, row)), number, sql.SQL(", ").join(values)
    )
    connection.execute(query, list(row.values()))


@settings(max_examples=15, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=4))
def test_copy_reads_what_was_written(connection: psycopg.Connection, rows: list[dict[str, Any]]) -> None:
    """Rows as PostgREST prints them, through the sink's file into PostgreSQL, and through the source too."""
    connection.execute("truncate odd")
    for number, row in enumerate(rows):
        _insert(connection, row, number)
    before = _texts(connection)
    body = str(connection.execute("select json_agg(x order by id)::text from odd as x").fetchall()[0][0])
    with TemporaryDirectory() as folder:
        with closing(CsvSink(Path(folder))) as sink:
            sink.typed(TABLE, SHAPE)
            sink.upsert(TABLE, Batch(body.encode()))
        _copy(connection, Path(folder) / "odd.csv")
        assert _texts(connection) == before
        with closing(CsvSource(Path(folder))) as source:
            source.typed(TABLE, SHAPE)
            batch = source.read(TABLE, Window((Span(Keyset(None)),), 1000))
    connection.execute("truncate odd")
    connection.execute(
        "insert into odd select * from json_populate_recordset(null::odd, %s)", [batch.body.decode()]
    )
    assert _texts(connection) == before


def test_a_table_without_rows_is_a_file_with_a_header(connection: psycopg.Connection, tmp_path: Path) -> None:
    """Which COPY and the source read; what tables.yaml leaves out is not in there."""
    with closing(CsvSink(tmp_path)) as sink:
        sink.typed(TABLE, SHAPE)
        assert sink.count(TABLE) == 0
    assert (tmp_path / "odd.csv").read_text() == ",".join(TYPES) + "\n"
    assert (tmp_path / "odd.csv").stat().st_mode & 0o777 == 0o600
    _copy(connection, tmp_path / "odd.csv")
    assert _texts(connection) == []
    with closing(CsvSource(tmp_path)) as source:
        assert source.count(TABLE) == 0


@pytest.mark.parametrize(("kind", "text"), [("jsonb", "[[1], [2]]"), ("public.pair", '[{"a" : 1}]')])
def test_an_array_that_json_does_not_tell_stays_json(tmp_path: Path, kind: str, text: str) -> None:
    """PostgreSQL refuses it: nothing is guessed in silence."""
    with closing(CsvSink(tmp_path)) as sink:
        sink.typed(TABLE, Shape((Column("id", "bigint"), Column("a", f"{kind}[]"))))
        sink.upsert(TABLE, Batch(f'[{{"id": 1, "a": {text}}}]'.encode()))
    assert (tmp_path / "odd.csv").read_text().splitlines()[1].startswith('1,"[' if '"' in text else "1,")
    assert "{{" not in (tmp_path / "odd.csv").read_text()
