"""Exact verification of a million rows by digests, against a plain aggregate over both tables.

``python -m benchmarks --only verify``; alone, ``python -m benchmarks.verify ROWS``. reladiff, which compares
checksums of key ranges too, takes part if the variable RELADIFF names its command.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psycopg

from benchmarks.ground import COMMAND
from benchmarks.results import Result
from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SQL = """
create table events (id bigint primary key, label text, amount numeric, seen boolean, doc jsonb,
  updated_at timestamptz not null);
insert into events select n, 'row ' || n, n * 1.10, n % 2 = 0, jsonb_build_object('n', n),
  '2024-01-01'::timestamptz + n * interval '1.1 s' from generate_series(1, {rows}) n;
analyze events;
grant all on events to service_role;
"""
BARE = "select count(*), sum(hashtext(t::text)::bigint) from events t"
AGGREGATE = "a plain aggregate on both sides"
CHANGE = "update events set amount = -amount where id % ({rows} / 100) = 7"
DIRECT = """\
version: 1
source: {{backend: postgres, url: "{old}"}}
sink: {{backend: postgres, url: "{new}"}}
tables: {{events: }}
"""


def verifying(rows: int, rounds: int) -> list[Result]:
    """Equal tables, then a hundred rows changed, over REST and over direct connections."""
    sql = ROLES + SQL.format(rows=rows)
    with TemporaryDirectory() as name, Cluster.start(Path(name) / "server") as cluster:
        folder = Path(name) / "project"
        folder.mkdir()
        with between(cluster, folder, sql, sql, f"{ENDS}tables:\n  events:\n") as space:
            space.new.run(space.supasync("schema", "sql").out)
            space.old.run(space.supasync("schema", "sql", "--old").out)
            ends = [end.cluster.url(end.database) for end in (space.old, space.new)]
            space.write("direct.yaml", DIRECT.format(old=ends[0], new=ends[1]))
            found = list(_case(space, f"verify: {rows:,} equal rows", rounds, differing=0))
            space.new.run(CHANGE.format(rows=rows))
            found += _case(space, f"verify: 100 of {rows:,} rows changed", rounds, differing=100)
    return found


def _case(space: Workspace, case: str, rounds: int, *, differing: int) -> Iterator[Result]:
    contenders: dict[str, Callable[[], None]] = {
        AGGREGATE: lambda: _aggregate(space),
        "supasync over REST": lambda: _own(space, "tables.yaml", differing),
        "supasync over direct connections": lambda: _own(space, "direct.yaml", differing),
    }
    if program := os.environ.get("RELADIFF"):
        contenders["reladiff"] = lambda: _reladiff(space, program, differing)
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    requests: dict[str, int] = {}
    for _ in range(rounds):
        for name, contender in contenders.items():
            space.requests()
            began = time.perf_counter()
            contender()
            taken[name].append(time.perf_counter() - began)
            requests[name] = space.requests()
    for name, walls in taken.items():
        yield Result(
            case=case, server="none", rival=name, wall=median(walls), requests=requests[name] or None
        )


def _aggregate(space: Workspace) -> None:
    for end in (space.old, space.new):
        with psycopg.connect(end.cluster.url(end.database)) as connection:
            connection.execute(BARE)


def _own(space: Workspace, config: str, differing: int) -> None:
    done = subprocess.run(
        [COMMAND, "--config", config, "verify", "--exact", "--json"],
        cwd=space.folder,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    verdict = json.loads(done.stdout)["tables"]["events"]
    if (verdict["method"], len(verdict["changed"])) != ("digests", differing):
        raise RuntimeError(f"{verdict['method']}: {verdict['differences']} differences, not {differing}")


def _reladiff(space: Workspace, program: str, differing: int) -> None:
    old, new = (end.cluster.url(end.database) for end in (space.old, space.new))
    command = [program, old, "events", new, "events", "-k", "id", "-c", "%"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = len(done.stdout.splitlines())
    if found < 2 * differing or bool(found) != bool(differing):
        raise RuntimeError(f"reladiff: {found} lines, not {2 * differing}")


def main() -> None:
    """Print what each takes."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    for each in verifying(rows, 3):
        print(f"{each.case}: {each.rival}: {each.wall:.2f} s, {each.requests or 'no'} requests")


if __name__ == "__main__":
    main()
