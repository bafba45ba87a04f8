"""The house: what lies on which floor, who may import whom, and that each file's name says what it is."""

from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

from supasync_core.api.backend import Sink, Source
from supasync_core.api.state_store import StateStore

ROOT = Path(__file__).parent.parent
CORE = ROOT / "supasync_core"
PLUGINS = sorted(each.parent.name for each in ROOT.glob("plugins/*/__init__.py"))
FLOORS = (
    {"cli"},
    {"testing", "plugins", "report"},
    {"cutover", "reconcile"},
    {"status"},
    {"gap"},
    {"sync"},
    {"diff"},
    {"verify"},
    {"usage"},
    {"init"},
    {"schema"},
    {"project"},
    {"config", "staging", "concurrency"},
    {"api"},
    {"system", "schedule"},
    {"model"},
)
"""From the top down. A room imports from the floors below it; rooms of one floor do not know each other."""
SISTERS = {"__init__", "catalog", "sink", "source", "store", "switch"}
"""What each backend has under the same name, and the contract that it meets."""
MOST_LINES = 350


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("supasync_core", *PLUGINS, cache_dir=None)


def test_every_room_has_a_floor_and_no_file_lies_outside_of_a_room() -> None:
    rooms = {each.name for each in CORE.iterdir() if each.is_dir() and each.name != "__pycache__"}
    assert rooms == set().union(*FLOORS)
    assert {each.name for each in CORE.iterdir() if each.is_file()} == {
        "__init__.py",
        "__main__.py",
        "py.typed",
    }


def test_imports_run_down_the_floors(graph: grimp.ImportGraph) -> None:
    layers = [grimp.Layer(*floor, independent=True) for floor in FLOORS]
    upward = graph.find_illegal_dependencies_for_layers(layers, containers={"supasync_core"})
    assert [f"{each.importer} -> {each.imported}" for each in upward] == []


def test_no_file_imports_itself_by_way_of_others(graph: grimp.ImportGraph) -> None:
    TopologicalSorter(
        {each: graph.find_modules_directly_imported_by(each) for each in graph.modules}
    ).prepare()


def test_the_core_imports_no_plugin_and_no_plugin_imports_another(graph: grimp.ImportGraph) -> None:
    homes = ("supasync_core", *PLUGINS)
    strangers = [
        f"{importer} -> {imported}"
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if imported.partition(".")[0] not in {importer.partition(".")[0], "supasync_core"}
    ]
    assert (strangers, {each.partition(".")[0] for each in graph.modules}) == ([], set(homes))


def test_no_two_files_share_a_name() -> None:
    """A command's file in `cli` has the command's name, whatever else has it."""
    found = defaultdict(list)
    for path in [*CORE.rglob("*.py"), *ROOT.glob("plugins/**/*.py")]:
        if path.parent != CORE / "cli" and path.stem not in SISTERS:
            found[path.stem].append(str(path.relative_to(ROOT)))
    assert [paths for paths in found.values() if len(paths) > 1] == []


def test_a_file_can_be_read_in_one_go() -> None:
    paths = [*CORE.rglob("*.py"), *ROOT.glob("plugins/**/*.py")]
    lines = {str(each.relative_to(ROOT)): len(each.read_text("utf-8").splitlines()) for each in paths}
    assert {name: number for name, number in lines.items() if number > MOST_LINES} == {}


def _methods(*contracts: type) -> set[str]:
    return {
        name
        for contract in contracts
        for each in contract.__mro__
        for name, value in vars(each).items()
        if each.__module__.startswith("supasync_core") and callable(value) and not name.startswith("_")
    }


def test_contracts_are_narrow() -> None:
    """Every author of a backend writes each of these; what is optional has a protocol of its own."""
    assert _methods(Source) == {"shape", "count", "read", "rows", "close"}
    assert _methods(Sink) == _methods(Source) | {"upsert", "delete"}
    assert _methods(StateStore) == {"begin", "save", "past", "close"}
    assert len(_methods(Source, Sink, StateStore)) <= 12
