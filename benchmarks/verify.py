"""What it costs to verify 100,000 equal rows over REST, between two servers of the tests.

Run it by ``python -m benchmarks.verify ROWS``.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.e2e.inside import ENDS
from tests.e2e.workspace import between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SQL = """
create table events (id uuid primary key, label text, updated_at timestamptz not null);
insert into events select md5(n::text)::uuid, 'row ' || n, '2024-01-01'::timestamptz + n * interval '1.1 s'
from generate_series(1, {rows}) n;
analyze events;
grant all on events to service_role;
"""


def main() -> None:
    """Print requests, bytes and seconds of each step."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    sql = ROLES + SQL.format(rows=rows)
    tables = f"{ENDS}tables:\n  events:\n"
    with TemporaryDirectory() as name, Cluster.start(Path(name) / "server") as cluster:
        folder = Path(name) / "project"
        folder.mkdir()
        with between(cluster, folder, sql, sql, tables) as space:
            space.new.run(space.supasync("schema", "sql").out)
            space.supasync("setup")
            for options in ((), (), ("--exact",)):
                began = time.monotonic()
                done = space.supasync("verify", "--json", *options)
                found = done.json["tables"]["events"]
                took = time.monotonic() - began
                told = ", ".join(f"{step} {number}" for step, number in found["requests"].items())
                print(
                    f"{found['method']}: equal {found['equal']}, {found['compared']:,} rows, {told}; "
                    f"{found['bytes'] / 1e6:.1f} MB, {took:.1f} s"
                )


if __name__ == "__main__":
    main()
