"""Fixtures over one PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.postgrest.launch import ROLES, Server, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.postgres import Cluster

SECRET_KEY = "sb_secret_for_tests"
ANON_KEY = "sb_publishable_for_tests"
ITEMS = """
create table items (id integer primary key, label text);
insert into items select g, repeat('label ' || g, 20) from generate_series(1, 100) g;
grant select, insert, update, delete on items to service_role;
"""


@pytest.fixture(scope="module")
def running(cluster: Cluster) -> Iterator[Server]:
    """A server with a gateway in front of it, over the table `items`."""
    cluster.create("items", ROLES + ITEMS)
    keys = {SECRET_KEY: "service_role", ANON_KEY: "anon"}
    with serve(cluster.url("items", "authenticator"), keys=keys) as server:
        yield server
    cluster.drop("items")


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """The same server, well behaved, with nothing counted."""
    running.reset()
    yield running
    running.behave()
