"""Two texts are one key exactly where PostgreSQL says that their values are equal."""

from itertools import combinations_with_replacement

import duckdb
import psycopg
import pytest

from supasync_core.model.pg_types import type_of
from supasync_core.model.table import Column, Shape
from supasync_core.staging.equality import alike, normal
from supasync_core.staging.own_names import free, numbered, ours
from tests.servers.postgres import Cluster

SPELLINGS = {
    "smallint": ["1", "01", "+1", "-1", "0", "-0", "32767"],
    "integer": ["1", "01", "+1", "-1", "0", "-0", "2147483647"],
    "bigint": ["9223372036854775807", "9007199254740993", "9007199254740992", "07", "7"],
    "numeric": [
        "1",
        "1.00",
        "1e0",
        "10E-1",
        "0.1e1",
        "1.01",
        "-1",
        "0",
        "-0.00",
        "1e500",
        "10e499",
        "1e501",
        "1E-500",
        ".5",
        "5e-1",
        "NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "123456789012345678901234567890.0000000001",
        "123456789012345678901234567890.0000000002",
    ],
    "real": ["0.1", "1e-1", "0.10000000149", "1.5", "15e-1", "3.4028235e38", "NaN", "Infinity", "0", "-0"],
    "double precision": [
        "0.1",
        "1e-1",
        "0.10000000149",
        "1.7976931348623157e308",
        "NaN",
        "Infinity",
        "0",
        "-0",
    ],
    "boolean": ["t", "true", "TRUE", "yes", "on", "1", "f", "false", "no", "off", "0", "y", "n"],
    "text": ["a", "A", "", "null", "1", "1.0", "2024-01-01", "2024-01-01T00:00:00", "t", "true"],
    "character varying": ["a", "a ", "A", ""],
    "character": ["a", "a  ", "b", ""],
    "bytea": [r"\xdead", r"\xDEAD", r"\x", r"\xdeae"],
    "date": ["2024-03-01", "2024-03-02", "infinity", "-infinity", "0044-03-15 BC", "12000-01-01"],
    "time without time zone": ["10:00", "10:00:00", "10:00:00.0", "10:00:01", "24:00:00", "00:00:00"],
    "time with time zone": ["10:00:00+00", "10:00:00+00:00", "12:00:00+02", "10:00:00-15:59"],
    "timestamp without time zone": [
        "2024-05-05 10:00:00",
        "2024-05-05T10:00:00",
        "2024-05-05 10:00:00.000",
        "2024-05-05T10:00:00+02",
        "2024-05-05 08:00:00",
        "infinity",
        "0044-03-15 12:00:00.5 BC",
    ],
    "timestamp with time zone": [
        "2024-05-05 10:00:00+00",
        "2024-05-05T10:00:00+00:00",
        "2024-05-05T10:00:00Z",
        "2024-05-05 12:00:00+02",
        "2024-05-05 10:00:00.000001+00",
        "infinity",
        "0044-03-15 12:00:00.5+00 BC",
        "0044-03-15T12:00:00.5+00:00 BC",
    ],
    "interval": [
        "1 day",
        "24:00:00",
        "1 mon",
        "30 days",
        "1 year 2 mons",
        "14 mons",
        "-1 day +24:00:00",
        "00:00:00",
    ],
    "uuid": [
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
        "{a0eebc999c0b4ef8bb6d6bb9bd380a11}",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12",
    ],
    "inet": ["192.0.2.1", "192.0.2.1/32", "192.0.2.0/24", "2001:db8::1", "2001:DB8::1/128"],
    "cidr": ["192.0.2.0/24", "192.0.2.1/32", "192.0.2.1", "2001:db8::/32", "2001:DB8::/32"],
    "macaddr": ["08:00:2b:01:02:03", "08-00-2B-01-02-03", "08002b010203", "08:00:2b:01:02:04"],
    "money": ["$1.00", "1", "1.00", "$1,234.56", "1234.56", "-$1.00"],
    "bit": ["1", "0"],
    "int4range": ["[1,10)", "[3,4)", "empty", "(,)"],
    "jsonb": ['{"a": 1}', "1", '"1"'],
}
"""Texts that PostgreSQL reads, of each type of the recorded exchanges whose values can be compared."""


def _verdict(connection: psycopg.Connection[tuple[bool]], kind: str, one: str, two: str) -> bool:
    size = "(10)" if kind == "character" else ""
    query = f"select %s::{kind}{size} = %s::{kind}{size}"
    found = connection.execute(query.encode(), (one, two)).fetchone()
    assert found is not None
    return found[0]


@pytest.mark.parametrize("kind", SPELLINGS)
def test_a_key_has_one_definition_of_equality_and_that_is_postgresqls(cluster: Cluster, kind: str) -> None:
    with psycopg.connect(cluster.url("postgres")) as there, duckdb.connect() as here:
        here.execute("SET TimeZone = 'UTC'")
        there.execute("set timezone = 'UTC'")
        for one, two in combinations_with_replacement(SPELLINGS[kind], 2):
            query = f"SELECT {normal(kind, 'a')} = {normal(kind, 'b')} FROM (SELECT ? AS a, ? AS b)"  # noqa: S608
            got = here.execute(query, [one, two]).fetchall()[0][0]
            assert got is _verdict(there, kind, one, two), (kind, one, two)


@pytest.mark.parametrize("kind", ["", "public.citext", "mood", "anything"])
def test_a_type_that_nobody_knows_is_treated_like_text(kind: str) -> None:
    assert normal(kind, "x") == "x"
    assert type_of(Shape((Column("a", type=kind),)), "a") == kind


@pytest.mark.parametrize(
    ("one", "two", "wanted"),
    [
        ("1587E590003", "1587E590004", False),
        ("1E400", "1E401", False),
        ("1E-400", "0", False),
        ("1E-400", "2E-400", False),
        ("12E345", "99E999", False),
        ("1e5", "100000", True),
        ("1E401", "10E400", True),
        ("1e99999999999999999999", "1e99999999999999999998", False),
    ],
)
@pytest.mark.parametrize("kind", ["", "numeric", "double precision"])
def test_no_number_is_compared_through_a_double_that_overflows(
    one: str, two: str, wanted: object, kind: str
) -> None:
    if kind == "double precision" and wanted and "400" in two:
        pytest.skip("no double: PostgreSQL refuses it")
    query = f"SELECT {alike(kind, 'a', 'b', strict=False)} FROM (SELECT ? AS a, ? AS b)"  # noqa: S608
    assert duckdb.connect().execute(query, [one, two]).fetchall()[0][0] is wanted


@pytest.mark.parametrize("taken", [(), ("n",), ("N_", "n"), ("number", "n___x"), ("n", "n_", "n__")])
def test_a_name_of_ours_is_none_of_the_columns_and_is_found_again(taken: tuple[str, ...]) -> None:
    name = free("n", taken)
    assert not any(each.lower().startswith(name) for each in taken)
    assert ours("n", (*taken, name)) == name


def test_rows_have_numbers_where_a_column_is_called_as_duckdb_calls_its_own() -> None:
    with duckdb.connect() as connection:
        connection.execute('CREATE TABLE t ("RowId" INTEGER, number INTEGER)')
        connection.execute("INSERT INTO t VALUES (5, 5), (5, 5), (NULL, NULL)")
        rows, number = numbered("t", ("RowId", "number"))
        assert connection.execute(f"SELECT r.{number} FROM {rows} AS r ORDER BY ALL").fetchall() == [  # noqa: S608
            (1,),
            (2,),
            (3,),
        ]
