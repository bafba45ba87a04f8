"""Values of every DuckDB type leave as the JSON that PostgreSQL prints, and come back unchanged."""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Keyset, Span, Window
from supasync_core.model.errors import RowError
from supasync_core.model.table import Table
from supasync_duckdb.sink import DuckdbSink
from supasync_duckdb.source import DuckdbSource
from tests.examples import few

TABLE = Table(name="values", timestamp=())
SCALARS = (
    st.text(st.characters(exclude_categories=["Cs"])).map(json.dumps)
    | st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: json.dumps(text, ensure_ascii=False))
    | st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
    | st.sampled_from(["true", "false"])
)
SPACE = st.sampled_from(["", " ", "\n  "])
CELLS = st.recursive(
    SCALARS | st.just("null"),
    lambda inner: (
        st.builds(lambda items, gap: "[" + f",{gap}".join(items) + "]", st.lists(inner), SPACE)
        | st.builds(
            lambda items, gap: "{" + f"{gap},".join(f'"a":{gap}{item}' for item in items) + "}",
            st.lists(inner),
            SPACE,
        )
    ),
    max_leaves=6,
)


def _rows(source: DuckdbSource, table: Table = TABLE) -> list[dict[str, str]]:
    batch = source.read(table, Window((Span(Keyset(None)),), 1000))
    return [raw_json.cells(text) for text in raw_json.split(batch.body)]


def _all(path: Path) -> list[dict[str, str]]:
    with closing(DuckdbSource(path)) as source:
        return _rows(source)


def _upsert(path: Path, body: str) -> int:
    with closing(DuckdbSink(path)) as sink:
        return sink.upsert(TABLE, Batch(body.encode()))


@pytest.mark.slow
@few(12)
@given(
    cells=st.lists(CELLS, min_size=1, max_size=20), name=st.sampled_from(["plain", 'with "quotes"', "ä'ö"])
)
def test_json_cells_come_back_byte_for_byte(cells: list[str], name: str) -> None:
    """Whatever JSON a server printed, in whatever spelling."""
    rows = ",\n".join(f'{{"id":{n}, {json.dumps(name)}: {cell}}}' for n, cell in enumerate(cells))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "values.duckdb"
        _upsert(path, f"[{rows}]")
        assert {row["id"]: row[name] for row in _all(path)} == {str(n): cell for n, cell in enumerate(cells)}


TYPED = [
    ("1.50::DECIMAL(10, 2)", "1.50"),
    ("-0.5::DECIMAL(1, 1)", "-0.5"),
    ("170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727"),
    ("repeat('9', 60)::BIGNUM", "9" * 60),
    ("0.1::DOUBLE", "0.1"),
    ("1e300::DOUBLE", "1e+300"),
    ("'nan'::DOUBLE", '"NaN"'),
    ("'-inf'::FLOAT", '"-Infinity"'),
    ("true", "true"),
    (r"'\xDE\xAD'::BLOB", r'"\\xdead"'),
    ("''::BLOB", r'"\\x"'),
    ("TIMESTAMPTZ '2024-05-01 14:00:00.120+02'", '"2024-05-01T12:00:00.12+00"'),
    ("TIMESTAMP '2024-05-01 12:00:00'", '"2024-05-01T12:00:00"'),
    ("TIMESTAMPTZ '0044-03-15 (BC) 00:00:00+00'", '"0044-03-15T00:00:00+00 BC"'),
    ("'infinity'::TIMESTAMP", '"infinity"'),
    ("DATE '0044-03-15 (BC)'", '"0044-03-15 BC"'),
    ("DATE '2024-05-01'", '"2024-05-01"'),
    ("TIME '12:00:00.5'", '"12:00:00.5"'),
    ("'a'::ENUM('a', 'b')", '"a"'),
    ("'4e5c0d42-0000-4000-8000-000000000000'::UUID", '"4e5c0d42-0000-4000-8000-000000000000"'),
    ("['a', NULL, '']", '["a",null,""]'),
    ("[1.50, NULL]::DECIMAL(4, 2)[]", "[1.50,null]"),
    ("[[1.50], []]::DECIMAL(4, 2)[][]", "[[1.50],[]]"),
    ("[1, 2, 3]::TINYINT[3]", "[1,2,3]"),
    ("""{'a "b"': 1.50::DECIMAL(4, 2), 'c': NULL}""", r'{"a \"b\"":1.50,"c":null}'),
    ("NULL::STRUCT(a INTEGER)", "null"),
    ("MAP {1: 'x', 2: NULL}", '{"1":"x","2":null}'),
    ("""'{"a" : 1.50}'::JSON""", '{"a" : 1.50}'),
    ("""'"quoted"'""", r'"\"quoted\""'),
    ("chr(10) || 'é' || chr(1)", r'"\né\u0001"'),
]
"""The SQL of a value, and how it is printed."""
REFUSED = [
    ("BIGINT", "1.5"),
    ("TINYINT", "300"),
    ("DECIMAL(10, 2)", "1.005"),
    ("DECIMAL(4, 2)", "100"),
    ("DATE", '"2024-05-01T12:00:00"'),
    ("TIMESTAMP_S", '"2024-05-01T12:00:00.5+00:00"'),
    ("TIMESTAMPTZ", '"soon"'),
    ("BLOB", '"xyz"'),
    ("BOOLEAN", '"maybe"'),
    ("INTEGER[]", '"{1,2}"'),
    ("JSON", r'"\ud800"'),
    ("VARCHAR", r'"\ud800"'),
]
"""The type of a column, and a value that it would change."""
EQUAL = [
    ("DECIMAL(10, 3)", "1.50", "1.500"),
    ("BIGINT", '"7"', "7"),
    ("BOOLEAN", '"t"', "true"),
    ("TIMESTAMP", '"2024-05-01T14:00:00+02:00"', '"2024-05-01T12:00:00"'),
    ("VARCHAR", '{"a" : 1}', r'"{\"a\" : 1}"'),
]
"""The type of a column, a value that it takes, and how it is printed then."""


@dataclass
class Passed:
    """A table: its rows before a batch was written, what that was refused with, and its rows then."""

    sql: str
    batch: str
    before: list[dict[str, str]] = field(default_factory=list)
    error: Exception | None = None
    after: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, ...], Passed]:
    """All cases in one file, which is opened by a source, a sink and a source again."""
    cases = {case: Passed(*_statements(n, case)) for n, case in enumerate([*TYPED, *REFUSED, *EQUAL])}
    path = tmp_path_factory.mktemp("values") / "values.duckdb"
    tables = [(Table(name=f"t{number}", timestamp=()), each) for number, each in enumerate(cases.values())]
    with duckdb.connect(path) as connection:
        for each in cases.values():
            connection.execute(each.sql)
    with closing(DuckdbSource(path)) as source:
        for table, each in tables:
            each.before = _rows(source, table)
    with closing(DuckdbSink(path)) as sink:
        for table, each in tables:
            try:
                sink.upsert(table, Batch(each.batch.encode()))
            except RowError as err:
                each.error = err
    with closing(DuckdbSource(path)) as source:
        for table, each in tables:
            each.after = _rows(source, table)
    return cases


def _statements(number: int, case: tuple[str, ...]) -> tuple[str, str]:
    """What creates a case's table, and the batch that is written to it."""
    name, (first, second) = f"t{number}", case[:2]
    if case in TYPED:
        sql = f"CREATE TABLE {name} AS SELECT 1 AS id, {first} AS value"
        return sql, f'[{{"id": 2, "value": {second}}}]'
    before = '{"id": 1, "value": null}, ' if case in REFUSED else ""
    return f"CREATE TABLE {name} (id BIGINT, value {first})", f'[{before}{{"id": 2, "value": {second}}}]'


@pytest.mark.parametrize(("sql", "printed"), TYPED)
def test_typed_values_leave_with_all_digits(
    passed: Mapping[tuple[str, ...], Passed], sql: str, printed: str
) -> None:
    """In PostgreSQL's spelling where DuckDB has another, and they come back into such a column."""
    found = passed[sql, printed]
    assert found.before == [{"id": "1", "value": printed}]
    assert found.error is None
    assert [row["value"] for row in found.after] == [printed, printed]


@pytest.mark.parametrize(("column", "cell"), REFUSED)
def test_a_value_that_would_change_is_refused(
    passed: Mapping[tuple[str, ...], Passed], column: str, cell: str
) -> None:
    """DuckDB's own casts round and cut in silence; the message names the column and no value."""
    found = passed[column, cell]
    assert found.error is not None
    assert cell.strip('"') not in str(found.error)
    assert found.after == []


@pytest.mark.parametrize(("column", "cell", "printed"), EQUAL)
def test_an_equal_value_is_written(
    passed: Mapping[tuple[str, ...], Passed], column: str, cell: str, printed: str
) -> None:
    """The column's type decides how it is printed afterwards."""
    found = passed[column, cell, printed]
    assert found.error is None
    assert [row["value"] for row in found.after] == [printed]
