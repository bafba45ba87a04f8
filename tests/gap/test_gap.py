"""OLD answers nothing any more: its rows go through files a person saved, and NEW ends equal to OLD."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.e2e.workspace import SCHEMA, TABLES, Workspace, between
from tests.gap.dialects import WRITERS
from tests.servers.postgres import Cluster

START = """
insert into public.users select md5('user' || g)::uuid, 'user' || g || '@example.test', 'free', g * 1.0001,
  '{"n": 1}', now() - interval '2 days', null from generate_series(1, 60) g;
insert into public.jobs select g, md5('user' || 1 + g % 60)::uuid, 'queued', null, g / 7.0,
  now() - interval '2 days', now() - interval '2 days' from generate_series(1, 200) g;
"""
GAP = """
insert into public.users select md5('user' || g)::uuid, 'user' || g || '@example.test', 'pro', g * 1.0001,
  '{"n": 2, "text": "a, \\"b\\""}', now() - interval '1 hour', null from generate_series(61, 64) g;
update public.users set plan = 'team', updated_at = now() - interval '30 minutes' where email like 'user1@%'
  or email like 'user2@%' or email like 'user3@%';
insert into public.jobs select g, md5('user' || 1 + g % 64)::uuid, 'done', '{"a":[1,2.5,null],"b":"x"}',
  g / 7.0,  now() - interval '50 minutes', now() - interval '50 minutes' + g * interval '1 millisecond'
  from generate_series(201, 655) g;
insert into public.sessions select md5('session' || g)::uuid, md5('user' || 1 + g % 64)::uuid, '192.0.2.7',
  now() - interval '40 minutes', now() - interval '40 minutes' from generate_series(1, 50) g;
insert into public.usage_logs (id, user_id, job_id, action, units) select g, md5('user' || 1 + g % 64)::uuid,
  1 + g % 655, E'one\\r\\ntwo, "three" ' || g, g + 0.10 from generate_series(1, 50) g;
insert into public.ad_sessions select md5('ad' || g)::uuid, md5('user' || 1 + g % 64)::uuid, 'p', 0.5,
  array[g, null]
  from generate_series(1, 30) g;
"""


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    """The guide's example: 592 rows in five tables are in OLD alone, and OLD's API refuses everything."""
    with between(cluster, tmp_path, SCHEMA + START, SCHEMA) as made:
        made.ready()
        done = made.supasync("sync")
        assert done.code == 0, done.err
        made.old.run(GAP)
        made.old.server.refuse()
        made.new.server.reset()
        yield made


def export(space: Workspace, dialect: str, *options: str) -> Path:
    """Run the printed queries in OLD's database and save what the dialect writes."""
    told = space.supasync("gap", "sql", "--json", *options)
    assert told.code == 0, told.err
    folder = space.folder / "export"
    folder.mkdir(exist_ok=True)
    for query in told.json:
        (folder / query["file"]).write_bytes(WRITERS[dialect](space.old, query["sql"]))
    space.new.server.reset()
    return folder


@pytest.mark.parametrize("dialect", ["psql", "table-editor", "sql-editor"])
def test_the_guides_example_arrives_in_fifteen_requests(space: Workspace, dialect: str) -> None:
    export(space, dialect)
    done = space.supasync("gap", "import", "export", "--yes")
    assert done.code == 0, done.out + done.err
    assert len(space.new.server.requests()) <= 15, done.out
    assert "592 records" in done.out, done.out
    space.assert_equal(*TABLES)


def test_the_exact_form_arrives_and_moves_the_cursors(space: Workspace) -> None:
    export(space, "table-editor", "--exact")
    done = space.supasync("gap", "import", "export", "--yes")
    assert done.code == 0, done.out + done.err
    assert len(space.new.server.requests()) <= 15
    space.assert_equal(*TABLES)
    space.old.server.accept()
    again = space.supasync("sync", "--dry-run")
    assert again.code == 0
    with psycopg.connect(space.new.cluster.url(space.new.database)) as connection:
        rows = connection.execute("select command, sync_status, records_synced from sync_metadata").fetchall()
    assert ("gap import", "success", 592) in rows
