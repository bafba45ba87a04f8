"""Projects for the tests of the REST backend."""

from collections.abc import Iterator

import pytest

from tests.servers import printing
from tests.servers.postgres import Cluster
from tests.supasync_rest.rig import SCHEMA_SQL, TABLES, Rig, rig


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> Iterator[Rig]:
    """A project that the tests of one module share."""
    with rig(cluster, printing.SQL + TABLES + SCHEMA_SQL, schemas=("public", "other")) as running:
        yield running


@pytest.fixture
def project(shared: Rig) -> Iterator[Rig]:
    """The shared project, well-behaved again, with empty tables, a new ledger and no waits so far."""
    shared.server.behave()
    shared.run(
        'truncate users, jobs, pairs, "Odd, one", numbered, computed, keyless, checked, deferred, '
        "other.things, sync_metadata restart identity"
    )
    shared.server.reset()
    running = Rig(shared.server, shared.cluster, shared.database)
    with running.opened:
        yield running
