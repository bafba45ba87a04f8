"""A key too long for an address is a row like any other, and does not stop its table."""

from pathlib import Path

import pytest

from tests.e2e.workspace import TABLES_YAML, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = f"""{ROLES}
create table notes (name text primary key, body text, updated_at timestamptz default now());
grant all on notes to service_role;
"""
ROWS = """
insert into notes select 'a' || n, 'b', now() - interval '3 hours' from generate_series(1, 20) n;
insert into notes values (repeat('m', 9000), 'long', now() - interval '2 hours');
"""
LATER = "insert into notes select 'z' || n, 'b', now() from generate_series(1, 50) n"
TABLES = TABLES_YAML[: TABLES_YAML.index("  users:")] + "  notes: {key: name, page_size: 7%s}\n"


@pytest.mark.parametrize("settings", ["", ", plugin: snapshot"])
def test_rows_behind_a_long_key_arrive(cluster: Cluster, tmp_path: Path, settings: str) -> None:
    with between(cluster, tmp_path, SCHEMA + ROWS, SCHEMA, TABLES % settings) as space:
        space.ready()
        first = space.supasync("sync")
        assert first.code == 0, first.err
        space.old.run(LATER)
        for _ in range(2):
            done = space.supasync("sync")
            assert done.code == 0, done.err
        space.assert_equal("notes")
