"""Migrations by the installed command, between two real databases."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.e2e.workspace import ENDS, ROWS, SCHEMA, TABLES, Completed, Workspace, between
from tests.servers.hosted import HOSTED, OWNER
from tests.servers.postgres import Cluster
from tests.supasync_postgres.databases import HASTY, die_at_statements

POSTGRES = """\
version: 1
source: {backend: postgres, url: "${OLD_DATABASE_URL}", project: "${OLD_SUPABASE_URL}"}
sink:   {backend: postgres, url: "${NEW_DATABASE_URL}", project: "${SUPABASE_URL}"}
"""
TABLES_YAML = """\
tables:
  users:       {timestamp: [updated_at, created_at]}
  jobs:        {depends_on: [users]}
  sessions:    {depends_on: [users]}
  usage_logs:  {depends_on: [users, jobs]}
  ad_sessions: {depends_on: [users]}
"""
OWNED = """
grant create on schema public to hosted_postgres;
do $$ declare each regclass; begin
  for each in select c.oid from pg_class c where relnamespace = 'public'::regnamespace and relkind = 'r' loop
    execute format('alter table %s owner to hosted_postgres', each);
  end loop;
end $$;
"""


def given(space: Workspace) -> Workspace:
    """The workspace with both connection strings, of the superuser; commands hurry."""
    for name, end in (("OLD_DATABASE_URL", space.old), ("NEW_DATABASE_URL", space.new)):
        space.environment[name] = end.cluster.url(end.database)
    space.before = f"{space.before}\n{HASTY}"
    return space


@pytest.fixture(scope="module")
def prepared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    tables = POSTGRES + TABLES_YAML
    with between(cluster, tmp_path_factory.mktemp("postgres"), SCHEMA + ROWS, SCHEMA, tables) as space:
        yield given(space).ready().keep()


@pytest.fixture
def workspace(prepared: Workspace) -> Workspace:
    return prepared.again()


def done(space: Workspace, *args: str) -> Completed:
    completed = space.supasync(*args)
    assert completed.code == 0, completed.out + completed.err
    return completed


def test_all_rows_arrive_and_nothing_goes_over_rest(workspace: Workspace) -> None:
    workspace.requests()
    done(workspace, "check")
    done(workspace, "sync")
    workspace.assert_equal()
    done(workspace, "verify", "--exact")
    assert workspace.requests() == 0
    again = done(workspace, "sync", "--json").json
    assert [again["tables"][name]["synced"] for name in TABLES] == [0] * 5


def test_rest_and_postgres_are_changed_for_each_other_in_the_middle(workspace: Workspace) -> None:
    workspace.write("rest.yaml", ENDS + TABLES_YAML)
    some = "select id from users order by id limit 7"
    change = f"update users set plan = 'plan {{0}}', updated_at = now() where id in ({some})"  # noqa: S608 - a constant
    for number, config in enumerate(["rest.yaml", "tables.yaml", "rest.yaml", "tables.yaml"]):
        synced = done(workspace, "--config", config, "sync", "--json").json
        if number:
            # The cursors that the other backend left are this one's too: only the overlap comes again.
            assert 7 <= synced["tables"]["users"]["synced"] < 100, config
        workspace.assert_equal()
        workspace.old.run(change.format(number))
    done(workspace, "sync")
    workspace.assert_equal()
    commands = workspace.new.rows("select count(*) from sync_metadata where sync_status = 'success'")
    assert commands == [(5,)]


def test_new_is_what_old_was_at_one_instant(workspace: Workspace) -> None:
    """While it is copied, an app moves a row's mark from one table to another in one transaction."""
    workspace.old.run(
        "alter table users add column marks int default 1; alter table jobs add marks int default 1"
    )
    workspace.new.run("alter table users add column marks int; alter table jobs add marks int")
    total = "select (select sum(marks) from users) + (select sum(marks) from jobs)"
    [(whole,)] = workspace.old.rows(total)
    stopping = threading.Event()

    def move() -> None:
        with psycopg.connect(workspace.old.cluster.url(workspace.old.database)) as app:
            while not stopping.is_set():
                app.execute("update users set marks = marks - 1, updated_at = now()")
                app.execute(
                    "update jobs set marks = marks + (select count(*) from users), updated_at = now() "
                    "where id = (select min(id) from jobs)"
                )
                app.commit()

    moving = threading.Thread(target=move)
    moving.start()
    try:
        done(workspace, "sync", "--table", "users", "--table", "jobs")
    finally:
        stopping.set()
        moving.join()
    assert workspace.new.rows(total) == [(whole,)]
    done(workspace, "sync")
    workspace.assert_equal("users", "jobs")


def test_a_role_without_superuser_rights_is_enough(cluster: Cluster, tmp_path: Path) -> None:
    tables = POSTGRES + TABLES_YAML
    with between(cluster, tmp_path, HOSTED + SCHEMA + ROWS + OWNED, HOSTED + SCHEMA + OWNED, tables) as space:
        given(space)
        for name in ("OLD_DATABASE_URL", "NEW_DATABASE_URL"):
            space.environment[name] = space.environment[name].replace("postgres@", f"{OWNER}@")
        with psycopg.connect(space.environment["NEW_DATABASE_URL"], autocommit=True) as editor:
            editor.execute(space.supasync("schema", "sql").out.encode())
        done(space, "setup")
        done(space, "sync")
        space.assert_equal()


def test_a_table_that_new_has_not_is_named_by_check(workspace: Workspace) -> None:
    workspace.new.run("alter table ad_sessions rename to elsewhere")
    try:
        found = workspace.supasync("check")
    finally:
        workspace.new.run("alter table elsewhere rename to ad_sessions")
    assert found.code == 3
    assert "NEW has no table public.ad_sessions, or does not show it" in found.out + found.err


@pytest.mark.parametrize("sink", ["postgres", "rest"])
@pytest.mark.parametrize("source", ["postgres", "rest"])
def test_one_database_under_two_names_is_refused(workspace: Workspace, source: str, sink: str) -> None:
    url = workspace.environment["NEW_DATABASE_URL"].replace("127.0.0.1", "localhost")
    api = workspace.new.server.url.replace("127.0.0.1", "localhost").removesuffix("/rest/v1")
    first = {
        "postgres": f'source: {{backend: postgres, url: "{url}"}}',
        "rest": f'source: {{backend: rest, url: "{api}", key: "${{SUPABASE_SERVICE_ROLE_KEY}}"}}',
    }[source]
    second = (POSTGRES if sink == "postgres" else ENDS).splitlines()[2]
    workspace.write("same.yaml", f"version: 1\n{first}\n{second}\n{TABLES_YAML}")
    workspace.new.run("delete from sync_metadata")
    before = workspace.new.rows("select count(*) from users")
    setup, sync = (workspace.supasync("--config", "same.yaml", command) for command in ("setup", "sync"))
    assert (setup.code, "the same database" in setup.err) == (3, True), setup.out + setup.err
    assert sync.code in (3, 5), sync.out + sync.err
    assert workspace.new.rows("select count(*) from users") == before
    assert workspace.new.rows("select count(*) from sync_metadata where state is not null") == [(0,)]


def test_egress_is_counted_and_a_budget_stops_a_run(workspace: Workspace) -> None:
    done(workspace, "sync")
    [(details,)] = workspace.new.rows("select details from sync_metadata order by seq desc limit 1")
    read = details["costs"]["OLD"]["read"]["received"]
    [(size,)] = workspace.old.rows("select sum(length(to_json(t)::text)) from usage_logs t")
    assert read > size
    assert details["database_bytes"]["OLD"] > 0
    workspace.write("tight.yaml", f"{POSTGRES}budgets: {{egress: 10kB}}\non_budget: stop\n{TABLES_YAML}")
    stopped = workspace.supasync("--config", "tight.yaml", "sync", "--full", "users")
    assert stopped.code == 3
    assert "egress" in stopped.out + stopped.err


def test_the_plan_of_the_switch_names_what_it_changes_and_stops_at_what_it_cannot(
    workspace: Workspace,
) -> None:
    old = workspace.environment["OLD_DATABASE_URL"]
    config = f"{POSTGRES}cutover: {{env: app.env}}\n{TABLES_YAML}"
    workspace.write("cutover.yaml", config)
    url = old.replace("postgresql://", "postgresql+asyncpg://")
    address, _, database = old.rpartition("@")[2].partition("/")
    host, _, port = address.partition(":")
    dsn = f"host={host} port={port} dbname={database} user=postgres"
    workspace.write(
        "app.env", f'A={url}\nB="{old}?schema=app"\nC="{dsn}"\nPGHOST={host}\nPGDATABASE={database}\n'
    )
    shown = workspace.supasync("--config", "cutover.yaml", "cutover", "--plan").out
    assert "can be switched: " in shown
    assert "A, B, C, PGDATABASE" in shown
    workspace.write("app.env", f'A={url}\nB=\'{{"host": "{host}:{port}", "db": "{database}"}}\'\n')
    found = workspace.supasync("--config", "cutover.yaml", "cutover", "--plan")
    assert "B (line 2) names OLD's database, and it names OLD in a form" in found.out


DYING = """
import os
from supasync_postgres import transaction
made = [0]
def dying(method):
    def call(*arguments):
        made[0] += 1
        if made[0] == {number}:
            os._exit(9)
        answer = method(*arguments)
        made[0] += 1
        if made[0] == {number}:
            os._exit(9)
        return answer
    return call
for name in ("begin", "script", "run", "copy"):
    setattr(transaction.Transaction, name, dying(getattr(transaction.Transaction, name)))
"""
"""Ends the process before or behind its n-th statement in NEW, as SIGKILL does."""


def test_a_run_that_dies_at_any_statement_loses_nothing(workspace: Workspace) -> None:
    die_at_statements(workspace, DYING, 16)
    workspace.old.run("update users set plan = 'last', updated_at = now()")
    done(workspace, "sync")
    workspace.assert_equal()


def test_the_servers_processes_may_die_in_the_middle(workspace: Workspace) -> None:
    """All connections to both databases are cut, again and again, also during COPY."""
    stopping = threading.Event()
    cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'supasync'"
    ended = [0]

    def end() -> None:
        while not stopping.wait(0.05):
            ended[0] += workspace.old.rows(cut)[0][0]

    ending = threading.Thread(target=end)
    ending.start()
    try:
        synced = workspace.supasync("sync")
    finally:
        stopping.set()
        ending.join()
    assert synced.code in (0, 4), synced.out + synced.err
    assert ended[0] >= 1
    done(workspace, "sync")
    workspace.assert_equal()
    done(workspace, "verify", "--exact")


def test_while_old_answers_402_its_database_goes_on(workspace: Workspace) -> None:
    workspace.write("rest.yaml", ENDS + TABLES_YAML)
    source, sink = POSTGRES.splitlines()[1], ENDS.splitlines()[2]
    workspace.write("way_out.yaml", f"version: 1\n{source}\n{sink}\n{TABLES_YAML}")
    done(workspace, "--config", "rest.yaml", "sync")
    workspace.old.run("update users set plan = 'last', updated_at = now()")
    quota = {"kind": "answer", "status": 402, "body": '{"message": "exceed_egress_quota"}', "times": None}
    workspace.old.server.misbehave(quota)
    refused = workspace.supasync("--config", "rest.yaml", "sync")
    assert refused.code == 3
    assert "over its organisation's quota" in refused.err
    done(workspace, "--config", "way_out.yaml", "check")
    done(workspace, "--config", "way_out.yaml", "sync")
    workspace.assert_equal()
    done(workspace, "--config", "way_out.yaml", "verify", "--exact")
