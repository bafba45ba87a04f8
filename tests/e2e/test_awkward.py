"""Tables that nobody hopes for, three rows a page: each arrives whole, or says why not and what to do."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES, Server, serve
from tests.servers.postgres import Cluster

HERE = Path(__file__).parent
SCHEMA, OLD_ROWS, NEW_ONLY, GRANTS = (
    (HERE / f"awkward{name}.sql").read_text() for name in ("", "_old", "_new", "_grants")
)

PAGE = 3
TABLES_YAML = rf"""
{ENDS}
defaults: {{page_size: {PAGE}}}
tables:
  by_uuid: {{}}
  by_text: {{}}
  by_moment: {{}}
  by_number: {{}}
  by_float: {{}}
  by_day: {{}}
  by_bytes: {{}}
  by_span: {{}}
  by_mood: {{}}
  by_address: {{}}
  by_flags: {{key: [a, b]}}
  by_three: {{key: [tenant, code, day]}}
  "Order Items": {{key: ["Order Id", "Line, No"], timestamp: order}}
  select: {{strategy: snapshot, where: "and=(order.neq.o3,limit.gte.0)"}}
  "Größen & +?#%": {{timestamp: "Updated At"}}
  Dotted.Table: {{strategy: snapshot, key: the.key}}
  things: {{schema: "Läden 🛒"}}
  tree: {{}}
  numbered: {{strategy: append}}
  always: {{strategy: append}}
  Always, too: {{strategy: append, key: The Id}}
  computed: {{strategy: snapshot}}
  unique_only: {{strategy: snapshot, key: code}}
  null_keys: {{key: code}}
  null_pairs: {{strategy: snapshot, key: [a, b]}}
  null_log: {{strategy: append}}
  keyless: {{strategy: snapshot, key: name}}
  half_unique: {{strategy: snapshot, key: code}}
  deferred: {{strategy: snapshot, key: code}}
  profiles: {{strategy: snapshot}}
  unordered: {{strategy: snapshot}}
  recent: {{}}
  twice: {{strategy: snapshot}}
"""

WHOLE = (
    "by_uuid",
    "by_text",
    "by_moment",
    "by_number",
    "by_float",
    "by_day",
    "by_bytes",
    "by_span",
    "by_mood",
    "by_address",
    "by_flags",
    "by_three",
    "Order Items",
    "Größen & +?#%",
    "Dotted.Table",
    "tree",
    "numbered",
    "computed",
    "unique_only",
    "recent",
)


CHANGES = """
update by_text set note = 'changed', updated_at = '2024-02-01' where id in ('', 'a,b', 'q"x', 'b\\"');
update by_number set note = 'changed', updated_at = '2024-02-01' where id in ('NaN', 1.50, 9007199254740993);
update by_moment set note = 'changed', updated_at = '2024-02-01' where id = 'infinity' or id < '0001-01-01';
update by_flags set note = 'changed', updated_at = '2024-02-01' where a;
update by_three set note = 'changed', updated_at = '2024-02-01' where code = 'q"';
insert into by_three values (md5('new')::uuid, 'new', '2024-01-01', 'x', null);
update "Order Items" set "unit.price" = 9.990, "order" = '2024-02-01' where "Order Id" = 1;
update "select" set "from" = 'changed' where id > 4;
delete from "select" where "order" = 'o3';
update tree set parent_id = 1, updated_at = '2024-02-01' where id = 7;
insert into numbered (id, label) select g * 10, 'x' from generate_series(8, 12) g;
update computed set a = a + 1;
"""


def both_schemas(cluster: Cluster, database: str, keys: Mapping[str, str]) -> Server:
    """A server that exposes a second schema."""
    return serve(cluster.url(database, "authenticator"), keys=keys, schemas=("public", "Läden 🛒"))


@pytest.fixture(scope="module")
def space(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """All tables, on both sides."""
    old, new = (ROLES + SCHEMA + rows + GRANTS for rows in (OLD_ROWS, NEW_ONLY))
    folder = tmp_path_factory.mktemp("awkward")
    with between(cluster, folder, old, new, TABLES_YAML, opened=both_schemas) as running:
        running.new.run(running.supasync("schema", "sql").out)
        yield running


@pytest.fixture(scope="module")
def report(space: Workspace) -> Any:
    """What the first sync of all of them said."""
    done = space.supasync("setup")
    assert done.code == 0, done.out + done.err
    return space.supasync("sync", "--json").json


@pytest.mark.parametrize("table", WHOLE)
def test_the_table_arrives_whole(space: Workspace, report: Any, table: str) -> None:
    assert report["tables"][table]["status"] == "ok", report["tables"][table]
    assert space.new.texts(table) == space.old.texts(table)
    assert len(space.new.texts(table)) > PAGE


def test_another_schema_is_asked_for_by_its_own_header(space: Workspace, report: Any) -> None:
    assert report["tables"]["things"]["synced"] == len(space.old.texts("things", "Läden 🛒"))
    assert space.new.texts("things", "Läden 🛒") == space.old.texts("things", "Läden 🛒")


def test_columns_named_like_parameters_can_be_filtered_by_where(space: Workspace, report: Any) -> None:
    assert report["tables"]["select"]["found"] == len(space.old.texts("select")) - 1
    assert space.new.rows('select "order" from "select" where "order" = \'o3\'') == []


def test_a_generated_column_is_left_out_and_named(space: Workspace, report: Any) -> None:
    assert "computed: NEW computes the, sum itself" in report["notes"]
    assert space.new.rows('select "the, sum" from computed where id = 3') == [(6,)]


def test_rows_whose_parent_is_not_copied_wait_and_the_reason_is_told(report: Any) -> None:
    told = report["tables"]["profiles"]
    assert (told["status"], told["synced"]) == ("ok", 0)
    assert "wait for a parent that is not in NEW" in told["error"]
    assert "id refers to it" in told["hint"]


REFUSED = {
    "always": (
        r"numbers the column id itself",
        "alter table public.always alter column id set generated by default;",
    ),
    "Always, too": (
        r"numbers the column The Id itself",
        'alter table public."Always, too" alter column "The Id" set generated by default;',
    ),
    "null_keys": (r"a row has NULL in the key column code", "where: code=not.is.null"),
    "null_pairs": (r"a row has NULL in the key column b", "where: b=not.is.null"),
    "null_log": (r"a row has NULL in the key column id", "where: id=not.is.null"),
    "keyless": (r"OLD has two rows with the key .* \(name\)", "a key that tells OLD's rows apart"),
    "half_unique": (r"OLD has two rows with the key .* \(code\)", "a key that tells OLD's rows apart"),
    "deferred": (r"cannot tell the rows of public.deferred apart by \(code\).*deferrable", "nor deferrable"),
    "twice": (r"OLD has two rows with the key \d+ \(id\)", "a key that tells OLD's rows apart"),
    "unordered": (r"cannot compare one of the columns.*point", "type without order"),
}


@pytest.mark.parametrize("table", REFUSED)
def test_the_table_stops_and_says_why_and_what_to_do(report: Any, table: str) -> None:
    reason, way_out = REFUSED[table]
    told = report["tables"][table]
    assert told["status"] == "failed"
    assert re.search(reason, told["error"]), told
    assert way_out in told["hint"], told


def test_the_ways_out_lead_out_and_changes_follow(space: Workspace, report: Any) -> None:
    for table in ("always", "Always, too"):
        space.new.run(report["tables"][table]["hint"].removeprefix("run there: "))
    space.new.run("alter table public.profiles drop constraint profiles_id_fkey")
    for end in (space.old, space.new):
        end.run("alter table public.half_unique add unique (code, deleted)")
        end.run("alter table public.deferred drop constraint deferred_code_key, add unique (code)")
    corrected = TABLES_YAML
    for before, after in (
        ("null_keys: {key: code}", 'null_keys: {key: code, where: "code=not.is.null"}'),
        ("null_pairs: {strategy: snapshot, ", 'null_pairs: {where: "b=not.is.null", strategy: snapshot, '),
        ("null_log: {", 'null_log: {where: "id=not.is.null", '),
        (
            "half_unique: {strategy: snapshot, key: code}",
            "half_unique: {strategy: snapshot, key: [code, deleted]}",
        ),
        ("  keyless: {strategy: snapshot, key: name}\n", ""),
        ("  unordered: {strategy: snapshot}\n", ""),
        ("  twice: {strategy: snapshot}\n", ""),
    ):
        assert before in corrected
        corrected = corrected.replace(before, after)
    space.write("tables.yaml", corrected)
    space.old.run(CHANGES)
    done = space.supasync("sync")
    assert done.code == 0, done.out + done.err
    for table in (*WHOLE, "always", "Always, too", "half_unique", "deferred", "profiles"):
        assert space.new.texts(table) == space.old.texts(table), table
    for table, key in (("null_keys", "code"), ("null_pairs", "b"), ("null_log", "id")):
        query = f"select * from {table} where {key} is not null order by {key}"  # noqa: S608 - two fixed names
        assert space.new.rows(query) == space.old.rows(query)
