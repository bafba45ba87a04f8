"""Tables whose updates no run sees: every command says so, and none calls them equal by keys alone."""
# ruff: noqa: S608 - the names are ours

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, NEW_KEY, Completed, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

COLUMNS = ("created", "creation_time", "inserted_at", "joined", "ts")
SCHEMA = (
    ROLES
    + "".join(
        f"create table public.by_{name} (id bigint primary key, status text, {name} timestamptz not null);"
        for name in COLUMNS
    )
    + "create table public.log (id bigint primary key, status text);"
    + "grant select, insert, update, delete on all tables in schema public to service_role;"
)
TABLES = [f"by_{name}" for name in COLUMNS]
HEAD = ENDS + "defaults: {overlap: 0s, compare_every: never}\ncutover: {env: app/.env}\ntables:\n"
CONFIG = (
    HEAD
    + "".join(f"  by_{name}: {{timestamp: {name}}}\n" for name in COLUMNS)
    + "  log: {strategy: append}\n"
)
ROWS = 200


def settle(space: Workspace) -> None:
    """Copy all rows; a minute later by OLD's clock, the newest are settled."""
    assert space.supasync("sync").code == 0
    space.old.server.misbehave({"kind": "clock", "seconds": 60, "times": None})
    for _ in range(3):
        if "success: 0 rows" in space.supasync("sync").out:
            return
    raise AssertionError("rows are still read again")


@pytest.fixture(scope="module")
def ends(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Two projects: 200 rows of each table were inserted and copied, then 30 of them updated in OLD."""
    with between(cluster, tmp_path_factory.mktemp("ends"), SCHEMA, SCHEMA, CONFIG) as made:
        for name in COLUMNS:
            made.old.run(
                f"insert into public.by_{name} select g, 'trial', now() - g * interval '1 hour' "
                f"from generate_series(1, {ROWS}) g"
            )
        made.old.run(f"insert into public.log select g, 'trial' from generate_series(1, {ROWS}) g")
        made.ready()
        (made.folder / "app").mkdir()
        address = made.old.server.url.removesuffix("/rest/v1")
        made.write("app/.env", f"SUPABASE_URL={address}\nSUPABASE_ANON_KEY=sb_publishable_for_tests_old\n")
        anon = NEW_KEY.replace("secret", "publishable")
        made.write(".env", (made.folder / ".env").read_text() + f"SUPABASE_ANON_KEY={anon}\n")
        settle(made)
        for table in (*TABLES, "log"):
            made.old.run(f"update public.{table} set status = 'active' where id between 101 and 130")
        yield made


@pytest.fixture
def space(ends: Workspace) -> Workspace:
    """After another sync, which brings none of the updates."""
    ends.write("tables.yaml", CONFIG)
    done = ends.supasync("sync")
    assert (done.code, "success: 0 rows synced" in done.out) == (0, True), done.out + done.err
    return ends


def checks(done: Completed) -> dict[str, dict[str, object]]:
    """Each check by name."""
    return {check["name"]: check for check in done.json["checks"]}


def test_check_names_each_table_with_what_its_runs_do_not_see_and_the_ways_out(space: Workspace) -> None:
    done = space.supasync("check")
    assert done.code == 0
    for name in COLUMNS:
        sentence = f"by_{name}: updates of copied rows are not seen: it is read by {name}"
        assert sentence in done.out
    assert "log: updates of copied rows are not seen" in done.out
    assert "updates: seen" in done.out
    assert "strategy: snapshot" in done.out


def test_a_table_that_says_updates_seen_is_not_named(space: Workspace) -> None:
    space.write("tables.yaml", CONFIG.replace("timestamp: ts", "timestamp: ts, updates: seen"))
    done = space.supasync("check")
    assert "by_ts: updates" not in done.out
    assert "by_joined: updates" in done.out


def test_sync_says_what_it_did_not_see(space: Workspace) -> None:
    done = space.supasync("sync")
    assert done.code == 0
    for table in (*TABLES, "log"):
        assert table in done.err
    assert "updates" in done.err


def test_status_is_not_silent(space: Workspace) -> None:
    done = space.supasync("status")
    assert done.code == 0
    for name in COLUMNS:
        assert f"by_{name}: updates in OLD are not seen" in done.out
    told = {table["name"]: table for table in space.supasync("status", "--json").json["tables"]}
    assert {tuple(told[table]["unseen"]) for table in (*TABLES, "log")} == {("deletes", "updates")}


def test_verify_finds_the_updates_of_a_small_table(space: Workspace) -> None:
    done = space.supasync("verify", "--json")
    assert done.code == 1
    assert done.json["equal"] is False
    assert {len(table["changed"]) for table in done.json["tables"].values()} == {30}
    done = space.supasync("verify", "--table", "by_created")
    assert "no run copies updates of this table: supasync sync --full by_created" in done.out


def test_verify_calls_no_larger_table_equal(space: Workspace) -> None:
    space.write("tables.yaml", CONFIG.replace("overlap: 0s", "overlap: 0s, page_size: 100"))
    (space.folder / ".supasync" / "staging.duckdb").unlink(missing_ok=True)  # another machine
    done = space.supasync("verify", "--table", "by_created", "--json")
    (found,) = done.json["tables"].values()
    assert (done.code, done.json["equal"], found["equal"]) == (0, None, None)
    assert (done.json["values_compared"], found["values_compared"]) == (False, False)
    done = space.supasync("verify", "--table", "by_created", "--table", "log")
    assert done.code == 0
    for line in (done.out.splitlines()[0], done.out.splitlines()[-1]):
        assert "values_compared: false" in line
        assert "no run sees updates of" in line
    assert "equal" not in done.out.replace("equal in", "")


@pytest.mark.parametrize("options", [(), ("--no-exact",), ("--exact",)])
def test_cutover_compares_such_tables_by_value_and_does_not_switch(
    space: Workspace, options: tuple[str, ...]
) -> None:
    before = (space.folder / "app/.env").read_bytes()
    done = space.supasync("cutover", "--yes", "--json", *options)
    assert (done.code, done.json["switched"]) == (3, False)
    found = checks(done)
    assert found["verification"]["result"] == "failed"
    assert "30 rows differ" in str(found["verification"]["detail"])
    assert "supasync sync --full NAME" in str(found["verification"]["hint"])
    assert (space.folder / "app/.env").read_bytes() == before


def test_cutover_fails_where_comparing_them_costs_too_much(space: Workspace) -> None:
    more = CONFIG.replace("overlap: 0s", "overlap: 0s, page_size: 100")
    space.write("tables.yaml", more + "budgets: {egress: 2kB}\n")
    (space.folder / ".supasync" / "staging.duckdb").unlink(missing_ok=True)
    done = space.supasync("cutover", "--yes", "--json", "--no-exact")
    assert (done.code, done.json["switched"]) == (3, False)
    found = checks(done)
    assert found["verification"]["result"] == "ok"
    assert found["values"]["result"] == "failed"
    assert "no run sees updates of by_created" in str(found["values"]["detail"])
    assert "--accept values" in str(found["values"]["hint"])


def test_a_plan_says_what_the_switch_will_do_and_asks_old_nothing(space: Workspace) -> None:
    space.requests()
    done = space.supasync("cutover", "--plan", "--json")
    assert done.code == 0
    told = checks(done)["values"]
    assert (told["result"], "by_created" in str(told["detail"])) == ("planned", True)
    assert space.old.server.requests() == []


def test_queries_for_the_last_gap_say_which_updates_they_lack(space: Workspace) -> None:
    space.requests()
    done = space.supasync("gap", "sql")
    told = "rows that were updated in OLD since they were copied are not in these queries"
    assert (done.code, f"{', '.join(TABLES)}, log: {told}" in done.err) == (0, True), done.err
    assert space.old.server.requests() == []


def test_what_was_compared_and_how_stands_in_the_certificate(space: Workspace) -> None:
    names = [*TABLES, "log"]
    assert space.supasync("sync", *(f"--full={table}" for table in names)).code == 0
    space.assert_equal(*names)
    certificate = space.folder / "certificate.json"
    done = space.supasync("cutover", "--yes", "--json", "--no-exact", "--certificate", str(certificate))
    assert done.code == 0, done.out
    told = {check["name"]: check for check in json.loads(certificate.read_text())["checks"]}
    assert told["values"]["result"] == "ok"
    proof = told["values"]["evidence"]["tables"]
    assert proof.keys() == set(names)
    assert {(each["method"], each["compared"]) for each in proof.values()} == {("whole rows", ROWS)}
    assert told["verification"]["evidence"]["tables"]["by_ts"]["unseen"] == ["deletes", "updates"]
    assert told["quiet"]["evidence"]["updates_unseen"] == names
    assert "by_ts" in told["quiet"]["detail"]


STILL = ROLES + "".join(
    f"create table public.{name} (id bigint primary key, status text, created_at timestamptz not null,"
    " updated_at timestamptz not null);"
    "grant select, insert, update, delete on all tables in schema public to service_role;"
    for name in ("still", "moving", "few", "sworn")
)
STILL_ROWS = """
insert into still select g, 'trial', now() - g * interval '1 hour', now() - g * interval '1 hour'
  from generate_series(1, 50) g;
insert into sworn table still;
insert into moving table still;
insert into few select * from still where id <= 5;
update moving set updated_at = updated_at + interval '1 minute' where id % 10 = 0;
"""


def test_an_updated_at_that_nothing_moves_is_named_and_its_values_are_compared(
    cluster: Cluster, tmp_path: Path
) -> None:
    """One that moved in some rows is not, nor one in too few rows, nor one that a person vouches for."""
    config = HEAD + "  still:\n  moving:\n  few:\n  sworn: {updates: seen}\n"
    with between(cluster, tmp_path, STILL, STILL, config) as space:
        space.old.run(STILL_ROWS)
        space.new.run(space.supasync("schema", "sql").out)
        told = space.supasync("setup").out
        sentence = "nothing sets updated_at, it is never later than created_at in the 50 rows read"
        assert f"warning: still: {sentence}" in told
        assert told.count(sentence) == 1
        assert "updates: seen" in told
        assert space.supasync("check").out.count(sentence) == 1
        settle(space)
        space.old.run("update public.still set status = 'active' where id = 40")
        (tmp_path / "app").mkdir()
        address = space.old.server.url.removesuffix("/rest/v1")
        space.write("app/.env", f"SUPABASE_URL={address}\nSUPABASE_ANON_KEY=sb_publishable_for_tests_old\n")
        anon = NEW_KEY.replace("secret", "publishable")
        space.write(".env", (space.folder / ".env").read_text() + f"SUPABASE_ANON_KEY={anon}\n")
        done = space.supasync("cutover", "--yes", "--json", "--no-exact")
        assert (done.code, checks(done)["verification"]["result"]) == (3, "failed")
        assert "still: 1 row differs" in str(checks(done)["verification"]["detail"])
        space.write("tables.yaml", config + "budgets: {egress: 1kB}\n")
        (tmp_path / ".supasync" / "staging.duckdb").unlink()  # which remembers the row that differed
        found = checks(space.supasync("cutover", "--yes", "--json", "--no-exact"))
        assert (found["verification"]["result"], found["values"]["result"]) == ("ok", "failed")
        assert str(found["values"]["detail"]).startswith("no run sees updates of still,")


def test_a_missing_timestamp_is_answered_with_the_columns_that_are_there(
    cluster: Cluster, tmp_path: Path
) -> None:
    columns = "id bigint primary key, {} timestamptz not null default now()"
    made = (
        ROLES
        + f"create table a ({columns.format('creation_time')});"
        + (
            f"create table b ({columns.format('creation_time')}, last_change timestamptz);"
            "grant all on all tables in schema public to service_role;"
        )
    )
    with between(cluster, tmp_path, made, made, HEAD + "  a:\n  b:\n") as space:
        told = space.supasync("check").out
    assert "timestamp: creation_time works, but then updates are not seen" in told
    assert "timestamp: last_change speaks of updates" in told


def test_a_table_that_is_compared_as_a_whole_is_listed_until_then_and_after_that_no_more(
    cluster: Cluster, tmp_path: Path
) -> None:
    compared = HEAD.replace("compare_every: never", "compare_every: 24h") + "  by_ts: {timestamp: ts}\n"
    told = "by_ts: updates in OLD are not seen"
    with between(cluster, tmp_path, SCHEMA, SCHEMA, compared) as space:
        space.old.run("insert into public.by_ts select g, 'trial', now() from generate_series(1, 9) g")
        space.ready()
        assert told in space.supasync("status").out
        while "updates in OLD are not seen: by_ts" in space.supasync("sync").err:
            time.sleep(0.5)  # until the rows that were loaded are old enough to be compared
        done = space.supasync("status")
        assert told not in done.out
        assert "updates are not seen" not in done.out
        (table,) = space.supasync("status", "--json").json["tables"]
        assert (table["unseen"], table["blind"]) == (["deletes", "updates"], False)
        assert table["compared_at"]
        space.write("tables.yaml", compared.replace("24h", "never"))
        assert told in space.supasync("status").out
