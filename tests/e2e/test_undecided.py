"""Tables that are not copied: named by every command until somebody decides on them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES, Server, serve
from tests.servers.postgres import Cluster

SCHEMA = """
create table public.users (id bigint primary key, label text, updated_at timestamptz not null default now());
create table public.prints (hash text primary key, note text);
create table public.bare (a int, b text);
create view public.totals as select count(*) as n from public.users;
grant select, insert, update, delete on all tables in schema public to service_role;
"""
ROWS = """
insert into public.users select g, 'u' || g from generate_series(1, 3) g;
insert into public.prints select md5(g::text), 'p' from generate_series(1, 20001) g;
insert into public.bare select 1, 'x' from generate_series(1, 4);
"""
LATER = "create table public.later (id int primary key); insert into public.later values (1), (2); "
GRANT = "grant select, insert, update, delete on public.later to service_role"


@pytest.fixture
def space(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """OLD with a table that can be copied, and three that cannot; init has written tables.yaml."""
    folder = tmp_path_factory.mktemp("undecided")
    with between(cluster, folder, ROLES + SCHEMA + ROWS, ROLES + SCHEMA) as made:
        (folder / "tables.yaml").unlink()
        done = made.supasync("init")
        assert done.code == 0, done.out + done.err
        yield made


def decide(space: Workspace, lists: str) -> None:
    """Replace the lists of names in tables.yaml."""
    space.write("tables.yaml", f"{ENDS}{lists}\ndefaults: {{overlap: 0s}}\ntables:\n  users:\n")


def lines(text: str, name: str) -> list[str]:
    return [line for line in text.splitlines() if "undecided" in line and f" {name}: " in line]


def test_what_init_leaves_out_is_named_with_its_rows_until_it_is_decided_on(space: Workspace) -> None:
    text = (space.folder / "tables.yaml").read_text()
    for name, why in (("bare", "no primary key"), ("prints", "20,001 rows"), ("totals", "a view")):
        at = text.index(f"  - {name}  # ")
        assert why in " ".join(text[at:].replace("#", " ").split())
    space.ready()
    assert space.supasync("sync").code == 0
    checked = space.supasync("check")
    assert checked.code == 0, checked.out
    for name, rows in (("bare", "4 rows in OLD, 0 in NEW"), ("prints", "20,001 rows in OLD, 0 in NEW")):
        for command in ("check", "status", "verify"):
            (line,) = lines(space.supasync(command).out, name)
            assert rows in line, command
    plan = space.supasync("cutover", "--plan")
    assert "failed    undecided: " in plan.out
    assert "20,001 rows in OLD, 0 in NEW" in plan.out
    for command in ("status", "verify"):
        told = space.supasync(command, "--json").json["undecided"]
        assert {name: each["old"] for name, each in told.items()} == {"bare": 4, "prints": 20001, "totals": 1}
        assert all(each["at"] for each in told.values())
    decide(space, "undecided: []\nignore: [prints, bare, totals]")
    for command in ("check", "status", "verify"):
        assert "undecided" not in space.supasync(command).out, command
    assert "ok        undecided: " in space.supasync("cutover", "--plan").out


def test_only_check_asks_anew_with_one_request_to_each_side(space: Workspace) -> None:
    space.ready()
    space.requests()
    space.supasync("check")
    space.old.run("insert into public.bare values (2, 'y')")
    for command in ("status", "verify"):
        (line,) = lines(space.supasync(command).out, "bare")
        assert "4 rows in OLD" in line
    space.old.server.reset()
    space.supasync("cutover", "--plan")
    assert space.old.server.requests() == []
    space.supasync("check")
    (line,) = lines(space.supasync("status").out, "bare")
    assert "5 rows in OLD" in line


def test_a_table_that_was_made_later_is_named_too(space: Workspace) -> None:
    space.ready()
    space.old.run(LATER + GRANT)
    (line,) = lines(space.supasync("check").out, "later")
    assert "2 rows in OLD, NEW has no such table" in line
    assert "not in tables.yaml" in line
    for command in ("status", "verify"):
        shown = line.replace("warning: undecided", "undecided, not copied")
        assert lines(space.supasync(command).out, "later") == [shown]
    assert "later: 2 rows in OLD" in space.supasync("cutover", "--plan").out
    printed = space.supasync("init")
    assert (printed.code, "  later:\n" in printed.out) == (1, True)


def test_a_switch_looks_for_tables_that_were_made_since_and_names_them(space: Workspace) -> None:
    decide(space, "ignore: [prints, bare, totals]")
    anon = "SUPABASE_ANON_KEY=sb_publishable_for_tests_new\n"
    space.write(".env", (space.folder / ".env").read_text() + anon)
    space.ready()
    space.old.run(LATER + GRANT)
    done = space.supasync("cutover", "--yes", "--json")
    assert done.code == 3, done.out
    check = {each["name"]: each for each in done.json["checks"]}["undecided"]
    assert check["result"] == "failed"
    assert "later: 2 rows in OLD, NEW has no such table" in check["detail"]
    assert "--accept undecided" in check["hint"]
    done = space.supasync("cutover", "--yes", "--json", "--accept", "undecided")
    assert done.code == 0, done.out + done.err
    certificate = json.loads((space.folder / done.json["certificate"]).read_text())
    assert certificate["accepted"] == ["undecided"]
    kept = {each["name"]: each for each in certificate["checks"]}["undecided"]["evidence"]
    assert (list(kept["tables"]), kept["ignored"]) == (["later"], ["prints", "bare", "totals"])


@pytest.mark.parametrize("setting", ["undecided", "ignore"])
def test_a_name_that_old_does_not_have_is_a_problem_with_its_place(space: Workspace, setting: str) -> None:
    space.ready()
    decide(space, f"{setting}: [prints, bares]")
    done = space.supasync("check")
    assert done.code == 3
    line = len(ENDS.splitlines()) + 1
    column = len(f"{setting}: [prints, ") + 1
    assert f"problem: tables.yaml:{line}:{column}: OLD has no table bares" in done.out
    assert "bares is gone" in space.supasync("init").out


def test_an_entry_in_a_comment_is_no_decision_but_init_prints_no_entry_for_it(space: Workspace) -> None:
    space.ready()
    decide(space, "ignore: [bare, totals]\n# prints:")
    assert lines(space.supasync("check").out, "prints")
    done = space.supasync("init")
    assert (done.code, "prints" in done.err) == (0, True)


def test_what_an_existing_file_lacks_is_printed_for_the_list(space: Workspace) -> None:
    decide(space, "ignore: [prints]")
    done = space.supasync("init")
    assert done.code == 1
    assert "  - bare  # no primary key" in done.out
    assert "  - totals  # a view" in done.out
    assert "- prints" not in done.out


KEYED = """
create table public.pairs (a int not null, b text not null, c text, unique (a, b));
create table public.loose (a int not null, b text, unique (a, b));
grant select, insert, update, delete on all tables in schema public to service_role;
"""
PAIRS = "insert into public.pairs select g, 'x', 'c' || g from generate_series(1, 5) g; "


def test_a_table_with_a_unique_key_alone_is_proposed_by_it_once_new_tells(space: Workspace) -> None:
    space.old.run(KEYED + PAIRS)
    space.new.run(KEYED)
    (space.folder / "tables.yaml").unlink()
    assert space.supasync("init").code == 0
    text = " ".join((space.folder / "tables.yaml").read_text().replace("#", " ").split())
    assert "- pairs no primary key is shown" in text
    assert "into NEW's SQL editor, then run supasync init again" in text
    space.ready()
    (line,) = lines(space.supasync("check").out, "pairs")
    assert "it can be copied by its unique key (a, b)" in line
    (line,) = lines(space.supasync("status").out, "loose")
    assert "supasync init checks whether it can be copied by its rows" in line
    printed = space.supasync("init")
    assert printed.code == 1
    assert "    key: [a, b]" in printed.out
    assert "# and take pairs out of undecided:" in printed.out
    for name in ("loose", "bare"):
        assert f"# and take {name} out of undecided:" in printed.out
    assert printed.out.count("    key: supasync_row") == 2
    entry = "  pairs:\n    strategy: snapshot\n    key: [a, b]\n"
    assert all(part in printed.out for part in entry.splitlines())
    decide(space, "ignore: [prints, bare, totals, loose]")
    space.write("tables.yaml", (space.folder / "tables.yaml").read_text() + entry)
    assert space.supasync("init").code == 0
    assert space.supasync("check").code == 0
    for statement in ("select 1", "update public.pairs set c = 'changed' where a = 2"):
        space.old.run(statement)
        done = space.supasync("sync")
        assert done.code == 0, done.out + done.err
        assert space.new.texts("pairs") == space.old.texts("pairs")


def test_init_proposes_a_unique_key_at_once_where_new_is_there_already(space: Workspace) -> None:
    space.old.run(KEYED + PAIRS)
    space.new.run(KEYED)
    space.ready()
    (space.folder / "tables.yaml").unlink()
    assert space.supasync("init").code == 0
    text = (space.folder / "tables.yaml").read_text()
    assert "    key: [a, b]" in text
    assert text.count("    key: supasync_row") == 2


def test_a_key_by_which_new_cannot_merge_rows_is_a_problem_before_the_first_row(space: Workspace) -> None:
    space.old.run(KEYED + PAIRS)
    space.new.run(KEYED)
    decide(space, "ignore: [prints, bare, totals, loose]")
    text = (space.folder / "tables.yaml").read_text()
    space.write("tables.yaml", text + "  pairs: {strategy: snapshot, key: [b, a]}\n")
    space.ready()
    space.new.run("alter table public.pairs drop constraint pairs_a_b_key")
    done = space.supasync("check")
    assert done.code == 3
    assert "problem: pairs: NEW has no unique key (b, a), so rows cannot be merged by it" in done.out
    assert 'alter table "public"."pairs" add unique ("b", "a");' in done.out
    assert space.supasync("sync").code == 3
    assert space.new.texts("pairs") == []
    space.new.run('alter table "public"."pairs" add unique ("b", "a")')
    assert space.supasync("check").code == 0
    assert space.supasync("sync").code == 0
    space.assert_equal("pairs", "users")


OTHER = """
create schema app;
create table app.bare (a int);
create table app.users (id bigint primary key, label text, updated_at timestamptz not null default now());
grant usage on schema app to service_role;
grant select, insert, update, delete on all tables in schema app to service_role;
"""


def exposing(cluster: Cluster, database: str, keys: Mapping[str, str]) -> Server:
    return serve(cluster.url(database, "authenticator"), keys=keys, schemas=("public", "app"))


def test_tables_of_other_schemas_are_named_with_them(cluster: Cluster, tmp_path: Path) -> None:
    tables = ROLES + SCHEMA + OTHER
    rows = "insert into app.bare values (1), (1); insert into app.users values (1, 'x')"
    with between(cluster, tmp_path, tables + rows, tables, opened=exposing) as space:
        (tmp_path / "tables.yaml").unlink()
        assert space.supasync("init").code == 0
        text = (tmp_path / "tables.yaml").read_text()
        assert '  - "app.bare"  # no primary key' in text
        (line,) = lines(space.ready().supasync("check").out, "app.bare")
        assert "2 rows in OLD, 0 in NEW" in line
        printed = space.supasync("init").out
        assert '  "app.bare":\n' in printed
        assert "# and take app.bare out of undecided:" in printed
        at = printed.index('  "app.bare":\n')
        entry = printed[at:].partition("\n\n")[0].partition("\n#")[0]
        space.write("tables.yaml", text.replace('  - "app.bare"', '  # - "app.bare"') + entry + "\n")
        space.new.run(space.supasync("schema", "sql").out)
        done = space.supasync("sync")
        assert done.code == 0, done.out + done.err
        assert space.new.rows("select a from app.bare") == [(1,), (1,)]
        space.write("tables.yaml", text.replace("undecided:\n", "undecided:\n  - app.nothing\n"))
        assert "OLD has no table app.nothing" in space.supasync("check").out


def test_a_look_that_cannot_be_kept_is_said_and_its_tables_are_named_all_the_same(space: Workspace) -> None:
    space.ready()
    kept = space.folder / ".supasync" / "undecided.json"
    kept.unlink()
    kept.mkdir()
    done = space.supasync("check")
    assert done.code == 0, done.out
    assert "undecided tables are not named by other commands" in done.out
    assert lines(done.out, "bare")
    (line,) = lines(space.supasync("status").out, "bare")
    assert "its rows have not been counted yet (supasync check counts them)" in line


def test_where_old_does_not_list_its_tables_that_is_said(space: Workspace) -> None:
    space.ready()
    root = {
        "kind": "answer",
        "path": "^/$|/rest/v1/$",
        "times": None,
        "status": 404,
        "body": '{"code": "PGRST126"}',
    }
    space.old.server.misbehave(root)
    decide(space, "ignore: [prints, bare, totals]")
    done = space.supasync("check")
    space.old.server.behave()
    assert "OLD does not list its tables, so tables missing in tables.yaml are not seen" in done.out
    (space.folder / ".supasync" / "undecided.json").unlink()
    assert "OLD's tables were not listed" in space.supasync("cutover", "--plan").out
