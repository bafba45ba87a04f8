"""What is held in memory is bounded by bytes, over all workers and tables."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.command import COMMAND
from tests.servers.postgres import Cluster

LARGE = 20_000_000
"""Bytes of the largest row."""
BOUND = 64_000_000
"""Bytes that a run may hold besides three times its largest row and what an idle run takes."""
WIDE = ", ".join(f"c{i} text" for i in range(999))
SCHEMA = (
    ROLES
    + f"""
create table public.documents (id bigint primary key, content text, updated_at timestamptz not null);
create table public.papers (id bigint primary key, content text, updated_at timestamptz not null);
create table public.wide (id bigint primary key, updated_at timestamptz not null, {WIDE});
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
CONFIG = ENDS + "tables:\n  documents:\n  papers:\n  wide:\n"
ROWS = f"""
insert into public.documents select g, repeat(md5(g::text), {LARGE // 32}), now() - interval '1 hour'
  from generate_series(1, 3) g;
insert into public.papers select g, repeat(md5(g::text), {LARGE // 32}), now() - interval '1 hour'
  from generate_series(1, 2) g;
insert into public.wide (id, updated_at, c0, c998)
  select g, now() - interval '1 hour', md5(g::text), 'x' from generate_series(1, 1500) g;
"""  # noqa: S608 - numbers of ours
MEASURED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(done.returncode)
"""


@pytest.fixture(scope="module")
def space(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder: Path = tmp_path_factory.mktemp("memory")
    with between(cluster, folder, SCHEMA + ROWS, SCHEMA, CONFIG) as made:
        yield made.ready()


def peak(space: Workspace, *args: str) -> int:
    """The most bytes that the command held at once."""
    kept = {name: value for name, value in os.environ.items() if name == "PATH"}
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(COMMAND), *args],
        cwd=space.folder,
        env={**kept, "HOME": str(space.folder), **space.environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout.rpartition("peak ")[2])


def test_rows_of_20_mb_are_held_a_few_at_a_time(space: Workspace) -> None:
    copied = peak(space, "sync")
    idle = peak(space, "sync", "--table", "wide")
    verified = peak(space, "verify", "--exact")
    space.assert_equal("documents", "papers", "wide")
    assert copied - idle < BOUND + 4 * LARGE, "two tables, each with a row that comes and one that goes"
    assert verified - idle < BOUND + 3 * LARGE
