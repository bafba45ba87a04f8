"""No value is changed: every cell of OLD and NEW is compared in the text that PostgreSQL gives it."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.e2e.odd import ODD
from tests.e2e.workspace import ENDS, Completed, End, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RECORDED = ("measurements", "texts", "numbers", "times", "json_docs", "arrays", "every_type")
TABLES = (*RECORDED, "more_types")
REFUSED = ("nul_docs", "mixed_arrays", "needed_docs")
ENOUGH = 40

Cells = dict[tuple[int, str], str | None]
Differences = dict[tuple[int, str], tuple[str | None, str | None]]

SETTINGS = """\
  measurements: {}
  texts:        {strategy: snapshot, page_size: 20}
  numbers:      {strategy: append, page_size: 20}
  times:        {timestamp: ts, page_size: 20}
  json_docs:    {strategy: snapshot, page_size: 20}
  arrays:       {strategy: append, page_size: 20}
  every_type:   {strategy: snapshot, page_size: 40}
  more_types:   {page_size: 40}
"""

LOST: dict[str, Differences] = {
    "json_docs": {(2, "doc"): ("null", None), (2, "docb"): ("null", None)},
    "arrays": {
        (4, "ja"): ('{"null",NULL,1}', "{NULL,NULL,1}"),
        (7, "ta"): ("[0:1]={a,b}", "{a,b}"),
        (7, "ia"): ("[5:6]={1,2}", "{1,2}"),
    },
    "every_type": {
        (3, "c_jsonb_arr"): ('{"null",NULL,"\\"x\\""}', '{NULL,NULL,"\\"x\\""}'),
        (6, "c_int_arr"): ("[0:1]={1,2}", "{1,2}"),
        (7, "c_json"): ("null", None),
        (7, "c_jsonb"): ("null", None),
        (9, "c_jsonb_arr"): ("{[1],[2]}", "{{1},{2}}"),
    },
}
"""What JSON cannot carry, in OLD and in NEW, row by row; docs/explanation/values.md lists the same."""

RESPELLED = {
    " { } ": "{ }",
    "\n\t[\n]\r\n": "[\n]",
    '"\\"quoted\\" \\\\ \\/ \\b\\f\\n\\r\\t"': '"\\"quoted\\" \\\\ / \\b\\f\\n\\r\\t"',
    '"\\u00e9\\ud83d\\ude00"': '"\u00e9\U0001f600"',
    '"\\u0001\\u001f\\u2028"': '"\\u0001\\u001f\u2028"',
}
"""The same JSON in other characters: blanks around a ``json`` value, and how its only string is escaped."""

CASES = (
    "every-type-copy-json-null",
    "every-type-copy-text-casts",
    "every-type-jsonb-arr-changed",
    "every-type-jsonb-arr-mixed",
    "insert-nul-escape-json-column",
    "values-in-json-null",
)
"""The recorded exchanges that show it."""


def recorded(what: str) -> str:
    """The statements of the recordings that begin so, each to the end of its last line."""
    text = (ROOT / "tests/recordings/schema.sql").read_text()
    return "\n".join(re.findall(rf"^{what}\b.*?;$", text, re.DOTALL | re.MULTILINE))


def odd_values() -> str:
    """The odd texts of every type, as rows."""
    literals = [
        f"('{name}',{n},'{value.replace(chr(39), chr(39) * 2)}')"
        for name, values in ODD.items()
        for n, value in enumerate(values)
    ]
    return f"create table odd (type text, n int, value text); insert into odd values {','.join(literals)};"  # noqa: S608 - literals are quoted


SCHEMA = "\n".join(
    [
        ROLES,
        recorded(r"create type public\.(?:mood|address)"),
        recorded(r"create domain public\.positive_int"),
        recorded(rf"create table public\.(?:{'|'.join(RECORDED)})"),
        (HERE / "values.sql").read_text(),
    ]
)
ROWS = "\n".join(
    [
        recorded(rf"insert into public\.(?:{'|'.join(RECORDED)})"),
        odd_values(),
        (HERE / "odd.sql").read_text(),
    ]
)


def cells(end: End, table: str) -> Cells:
    """Every cell of a table in SQL text, NULL as None."""
    with psycopg.connect(end.cluster.url(end.database)) as connection:
        every = sql.SQL("select * from {} limit 0").format(sql.Identifier(table))
        names = [column.name for column in connection.execute(every).description or ()]
        texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in names)
        rows = connection.execute(sql.SQL("select id, {} from {}").format(texts, sql.Identifier(table)))
        return {(row[0], name): text for row in rows for name, text in zip(names, row[1:], strict=True)}


def differences(space: Workspace, table: str) -> Differences:
    """The cells that differ, as they are in OLD and in NEW; a row that only one side has differs in all."""
    old, new = cells(space.old, table), cells(space.new, table)
    assert {place[0] for place in old} == {place[0] for place in new}, table
    return {place: (old[place], new[place]) for place in old if old[place] != new[place]}


def assert_nothing_else_is_lost(space: Workspace, *, transformed: frozenset[str] = frozenset()) -> None:
    """Every cell is identical but for what JSON cannot carry, and but for the transformed columns."""
    for table in TABLES:
        expected = {
            (row, column): (text, RESPELLED[text])
            for (row, column), text in cells(space.old, table).items()
            if column in ("doc", "c_json") and text in RESPELLED
        } | LOST.get(table, {})
        found = differences(space, table)
        found = {place: pair for place, pair in found.items() if place[1] not in transformed}
        assert found == expected, table


@pytest.fixture(scope="module")
def space(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """OLD with every value, NEW with the tables alone."""
    with between(cluster, tmp_path_factory.mktemp("values"), SCHEMA + ROWS, SCHEMA) as running:
        running.write("tables.yaml", f"{ENDS}tables:\n{SETTINGS}")
        running.new.run(running.supasync("schema", "sql").out)
        running.old.run(running.supasync("schema", "sql", "--old").out)
        yield running


@pytest.fixture
def fresh(space: Workspace) -> Workspace:
    """NEW emptied, state and all."""
    names = ", ".join([*TABLES, *REFUSED, "sync_metadata"])
    space.new.run(f"truncate {names}")
    return space


def done(space: Workspace, *args: str) -> Completed:
    """A command that must succeed."""
    completed = space.supasync(*args)
    assert completed.code == 0, completed.out + completed.err
    return completed


def test_every_value_arrives_identical_but_for_what_json_cannot_carry(fresh: Workspace) -> None:
    done(fresh, "setup")
    done(fresh, "sync")
    assert_nothing_else_is_lost(fresh)
    verified = fresh.supasync("verify", "--json").json["tables"]
    assert {name: table["method"] for name, table in verified.items()} == dict.fromkeys(TABLES, "digests")
    lost: dict[str, dict[str, list[str]]] = {}
    for name, cells_of in LOST.items():
        for row, column in cells_of:
            lost.setdefault(name, {}).setdefault(str(row), []).append(column)
    for name, table in verified.items():
        changed = {each["key"][0]: each["columns"] for each in table["changed"]}
        expected = lost.get(name, {})
        assert table["differences"] + table["in_flight"] == len(expected), name
        assert changed == (expected if not table["in_flight"] else {}), (
            name
        )  # `append` reads its last rows again


def test_the_same_command_twice_takes_every_value_through_a_duckdb_file(fresh: Workspace) -> None:
    source, sink = (ENDS.splitlines()[n].partition(":")[2] for n in (1, 2))
    staging = "{backend: duckdb, path: staging.duckdb}"
    fresh.write("out.yaml", f"version: 1\nsource: {source}\nsink: {staging}\ntables:\n{SETTINGS}")
    fresh.write("in.yaml", f"version: 1\nsource: {staging}\nsink: {sink}\ntables:\n{SETTINGS}")
    for config in ("out.yaml", "in.yaml"):
        done(fresh, "--config", config, "setup")
        done(fresh, "--config", config, "sync")
    assert_nothing_else_is_lost(fresh)


def test_a_transform_of_one_column_leaves_all_others_identical(fresh: Workspace) -> None:
    fresh.write(
        "shout.py",
        "from supasync_core import hookimpl\n\n"
        "def shout(row):\n"
        "    for name in ('label', 'c_text'):\n"
        "        if row.get(name):\n"
        "            row[name] = row[name].swapcase() + '!'\n"
        "    return row\n\n"
        "@hookimpl\n"
        "def supasync_register_transforms(registry):\n"
        "    registry.add('shout', shout)\n",
    )
    fresh.write("loud.yaml", f"{ENDS}plugins: shout.py\ndefaults: {{transform: shout}}\ntables:\n{SETTINGS}")
    done(fresh, "--config", "loud.yaml", "setup")
    done(fresh, "--config", "loud.yaml", "sync")
    assert_nothing_else_is_lost(fresh, transformed=frozenset({"label", "c_text"}))
    shouted = fresh.new.rows("select label from measurements where id = 1")
    assert shouted == [("M 1!",)]


def test_every_column_holds_forty_odd_rows(space: Workspace) -> None:
    for table in TABLES:
        rows: dict[str, int] = {}
        for (_, column), text in cells(space.old, table).items():
            rows[column] = rows.get(column, 0) + (text is not None)
        assert {column: count for column, count in rows.items() if count < ENOUGH} == {}, table
    few = {name: len(set(values)) for name, values in ODD.items() if len(set(values)) < ENOUGH}
    assert set(few) == {"boolean", "bit(4)", "mood", "boolean[]", "mood[]", "character(5)"}, few


REFUSED_SETTINGS = """\
  nul_docs:     {strategy: snapshot}
  mixed_arrays: {strategy: snapshot}
  needed_docs:  {strategy: snapshot}
"""


def test_what_new_refuses_is_named_with_table_column_and_what_to_do(fresh: Workspace) -> None:
    fresh.write("refused.yaml", f"{ENDS}tables:\n{REFUSED_SETTINGS}")
    done(fresh, "--config", "refused.yaml", "setup")
    completed = fresh.supasync("--config", "refused.yaml", "sync")
    assert completed.code == 3
    state = fresh.new.rows("select state from sync_metadata order by seq desc limit 1")[0][0]
    reasons = {name: row["reason"] for name, rows in state["quarantine"].items() for row in rows}
    assert set(reasons) == set(REFUSED)
    assert "22P05" in reasons["nul_docs"]
    assert "doc contains \\u0000" in reasons["nul_docs"]
    assert 'array element [1] of key "c_jsonb_arr"' in reasons["mixed_arrays"]
    assert 'null value in column "doc"' in reasons["needed_docs"]
    assert fresh.new.rows("select id from needed_docs") == [(1,)]


def test_the_page_on_values_lists_what_json_cannot_carry() -> None:
    page = (ROOT / "docs/explanation/values.md").read_text()
    recorded_ids = (ROOT / "tests/recordings/exchanges-14.10.jsonl").read_text()
    for case in CASES:
        assert f"`{case}`" in page
        assert f'"id":"{case}"' in recorded_ids.replace(": ", ":")


def test_the_queries_of_the_page_find_what_json_cannot_carry(space: Workspace) -> None:
    page = (ROOT / "docs/explanation/values.md").read_text()
    block = re.search(r"^```sql\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert block
    nulls, nuls, bounds, nested = re.sub(r"--.*", "", block[1]).strip().removesuffix(";").split(";")
    every = "with t as (select id, c_json as doc, c_int_arr as list, c_jsonb_arr as docs from every_type) "
    assert space.old.rows(every + nulls) == [(7,)]
    assert space.old.rows(every + bounds) == [(6,)]
    assert sorted(space.old.rows(every + nested)) == [(3,), (9,)]
    assert space.old.rows("with t as (table nul_docs) " + nuls) == [(13,)]
