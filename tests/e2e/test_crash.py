"""A run that is killed at any request, before or after the request took effect, is made good by the next."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, End, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = (
    ROLES
    + """
create table public.users (id bigint primary key, label text, updated_at timestamptz not null);
create table public.jobs (id bigint primary key, user_id bigint references public.users (id), label text,
  updated_at timestamptz not null);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
CONFIG = ENDS + ("defaults: {page_size: 4}\ntables:\n  users:\n  jobs: {depends_on: [users]}\n")
ROWS = """
insert into public.users select g, 'u' || g, now() - g * interval '1 hour' from generate_series(1, 3) g;
insert into public.jobs select g, 1 + g % 3, 'j' || g, now() - g * interval '1 hour'
  from generate_series(1, 6) g;
"""
CHANGE = "update public.jobs set label = label || '!', updated_at = now() where id % 2 = 0"
TABLES = ("users", "jobs")


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    with between(cluster, tmp_path, SCHEMA, SCHEMA, CONFIG) as made:
        yield made.ready()


def start_again(space: Workspace) -> None:
    """Both sides as they were before the first sync; the baseline stays."""
    space.old.run("truncate public.users, public.jobs; " + ROWS)
    space.new.run("truncate public.users, public.jobs")
    space.forget()


def boundaries(space: Workspace) -> list[tuple[str, int, str]]:
    """Every moment of an undisturbed run at which to die: a side, which request of it, before or after that.

    Before and after are one where a request only reads: nobody has heard its answer.
    """
    start_again(space)
    space.requests()
    assert space.supasync("sync").code == 0
    return [
        (name, nth, kind)
        for name, end in (("old", space.old), ("new", space.new))
        for nth, request in enumerate(end.server.requests(), 1)
        for kind in ("hold-before", "hold-after")
        if kind == "hold-before" or request["method"] not in {"GET", "HEAD"}
    ]


@pytest.mark.timeout(600)
def test_killed_at_every_request_boundary_nothing_is_lost(space: Workspace) -> None:
    found = boundaries(space)
    assert len(found) > 15
    for name, nth, kind in found:
        start_again(space)
        end: End = getattr(space, name)
        end.server.behave()
        end.server.misbehave({"kind": kind, "nth": nth})
        with space.command("sync") as process:
            end.server.wait_held(seconds=60)
            process.send_signal(signal.SIGKILL)
        end.server.behave()
        space.old.run(CHANGE)
        done = space.supasync("sync")
        assert done.code == 0, (name, nth, kind, done.err)
        space.assert_equal(*TABLES)
