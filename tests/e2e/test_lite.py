r"""The same command between two servers that nobody here wrote: `@supabase/lite`.

What it does unlike PostgREST, and what is therefore not asked of it here:

- it reads the schema when it starts: nothing is altered while it runs, supasync's own SQL is there before;
- numbers pass through JavaScript: whole ones beyond 2^53, numeric and json are compared in `test_values`;
- quoted names inside ``or=``, ``order=`` and ``on_conflict=`` fail: odd names are `test_awkward`'s;
- inside ``and=`` and ``or=`` it does not know ``\"`` and ``\\``: no key holds a quote or a backslash here;
- it has no requests to show: they are counted by supasync itself.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import pytest

from supasync_core.schema import scripts
from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES, Server
from tests.servers.lite import LiteServer
from tests.servers.postgres import Cluster

HERE = Path(__file__).parent
SETUP_SQL = scripts.ready()
NEW_SQL = ROLES + (HERE / "lite.sql").read_text()
OLD_SQL = NEW_SQL + (HERE / "lite_rows.sql").read_text()

TABLES = ("users", "jobs", "tags", "log", "kinds")
TABLES_YAML = f"""
{ENDS}
defaults: {{page_size: 25}}
tables:
  users: {{timestamp: [updated_at, created_at]}}
  jobs:  {{depends_on: users}}
  tags:  {{depends_on: jobs, key: [job_id, tag]}}
  log:   {{strategy: append}}
  kinds: {{strategy: snapshot, key: code}}
"""

HOUR = """
insert into users values (md5('n')::uuid, 'n@example.test', 'new', 1, true, now(), null);
insert into jobs values (7, md5('n')::uuid, 'queued', now()), (8, null, null, now());
insert into log (id, line) select g, 'more' from generate_series(91, 150) g;
insert into tags values (7, 'a,b', 'x', now());
update users set plan = 'pro', updated_at = now() where credits % 10 = 1;
update jobs set status = 'done', updated_at = now() where id % 20 = 1;
update tags set note = 'changed', updated_at = now() where tag = ' (x) ';
update kinds set label = 'changed' where code = 'k3';
""".replace("now()", "now() - interval '1 minute'")
"""Rows of a minute ago: a clock of whole seconds cannot tell younger ones from those of its future."""


def lite(cluster: Cluster, database: str, keys: Mapping[str, str]) -> Server:
    """The other server; of what a `Server` is, only its address is there."""
    by_role = {role: key for key, role in keys.items()}
    server = LiteServer.start(
        cluster.url(database), secret_key=by_role["service_role"], publishable_key=by_role["anon"]
    )
    return cast("Server", server)


@pytest.fixture(scope="module")
def space(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Two such servers, set up, all rows copied."""
    folder = tmp_path_factory.mktemp("lite")
    with between(cluster, folder, OLD_SQL, NEW_SQL + SETUP_SQL, TABLES_YAML, opened=lite) as running:
        for command in ("setup", "sync"):
            done = running.supasync(command)
            assert done.code == 0, done.out + done.err
        yield running


def declare(space: Workspace, tables: str) -> tuple[str, ...]:
    """Options that name a tables.yaml with these tables."""
    space.write("other.yaml", f"{ENDS}tables:\n{tables}\n")
    return ("--config", "other.yaml")


def test_the_first_load_copies_every_row_page_by_page(space: Workspace) -> None:
    space.assert_equal(*TABLES)
    assert len(space.new.texts("jobs")) == 200


def test_an_hour_of_inserts_and_updates_follows(space: Workspace) -> None:
    space.old.run(HOUR)
    done = space.supasync("sync")
    assert done.code == 0, done.out + done.err
    space.assert_equal(*TABLES)


def test_an_idle_run_sends_no_row_and_few_requests(space: Workspace) -> None:
    assert space.supasync("sync").code == 0
    settled = "replace(state::text, '\"settled\": false', '\"settled\": true')::jsonb"
    space.new.run(f"update sync_metadata set state = {settled}")  # noqa: S608 - a fixed text
    done = space.supasync("sync", "--table", "jobs", "--table", "tags", "--json")
    assert done.code == 0, done.err
    assert (done.json["records"], done.json["requests"]) == (0, 4)


def test_a_dry_run_counts_and_writes_nothing(space: Workspace) -> None:
    before = space.new.texts("sync_metadata")
    done = space.supasync("sync", "--dry-run")
    assert done.code == 0, done.err
    assert "log: " in done.out
    assert space.new.texts("sync_metadata") == before


def test_what_differs_is_found_and_deletes_are_mirrored(space: Workspace) -> None:
    space.supasync("sync")
    done = space.supasync("verify")
    assert done.code == 0, done.out + done.err
    space.new.run("delete from log where id = 5")
    few = "select job_id from tags where tag = 'a,b' order by 1 limit 2"
    space.old.run(f"delete from tags where tag = 'a,b' and job_id in ({few})")  # noqa: S608 - a fixed text
    space.old.run("update kinds set label = 'silent' where code = 'k4'")
    found = space.supasync("verify", "--exact", "--json").json["tables"]
    assert found["log"]["missing"] == [["5"]]
    assert [key[1] for key in found["tags"]["extra"]] == ["a,b", "a,b"]
    assert found["kinds"]["changed"] == [{"key": ["k4"], "columns": ["label"]}]
    assert [found[name]["equal"] for name in ("users", "jobs")] == [True, True]
    mirrored = TABLES_YAML.replace("tags:  {", "tags:  {deletes: mirror, ")
    space.write("mirror.yaml", mirrored)
    done = space.supasync("--config", "mirror.yaml", "sync", "--full", "log")
    assert done.code == 0, done.out + done.err
    space.assert_equal(*TABLES)


def test_a_full_read_mends_what_was_deleted(space: Workspace) -> None:
    space.new.run("delete from tags where tag = 'a,b'")
    done = space.supasync("sync", "--full", "tags")
    assert done.code == 0, done.err
    space.assert_equal("tags")


def test_a_transform_changes_rows_on_their_way(space: Workspace) -> None:
    space.write(
        "mine.py",
        "from supasync_core import hookimpl\n\n"
        "def hide(row):\n    row['label'] = 'hidden'\n    return row\n\n"
        "@hookimpl\ndef supasync_register_transforms(registry):\n    registry.add('hide', hide)\n",
    )
    config = declare(space, "  kinds: {strategy: snapshot, key: code, transform: hide}\nplugins: mine.py")
    assert space.supasync(*config, "sync", "--full", "kinds").code == 0
    assert space.new.rows("select distinct label from kinds") == [("hidden",)]
    assert space.supasync("sync", "--full", "kinds").code == 0
    space.assert_equal("kinds")


def test_a_wrong_key_is_refused_with_a_sentence(space: Workspace) -> None:
    done = space.supasync(
        "sync", environment={"OLD_SUPABASE_SERVICE_ROLE_KEY": "sb_secret_for_tests_of_another"}
    )
    assert done.code == 3
    assert "401" in done.err
    assert "key" in done.err


def test_a_missing_table_stops_its_dependents_and_not_the_others(space: Workspace) -> None:
    config = declare(space, "  ghosts: {}\n  jobs: {depends_on: ghosts}\n  log: {strategy: append}")
    done = space.supasync(*config, "sync")
    assert done.code == 3
    assert "ghosts: failed: OLD has no table public.ghosts" in done.err
    assert "jobs: skipped: not run: waits for ghosts" in done.err
    assert "log: failed" not in done.err


def test_a_column_that_new_lacks_stops_the_table_by_name(space: Workspace) -> None:
    done = space.supasync(*declare(space, "  wider: {}"), "sync")
    assert done.code == 3
    assert "wider: failed: NEW has no column colour; no row was sent" in done.err
    assert space.new.texts("wider") == []


def test_a_server_that_does_not_describe_its_tables_is_said(space: Workspace) -> None:
    drafted = space.supasync("--config", "undescribed.yaml", "init")
    assert drafted.code == 3
    assert "OLD does not describe its tables" in drafted.err
    assert "supasync init --from FOLDER" in drafted.err
    assert not (space.folder / "undescribed.yaml").exists()
    compared = space.supasync("schema", "diff")
    assert compared.code == 2
    assert "OLD does not describe its tables" in compared.err


def test_check_names_what_is_missing_on_either_side(space: Workspace) -> None:
    done = space.supasync(
        *declare(space, "  wider: {}\n  jobs: {timestamp: changed_at}\n  kinds: {strategy: snapshot}"),
        "check",
    )
    assert done.code == 3
    assert "jobs: OLD has no column changed_at" in done.out
    assert "wider: NEW has no column colour" in done.out
    assert "kinds: OLD has no column id" in done.out


def test_a_table_without_key_is_refused(space: Workspace) -> None:
    done = space.supasync(*declare(space, "  keyless: {strategy: snapshot, key: name}"), "sync")
    assert done.code == 3
    assert "unique" in done.err
    assert space.new.texts("keyless") == []


def test_an_identity_that_is_always_generated_is_answered_with_the_statement(space: Workspace) -> None:
    done = space.supasync(*declare(space, "  always: {strategy: append}"), "sync")
    assert done.code == 3
    assert "alter table public.always alter column id set generated by default;" in done.err


def test_status_and_state_tell_of_the_runs(space: Workspace) -> None:
    shown = space.supasync("status", "--json")
    assert shown.code == 0, shown.err
    assert {run["status"] for run in shown.json["runs"]} >= {"success", "failed"}
    assert set(TABLES) <= set(space.supasync("state", "show", "--json").json["tables"])


def test_another_installation_is_locked_out(space: Workspace) -> None:
    space.new.run(
        "update sync_metadata set sync_status = 'running', holder = 'somebody else', "
        "lease_until = now() + interval '9 minutes' where seq = (select max(seq) from sync_metadata)"
    )
    done = space.supasync("sync")
    space.new.run("update sync_metadata set lease_until = now()")
    assert done.code == 5
    assert space.supasync("sync").code == 0


def test_the_plan_of_a_switch_tries_both_keys_and_sees_the_sequences(space: Workspace) -> None:
    named = declare(space, "  log: {strategy: append}")
    anon = {"SUPABASE_ANON_KEY": "sb_publishable_for_tests_new"}
    done = space.supasync(*named, "cutover", "--plan", "--json", environment=anon)
    assert done.code == 0, done.out + done.err
    found = {check["name"]: check for check in done.json["checks"]}
    assert found["keys"]["detail"] == "the secret key works; the anon key works"
    assert "the next of public.log_id_seq is 1: behind" in found["sequences"]["detail"]
    assert found["triggers"]["result"] == "ok"
