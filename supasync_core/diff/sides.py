"""What a person names as a side, found: a project, the staging, or files."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from supasync_core import transform
from supasync_core.backend import Source
from supasync_core.batch import Batch, Cursor, Keyset, Span, Window
from supasync_core.diff.seams import Engine, Files, Taken
from supasync_core.errors import ConfigError, SchemaError
from supasync_core.evidence import Key
from supasync_core.gap.seams import Choices
from supasync_core.ledger import Ledger
from supasync_core.opening import Context
from supasync_core.plugins import Host
from supasync_core.settings import Endpoint, Settings
from supasync_core.tables import Shape, Table

OLD, NEW, STAGING = "old", "new", "staging"
NAMES = (OLD, NEW, STAGING)
Progress = Callable[[str, int], None]
"""Hears of a table and of how many of its rows were read."""


class Side(Protocol):
    """One side of a comparison."""

    @property
    def name(self) -> str:
        """``old``, ``new``, ``staging``, or the path as it was given."""
        ...

    @property
    def typed(self) -> bool:
        """Whether its types are those of PostgreSQL."""
        ...

    def tables(self, declared: Sequence[Table]) -> list[Table] | None:
        """The tables that it has; None for a project, which has what is declared."""
        ...

    def shape(self, table: Table) -> Shape:
        """The table's columns."""
        ...

    def take(self, engine: Engine, place: str, table: Table, shape: Shape) -> Taken:
        """Let the engine take in the table's rows."""
        ...

    def present(self, table: Table, keys: Sequence[Key]) -> set[Key]:
        """Those of the keys that the side has, also outside of the table's ``where``."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class FileSide:
    """Files, in a format that the engine reads by itself.

    ``backend`` is that format's name. ``placed`` says where a table stands in there, ``remembered`` what
    types it has. Where ``declared_only``, the files are a project's, and ``filtered`` by its ``where``.
    """

    name: str
    path: Path
    files: Files
    choices: Choices
    backend: str = ""
    placed: Callable[[Table], Table] = lambda table: table
    remembered: Callable[[Table], Shape | None] = lambda _table: None
    declared_only: bool = False
    filtered: bool = False
    typed: bool = False

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
        shape = self.files.shape(self.path, self.placed(table), self.choices)
        known = self.remembered(table)
        if known is None or not shape.known:
            return shape
        return replace(shape, columns=tuple(known.column(c.name) or c for c in shape.columns))

    def take(self, engine: Engine, place: str, table: Table, shape: Shape) -> Taken:
        """Hand over the path; ``where`` is for projects, whose language it is written in."""
        read = self.placed(table if self.filtered else replace(table, where=None))
        return self.files.take(engine, place, self.path, read, shape, self.choices)

    def present(self, table: Table, keys: Sequence[Key]) -> set[Key]:
        """None that was not compared: rows that a filter leaves out stand for none."""
        if not (self.filtered and table.where):
            return set()
        raise SchemaError(
            f"{table.name}: rows outside of where: are not told from those that were deleted in {self.name}",
            table=table.name,
            hint="remove them by hand, or compare without where:",
        )

    def close(self) -> None:
        """Nothing is held open."""


@dataclass(frozen=True, slots=True)
class ProjectSide:
    """A project, read page by page; ``changed`` is what a table's rows go through on their way."""

    name: str
    source: Source
    progress: Progress
    changed: Callable[[Table, Batch], Batch] = lambda _table, batch: batch
    filtered: bool = True
    typed: bool = True

    def tables(self, declared: Sequence[Table]) -> list[Table] | None:
        """Whatever is declared."""
        return None

    def shape(self, table: Table) -> Shape:
        """The columns with their types."""
        return self.source.shape(table)

    def take(self, engine: Engine, place: str, table: Table, shape: Shape) -> Taken:
        """Read all rows in the order of the key."""
        read = table if self.filtered else replace(table, where=None)
        taken = engine.take(place, table, shape, self._pages(read))
        return taken if taken.columns else replace(taken, columns=tuple(c.name for c in shape.columns))

    def present(self, table: Table, keys: Sequence[Key]) -> set[Key]:
        """Ask for them once more: a filter, a transform or a moment may have left them out."""
        if not keys:
            return set()
        narrow = replace(table, where=None, columns=table.key, exclude=(), transform=())
        found = self.source.rows(narrow, table.key, keys)
        return {table.place(row, None).key for batch in found for row in batch.rows}

    def close(self) -> None:
        """Close the connections."""
        self.source.close()

    def _pages(self, table: Table) -> Iterator[Batch]:
        after: Cursor | None = None
        rows = 0
        while True:
            window = Window((Span(Keyset(None), after=after),), table.page_size)
            batch = self.source.read(table, window)
            if not batch.count:
                return
            rows += batch.count
            self.progress(table.name, rows)
            after = table.place(batch.rows[-1], None)
            yield self.changed(table, batch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How sides are found: what is installed, what is set (None without tables.yaml), what was chosen."""

    host: Host
    settings: Settings | None
    choices: Choices
    ledger: Ledger
    progress: Progress

    def side(self, name: str, other: str) -> Side:
        """The side of that name; ConfigError where it is none. ``other`` is the side across."""
        if name in (OLD, NEW):
            return self._project(name, other)
        if name == STAGING:
            return self._staging()
        path = Path(name)
        found = self._files(path)
        if not path.exists():
            known = ", ".join(NAMES)
            raise ConfigError([f"{name}: there is no such file or folder (a side is {known}, or a path)"])
        if found is None:
            formats = ", ".join(self.host.files)
            raise ConfigError([f"{name}: is no file of a known format ({formats}); a folder holds CSV files"])
        return FileSide(name, path, found[1], self.choices, found[0])

    def _files(self, path: Path) -> tuple[str, Files] | None:
        """The format of the path, and its name."""
        found = ((name, self.host.files.get(name)()) for name in self.host.files)
        return next(((name, files) for name, files in found if files.fits(path)), None)

    def _project(self, name: str, other: str) -> Side:
        settings = self._settings(name)
        endpoint = settings.source if name == OLD else settings.sink
        if endpoint.backend in self.host.files and "path" in endpoint.values:
            return self._local(name, endpoint)
        if endpoint.backend not in self.host.sources:
            raise ConfigError([f"{name}: the backend {endpoint.backend} cannot be read from"])
        context = Context(
            settings=endpoint.values, folder=settings.folder, ledger=self.ledger, project=name.upper()
        )
        source = self.host.sources.get(endpoint.backend).open(context)
        changed = self._transformed if name == OLD and other in (NEW, STAGING) else _unchanged
        filtered = name == OLD or settings.source.backend == endpoint.backend
        return ProjectSide(name, source, self.progress, changed, filtered)

    def _local(self, name: str, endpoint: Endpoint) -> Side:
        """A project of files: read where it is, in the one dialect of its backend."""
        path = (self._settings(name).folder / Path(endpoint.values["path"]).expanduser()).resolve()
        files = self.host.files.get(endpoint.backend)()
        if not path.exists():
            raise SchemaError(f"{name}: there is no {path} yet")
        choices = replace(self.choices, dialects={"*": "psql", **self.choices.dialects})
        filtered = name == OLD or self._settings(name).source.backend == endpoint.backend
        return FileSide(name, path, files, choices, endpoint.backend, declared_only=True, filtered=filtered)

    def _staging(self) -> Side:
        settings = self._settings(STAGING)
        endpoint = settings.staging
        if endpoint is None or endpoint.backend not in self.host.files:
            raise ConfigError(["staging: no plugin brings a backend for it that can be compared"])
        path = (settings.folder / Path(endpoint.values["path"]).expanduser()).resolve()
        if not path.exists():
            raise SchemaError(f"staging: there is no {path} yet", hint="run: supasync gap import --dry-run")
        files = self.host.files.get(endpoint.backend)()
        shapes = self._remembered(endpoint, settings)
        return FileSide(STAGING, path, files, self.choices, endpoint.backend, _ready, shapes.get)

    def _remembered(self, endpoint: Endpoint, settings: Settings) -> Mapping[Table, Shape]:
        """The columns of NEW as the staging has kept them."""
        from supasync_core.gap.wanting import recall_shape  # noqa: PLC0415 - wanted here alone

        context = Context(
            settings=endpoint.values, folder=settings.folder, ledger=self.ledger, project=STAGING
        )
        with closing(self.host.stagings.get(endpoint.backend).open(context)) as staging:
            found = {table: recall_shape(staging, table.name) for table in settings.tables}
        return {table: shape for table, shape in found.items() if shape}

    def _transformed(self, table: Table, batch: Batch) -> Batch:
        transforms = [(name, self.host.transforms.get(name)) for name in table.transform]
        return transform.apply(transforms, table, batch)

    def _settings(self, name: str) -> Settings:
        if self.settings is None:
            raise ConfigError([f"{name}: needs tables.yaml; a file of that name is written ./{name}"])
        return self.settings


def _ready(table: Table) -> Table:
    """Where the staging keeps a table's rows."""
    return replace(table, schema="ready", where=None, columns=(), exclude=(), transform=())


def _unchanged(_table: Table, batch: Batch) -> Batch:
    return batch
