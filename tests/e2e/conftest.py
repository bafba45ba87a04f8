"""Workspaces for the tests that run the installed command."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ROWS, SCHEMA, Workspace, between
from tests.servers.postgres import Cluster


@pytest.fixture
def empty(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    """OLD with 3,400 rows, NEW with its tables alone, nothing set up."""
    with between(cluster, tmp_path, SCHEMA + ROWS, SCHEMA) as space:
        yield space


@pytest.fixture(scope="package")
def prepared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The same, set up, for all tests of the package."""
    with between(cluster, tmp_path_factory.mktemp("prepared"), SCHEMA + ROWS, SCHEMA) as space:
        yield space.ready().keep()


@pytest.fixture
def workspace(prepared: Workspace) -> Workspace:
    """That again, for a test that changes rows and files only."""
    return prepared.again()


@pytest.fixture
def fresh(empty: Workspace) -> Workspace:
    """OLD and NEW as above, set up, for a test that changes tables."""
    return empty.ready()
