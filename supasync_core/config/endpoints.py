"""Source and sink of tables.yaml: the backend of each, its settings, and the project that they name."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from supasync_core.api.registration import Backend, Context, Setting
from supasync_core.api.registry import Registry, did_you_mean
from supasync_core.config.declarations import TOP, defaults_of
from supasync_core.config.document import Entry, Section
from supasync_core.config.plugin_settings import Owner, plugin_settings
from supasync_core.config.read_settings import Question, Reading
from supasync_core.config.value_kinds import Mismatch, text
from supasync_core.model.cost import Ledger
from supasync_core.model.settings import Endpoint
from supasync_core.system.files import is_same_file, share_a_file

STAGINGS: Final[Registry[Mapping[str, Setting]]] = Registry("staging backend")
STAGINGS.add("duckdb", {"path": Setting()})


def endpoints(reading: Reading, source: Entry | None, sink: Entry | None) -> tuple[Endpoint, Endpoint] | None:
    """Both sides, which are different projects; None where there is a problem with either."""
    host = reading.host
    rows_from = source and _endpoint(reading, "source", "OLD", source, host.sources)
    rows_to = sink and _endpoint(reading, "sink", "NEW", sink, host.sinks)
    if not (sink and rows_from and rows_to):
        return None
    if flaw := same_project(rows_from, rows_to):
        reading.problems.add(sink.at, "sink", flaw)
    return rows_from, rows_to


def same_project(source: Endpoint, sink: Endpoint) -> str | None:
    """What is wrong with a sink whose rows would go into the source; None where they do not."""
    mine, theirs = _file_of(source), _file_of(sink)
    if source.ref == sink.ref or (mine and theirs and is_same_file(mine, theirs)):
        return f"is the same project as the source ({source.ref}): rows go from OLD to NEW, two projects"
    if mine and theirs and source.backend == sink.backend and share_a_file(mine, theirs):
        return f"shares a file with the source ({source.ref}): rows go from OLD to NEW, two projects"
    return None


def staging_of(
    reading: Reading, written: Entry | None, sides: tuple[Endpoint, Endpoint] | None
) -> Path | None:
    """The staging's file, which is neither side's; None where there is a problem with it."""
    default = defaults_of(TOP)["staging"]
    entry = written or Entry(default.at, "staging", default)
    before = len(reading.problems)
    if _backend_name(reading, "staging", entry, STAGINGS) is None:
        return None
    owner = Owner(reading.host.owner(STAGINGS, "duckdb"), "backend")
    values = plugin_settings(reading, "staging", entry, STAGINGS.get("duckdb"), owner)
    if len(reading.problems) > before or not entry.sound:
        return None
    path = (reading.folder / Path(values["path"]).expanduser()).absolute()
    for name, side in zip(("source", "sink"), sides or (), strict=False):
        if (file := _file_of(side)) and is_same_file(path, file):
            reading.problems.add(entry.at, "staging", f"is the file of the {name} ({side.ref}): name another")
            return None
    return path


def _file_of(side: Endpoint) -> Path | None:
    """The file or folder of a backend of files, whose reference holds its absolute path; None of another."""
    path = Path(side.ref.partition(":")[2])
    return path if path.is_absolute() else None


def _endpoint(
    reading: Reading, side: str, project: str, entry: Entry, registry: Registry[Backend[Any]]
) -> Endpoint | None:
    """One side; None where there is a problem with it."""
    before = len(reading.problems)
    name = _backend_name(reading, side, entry, registry)
    if name is None or not isinstance(entry.value, Section):
        missing = reading.lenient and len(reading.problems) == before
        return Endpoint("missing", {}, f"the {side}, whose backend is missing") if missing else None
    backend = registry.get(name)
    declared = backend.settings
    if side == "sink":
        declared = {**reading.host.state_stores.get(name).settings, **declared}
    owner = Owner(reading.host.owner(registry, name), "backend")
    values = plugin_settings(reading, side, entry, declared, owner)
    if len(reading.problems) > before or not entry.sound:
        return None
    ledger = Ledger()
    context = Context(settings=values, folder=reading.folder, ledger=ledger, project=project)
    question = Question("failed to name its project", partial(backend.ref, context), str, "a text")
    secret = values.has_secret or any(setting.secret for setting in declared.values())
    ref = reading.ask(owner.plugin, entry.at, side, question, shows_message=not secret)
    return None if ref is None else Endpoint(name, values, ref)


def _backend_name(reading: Reading, side: str, entry: Entry, registry: Registry[Any]) -> str | None:
    """The name of a registered backend, which for a sink has a state store beside it."""
    section = entry.value
    if not isinstance(section, Section):
        return None
    if "backend" not in section.entries:
        reading.problems.add(entry.at, f"{side}.backend", f"is missing{did_you_mean('', registry)}")
        return None
    backend = section.entries["backend"].value
    try:
        name = text(backend)
    except Mismatch as mismatch:
        reading.add_flaws(f"{side}.backend", mismatch)
        return None
    flaw = reading.unknown(registry, name)
    if flaw is None and side == "sink" and name in registry and name not in reading.host.state_stores:
        flaw = f"{name} cannot be the sink: no plugin provides a state store for it"
    if flaw and side == "source" and name not in registry:
        reading.add_missing(backend.at, f"{side}.backend", flaw)
    elif flaw:
        reading.problems.add(backend.at, f"{side}.backend", flaw)
    return name if flaw is None and name in registry else None
