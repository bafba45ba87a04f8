"""A whole migration of an app that names its database, from setup to the rollback, without any API.

Both users have the rights of Supabase's postgres, and no more.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from dotenv import dotenv_values

from tests.e2e.test_cutover import BEHIND, ROWS, SCHEMA, answered, results
from tests.e2e.workspace import Workspace, between
from tests.servers.hosted import HOSTED, OWNER
from tests.servers.postgres import Cluster
from tests.supasync_postgres.test_migration import OWNED

CONFIG = """\
version: 1
source: {backend: postgres, url: "${OLD_DATABASE_URL}"}
sink:   {backend: postgres, url: "${NEW_DATABASE_URL}"}
defaults: {overlap: 1s}
cutover: {env: app/.env, steps: [echo one >> ran.txt]}
tables:
  users:
  jobs: {depends_on: [users]}
"""
APP = "# the app\nDATABASE_URL={url}?schema=app\nPGHOST={host}\nPGDATABASE={database}\nPORT=3000\n"
SEQUENCE = "select last_value, is_called from public.jobs_id_seq"


@pytest.fixture(scope="module")
def made(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    tables = HOSTED + SCHEMA + OWNED
    with between(cluster, tmp_path_factory.mktemp("whole"), tables, tables, CONFIG) as space:
        space.old.run(ROWS)
        lines = [f"{side}_DATABASE_URL={url(space, side.lower())}\n" for side in ("OLD", "NEW")]
        space.write(".env", "".join(lines))
        (space.folder / "app").mkdir()
        address, _, database = url(space, "old").rpartition("@")[2].partition("/")
        host = address.partition(":")[0]
        space.write("app/.env", APP.format(url=url(space, "old"), host=host, database=database))
        yield space


def url(space: Workspace, side: str) -> str:
    end = getattr(space, side)
    address: str = end.cluster.url(end.database, OWNER)
    return address


def done(space: Workspace, *args: str) -> str:
    completed = space.supasync(*args)
    assert completed.code == 0, completed.out + completed.err
    return completed.out


def test_the_whole_way_and_back(made: Workspace) -> None:
    made.new.run(BEHIND)
    requests = made.requests()
    files = {path: path.read_bytes() for path in made.folder.glob("app/.env")}
    old = made.old.rows("select count(*) from pg_class")
    done(made, "schema", "sql", "--apply")
    done(made, "setup")
    done(made, "sync")
    made.assert_equal("users", "jobs")
    made.old.run("update public.jobs set label = 'late', updated_at = now() where id in (1, 2)")
    done(made, "sync")
    assert "equal" in done(made, "verify", "--exact")

    planned = done(made, "cutover", "--plan")
    for text in ("planned   sync", "failed    sequences", "ok        keys", "DATABASE_URL, PGDATABASE"):
        assert text in planned
    assert made.new.rows(SEQUENCE) == [(1, False)], "a plan changes nothing"

    made.old.run("update public.users set label = 'last', updated_at = now() where id = 1")
    refused = answered(made, "yes\nno\n", "--json")
    assert (refused.code, results(refused)["sequences"]) == (3, "failed")
    assert "Set these sequences of NEW beyond the largest key now?" in refused.err
    assert made.new.rows(SEQUENCE) == [(1, False)]

    switched = made.supasync("cutover", "--yes", "--json")
    assert switched.code == 0, switched.out + switched.err
    assert set(results(switched).values()) == {"ok"}
    proof = {each["name"]: each["detail"] for each in switched.json["checks"]}
    assert "compared by digests: equal" in proof["verification"]
    assert "cutover has set them" in proof["sequences"]
    assert json.loads(Path(switched.json["certificate"]).read_text())["accepted"] == []
    made.assert_equal("users", "jobs")
    assert made.new.rows("select nextval('public.jobs_id_seq')") == [(7,)]
    app = dotenv_values(made.folder / "app/.env")
    assert app["DATABASE_URL"] == f"{url(made, 'new')}?schema=app"
    assert (app["PGDATABASE"], app["PORT"]) == (made.new.database, "3000")
    assert (made.folder / "ran.txt").read_text() == "one\n"
    assert "closed" in made.supasync("sync").err

    made.new.run("update public.jobs set updated_at = now() + interval '1 second' where id < 3")
    assert "jobs: 2 rows newer than the switch" in done(made, "cutover", "--rollback", "--yes")
    assert {path: path.read_bytes() for path in files} == files
    done(made, "state", "reopen")
    assert made.requests() == requests == 0
    assert made.old.rows("select count(*) from pg_class") == old, "OLD is as it was"


def test_a_sequence_that_is_behind_again_is_set_by_the_next_switch(made: Workspace) -> None:
    made.new.run(BEHIND)
    assert "failed    sequences" in done(made, "cutover", "--plan")
    made.new.run("select setval('public.jobs_id_seq', 1000)")
    done(made, "schema", "sql", "--sequences", "--apply")
    assert made.new.rows("select nextval('public.jobs_id_seq')") == [(1001,)], "none is lowered"
