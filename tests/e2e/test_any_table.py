"""Whatever the columns, the key and the values of a table: it arrives identical, also page by page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from tests.e2e.inside import sync
from tests.e2e.odd import ODD, array
from tests.e2e.test_values import RESPELLED, SCHEMA
from tests.e2e.workspace import ENDS, Workspace, between
from tests.servers.postgres import Cluster

LONGEST_KEY = 100
NUMBERS = count()
KEYS = (
    "bigint",
    "numeric",
    "double precision",
    "real",
    "boolean",
    "text",
    "character(5)",
    "bytea",
    "uuid",
    "date",
    "time with time zone",
    "timestamp with time zone",
    "interval",
    "mood",
    "inet",
    "money",
    "int4range",
)
NAMES = (
    "id",
    "order",
    "select",
    "Größe",
    "a,b",
    "unit.price",
    'with"quote',
    "and",
    "Two Words",
    "naïve (%)",
    "x\\y",
)

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
DIGITS = st.text("0123456789", min_size=1, max_size=40)
NUMBER = st.builds("{}{}.{}".format, st.sampled_from(["", "-"]), DIGITS, DIGITS)
MOMENT = st.builds("{} {}".format, st.dates(), st.times()) | st.sampled_from(ODD["timestamp with time zone"])
BLANKS = st.text(" \t\r\n", max_size=3)


def _json(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Arrays and objects with blanks and names as they come, names twice as well."""
    name = st.sampled_from(['"a"', '"b"', '"a"', '"\\u00e9"', '"é"', '""'])
    padded = st.builds("{}{}{}".format, BLANKS, inner, BLANKS)
    member = st.builds("{}{}{}:{}".format, BLANKS, name, BLANKS, padded)
    return st.lists(padded, max_size=3).map(",".join).map("[{}]".format) | st.lists(member, max_size=3).map(
        ",".join
    ).map("{{{}}}".format)


LEAF = st.sampled_from(["null", "true", '"\\u0061\\n"', '"é"', "1.10", "-0", "1e5"]) | st.integers().map(str)
DOCUMENT = st.recursive(_json(LEAF), _json, max_leaves=6)

MADE: dict[str, st.SearchStrategy[str]] = {
    "smallint": st.integers(-(2**15), 2**15 - 1).map(str),
    "integer": st.integers(-(2**31), 2**31 - 1).map(str),
    "bigint": st.integers(-(2**63), 2**63 - 1).map(str),
    "numeric": NUMBER,
    "double precision": st.floats().map(repr),
    "real": st.floats(width=32).map(repr),
    "text": TEXT,
    "bytea": st.binary(max_size=40).map(lambda value: "\\x" + value.hex()),
    "date": st.dates().map(str),
    "time without time zone": st.times().map(str),
    "timestamp without time zone": MOMENT,
    "timestamp with time zone": MOMENT,
    "interval": st.builds("{} mons {} days {} us".format, *[st.integers(-(10**6), 10**6)] * 3),
    "uuid": st.uuids().map(str),
    "json": DOCUMENT,
    "jsonb": DOCUMENT,
    "text[]": st.lists(TEXT | st.none(), max_size=4).map(array),
    "numeric[]": st.lists(NUMBER | st.none(), max_size=4).map(array),
    "timestamp with time zone[]": st.lists(MOMENT | st.none(), max_size=4).map(array),
    "address": st.builds(
        lambda street, factor: '("' + street.replace("\\", "\\\\").replace('"', '\\"') + f'",,{factor})',
        TEXT,
        NUMBER,
    ),
}


def values(name: str) -> st.SearchStrategy[str]:
    """Odd and made-up texts of a type."""
    odd = st.sampled_from([text for text in ODD[name] if text not in RESPELLED])
    return odd | MADE[name] if name in MADE else odd


@dataclass(frozen=True)
class Filled:
    """A table: its columns with their types, the first ones its key, and its rows."""

    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    page_size: int
    plugin: str

    def create(self, table: str) -> sql.Composed:
        """The statements that make the table."""
        definitions = [
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in self.columns
        ]
        key = sql.SQL(",").join(map(sql.Identifier, self.key))
        return sql.SQL(
            "create table {table} ({columns}, updated_at timestamptz, primary key ({key})); "
            "grant all on {table} to service_role"
        ).format(table=sql.Identifier(table), columns=sql.SQL(",").join(definitions), key=key)

    def settings(self, table: str) -> str:
        """The table in tables.yaml."""
        key = ", ".join("'" + name + "'" for name in self.key)
        return f"  {table}: {{key: [{key}], page_size: {self.page_size}, strategy: {self.plugin}}}"


@st.composite
def tables(draw: st.DrawFn, keys_of: Sequence[str] = KEYS) -> Filled:
    """Any table, whose key is of these types."""
    keys = draw(st.lists(st.sampled_from(keys_of), min_size=1, max_size=3))
    others = draw(st.lists(st.sampled_from(sorted(ODD)), max_size=4))
    names = draw(st.permutations(NAMES))[: len(keys) + len(others)]
    key_values = [values(kind).filter(lambda text: len(text) < LONGEST_KEY) for kind in keys]
    moments = st.sampled_from([None, "2024-01-01", "2024-01-01 00:00:00.000001", "infinity", "0044-03-15 BC"])
    row = st.tuples(*key_values, *(st.none() | values(kind) for kind in others), moments)
    return Filled(
        columns=tuple(zip(names, [*keys, *others], strict=True)),
        key=tuple(names[: len(keys)]),
        rows=tuple(draw(st.lists(row, min_size=1, max_size=9))),
        page_size=draw(st.integers(1, 4)),
        plugin=draw(st.sampled_from(["incremental", "snapshot"])),
    )


@dataclass(frozen=True)
class Pair:
    """The two ends, and a connection to each of their databases."""

    space: Workspace
    old: psycopg.Connection
    new: psycopg.Connection

    def fill(self, filled: Filled) -> str:
        """Make the table on both sides, with its rows in OLD; its name, which is a new one each time."""
        name = f"made_{next(NUMBERS)}"
        for connection in (self.old, self.new):
            connection.execute(filled.create(name))
        marks = sql.SQL(",").join([sql.Placeholder()] * (len(filled.columns) + 1))
        insert = sql.SQL("insert into {} values ({}) on conflict do nothing")
        for row in filled.rows:
            self.old.execute(insert.format(sql.Identifier(name), marks), row)
        for end in (self.space.old, self.space.new):
            end.server.reload()
        return name


@pytest.fixture(scope="module")
def pair(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two ends that were set up."""
    declared = f"{ENDS}tables:\n  texts: {{strategy: snapshot}}\n"
    with between(cluster, tmp_path_factory.mktemp("any"), SCHEMA, SCHEMA, declared) as space:
        space.ready()
        urls = [end.cluster.url(end.database) for end in (space.old, space.new)]
        with (
            psycopg.connect(urls[0], autocommit=True) as old,
            psycopg.connect(urls[1], autocommit=True) as new,
        ):
            yield Pair(space, old, new)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(filled=tables())
def test_any_table_arrives_identical(pair: Pair, filled: Filled) -> None:
    table = pair.fill(filled)
    report = sync(pair.space, filled.settings(table))
    assert (report.error, report.status) == (None, "success"), report.tables
    assert pair.space.new.texts(table) == pair.space.old.texts(table)
