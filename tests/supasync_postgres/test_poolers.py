"""PgBouncer in front of both databases, in session and in transaction mode, where it is installed."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.e2e.workspace import ROWS, SCHEMA, Workspace, between
from tests.servers.postgres import UNPRIVILEGED, Cluster, free_port
from tests.supasync_postgres.test_migration import POSTGRES, TABLES_YAML, done

PROGRAM = shutil.which("pgbouncer", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
"""Where a Debian package puts it, too."""


@contextmanager
def pooled(folder: Path, cluster: Cluster, mode: str) -> Iterator[int]:
    """The port of a pooler for every database of the cluster."""
    port = free_port()
    settings, users = folder / "pgbouncer.ini", folder / "users.txt"
    users.write_text('"postgres" ""\n')
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={cluster.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nauth_type = trust\nauth_file = {users}\npool_mode = {mode}\n"
        "unix_socket_dir =\ndefault_pool_size = 6\n"
    )
    as_user = ["-u", UNPRIVILEGED] if os.geteuid() == 0 else []
    for path in (folder, settings, users):
        path.chmod(0o755)
    with subprocess.Popen([str(PROGRAM), *as_user, str(settings)], stderr=sys.stderr) as running:
        try:
            for _ in range(100):
                try:
                    psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres").close()
                    break
                except psycopg.OperationalError:
                    time.sleep(0.05)
            yield port
        finally:
            running.terminate()


@pytest.fixture(scope="module")
def ends(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("poolers")
    with between(cluster, folder, SCHEMA + ROWS, SCHEMA, POSTGRES + TABLES_YAML) as space:
        yield space.keep()


@pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")
@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_a_migration_runs_through_a_pooler(ends: Workspace, tmp_path: Path, mode: str) -> None:
    space = ends.again()
    with pooled(tmp_path, space.old.cluster, mode) as port:
        address(space, port)
        space.ready()
        done(space, "check")
        done(space, "sync")
        space.assert_equal()
        done(space, "verify", "--exact")
        space.old.run("update users set plan = 'pooled', updated_at = now()")
        done(space, "sync")
        space.assert_equal()


def address(space: Workspace, port: int) -> None:
    """Both connection strings lead to the pooler."""
    for name, end in (("OLD_DATABASE_URL", space.old), ("NEW_DATABASE_URL", space.new)):
        space.environment[name] = f"postgresql://postgres@127.0.0.1:{port}/{end.database}"
