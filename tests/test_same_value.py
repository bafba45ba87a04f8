"""Python and SQL have one definition of an equal value: PostgreSQL prints it alike, whatever its settings."""

import json
from itertools import combinations_with_replacement, permutations

import duckdb
import psycopg
import pytest

from supasync_core.model.same_value import same_as_printed, same_cell, same_document, same_json
from supasync_core.staging.equality import equal
from tests.servers.postgres import Cluster
from tests.supasync_duckdb.test_equality import SPELLINGS

ZEROS = {"0", "-0"}
"""Of floats: equal as keys, and printed differently."""


def cells(there: psycopg.Connection[tuple[str]], kind: str, zone: str) -> list[str]:
    """What a server with this time zone prints in JSON of each value of the type."""
    size = "(10)" if kind == "character" else ""
    there.execute(f"set timezone = '{zone}'".encode())
    query = f"select to_json(%s::{kind}{size})::text".encode()
    wanted = [text for text in SPELLINGS[kind] if not ("24:00" in text and "zone" in kind)]
    return [row[0] for text in wanted if (row := there.execute(query, (text,)).fetchone())]


@pytest.mark.parametrize("kind", SPELLINGS)
def test_cells_are_one_value_where_one_server_prints_them_alike(cluster: Cluster, kind: str) -> None:
    with psycopg.connect(cluster.url("postgres")) as there, duckdb.connect() as here:
        here.execute("SET TimeZone = 'UTC'")
        there.execute("set timezone = 'UTC'")
        printed = list(zip(cells(there, kind, "UTC"), cells(there, kind, "Asia/Kathmandu"), strict=True))
        sql = equal(kind, "a", "b")
        query = f"SELECT a = b OR coalesce({sql or 'false'}, false) FROM (SELECT ? AS a, ? AS b)"  # noqa: S608
        for (one, _), (other, elsewhere) in combinations_with_replacement(printed, 2):
            wanted = one == other
            assert same_cell(kind, one, elsewhere) is wanted, (kind, one, elsewhere)
            texts = [json.loads(each) if each.startswith('"') else each for each in (one, elsewhere)]
            if kind != "jsonb" and set(texts) != ZEROS:
                found = here.execute(query, texts).fetchall()[0][0]
                assert found is wanted, (kind, one, elsewhere)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ('"1"', "1"),
        ('"t"', "true"),
        ('"false"', "false"),
        ('"{\\"a\\": [1.50]}"', '{"a":[1.50]}'),
        ('{"b": 1, "a": 2}', '{"a":2,"b":1}'),
        ('"\\u0041"', '"A"'),
        ('"2024-01-01 00:00:00+00"', '"2024-01-01T00:00:00Z"'),
    ],
)
def test_two_kinds_of_backend_spell_one_value_differently(mine: str, theirs: str) -> None:
    assert same_cell("", mine, theirs, lenient=True)
    assert same_cell("", theirs, mine, lenient=True)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [('"null"', "null"), ('"1"', "1.0"), ('{"a": "1"}', '{"a": 1}'), ('"a"', "true"), ('""', "[]")],
)
def test_no_spelling_makes_one_value_of_two(mine: str, theirs: str) -> None:
    assert not same_cell("", mine, theirs, lenient=True)
    assert not same_cell("", theirs, mine, lenient=True)


@pytest.mark.parametrize(
    ("kind", "file", "printed", "wanted"),
    [
        ("text[]", '{a,NULL,"b c"}', '["a", null, "b c"]', True),
        ("integer[]", "{{1,2},{3,4}}", "[[1,2],[3,4]]", True),
        ("jsonb[]", '{"{\\"n\\": 1.50}"}', '[{"n": 1.50}]', True),
        ("timestamp with time zone[]", '{"2024-01-01 00:00:00+00"}', '["2024-01-01T00:00:00+00:00"]', True),
        ("public.pair", "(7,x)", '{"id":7,"v":"x"}', True),
        ("public.numbers", "{}", "[]", True),
        ("text[]", "{a,b}", '["a","c"]', False),
        ("text[]", "{NULL}", '["NULL"]', False),
        ("numeric[]", "{1.5}", "[1.50]", False),
        ("text[]", "[0:1]={a,b}", '["a","b"]', False),
        ("public.pair", "(7,)", '{"id":7,"v":""}', False),
        ("jsonb", "{1,2}", "[1,2]", False),
        ("text[]", "{a}", "null", False),
    ],
)
def test_an_array_or_a_row_of_a_file_is_what_the_api_prints_of_it(
    kind: str, file: str, printed: str, *, wanted: bool
) -> None:
    for mine, theirs in permutations((json.dumps(file), printed)):
        assert same_cell(kind, mine, theirs, lenient=True) is wanted
        assert not same_cell(kind, mine, theirs), "two PostgreSQLs print them alike"


def test_a_number_in_json_is_not_the_text_of_its_digits() -> None:
    assert not same_cell("json", "1", '"1"')
    assert not same_cell("json", '"null"', "null")
    assert same_cell("json", '"\\u0041"', '"A"'), "escapes are printed in more than one way"


def test_numbers_in_documents_are_their_digits_where_it_is_strict() -> None:
    assert same_json('{"a":1.0}', '{"a": 1.00}', strict=False)
    assert not same_json('{"a":1.0}', '{"a": 1.00}')
    assert not same_json("x", "x"), "no JSON"


@pytest.mark.parametrize("deep", ["{}", "[{}]", '{{"b": {}}}'])
def test_a_name_that_comes_twice_counts_in_json_and_not_in_jsonb(deep: str) -> None:
    twice, last, first = (
        deep.format(each) for each in ('{"a": 1, "a": 2, "c": 3}', '{"c":3,"a":2}', '{"c":3,"a":1}')
    )
    for kind in ("json", ""):
        assert not same_json(twice, last, kind=kind)
        assert not same_json(twice, deep.format('{"a": 2, "a": 1, "c": 3}'), kind=kind)
        assert same_json(twice, deep.format('{"c": 3, "a": 1,"a":2}'), kind=kind)
    assert same_json(twice, last, kind="jsonb")
    assert not same_json(twice, first, kind="jsonb")
    for kind, wanted in (("json", False), ("jsonb", True)):
        assert same_document(twice, last, strict=True, lossy=False, kind=kind) is wanted
        assert same_cell(kind, twice, last, lenient=True) is wanted


@pytest.mark.parametrize(
    ("mine", "theirs", "same"),
    [
        ("1.5", "1.500", True),
        ("2", "2.00", True),
        ("100", "1", False),
        ("1.05", "1.5", False),
        ("1.25", "1.3", False),
        ("[1.5,null,-0.10]", "[1.500,null,-0.1]", True),
        ('["2024-01-01T00:00:00+00:00"]', '["2024-01-01T05:30:00+05:30"]', True),
        ('["2024-01-01T00:00:00.5+00:00"]', '["2024-01-01T00:00:01+00:00"]', False),
        ('"[\\"2024-01-01 00:00:00+00\\",)"', '"[\\"2023-12-31 19:00:00-05\\",)"', True),
        ('{"at":"2024-01-01T00:00:00+00:00","n":1.0}', '{"at":"2024-01-01T01:00:00+01:00","n":1}', True),
        ('{"amount":1.50,"note":"1.50"}', '{"amount":1.5,"note":"1.50"}', True),
        ('{"amount":1.5,"note":"\\"1.50"}', '{"amount":1.5,"note":"\\"1.5"}', False),
        ('"a"', '"b"', False),
    ],
)
def test_what_a_side_decides_when_it_prints_is_no_difference(mine: str, theirs: str, same: bool) -> None:  # noqa: FBT001 - a value
    assert same_as_printed(mine, theirs) is same


def test_moments_inside_a_value_are_one_in_any_time_zone() -> None:
    mine, theirs = '"[\\"2024-01-01 00:00:00+00\\",)"', '"[\\"2023-12-31 19:00:00-05\\",)"'
    later = theirs.replace("19:00:00", "19:00:01")
    for kind in ("tstzrange", "public.visit"):
        assert same_cell(kind, mine, theirs)
        assert not same_cell(kind, mine, later)
    assert not same_cell("text", mine, theirs)
    array = '["2024-01-01T00:00:00+00:00"]', '["2024-01-01T05:30:00+05:30"]'
    assert same_cell("timestamp with time zone[]", *array)
