"""What passes for equal only because a person asked for it, and that the result says so."""

import csv
import json
from fractions import Fraction
from io import StringIO
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.diff.calling import call, csv_file, diff


def column(folder: Path, *pairs: tuple[str, str]) -> tuple[str, str]:
    """Two files with a column of these cells, side by side; the names of the files."""
    left = csv_file(folder / "l.csv", ["id,v", *(f"{i},{mine}" for i, (mine, _) in enumerate(pairs))])
    right = csv_file(folder / "r.csv", ["id,v", *(f"{i},{other}" for i, (_, other) in enumerate(pairs))])
    return left, right


NUMBERS = st.one_of(
    st.decimals(-10, 10, places=3).map(str),
    st.integers(-(10**30), 10**30).map(str),
    st.floats(-1, 1).map(repr),
    st.sampled_from(["NaN", "Infinity", "-Infinity", "1e-400", "1e400", "-1E+5", "0", "-0.000"]),
)
LIMITS = st.sampled_from(["0.01", ".001", "1", "1e-400", "1e3", "0.0000000000000001"])
WORDS = ("nan", "infinity", "-infinity")


@pytest.mark.slow
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=10, max_size=40), LIMITS)
def test_numbers_are_equal_up_to_the_limit_and_not_a_digit_beyond(
    tmp_path: Path, pairs: list[tuple[str, str]], limit: str
) -> None:
    near = [
        *pairs,
        ("1", "1"),
        ("1.00", "1.01"),
        ("0.1", "0.11"),
        ("1.01", "1.0200000000000001"),
    ]
    far = {
        (str(i),)
        for i, (mine, other) in enumerate(near)
        if mine != other
        and (
            mine.lower() in WORDS
            or other.lower() in WORDS
            or abs(Fraction(mine) - Fraction(other)) > Fraction(limit)
        )
    }
    told = diff(tmp_path, *column(tmp_path, *near), "--key", "id", "--tolerance", limit)
    assert told.keys("changed") == far
    (eased,) = told.table["compared_with"]
    assert (eased["option"], eased["columns"]) == (f"tolerance {limit}", ["v"])
    assert told.whole["compared_with"] == [f"tolerance {limit}"]


FAR = {
    "NULL and a number": [("", "0"), ("1", "1")],
    "a column with a text": [("1.1", "1.2"), ("1.1", "1.1a")],
    "a column with a zip code": [("701", "702"), ("00701", "00701")],
    "numbers of unknown size": [("1e99999999999999999999", "1"), ("1", "1")],
    "documents": [("[1]", "[2]")],
    "booleans": [("t", "f")],
}


@pytest.mark.parametrize("name", FAR)
def test_what_is_no_number_has_no_tolerance(tmp_path: Path, name: str) -> None:
    told = diff(tmp_path, *column(tmp_path, *FAR[name]), "--tolerance", "5")
    assert told.counts[2] >= 1


@pytest.mark.parametrize(
    ("mine", "other", "limit", "code"),
    [
        ("2024-01-01 00:00:00+00", "2024-01-01T00:00:01Z", "1s", 0),
        ("2024-01-01 00:00:00+00", "2024-01-01T00:00:01.000001Z", "1s", 1),
        ("2024-01-01 02:00:00+02", "2023-12-31 23:59:59.999", "1ms", 0),
        ("2024-01-01", "2024-01-02", "1d", 0),
        ("0001-01-01 00:00:00", "0001-12-31 23:59:59 BC", "1s", 0),
        ("infinity", "2024-01-01", "90d", 1),
        ("infinity", "-infinity", "90d", 1),
        ("2024-01-01", "later", "90d", 1),
        ("5", "6", "90d", 1),
    ],
)
def test_times_are_equal_up_to_the_limit(
    tmp_path: Path, mine: str, other: str, limit: str, code: int
) -> None:
    assert diff(tmp_path, *column(tmp_path, (mine, other)), "--tolerance", limit).code == code


def test_a_type_that_is_known_decides(tmp_path: Path) -> None:
    for name, number in (("l", "1.00"), ("r", "1.01")):
        with duckdb.connect() as connection:
            connection.execute(
                f"copy (select 1 as id, {number}::decimal(9,2) as n, {number}::double as d, "
                f"[{number}] as list, "
                f"timestamp '2024-01-01 00:00:0{number}' as unzoned, '\\xaa{number[-1]}0'::blob as bytes, "
                f"time '10:00:0{number}' as clock) to '{tmp_path / name}.parquet'"
            )
    told = diff(tmp_path, "l.parquet", "r.parquet", "--tolerance", "0.01", "--tolerance", "10ms")
    assert [*told.row("1")["columns"]] == ["list", "bytes", "clock"]
    assert [(each["option"], each["columns"], each["cells"]) for each in told.table["compared_with"]] == [
        ("tolerance 0.01", ["n", "d"], 2),
        ("tolerance 10ms", ["unzoned"], 1),
    ]


def test_a_key_that_is_near_is_another_row(tmp_path: Path) -> None:
    left = csv_file(tmp_path / "l.csv", ["id,v", "1.001,a", "x,a"])
    right = csv_file(tmp_path / "r.csv", ["id,v", "1.002,a", "X,a"])
    told = diff(tmp_path, left, right, "--tolerance", "1", "--ignore-case", "--trim")
    assert told.counts == (2, 2, 0, 0)


def test_texts_may_differ_in_case_and_in_blanks_at_their_ends(tmp_path: Path) -> None:
    pairs = ("Ann ", "ann"), ("É\u00a0", "\té"), ("a b", "a  b"), ("", '""'), (" 5", "5.0"), ('""', " ")
    left, right = column(tmp_path, *pairs)
    assert diff(tmp_path, left, right, "--trim").keys("changed") == {(str(i),) for i in (0, 1, 2, 3)}
    assert diff(tmp_path, left, right, "--ignore-case").counts == (0, 0, 6, 0)
    told = diff(tmp_path, left, right, "--trim", "--ignore-case")
    assert told.keys("changed") == {("2",), ("3",)}
    assert told.table["compared_with"] == [{"option": "trim and ignore-case", "columns": ["v"], "cells": 4}]


@pytest.mark.slow
def test_every_form_says_by_what_the_sides_are_equal(tmp_path: Path) -> None:
    left = csv_file(tmp_path / "l.csv", ["id,price,fee,name", "1,1.00,2,A", "2,5,5,b"])
    right = csv_file(tmp_path / "r.csv", ["id,price,fee,name", "1,1.01,1.995,a", "2,5,5,b"])
    asked = ("diff", left, right, "--tolerance", "0.01", "--ignore-case")
    table = call(tmp_path, *asked)
    assert table.code == 0
    assert table.out.splitlines() == [
        "l: 0 added, 0 removed, 0 changed, 2 unchanged",
        "  compared with tolerance 0.01 in price, fee: 2 cells differ within it",
        "  compared with ignore-case in price, fee, name: 1 cell differs within it",
        "equal, compared with tolerance 0.01, ignore-case",
    ]
    whole = json.loads(call(tmp_path, *asked, "--format", "json").out)
    assert (whole["equal"], whole["compared_with"]) == (True, ["tolerance 0.01", "ignore-case"])
    line = json.loads(call(tmp_path, *asked, "--format", "jsonl").out)
    assert [each["cells"] for each in line["compared_with"]] == [2, 1]
    rows = csv.DictReader(StringIO(call(tmp_path, *asked, "--format", "csv").out))
    assert {row["kind"]: row["count"] for row in rows}["compared with tolerance 0.01"] == "2"
    page = call(tmp_path, *asked, "--format", "html").out
    assert "are equal, compared with tolerance 0.01, ignore-case: 1 table." in page
    assert "2 cells differ within it" in page
    plain = call(tmp_path, "diff", left, right)
    assert (plain.code, "compared with" in plain.out) == (1, False)
    told = call(tmp_path, "diff", left, right, "--tolerance", "1h")
    assert "tolerance 1h has no effect: no compared column holds times" in told.out


RENAMED = {
    "a column": ("id,nmae", "id,name", ["--map", "nmae=name"]),
    "the key by the left's name": ("no,name", "id,name", ["--map", "no=id", "--key", "no"]),
    "the key by the right's name": ("no,name", "id,name", ["--map", "no=id", "--key", "id"]),
    "two that are swapped": ("name,id", "id,name", ["--map", "name=id", "--map", "id=name", "--key", "name"]),
    "one that is left out": ("id,a,b", "id,b,c", ["--map", "a=b", "--map", "b=x", "--ignore", "x,c"]),
}


@pytest.mark.parametrize("name", RENAMED)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_renamed_column_is_compared_under_the_right_sides_name(
    tmp_path: Path, name: str, form: str
) -> None:
    left, right, options = RENAMED[name]
    names = left.split(",")
    rows = [["1", "a", "b"][: len(names)], ["2", "c", "d"][: len(names)]]
    one = csv_file(tmp_path / "l.csv", [left, *map(",".join, rows)])
    if form == "jsonl":
        one = csv_file(tmp_path / "l.jsonl", [json.dumps(dict(zip(names, row, strict=True))) for row in rows])
    other = csv_file(tmp_path / "r.csv", [right, *(",".join(row) for row in rows)])
    told = diff(tmp_path, one, other, *options)
    assert told.counts == (0, 0, 0, 2)
    assert (told.table["left_only_columns"], told.table["right_only_columns"]) == ([], [])
    assert f"map {options[1]}" in [each["option"] for each in told.table["compared_with"]]
    csv_file(tmp_path / "r.csv", [right, ",".join(rows[0]), ",".join(["2", "z", "z"][: len(names)])])
    assert diff(tmp_path, one, other, *options).counts == (0, 0, 1, 1)


def test_tables_yaml_speaks_of_the_project_whichever_side_that_is(tmp_path: Path) -> None:
    (tmp_path / "tables.yaml").write_text(
        "version: 1\nsource: {backend: csv, path: a}\nsink: {backend: csv, path: b}\n"
        "tables:\n  users: {key: [mail], exclude: [note], timestamp: at}\n"
    )
    (tmp_path / "a").mkdir()
    csv_file(tmp_path / "a" / "users.csv", ["mail,v,note,at", "x@y.z,1,a,2024-01-01"])
    other = csv_file(tmp_path / "users.csv", ["address,v,note,at", "x@y.z,1,b,2024-01-01"])
    assert diff(tmp_path, "old", other, "--map", "mail=address").counts == (0, 0, 0, 1)
    assert diff(tmp_path, other, "old", "--map", "address=mail").counts == (0, 0, 0, 1)


BAD = {
    "no number": (["--tolerance", "1%"], "is not a number above 0, such as 0.01, or a duration"),
    "no limit": (["--tolerance", "0"], "is not a number above 0"),
    "a limit below 0": (["--tolerance=-1"], "is not a number above 0"),
    "two limits": (["--tolerance", "1", "--tolerance", "2"], "one for numbers is given already: 1"),
    "strict and tolerant": (["--tolerance", "1", "--strict"], "give one of them"),
    "no pair": (["--map", "v"], "--map v: write A=B"),
    "unknown on the left": (["--map", "vv=v"], "the left side has no column vv, did you mean v?"),
    "unknown on the right": (["--map", "v=wv"], "the right side has no column wv"),
    "two to one": (["--map", "v=w", "--map", "w=w"], "w is mapped already"),
    "one to two": (["--map", "v=v", "--map", "v=w"], "v is mapped already"),
    "two of one name": (["--map", "v=w"], "--map v=w: the left side has a column w, too"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_option_that_is_not_clear_is_trouble_in_one_sentence(tmp_path: Path, name: str) -> None:
    options, said = BAD[name]
    left = csv_file(tmp_path / "l.csv", ["id,v,w", "1,a,b"])
    right = csv_file(tmp_path / "r.csv", ["id,v,w", "1,a,b"])
    done = call(tmp_path, "diff", left, right, *options)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_a_name_that_json_lines_do_not_have_is_said(tmp_path: Path) -> None:
    left = csv_file(tmp_path / "l.jsonl", ['{"id":1,"v":2}'])
    right = csv_file(tmp_path / "r.jsonl", ['{"id":1,"v":2}'])
    done = call(tmp_path, "diff", left, right, "--key", "id", "--map", "x=y")
    assert "note: l: left: --map x=y: there is no column x" in done.err


def test_reconcile_has_none_of_these_options(tmp_path: Path) -> None:
    left, right = column(tmp_path, ("1.00", "1.01"))
    for option in (["--map", "v=w"], ["--tolerance", "1"], ["--trim"], ["--ignore-case"]):
        assert "No such option" in call(tmp_path, "reconcile", left, right, *option).err
