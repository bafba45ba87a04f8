"""The stand-in as the program that `postgrest` is, and the way on which a real one takes its place."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.postgrest.launch import PROGRAM, ROLES, ROOT, legacy_key, serve
from tests.servers.postgres import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.postgres import Cluster

pytestmark = pytest.mark.server
ITEMS = """
create table items (id integer primary key, label text);
insert into items select g, 'label ' || g from generate_series(1, 5) g;
grant select, insert on items to service_role;
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """An executable that is started as `postgrest` is."""
    path = tmp_path / "postgrest"
    path.write_text(f'#!/bin/sh\ncd "{ROOT}" && exec "{sys.executable}" -m tests.postgrest "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> str:
    cluster.create("program", ROLES + ITEMS)
    return cluster.url("program", "authenticator")


@contextmanager
def started(program: Path, *args: str, **environment: str) -> Iterator[None]:
    process = subprocess.Popen(
        [program, *args], env={"PATH": os.environ["PATH"], **environment}, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        assert "Listening on" in process.stderr.readline()
        yield
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert process.returncode == 0


def test_it_reads_the_settings_of_postgrest_from_its_environment(program: Path, database: str) -> None:
    port = str(free_port())
    secret = "another-secret-of-at-least-32-characters"
    given = {"DB_URI": database, "SERVER_PORT": port, "DB_MAX_ROWS": "2", "JWT_SECRET": secret}
    with started(program, **{f"PGRST_{name}": value for name, value in given.items()}):
        url = f"http://127.0.0.1:{port}/items"
        token = {"Authorization": f"Bearer {legacy_key('service_role', secret)}"}
        assert [row["id"] for row in httpx.get(url, headers=token).json()] == [1, 2]
        assert httpx.get(url).status_code == 401


def test_it_reads_a_file_over_which_the_environment_goes(
    program: Path, database: str, tmp_path: Path
) -> None:
    port = free_port()
    file = tmp_path / "postgrest.conf"
    file.write_text(f'db-uri = "{database}"\nserver-port = {port}\ndb-max-rows = 3 # a few\n')
    with started(program, str(file), PGRST_DB_MAX_ROWS="1", PGRST_DB_ANON_ROLE="service_role"):
        assert len(httpx.get(f"http://127.0.0.1:{port}/items").json()) == 1


def test_a_program_is_served_behind_the_gateway(
    program: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PROGRAM, str(program))
    keys = {"sb_secret_for_tests": "service_role"}
    with serve(database, keys=keys, max_rows=2) as server, httpx.Client(base_url=server.url) as client:
        assert client.get("/items").status_code == 401
        client.headers["apikey"] = "sb_secret_for_tests"
        answer = client.get("/items?order=id")
        assert [row["id"] for row in answer.json()] == [1, 2]
        head = client.head("/items", headers={"Prefer": "count=exact"})
        assert head.headers["Content-Range"].endswith("/5")
        assert client.post("/items", json={"id": 6}).status_code == 201
        server.misbehave({"kind": "answer", "status": 503})
        assert client.get("/items").status_code == 503
        assert [entry["status"] for entry in server.requests()] == [401, 200, 206, 201, 503]


def test_a_program_that_does_not_start_is_an_error(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROGRAM, "/bin/false")
    with pytest.raises(RuntimeError, match="did not start"):
        serve(database, keys={})


def test_end_to_end_tests_run_against_a_program(program: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/e2e/test_sync.py"]
    # Rows, counted requests, a changed schema.
    command += ["-k", "first_load or idle_tables or missing_table"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, PROGRAM: str(program)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
