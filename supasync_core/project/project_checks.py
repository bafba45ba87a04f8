"""The checks that tables.yaml names under ``checks``, run apart from all else."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from supasync_core.api.backend import Side, Sink
from supasync_core.api.plugin_fault import PluginFault, apart
from supasync_core.api.project_check import CheckContext, ProjectCheck
from supasync_core.model.batch import Batch, Window
from supasync_core.model.errors import SupasyncError
from supasync_core.model.finding import Finding
from supasync_core.model.settings import Part
from supasync_core.model.table import Shape, Table
from supasync_core.project.migration import Migration


class _ReadOnly(Side):
    """A sink that can only be read."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def shape(self, table: Table) -> Shape:
        return self._sink.shape(table)

    def count(self, table: Table, window: Window | None = None) -> int:
        return self._sink.count(table, window)

    def read(self, table: Table, window: Window) -> Batch:
        return self._sink.read(table, window)

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        return self._sink.rows(table, columns, values)


def checks_of(migration: Migration) -> dict[str, tuple[ProjectCheck, Part]]:
    """The checks of tables.yaml by name, in its order, each with its settings."""
    registry = migration.host.checks
    return {part.name: (registry.get(part.name), part) for part in migration.settings.checks}


def found_by(
    migration: Migration, check: ProjectCheck, part: Part, *, asks_old: bool
) -> list[Finding] | PluginFault:
    """What the check found, or its plugin's fault.

    A check reads rows, so the message of an error may hold their values: only one of ours is shown.
    """
    context = CheckContext(
        settings=part.settings,
        folder=migration.settings.folder,
        tables=migration.settings.tables,
        source=migration.source if asks_old else None,
        sink=_ReadOnly(migration.sink),
    )

    def run() -> list[Finding]:
        found = list(check.run(context))
        if wrong := [each for each in found if not isinstance(each, Finding)]:
            raise TypeError(f"it returned {type(wrong[0]).__name__}, and must return findings")
        return [replace(each, kind=f"check:{part.name}") for each in found]

    secret = any(setting.secret for setting in check.settings.values())
    plugin = migration.host.owner(migration.host.checks, part.name)
    found = apart(plugin, f"failed in its check {part.name}", run, shows_message=False)
    if isinstance(found, PluginFault) and isinstance(found.error, SupasyncError) and not secret:
        return replace(found, reason=found.error.message)
    return found
