"""Workspaces for the tests that run the installed command."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ROWS, SCHEMA, Workspace, between
from tests.servers.postgres import Cluster


@pytest.fixture
def empty(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    """OLD with 20,400 rows, NEW with its tables alone, nothing set up."""
    with between(cluster, tmp_path, SCHEMA + ROWS, SCHEMA) as space:
        yield space


@pytest.fixture
def workspace(empty: Workspace) -> Workspace:
    """The same, set up."""
    return empty.ready()
