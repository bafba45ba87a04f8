"""A table without any key over direct connections: as often as the rows are there, to the last value."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_keyless import CHANGES, CONFIG, MIRROR, MIXED, SCHEMA, age, assert_same, rows, synced
from tests.e2e.workspace import ENDS, Workspace, between
from tests.servers.postgres import Cluster
from tests.supasync_postgres.test_migration import POSTGRES, given

DIRECT = POSTGRES + CONFIG.removeprefix(ENDS)
BEYOND = "insert into public.tags (label, doc, codes) values ('b', 'null', '[0:1]={1,2}'), ('b', '1.0', null)"


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    with between(cluster, tmp_path, SCHEMA + MIXED, SCHEMA, DIRECT) as made:
        given(made).write("rest.yaml", CONFIG)
        yield made.ready()


def test_rows_arrive_exactly_and_an_idle_run_writes_none(space: Workspace) -> None:
    space.old.run(BEYOND)
    synced(space)
    assert_same(space)
    assert len(rows(space.new)) == 45
    again = space.supasync("sync", "--json")
    assert (again.code, again.json["tables"]["tags"]["synced"]) == (0, 0)
    verified = space.supasync("verify", "--json")
    assert verified.code == 0, verified.out


def test_rest_goes_on_where_postgres_has_begun(space: Workspace) -> None:
    synced(space)
    space.old.run("insert into public.tags (label) values ('n2'), ('new')")
    over_rest = space.supasync("--config", "rest.yaml", "sync", "--json")
    assert (over_rest.code, over_rest.json["tables"]["tags"]["status"]) == (0, "ok"), over_rest.err
    assert_same(space)
    again = space.supasync("sync", "--json")
    assert (again.code, again.json["tables"]["tags"]["synced"]) == (0, 0)


def test_what_was_changed_and_deleted_is_mirrored(space: Workspace) -> None:
    synced(space)
    space.old.run(CHANGES)
    space.write("tables.yaml", MIRROR.replace(ENDS, POSTGRES))
    age(space)
    synced(space)
    assert_same(space)


def test_a_view_has_no_places_and_is_refused(space: Workspace) -> None:
    space.old.run("create view public.seen as select label from public.tags")
    space.new.run("create table public.seen (label text, supasync_row text unique)")
    space.write("tables.yaml", DIRECT + "  seen: {strategy: snapshot, key: supasync_row, deletes: report}\n")
    done = space.supasync("sync", "--table", "seen")
    assert done.code == 3, done.out + done.err
    assert "is it a view?" in done.out + done.err
