"""A column of PostgreSQL takes a cell of a file only where it holds that very value."""

import json
from pathlib import Path

import duckdb
import pytest

from supasync_core.model.batch import Batch
from supasync_core.model.exact_cells import misfits
from supasync_core.model.same_value import same_cell, same_fractions
from supasync_core.model.table import Column, Shape
from supasync_core.staging.exact_casts import fits
from supasync_core.staging.values import Kind, kind_of

ZONED, UNZONED = "timestamp with time zone", "timestamp without time zone"
HELD = (
    (
        "double precision",
        "0.1",
        0.1,
        "9007199254740992",
        "1e20",
        "-Infinity",
        "NaN",
        "0.30000000000000004",
        "9.999999999999999e+22",
    ),
    ("real", "0.1", "16777216", 1.5, "3.4028235e+38"),
    ("double precision[]", [0.1, None], "{0.1,NULL}"),
    ("point", "(1.5,0.1)"),
    (UNZONED, "2026-01-02 10:00:00", "2026-01-02T10:00:00.5+00:00", "2026-01-02 10:00:00Z", "infinity"),
    (ZONED, "2026-01-02 10:00:00+05", "2026-01-02T10:00:00", "0044-03-15 10:00:00+00 BC"),
    ("date", "2026-01-02"),
    ("time without time zone", "10:00", "10:00:00.6"),
    ("interval", "1 year 2 mons", "1 month 3 days", "PT0.6S", "00:00:00.6"),
    ("bytea", "\\xdead"),
    ("money", "$1,000.00"),
    ("numeric", "1.25", "anything that the type itself judges"),
    ("text", "2/1/26"),
)
CHANGED = (
    ("double precision", "9007199254740993", 9007199254740993, "0.12345678901234567890", "0x10"),
    ("real", "0.123456789012", "16777217"),
    ("double precision[]", [0.1, 9007199254740993], "{0.12345678901234567890}"),
    ("point", "(9007199254740993,1)"),
    (UNZONED, "2026-01-02 10:00:00+05", "2026-01-02 10:00:00.1234567"),
    (ZONED, "now", "2020-01-01 00:00:00.123456789"),
    ("date", "2/1/26", "today", "2020-01-01 23:00:00"),
    ("time without time zone", "10:00:00+05", "10 PM"),
    ("interval", "1 mon 30"),
    ("bytea", "dead"),
    ("money", "1,00"),
    ("tstzrange", "[today,tomorrow)"),
    ("name", "n" * 64),
    ('"char"', "ab"),
    ("oid", "-1"),
)


def wrong(column: Column, value: object, digits: dict[str, int] | None = None) -> int:
    body = json.dumps([{"x": value}, {"x": None}, {"x": value}]).encode()
    return sum(count for _, count in misfits(Shape((column,)), Batch(body), ["x"], digits or {}))


@pytest.mark.parametrize(("kind", "value"), [(kind, each) for kind, *values in HELD for each in values])
def test_a_value_that_the_type_holds_is_sent(kind: str, value: object) -> None:
    assert wrong(Column("x", kind), value) == 0


@pytest.mark.parametrize(("kind", "value"), [(kind, each) for kind, *values in CHANGED for each in values])
def test_a_value_that_the_type_would_change_is_not(kind: str, value: object) -> None:
    assert wrong(Column("x", kind), value) == 2


@pytest.mark.parametrize(
    ("kind", "held", "rounded"),
    [
        ("numeric", "1.20", "1.25"),
        ("numeric[]", "{1.2,NULL}", "{1.25}"),
        (ZONED, "2026-01-02 10:00:00.60+00", "2026-01-02 10:00:00.66+00"),
    ],
)
def test_digits_beyond_those_that_a_column_holds_are_not(kind: str, held: str, rounded: str) -> None:
    assert wrong(Column("x", kind), held, {"x": 1}) == 0
    assert wrong(Column("x", kind), rounded, {"x": 1}) == 2


def test_blanks_that_a_shorter_text_would_cut_off_are_not() -> None:
    column = Column("x", "character varying", length=3)
    assert wrong(column, "abc   ") == 2
    assert wrong(column, "abc") == wrong(column, "ab ") == wrong(column, "abcd") == 0, "PostgreSQL refuses it"


@pytest.mark.parametrize(
    ("mine", "theirs", "same"),
    [
        ('"1e-7"', "0.0000001", True),
        ("[1.50,2]", "[1.5, 2.0]", True),
        ("[1.25]", "[1.3]", False),
        ('"10:00:00.6"', '"10:00:01"', False),
        ('"P1DT0.60S"', '"1 day 00:00:00.6"', True),
    ],
)
def test_digits_that_a_modifier_rounds_are_seen_in_any_form(mine: str, theirs: str, same: bool) -> None:  # noqa: FBT001
    assert same_fractions(mine, theirs) is same


def test_a_zone_that_was_dropped_is_a_difference_but_for_utc() -> None:
    theirs = '"2026-01-02T10:00:00"'
    assert not same_cell(UNZONED, '"2026-01-02 10:00:00+05"', theirs, lenient=True)
    assert same_cell(UNZONED, '"2026-01-02 10:00:00+00"', theirs, lenient=True)


@pytest.mark.parametrize(
    ("sql", "held", "changed"),
    [
        (
            "DOUBLE",
            ("9007199254740992", "1e3", "1E+300", "NaN", "0.0", "-0.10", "9.999999999999999e+22", "1e+23"),
            ("9007199254740993", "1e400"),
        ),
        ("FLOAT", ("0.1", "16777216", "0.16666667"), ("0.123456789012", "16777217")),
        ("DECIMAL(10,1)[]", ("[1.2,null]", "[1.20]"), ("[1.25]", "[[1.2]]")),
        (
            "STRUCT(a INT, b DATE[])",
            ('{"a":1,"b":["2026-01-02"]}', '{"b":null}'),
            ('{"a":1,"c":2}', '{"a":1.5}'),
        ),
        ("TIME", ("10:00:00", "10:00:00.6"), ("10:00:00+05", "10:00:00.1234567")),
        ("UUID", ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",), ("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",)),
    ],
)
def test_a_duckdb_column_takes_what_it_holds(
    tmp_path: Path, sql: str, held: tuple[str, ...], changed: tuple[str, ...]
) -> None:
    with duckdb.connect(tmp_path / "kinds.duckdb") as connection:
        connection.execute(f"CREATE TABLE t (x {sql})")
        kind: Kind = kind_of(connection.table("t").types[0])
        for text in (*held, *changed):
            told = connection.execute(f"SELECT {fits('v', kind)} FROM (SELECT ?::VARCHAR AS v)", [text])  # noqa: S608
            assert told.fetchall() == [(text in held,)], text


@pytest.mark.parametrize(
    ("kind", "mine", "theirs", "same"),
    [
        ("double precision", '"1e-7"', "1e-07", True),
        ("numeric", '"1.50"', "1.5", True),
        ("real", '"inf"', '"Infinity"', True),
        ("double precision", '"nan"', '"NaN"', True),
        ("uuid", '"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"', '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"', True),
        ("double precision", '"1e-7"', "1.1e-07", False),
        ("bigint", '"9007199254740993"', "9007199254740992", False),
        ("text", '"1e-7"', '"1e-07"', False),
        ("text", '"A0"', '"a0"', False),
    ],
)
def test_other_spellings_of_a_number_or_uuid_in_a_file_are_no_differences(
    kind: str,
    mine: str,
    theirs: str,
    same: bool,  # noqa: FBT001
) -> None:
    assert same_cell(kind, mine, theirs, lenient=True) is same
    assert not same_cell(kind, mine, theirs), "two PostgreSQLs print them alike"
