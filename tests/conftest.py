"""What all tests share: one PostgreSQL for the session."""

from collections.abc import Iterator

import pytest

from tests.servers.postgres import Cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running PostgreSQL."""
    with Cluster.start(tmp_path_factory.mktemp("postgres")) as running:
        yield running
