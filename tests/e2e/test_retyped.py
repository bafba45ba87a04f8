"""NEW's column gets another type after setup: what it would change silently is not sent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

TABLE = """
create table public.measured (id int primary key, updated_at timestamptz not null default now(), v {0});
grant select, insert, update, delete on all tables in schema public to service_role;
"""
CONFIG = ENDS + "tables:\n  measured: {}\n"
CHANGES = [
    ("float8", "real", "1.1234567890123457"),
    ("bigint", "float8", "9007199254740995"),
    ("numeric", "int", "1.75"),
    ("timestamp", "date", "'2026-01-01 10:00:00.5'"),
    ("timetz", "time", "'10:00:00+05'"),
    ("bigint[]", "float8[]", "'{9007199254740995}'"),
]
TAKES = [
    ("int", "bigint", "7"),
    ("real", "float8", "0.1"),
    ("date", "timestamptz", "'2026-01-01'"),
    ("bigint", "int", "7"),
    ("text", "varchar(9)", "'short'"),
    ("json", "jsonb", "'{\"a\": 1}'"),
]

HOLD_LESS = {
    "fields": ("interval", "interval hour to minute", "'1 hour'", "'1 hour 30 sec'"),
    "days": ("interval day to second", "interval day", "'1 day'", "'1 day 3 hours'"),
    "years": ("interval", "interval year", "'1 year'", "'1 year 3 mons'"),
    "spans": ("interval[]", "interval minute[]", "'{1 hour}'", "'{1 hour 30 sec}'"),
    "words": ("varchar[]", "varchar(3)[]", "'{a}'", """'{a,"b     "}'"""),
    "padded": ("varchar[]", "char(3)[]", "'{abc}'", "'{a,b}'"),
    "span": ("a_span", "a_span", "'1 hour'", "'1 hour 30 sec'"),
    "docs": ("json", "jsonb", "'1'", """'{"a":1,"a":2}'"""),
}
"""By table, OLD's type, NEW's, a value that both hold, and one that NEW's changes."""
SHOWN = {
    "labels": ("text[]", "varchar(3)[]", "'{a}'", """'{a,"b     "}'"""),
    "rough": ("numeric", "numeric(8,-2)", "100", "150"),
    "roughs": ("numeric[]", "numeric(8,-2)[]", "'{100}'", "'{150}'"),
    "label": ("a_label", "a_label", "'a'", "'a    '"),
    "pair": ("a_pair", "a_pair", "'(1 hour,a)'", "'(1 hour 30 sec,a)'"),
    "mixed": ("a_mix", "a_mix", "'(0.25,a)'", "'(123456789,a)'"),
    "mixes": ("a_mix[]", "a_mix[]", "array['(0.25,a)'::a_mix]", "array[(1, repeat('x', 70))::a_mix]"),
    "reach": ("a_range", "a_range", "'[0.25,0.5]'", "'[1,123456789]'"),
    "note": ("a_note", "a_note", "'({})'", """row('{"a":1,"a":2}')::a_note"""),
}
"""Such that only both catalogs show."""
IN_NAMES = ("docs", "note")
"""Such that few rows are changed, and all are compared."""
MADE = """
create domain a_span as {0}; create domain a_text as varchar{1}; create domain a_label as a_text;
create type a_pair as (a {0}, b text); create type a_mix as (a {2}, b {3}); create type a_note as (a {4});
create type a_range as range (subtype = {2});
"""
OLD_HAS = ("interval", "", "float8", "text", "json")
NEW_HAS = ("interval minute", "(3)", "real", "name", "jsonb")


@pytest.fixture(params=["rest", "postgres"])
def over(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _between(cluster: Cluster, folder: Path, kind: str, over: str) -> Iterator[Workspace]:
    with between(cluster, folder, ROLES + TABLE.format(kind), ROLES + TABLE.format(kind), CONFIG) as made:
        if over == "postgres":
            old, new = (cluster.url(end.database) for end in (made.old, made.new))
            source, sink = (f"{{backend: postgres, url: '{url}'}}" for url in (old, new))
            ends = f"version: 1\nsource: {source}\nsink: {sink}\n"
            made.write("tables.yaml", CONFIG.replace(ENDS, ends))
        yield made.ready()


@pytest.mark.parametrize(("kind", "then", "value"), CHANGES)
def test_a_type_that_changes_values_stops_the_table(  # noqa: PLR0913, PLR0917 - the case
    cluster: Cluster, tmp_path: Path, over: str, kind: str, then: str, value: str
) -> None:
    for space in _between(cluster, tmp_path, kind, over):
        space.new.run(f"alter table public.measured alter v type {then} using null")
        space.old.run(f"insert into public.measured (id, v) values (1, {value})")  # noqa: S608
        done = space.supasync("sync")
        assert done.code == 3, done.out + done.err
        assert "measured: failed: v is" in done.err
        assert "which is narrower: values would be changed" in done.err
        assert space.new.rows("select * from public.measured") == []


@pytest.mark.parametrize(("kind", "then", "value"), TAKES)
def test_a_type_that_takes_or_refuses_values_stops_nothing(  # noqa: PLR0913, PLR0917 - the case
    cluster: Cluster, tmp_path: Path, over: str, kind: str, then: str, value: str
) -> None:
    for space in _between(cluster, tmp_path, kind, over):
        space.new.run(f"alter table public.measured alter v type {then} using null")
        space.old.run(f"insert into public.measured (id, v) values (1, {value})")  # noqa: S608
        done = space.supasync("sync")
        assert done.code == 0, done.out + done.err


def test_a_type_that_holds_less_in_few_rows_stops_the_table(
    cluster: Cluster, tmp_path: Path, over: str
) -> None:
    tables = {**HOLD_LESS, **SHOWN} if over == "postgres" else HOLD_LESS
    made = [
        MADE.format(*kinds)
        + "".join(TABLE.replace("measured", name).format(kind[at]) for name, kind in tables.items())
        for at, kinds in enumerate((OLD_HAS, NEW_HAS))
    ]
    for space in _between(cluster, tmp_path, "int", over):
        config = (space.folder / "tables.yaml").read_text(encoding="utf-8")
        space.write("tables.yaml", config + "".join(f"  {name}: {{}}\n" for name in tables))
        for end, sql in zip((space.old, space.new), made, strict=True):
            end.run(sql)
        for name, (_, _, value, odd) in tables.items():
            space.old.run(
                f"insert into {name} select g, now(), {value} from generate_series(1, 400) g; "  # noqa: S608
                f"update {name} set v = {odd} where id = 153"
            )
        checked, done = space.supasync("check").out, space.supasync("sync")
        assert done.code == 3, done.out + done.err
        for name in tables:
            if over == "rest" or name in IN_NAMES:
                assert f"{name}: failed: NEW changed v after it was written" in done.err, done.err
                assert "key 153" in done.err
            else:
                assert f"problem: {name}.v " in checked, checked
                assert f"{name}: failed: v is " in done.err, done.err
                assert space.new.rows(f"select * from {name}") == []  # noqa: S608


def test_a_row_that_is_tried_again_out_of_quarantine_is_held_to_it(
    cluster: Cluster, tmp_path: Path, over: str
) -> None:
    for space in _between(cluster, tmp_path, "float8", over):
        space.new.run("alter table public.measured add constraint few check (v < 2)")
        space.old.run("insert into public.measured (id, v) values (1, 2.1234567890123457)")
        assert space.supasync("sync").code == 3
        space.new.run("alter table public.measured drop constraint few, alter v type real")
        done = space.supasync("quarantine", "retry")
        assert "which is narrower: values would be changed" in done.out + done.err
        assert space.new.rows("select * from public.measured") == []


def test_a_reconciliation_is_held_to_it(cluster: Cluster, tmp_path: Path, over: str) -> None:
    for space in _between(cluster, tmp_path, "bigint", over):
        space.new.run("alter table public.measured alter v type float8")
        space.old.run("insert into public.measured (id, v) values (1, 9007199254740995)")
        done = space.supasync("reconcile", "old", "new", "--apply")
        assert done.code == 3, done.out + done.err
        assert "which is narrower: values would be changed" in done.err
        assert space.new.rows("select * from public.measured") == []


def test_a_name_that_comes_twice_in_json_stops_a_column_that_became_jsonb(
    cluster: Cluster, tmp_path: Path
) -> None:
    for space in _between(cluster, tmp_path, "json", "rest"):
        space.new.run("alter table public.measured alter v type jsonb using null")
        space.old.run('insert into public.measured (id, v) values (1, \'{"b": 1e5, "a": 1.50}\')')
        assert space.supasync("sync").code == 0
        space.old.run('insert into public.measured (id, v) values (2, \'{"a": 1, "a": 2}\')')
        done = space.supasync("sync")
        assert (done.code, "NEW changed v after it was written" in done.err) == (3, True), done.err


def test_a_column_that_new_computes_otherwise_stops_the_table(
    cluster: Cluster, tmp_path: Path, over: str
) -> None:
    for space in _between(cluster, tmp_path, "int", over):
        for end in (space.old, space.new):
            end.run("alter table public.measured add twice int generated always as (id * 2) stored")
        space.old.run("insert into public.measured (id, v) select g, 3 from generate_series(1, 900) g")
        done = space.supasync("sync", "--full", "measured", "--json")
        assert done.code == 0, done.out + done.err
        costs = done.json["costs"]["NEW"]
        read = sum(costs[name]["received"] for name in ("read", "lookup") if name in costs)
        assert (read > 10_000) == (over == "rest"), read  # all 900 rows; SQL shows both expressions
        space.new.run(
            "alter table public.measured drop v; "
            "alter table public.measured add v int generated always as (id * 2) stored"
        )
        space.old.run("update public.measured set updated_at = now()")
        done = space.supasync("sync")
        assert (done.code, "NEW computes v itself, and has other values" in done.err) == (3, True), done.err


def test_an_identity_column_that_takes_no_changed_number_stops_the_table(
    cluster: Cluster, tmp_path: Path
) -> None:
    for space in _between(cluster, tmp_path, "int", "postgres"):
        for end in (space.old, space.new):
            end.run("alter table public.measured add n bigint generated always as identity")
        space.old.run("insert into public.measured (id, v) select g, 3 from generate_series(1, 400) g")
        told = "warning: measured: NEW numbers n itself (generated always as identity) and takes OLD's number"
        assert told in space.supasync("check").out
        assert space.supasync("sync").code == 0
        space.old.run("update public.measured set n = default where id = 153")
        space.old.run("update public.measured set updated_at = now()")
        done = space.supasync("sync")
        assert (done.code, "NEW computes n itself, and has other values" in done.err) == (3, True), done.err
        assert "key 153" in done.err
        assert "supasync schema sql --identity" in done.err
        space.new.run(space.supasync("schema", "sql", "--identity").out)
        done = space.supasync("sync", "--full", "measured")
        assert done.code == 0, done.out + done.err
        assert space.new.texts("measured") == space.old.texts("measured")


def test_every_row_of_a_column_that_new_alone_computes_is_compared(
    cluster: Cluster, tmp_path: Path, over: str
) -> None:
    for space in _between(cluster, tmp_path, "text", over):
        config = (space.folder / "tables.yaml").read_text(encoding="utf-8")
        space.old.run("alter table public.measured add u text, add w int")
        space.new.run(
            "alter table public.measured add u text generated always as (lower(v)) stored, add w int"
        )
        space.old.run(
            "insert into public.measured (id, v, u) select g, 'V' || g, "
            "case when g in (151, 777) then 'own value' else 'v' || g end from generate_series(1, 900) g"
        )
        told = "warning: measured: NEW computes u itself; OLD's expression is not known"
        assert (told in space.supasync("check").out) == (over == "rest")
        for settings in ("{}", "{exclude: [w]}", "{columns: [id, updated_at, v, u]}"):
            space.write("tables.yaml", config.replace("measured: {}", f"measured: {settings}"))
            done = space.supasync("sync", "--full", "measured")
            assert (done.code, "NEW computes u itself, and has other values" in done.err) == (3, True), (
                done.err
            )
            assert "key 151" in done.err
        assert space.supasync("sync").code == 3
        space.write("tables.yaml", config.replace("measured: {}", "measured: {exclude: [u]}"))
        done = space.supasync("sync", "--full", "measured")
        assert done.code == 0, done.out + done.err
        space.write("tables.yaml", config)
        space.new.run("alter table public.measured alter u drop expression")
        done = space.supasync("sync", "--full", "measured")
        assert done.code == 0, done.out + done.err
        assert space.new.texts("measured") == space.old.texts("measured")
