"""Rows with NULL in a column of the key lie behind no key: who reads a table to its end notices them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

TABLE = """
create table public.pairs (a int, b int, v text, updated_at timestamptz not null default '2026-01-01Z');
create unique index on public.pairs (a, b);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
CONFIG = ENDS + "tables:\n  pairs: {key: [a, b], page_size: 7}\n"
ROWS = "insert into public.pairs select nullif(g % 7, 0), g, 'v' from generate_series(1, 30) g {0}"
DATABASES = {
    "rest": (),
    "postgres": (
        ("old", "source: {{backend: postgres, url: '{0}'}}"),
        ("new", "sink: {{backend: postgres, url: '{0}'}}"),
    ),
}


@pytest.fixture(params=DATABASES)
def space(cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    with between(cluster, tmp_path, ROLES + TABLE, ROLES + TABLE, CONFIG) as made:
        config = CONFIG
        for end, line in DATABASES[request.param]:
            kind = line.partition(":")[0]
            [former] = [each for each in config.splitlines() if each.startswith(f"{kind}:")]
            config = config.replace(former, line.format(cluster.url(getattr(made, end).database)))
        made.write("tables.yaml", config)
        made.ready()
        made.old.run(ROWS.format(""))
        made.new.run(ROWS.format("where g % 7 <> 0"))
        yield made


def test_a_diff_does_not_call_a_side_equal_that_holds_more_rows_than_it_shows(space: Workspace) -> None:
    found = space.supasync("diff", "old", "new")
    assert found.code == 2, found.out + found.err
    assert "cannot be told apart" in found.out + found.err


def test_a_reconciliation_does_not_say_that_there_is_nothing_to_do(space: Workspace) -> None:
    done = space.supasync("reconcile", "old", "new", "--apply")
    assert done.code not in {0, 1}, done.out + done.err
    assert "cannot be told apart" in done.out + done.err
