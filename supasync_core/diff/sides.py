"""A side of a comparison: a project, the staging, or files; however it is read, as a run would read it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from supasync_core.api.backend import Source, Typed
from supasync_core.api.pages import whole
from supasync_core.api.rows_there import keys_there
from supasync_core.diff import shared_rows
from supasync_core.diff.csv_files import CsvFiles
from supasync_core.diff.difference import LEFT, NEW, RIGHT, STAGING
from supasync_core.diff.duckdb_files import DuckdbFiles
from supasync_core.diff.engine import DiffEngine
from supasync_core.diff.loaded_side import LoadedSide
from supasync_core.model.batch import Batch, Key
from supasync_core.model.errors import NoTableError
from supasync_core.model.opaque_keys import SINGLY
from supasync_core.model.table import Shape, Table
from supasync_core.schema.printed_precision import Printing
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.csv.unchanged import unchanged

Changed = Callable[[Table, Batch], Batch]
"""What a table's rows go through on their way."""
Progress = Callable[[str, int], None]
"""Hears of a table and of how many of its rows were read."""


@dataclass(frozen=True, slots=True)
class ProjectSide:
    """A project, read page by page; ``changed`` is what a table's rows go through on their way."""

    name: str
    source: Source
    progress: Progress
    changed: Changed = lambda _table, batch: batch
    filtered: bool = True
    typed: bool = True

    def tables(self, declared: Sequence[Table]) -> list[Table] | None:
        """Whatever is declared."""
        return None

    def shape(self, table: Table) -> Shape:
        """The columns with their types."""
        return self.source.shape(table)

    def load(self, engine: DiffEngine, place: str, table: Table, shape: Shape) -> LoadedSide:
        """Read all rows in the order of the key."""
        if isinstance(self.source, Typed):
            self.source.typed(table, shape)
        read = _read(self, table)
        loaded = engine.load(place, shape, self._pages(read))
        return loaded if loaded.columns else replace(loaded, columns=tuple(c.name for c in shape.columns))

    def present(self, table: Table, keys: Sequence[Key]) -> set[Key]:
        """Ask for them once more: a filter, a transform or a moment may have left them out."""
        there = keys_there(self.source, table, keys)
        lost = [key for key in keys if key not in there]
        if lost and there - set(keys):  # the server takes other texts for the same keys
            there |= {key for key in lost[:SINGLY] if keys_there(self.source, table, [key])}
            there |= set(lost[SINGLY:])
        return there

    def marked(self, table: Table, keys: Sequence[Key]) -> set[Key]:
        """Those of the keys whose rows are there, marked as deleted."""
        mark = table.soft_delete
        if mark is None or not keys:
            return set()
        batches = self.source.rows(table.raw().narrowed((*table.key, mark)), table.key, keys)
        return {table.key_of(row) for batch in batches for row in batch.rows if row[mark] is not None}

    def close(self) -> None:
        """Close the connections."""
        self.source.close()

    def _pages(self, table: Table) -> Iterator[Batch]:
        rows = 0
        printed = Printing.of(self.name.upper(), self.source, table, self.source.shape(table))
        for batch in whole(self.source, table):
            printed.seen(batch)
            rows += batch.count
            self.progress(table.name, rows)
            yield self.changed(table, batch)
        printed.check()


@dataclass(frozen=True, slots=True)
class FileSide:
    """Files, in a format that the engine reads by itself.

    ``backend`` is that format's name. ``placed`` says where a table stands in there, ``remembered`` what
    types it has. Where ``declared_only``, the files are a project's, and ``filtered`` by its ``where``.
    ``changed`` is what the rows of a table with transforms go through on their way; tables with transforms
    are read as ``project`` instead, where there is one. Where the side ``creates`` tables with their first
    rows, one that is missing is a table without rows.
    """

    name: str
    path: Path
    files: CsvFiles | DuckdbFiles
    choices: Choices
    backend: str = ""
    placed: Callable[[Table], Table] = lambda table: table
    remembered: Callable[[Table], Shape | None] = lambda _table: None
    declared_only: bool = False
    filtered: bool = False
    changed: Changed | None = None
    project: ProjectSide | None = None
    typed: bool = False
    creates: bool = False

    def tables(self, declared: Sequence[Table]) -> list[Table] | None:
        """Those that there are files for; a project has what is declared."""
        if self.declared_only:
            return None
        there = {table.name for table in self.files.tables(self.path, [*map(self.placed, declared)])}
        known = [table for table in declared if table.name in there]
        names = there - {table.name for table in declared}
        return known + [Table(name=name) for name in sorted(names)]

    def shape(self, table: Table) -> Shape:
        """The columns, with the types that were remembered of a project."""
        try:
            shape = self.files.shape(self.path, self.placed(table), self.choices)
        except NoTableError:
            if self.creates:
                return Shape((), known=False)
            raise
        known = self.remembered(table)
        if known is None or not shape.known:
            return shape
        return replace(shape, columns=tuple(known.column(c.name) or c for c in shape.columns))

    def load(self, engine: DiffEngine, place: str, table: Table, shape: Shape) -> LoadedSide:
        """Let the engine read the files; ``where`` is for projects, whose language it is written in."""
        if self.project and (table.transform or table.soft_delete):
            return self.project.load(engine, place, table, shape)
        read = self.placed(_read(self, table))
        try:
            loaded = self.files.load(engine, place, self.path, read, shape, self.choices)
        except NoTableError:
            if self.creates:
                return engine.load(place, shape, iter(()))
            raise
        if self.name == STAGING and not self.choices.complete:
            loaded = replace(loaded, part=True)  # it holds what the last export brought
        changed = self.changed
        if changed is None or not (table.transform or table.soft_delete):
            return loaded
        batches = (changed(table, batch) for batch in engine.batches_of(loaded, table, shape))
        return replace(
            engine.load(place, shape, batches),
            doubtful=loaded.doubtful,
            lossy=loaded.lossy,
            rounded=loaded.rounded,
            part=loaded.part,
            begins=loaded.begins,
            notes=loaded.notes,
        )

    def file(self, table: Table) -> Path | None:
        """The one CSV file of a table whose rows are compared as they stand; None if it is not so."""
        if not isinstance(self.files, CsvFiles) or table.transform or table.soft_delete:
            return None
        read = self.placed(_read(self, table))
        return None if read.where else self.files.one(self.path, read)

    def present(self, table: Table, keys: Sequence[Key]) -> set[Key]:
        """None that was not compared; SchemaError where a filter or a transform leaves rows out."""
        if self.project and (table.transform or table.soft_delete):
            return self.project.present(table, keys)
        left_out = "where:" if self.filtered and table.where else ""
        if self.changed and table.transform:
            left_out = "transform:"
        if not left_out:
            return set()
        raise table.schema_error(
            f"rows excluded by {left_out} cannot be distinguished from deleted rows in {self.name}",
            hint="remove them by hand",
        )

    def marked(self, table: Table, keys: Sequence[Key]) -> set[Key]:
        """As the project tells; none of files, whose marked rows are not compared."""
        return self.project.marked(table, keys) if self.project else set()

    def close(self) -> None:
        """Close the project, where there is one."""
        if self.project:
            self.project.close()


Side = FileSide | ProjectSide


class Loads(Protocol):
    """What has a table's rows."""

    def load(self, engine: DiffEngine, place: str, table: Table, shape: Shape) -> LoadedSide:
        """Load them."""


def load_both(
    engine: DiffEngine, sides: tuple[Loads, Loads], table: Table, shape: Shape, *, whole: bool = False
) -> tuple[LoadedSide, LoadedSide]:
    """Both sides, loaded; of two CSV files, unless ``whole``, without the rows that are one text in both."""
    left, right = sides
    if not whole and isinstance(left, FileSide) and isinstance(right, FileSide):
        files = [shared_rows.File(path, side.choices) for side in (left, right) if (path := side.file(table))]
        if len(files) == len(sides):
            with unchanged([file.path for file in files], table):
                if found := shared_rows.load_both(engine, table, shape, files):
                    return found
    return left.load(engine, LEFT, table, shape), right.load(engine, RIGHT, table, shape)


def _read(side: FileSide | ProjectSide, table: Table) -> Table:
    """The table as this side is asked for it; ``where`` speaks of OLD's rows, before any transform."""
    changed = side.name == NEW and table.transform
    return table if side.filtered and not changed else table.whole()
