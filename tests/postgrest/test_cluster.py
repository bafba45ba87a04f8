from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from tests.postgrest.launch import ROOT

if TYPE_CHECKING:
    from tests.servers.postgres import Cluster

START_AND_WAIT = """
import sys
from pathlib import Path
from tests.postgrest.launch import ROLES, serve
from tests.servers.postgres import Cluster
cluster = Cluster.start(Path(sys.argv[1]))
cluster.create("kept", ROLES)
server = serve(cluster.url("kept"), keys={"key": "service_role"})
print(cluster.url("kept"), server.url, cluster.data, flush=True)
sys.stdin.read()
"""


@pytest.mark.server
def test_a_killed_python_leaves_neither_server_nor_files_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-c", START_AND_WAIT, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as started:
        assert started.stdout is not None
        database, url, data = started.stdout.readline().split()
        psycopg.connect(database).close()
        assert httpx.get(url).status_code == 401
        started.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while Path(data).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(data).exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(database)
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_text_sorts_by_code_point(cluster: Cluster) -> None:
    words = "select string_agg(w, ' ' order by w) from unnest(array['b', 'é', 'a', 'B']) w"
    with psycopg.connect(cluster.url("postgres")) as connection:
        assert connection.execute(words).fetchone() == ("B a b é",)


def test_a_database_can_be_made_filled_and_dropped_while_in_use(cluster: Cluster) -> None:
    url = cluster.url('odd "name"')
    cluster.create('odd "name"', "create table t (i integer); insert into t values (1), (2)")
    user = psycopg.connect(url, autocommit=True)
    assert user.execute("select count(*) from t").fetchone() == (2,)
    cluster.drop('odd "name"')
    user.close()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_it_listens_on_loopback_alone(cluster: Cluster) -> None:
    assert urlsplit(cluster.url("postgres")).hostname == cluster.host == "127.0.0.1"
