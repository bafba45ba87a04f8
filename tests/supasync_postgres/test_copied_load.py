"""First loads by COPY, by the installed command: killed, refused, gone on with over REST."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.e2e.workspace import ENDS, ROWS, SCHEMA, TABLES, Workspace, between
from tests.servers.postgres import Cluster
from tests.supasync_postgres.databases import die_at_statements
from tests.supasync_postgres.test_migration import (
    DYING,
    POSTGRES,
    TABLES_YAML,
    done,
    given,
)
from tests.supasync_postgres.test_migration import test_the_servers_processes_may_die_in_the_middle as cut

SMALL = "defaults: {page_size: 2}\n"
"""Two rows come as JSON, then pages of at most 128 by COPY."""
COUNTED = """
import supasync_postgres.database as d
def counted(*arguments, out=d.copied_out):
    copied = out(*arguments)
    with open("copied.txt", "a") as file:
        print(len(copied.lines), file=file)
    return copied
d.copied_out = counted
"""
"""Notes how many rows came by each COPY."""


@pytest.fixture(scope="module")
def prepared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    tables = POSTGRES + SMALL + TABLES_YAML
    with between(cluster, tmp_path_factory.mktemp("copied"), SCHEMA + ROWS, SCHEMA, tables) as space:
        given(space).write("rest.yaml", ENDS + TABLES_YAML)
        space.before = f"{space.before}\n{COUNTED}"
        yield space.ready().keep()


@pytest.fixture
def workspace(prepared: Workspace) -> Workspace:
    space = prepared.again()
    (space.folder / "copied.txt").unlink(missing_ok=True)
    return space


def by_copy(space: Workspace) -> int:
    """The rows that came by COPY since the test began."""
    path = space.folder / "copied.txt"
    return sum(map(int, path.read_text().split())) if path.exists() else 0


def rows(space: Workspace) -> int:
    """The rows of all tables in OLD."""
    return sum(space.old.rows(f"select count(*) from {name}")[0][0] for name in TABLES)  # noqa: S608 - ours


def test_all_rows_but_the_first_page_of_each_table_come_by_copy(workspace: Workspace) -> None:
    done(workspace, "sync")
    workspace.assert_equal()
    assert by_copy(workspace) >= rows(workspace) - 2 * len(TABLES)
    done(workspace, "verify", "--exact")
    again = done(workspace, "sync", "--json").json
    assert [again["tables"][name]["synced"] for name in TABLES] == [0] * 5


@pytest.mark.parametrize("begun", ["postgres", "rest"])
def test_a_load_that_dies_is_gone_on_with_by_the_other_backend(workspace: Workspace, begun: str) -> None:
    first, then = ("tables.yaml", "rest.yaml") if begun == "postgres" else ("rest.yaml", "tables.yaml")
    before = workspace.before
    dying = DYING.format(number=45) if begun == "postgres" else _dying_rest()
    workspace.before = f"{before}\n{dying}"
    assert workspace.supasync("--config", first, "sync").code == 9
    workspace.before = before
    there = sum(workspace.new.rows(f"select count(*) from {name}")[0][0] for name in TABLES)  # noqa: S608 - ours
    assert 0 < there < rows(workspace)
    done(workspace, "--config", then, "sync")
    workspace.assert_equal()


def _dying_rest() -> str:
    return """
import os
from supasync_rest import sink
made = [0]
def upsert(self, *arguments, write=sink.RestSink.upsert):
    made[0] += 1
    if made[0] == 5:
        os._exit(9)
    return write(self, *arguments)
sink.RestSink.upsert = upsert
"""


@pytest.mark.slow
def test_a_run_that_dies_at_any_statement_loses_nothing(workspace: Workspace) -> None:
    die_at_statements(workspace, DYING, 43)
    assert by_copy(workspace)
    done(workspace, "sync")
    workspace.assert_equal()


def test_connections_that_are_cut_in_the_middle_of_copy_lose_nothing(workspace: Workspace) -> None:
    cut(workspace)
    assert by_copy(workspace)


def test_a_row_that_new_refuses_is_set_aside_and_all_others_arrive(workspace: Workspace) -> None:
    workspace.old.run(
        "update users set plan = 'odd' where id = (select id from users order by id desc limit 1)"
    )
    workspace.new.run("alter table users add check (plan <> 'odd')")
    [(name,)] = workspace.old.rows("select id::text from users where plan = 'odd'")
    synced = workspace.supasync("sync", "--table", "users", "--json")
    assert synced.json["tables"]["users"]["status"] != "failed", synced.out
    assert [row[0] for row in workspace.new.rows(f"select count(*) from users where id = '{name}'")] == [0]  # noqa: S608 - ours
    there, wanted = (end.rows("select count(*) from users") for end in (workspace.new, workspace.old))
    assert there[0][0] == wanted[0][0] - 1
    listed = done(workspace, "quarantine", "list").out
    assert name in listed
    workspace.old.run("update users set plan = 'even', updated_at = now() where plan = 'odd'")
    done(workspace, "sync")
    workspace.assert_equal()


def test_a_row_whose_parent_is_not_there_is_set_aside(workspace: Workspace) -> None:
    workspace.old.run(
        "alter table jobs drop constraint jobs_user_id_fkey; update jobs set user_id = "
        "'00000000-0000-4000-8000-00000000000f' where id = (select max(id) from jobs)"
    )
    workspace.supasync("sync", "--table", "users", "--table", "jobs")
    there, wanted = (end.rows("select count(*) from jobs")[0][0] for end in (workspace.new, workspace.old))
    assert there == wanted - 1
    lost = "select count(*) from jobs j where not exists (select from users u where u.id = j.user_id)"
    assert workspace.new.rows(f"{lost} and user_id is not null") == [(0,)]


def test_a_type_of_new_that_rounds_stops_the_table(workspace: Workspace) -> None:
    workspace.old.run(
        "update ad_sessions set revenue = 0.123456, updated_at = now() "
        "where id = (select id from ad_sessions order by id desc limit 1)"
    )
    workspace.new.run("alter table ad_sessions alter revenue type numeric(10,2)")
    synced = workspace.supasync("sync")
    assert synced.code == 3, synced.out
    assert "revenue" in synced.out + synced.err
    with psycopg.connect(workspace.new.cluster.url(workspace.new.database)) as editor:
        editor.execute("alter table ad_sessions alter revenue type numeric(10,6)")
    done(workspace, "sync", "--full", "ad_sessions")
    workspace.assert_equal()
