"""A window as SQL holds the rows that its definition says, in every parameter style and in its order."""

# ruff: noqa: S608 - fixed names

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import get_args

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supasync_core.api.sql_window import Parameters, SqlWindow, Style, quoted
from supasync_core.api.whole_tables import TableRows
from supasync_core.model.batch import Batch, Cursor, Keyset, Span, Window
from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Table
from supasync_sqlite.backend import SqliteSink, SqliteSource

TABLE = Table(name='ta"b%le', key=("a%", "b"), timestamp=("at", "made"), where="1 = 1 -- %")
NUMBERS = st.integers(0, 4)
PLACES = st.builds(
    Cursor,
    st.none() | NUMBERS.map(str),
    st.tuples(NUMBERS.map(str), NUMBERS.map(str)),
)
KEYSETS = (Keyset("at"), Keyset("made", ("at",)), Keyset(None, ("at", "made")), Keyset(None))
SPANS = st.builds(
    Span,
    st.sampled_from(KEYSETS),
    start=st.none() | NUMBERS.map(str),
    after=st.none() | PLACES,
    until=st.none() | NUMBERS.map(str),
    beyond=st.none() | NUMBERS.map(str),
    to=st.none() | st.tuples(NUMBERS.map(str), NUMBERS.map(str)),
)
WINDOWS = st.builds(
    Window, st.lists(SPANS, min_size=1, max_size=3).map(tuple), st.integers(1, 8), counted=st.just(value=True)
)
ROWS = st.dictionaries(
    st.tuples(NUMBERS, NUMBERS), st.tuples(st.none() | NUMBERS, st.none() | NUMBERS), max_size=12
)


def expected(
    rows: dict[tuple[int, int], tuple[int | None, int | None]], window: Window
) -> tuple[object, int]:
    """The keys of the page and the number of rows, by the other implementation of windows."""
    objects = [{"a%": a, "b": b, "at": at, "made": made} for (a, b), (at, made) in rows.items()]
    page = TableRows(TABLE, Batch(json.dumps(objects).encode())).page(window)
    return TABLE.keys(page), page.total or 0


class Numbers(SqlWindow):
    """The columns are numbers, and a bound is one."""

    def bound(self, name: str, text: str) -> str:
        return self.parameters.bind(int(text))

    plain_bound = bound


@pytest.fixture(scope="module")
def sqlite() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as opened:
        yield opened


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


@pytest.mark.slow
@given(rows=ROWS, window=WINDOWS, style=st.sampled_from(["qmark", "named", "dollar"]))
@settings(max_examples=200)
def test_a_page_is_the_one_that_the_window_means(
    sqlite: sqlite3.Connection,
    duck: duckdb.DuckDBPyConnection,
    rows: dict[tuple[int, int], tuple[int | None, int | None]],
    window: Window,
    style: Style,
) -> None:
    connection = duck if style == "dollar" else sqlite
    name = quoted(TABLE.name)
    connection.execute(f'CREATE TEMP TABLE IF NOT EXISTS {name} ("a%" int, b int, "at" int, made int)')
    connection.execute(f"DELETE FROM {name}")
    for key, values in rows.items():
        connection.execute(f"INSERT INTO {name} VALUES (?, ?, ?, ?)", [*key, *values])
    sql = Numbers(TABLE, Parameters(style))
    query = f'SELECT "a%", b, count(*) OVER () FROM {name} {sql.page(window)}'
    found = connection.execute(query, sql.parameters.values).fetchall()
    keys = [(str(a), str(b)) for a, b, _ in found]
    assert (keys, found[0][-1] if found else 0) == expected(rows, window)


@pytest.mark.parametrize("style", get_args(Style))
def test_every_mark_stands_for_one_value_in_the_order_of_the_text(style: Style) -> None:
    """As PEP 249 has it: by place, by number, or by name."""
    place = Cursor("5", ("1", "2"))
    sql = Numbers(TABLE, Parameters(style))
    text = sql.page(Window((Span(Keyset("at"), start="3", after=place, to=("8", "9")),), 7))
    values = sql.parameters.values
    listed = list(values.values()) if isinstance(values, dict) else list(values)
    assert listed == [3, 5, 5, 5, 1, 1, 1, 2, 8, 8, 8, 9]
    marks = {
        "qmark": ["?"] * 12,
        "format": ["%s"] * 12,
        "numeric": [f":{i}" for i in range(1, 13)],
        "named": [f":p{i}" for i in range(12)],
        "pyformat": [f"%(p{i})s" for i in range(12)],
        "dollar": [f"$p{i}" for i in range(12)],
    }[style]
    at = 0
    for mark in marks:
        at = text.index(mark, at) + len(mark)
    if style in ("format", "pyformat"):
        assert text % (tuple(marks) if style == "format" else dict.fromkeys(values, "v"))
        assert '"a%%"' in text


def test_a_style_that_is_not_known_is_named() -> None:
    with pytest.raises(ValueError, match="quark is not a parameter style; known styles: qmark"):
        Parameters("quark")  # type: ignore[arg-type]


@given(st.text(max_size=20))
def test_a_name_is_quoted_so_that_it_is_only_a_name(name: str) -> None:
    if "\0" in name:
        with pytest.raises(SchemaError, match="NUL"):
            quoted(name)
        return
    for mark in '"`':
        text = quoted(name, mark)
        assert text[0] == text[-1] == mark
        assert text[1:-1].replace(mark * 2, "").count(mark) == 0
        assert text[1:-1].replace(mark * 2, mark) == name


VALUES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text() | st.lists(st.integers())


@given(cells=st.lists(VALUES.map(json.dumps), min_size=1, max_size=5), key=st.text(min_size=1))
@settings(max_examples=60)
def test_every_cell_comes_back_from_sqlite_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, cells: Sequence[str], key: str
) -> None:
    path: Path = tmp_path_factory.mktemp("cells") / "new.sqlite"
    table = Table(name='a"b', key=("id",), timestamp=())
    body = ",".join(f'"c{i}":{cell}' for i, cell in enumerate(cells))
    text = f'{{"id":{json.dumps(key)},{body}}}'
    with closing(SqliteSink(path)) as sink:
        assert sink.upsert(table, Batch(f"[{text}]".encode())) == 1
    with closing(SqliteSource(path)) as source:
        page = source.read(table, Window((Span(Keyset(None)),), 5))
        assert next(source.rows(table, ["id"], [[key]])).count == 1
    (found,) = page.rows.texts
    assert json.loads(found) == json.loads(text)
    assert found.endswith(f",{body}}}")
