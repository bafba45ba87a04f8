"""Look at an export: stage its files, ask the sink for the rows of the same keys, tell them apart."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from supasync_core import transform
from supasync_core.batch import Batch
from supasync_core.errors import ConfigError
from supasync_core.evidence import Key
from supasync_core.gap.outlook import Outlook, Part
from supasync_core.gap.seams import WARNING, Choices, Export, Finding, Staging
from supasync_core.gap.wanting import recall_shape, remember_shape
from supasync_core.project import Project
from supasync_core.registry import did_you_mean
from supasync_core.tables import Shape, Table

Progress = Callable[[str], None]


@dataclass
class Look:
    """One look at a folder; only the sink is asked, and only what the files give reason to ask."""

    project: Project
    export: Export
    staging: Staging
    choices: Choices
    progress: Progress
    parts: dict[str, Part] = field(default_factory=dict)
    wanted: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Values of each parent's key that children refer to."""
    there: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    """Values of a parent's column that the sink has."""

    def at(self, folder: Path) -> Outlook:
        """All of the folder; nothing is written to the sink."""
        _check(self.export, self.choices)
        tables = self.project.settings.tables
        found = self.export.find(folder, tables)
        for table in tables:
            if table.name in found.files:
                self._stage(table, found.files[table.name])
        for part in reversed(self.parts.values()):
            self._meet(part)
        for part in self.parts.values():
            self._compare(part)
        missing = tuple(table.name for table in tables if table.name not in self.parts)
        return Outlook(self.parts, missing, found.unknown, self.choices.accepted)

    def _stage(self, table: Table, paths: tuple[Path, ...]) -> None:
        self.progress(f"staging {', '.join(path.name for path in paths)} ...")
        shape = self._shape(table)
        part = Part(table, paths, shape)
        part.loaded, part.findings = self.export.load(self.staging, table, paths, shape, self.choices)
        self.parts[table.name] = part

    def _shape(self, table: Table) -> Shape:
        """The sink's columns; those that were kept where the sink knows no types."""
        shape = self.project.sink.shape(table)
        if shape.known and any(column.type for column in shape.columns):
            remember_shape(self.staging, table.name, shape)
            return shape
        return recall_shape(self.staging, table.name) or shape

    def _meet(self, part: Part) -> None:
        """Take in the sink's rows of the staged keys, and of the keys that its children refer to."""
        table = part.table
        self.progress(f"comparing {table.name} ...")
        keys: set[Key] = set(self.staging.keys(table)) if any(each.rows for each in part.loaded) else set()
        keys |= {(value,) for value in self.wanted[table.name]}
        self.staging.known(table, part.shape, self._kept(part, keys))
        part.findings += self.export.settle(self.staging, table, part.shape, self.choices)
        if table.transform:
            self.staging.replace(table, part.shape, self._transformed(table))
        for column, parent, referred in _references(part):
            other = self.parts.get(parent)
            if other and other.table.key == (referred,) and parent != table.name:
                self.wanted[parent] |= set(self.staging.referred(table, column))

    def _kept(self, part: Part, keys: set[Key]) -> Iterator[Batch]:
        """The sink's rows, their keys noted for those that refer to them."""
        if not keys:
            return
        table = replace(part.table, where=None)
        for batch in self.project.sink.rows(table, table.key, sorted(keys)):
            if len(table.key) == 1:
                self.there[table.name, table.key[0]].update(
                    table.place(row, None).key[0] for row in batch.rows
                )
            yield batch

    def _transformed(self, table: Table) -> Iterator[Batch]:
        transforms = self.project.transforms(table)
        return (transform.apply(transforms, table, batch) for batch in self.staging.rows(table))

    def _compare(self, part: Part) -> None:
        for column, parent, referred in _references(part):
            self._orphans(part, column, parent, referred)
        older = "older" in self.choices.accepted
        part.counts = self.staging.compare(
            part.table, part.shape, self.project.settings.sink.ref, older=older
        )
        if part.counts.older:
            fate = "are written over them" if older else "are not written"
            text = f"{part.counts.older:,} rows are older than NEW's, and {fate}"
            part.findings.append(Finding(kind="older", table=part.table.name, text=text, level=WARNING))

    def _orphans(self, part: Part, column: str, parent: str, referred: str) -> None:
        """Take out rows whose parent is neither in the files nor in the sink, and report each."""
        values = set(self.staging.referred(part.table, column))
        if parent in self.parts:
            values -= set(self.staging.values(self.parts[parent].table, referred))
        values -= self.there[parent, referred]
        values -= self._looked_up(part, parent, referred, values)
        if not values:
            return
        paths = dict(enumerate(part.paths))
        for key, index, row in self.staging.leave_out(part.table, column, sorted(values)):
            path = paths.get(int(index)) if index.isdigit() else None
            line = self.export.place(path, row) if path and row else None
            place = f"{path.name}, line {line}, " if path and line else ""
            text = f"{place}key {', '.join(key)}: its {column} is neither in the files nor in NEW ({parent})"
            part.findings.append(
                Finding(
                    kind="orphan",
                    table=part.table.name,
                    text=text,
                    file=path.name if path else None,
                    line=line,
                    key=key,
                    column=column,
                )
            )

    def _looked_up(self, part: Part, parent: str, referred: str, values: set[str]) -> set[str]:
        """Those of the values that the sink has, where they were not asked for with the parent's own rows."""
        if not values or values <= self.wanted[parent]:
            return set()
        table = Table(
            name=parent, schema=part.table.schema, key=(referred,), timestamp=(), columns=(referred,)
        )
        batches = self.project.sink.rows(table, (referred,), [(value,) for value in sorted(values)])
        return {table.place(row, None).key[0] for batch in batches for row in batch.rows}


def _references(part: Part) -> list[tuple[str, str, str]]:
    """Column, parent and the parent's column of each foreign key that is copied."""
    return [
        (column.name, *column.refers)
        for column in part.shape.columns
        if column.refers and column.name not in part.table.exclude
    ]


def _check(export: Export, choices: Choices) -> None:
    unknown = sorted(choices.accepted - set(export.kinds))
    if unknown:
        raise ConfigError(
            [f"--accept {kind}: there is no such kind{did_you_mean(kind, export.kinds)}" for kind in unknown]
        )
