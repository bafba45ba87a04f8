"""A package that is replaced while a run goes on: what is imported late is told, and what came is kept."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.e2e.test_late import CONFIG, ROWS, SCHEMA
from tests.e2e.workspace import Workspace, between
from tests.servers.postgres import Cluster

GONE = """
import sys

class Gone:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r} or name.startswith({name!r} + "."):
            raise ModuleNotFoundError("No module named " + name, name=name)

sys.meta_path.insert(0, Gone())
"""


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("replaced")
    config = CONFIG.replace(", horizon: true", "").replace("size: 100}", "size: 100, deletes: report}")
    with between(cluster, folder, SCHEMA + ROWS, SCHEMA, config) as made:
        yield made.ready().keep()


@pytest.fixture
def space(shared: Workspace) -> Workspace:
    """The command starts with nothing imported before it, as whoever types it has it."""
    return replace(shared.again(), before="")


@pytest.mark.parametrize("name", ["msgspec", "duckdb", "supasync_core.staging"])
@pytest.mark.parametrize("command", ["sync", "verify"])
def test_a_part_that_is_gone_is_told_in_words_and_the_run_is_recorded(
    space: Workspace, command: str, name: str
) -> None:
    space.write("sitecustomize.py", GONE.format(name=name))
    done = space.supasync(command, environment={"PYTHONPATH": str(space.folder)})
    (space.folder / "sitecustomize.py").unlink()
    told = done.out + done.err
    assert done.code in (2, 3), told
    assert "was supasync replaced while it ran?" in told
    assert "internal error" not in told
    assert ("running",) not in space.new.rows("select sync_status from sync_metadata")
    if command == "sync":
        assert space.supasync("sync").code == 0
        space.assert_equal("plans", "events")
