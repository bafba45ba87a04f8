"""Pages and batches that fit: no setting is needed for large rows, small bodies or slow statements."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = (
    ROLES
    + """
create table public.documents (id bigint primary key, content json, updated_at timestamptz not null);
create table public.ticks (id bigint primary key, label text, updated_at timestamptz not null);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
CONFIG = ENDS + "tables:\n  documents:\n  ticks:\n"
ROWS = """
insert into public.documents select g, json_build_object('n', g, 'text', repeat(md5(g::text), 6250)),
  now() - g * interval '1 hour' from generate_series(1, 60) g;
insert into public.ticks select g, 'tick ' || g, now() - g * interval '1 minute'
  from generate_series(1, 3000) g;
"""


@pytest.fixture(scope="module")
def space(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder: Path = tmp_path_factory.mktemp("sizes")
    with between(cluster, folder, SCHEMA + ROWS, SCHEMA, CONFIG) as made:
        yield made.ready()


def full(space: Workspace, table: str, *rules: dict[str, object]) -> list[dict[str, Any]]:
    """Copy the table from its beginning while NEW misbehaves so; the POSTs that NEW saw."""
    space.new.run(f"truncate public.{table}")
    space.requests()
    space.new.server.misbehave(*({"method": "POST", "path": table, **rule} for rule in rules))
    done = space.supasync("sync", "--table", table, "--full", table)
    space.new.server.behave()
    assert done.code == 0, done.err
    space.assert_equal(table)
    seen = space.new.server.requests()
    return [request for request in seen if request["method"] == "POST" and f"/{table}" in request["path"]]


def test_rows_of_200_kb_travel_some_at_a_time(space: Workspace) -> None:
    posts = full(space, "documents")
    assert max(post["bytes_in"] for post in posts) < 5_000_000
    pages = [request for request in space.old.server.requests() if "/documents" in request["path"]]
    limits = [int(page["path"].partition("limit=")[2]) for page in pages if "limit=" in page["path"]]
    assert set(limits[2:]) <= {1, 4}, "4 rows are a megabyte, which the first look at the table has shown"
    assert limits.count(4) >= 15


def test_a_body_that_is_too_large_is_sent_in_portions(space: Workspace) -> None:
    posts = full(space, "ticks", {"kind": "too-large", "bytes": 30_000, "times": None})
    refused = [post for post in posts if post["status"] == 413]
    assert 1 < len(refused) < len(posts) * 0.4, "what was refused is not tried again with every batch"
    assert space.supasync("quarantine", "list").out.strip() == "no row is quarantined"


def test_a_statement_that_takes_too_long_is_asked_of_fewer_rows(space: Workspace) -> None:
    cancelled = json.dumps({"code": "57014", "message": "canceling statement due to statement timeout"})
    posts = full(space, "ticks", {"kind": "answer", "status": 500, "body": cancelled, "times": 1})
    first, second = posts[:2]
    assert first["status"] == 500
    assert second["bytes_in"] < 0.6 * first["bytes_in"]
    assert posts[-1]["bytes_in"] > second["bytes_in"] or len(posts) < 8


def test_tables_that_need_not_wait_are_copied_while_another_is_held_up(space: Workspace) -> None:
    """Both are read and written; with one worker the second one waits."""
    for workers, expected in ((1, 0), (2, 3000)):
        space.write("tables.yaml", CONFIG.replace("tables:", f"workers: {workers}\ntables:"))
        space.new.run("truncate public.documents, public.ticks")
        space.new.server.misbehave({"kind": "hold-before", "method": "POST", "path": "documents"})
        with space.command("sync", "--full", "documents", "--full", "ticks") as process:
            space.new.server.wait_held(seconds=60)
            arrived = _settled(space)
            space.new.server.behave()
            out, err = process.communicate(timeout=60)
        assert process.returncode == 0, out + err
        assert arrived == expected
        space.assert_equal("documents", "ticks")


def _settled(space: Workspace) -> int:
    """The rows of the second table once no more arrive."""
    count = -1
    while (now := int(space.new.rows("select count(*) from public.ticks")[0][0])) != count:
        count = now
        time.sleep(1.5)
    return count
