"""What a person names as a side, found: a project, the staging, or files."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from supasync_core.api.difference import Files, Nameable
from supasync_core.api.export import Choices
from supasync_core.api.plugin_host import Host
from supasync_core.api.registration import Context
from supasync_core.diff.sides import (
    NAMES,
    NEW,
    OLD,
    STAGING,
    EitherSide,
    FileSide,
    Progress,
    ProjectSide,
    Side,
)
from supasync_core.model import transform
from supasync_core.model.batch import Batch
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import ConfigError, SchemaError
from supasync_core.model.settings import Endpoint, Settings
from supasync_core.model.table import Shape, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class SideFinder:
    """How sides are found: what is installed, what is set (None without tables.yaml), what was chosen."""

    host: Host
    settings: Settings | None
    choices: Choices
    ledger: Ledger
    progress: Progress
    named: Mapping[str, Mapping[str, tuple[Path, ...]]] = field(default_factory=dict)
    """Files that were named as a table's, by side."""

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
            raise ConfigError(
                [f"{name}: is not a file of a known format ({formats}); a folder holds CSV files"]
            )
        return self._of_files(name, path, (found[0], self._with_named(name, found[1])), other)

    def _with_named(self, name: str, files: Files) -> Files:
        """The format, with the files that were named for this side."""
        if name not in self.named:
            return files
        if not isinstance(files, Nameable):
            raise ConfigError([f"--file: {name} is not a folder of CSV files"])
        return files.naming(self.named[name])

    def _of_files(self, name: str, path: Path, found: tuple[str, Files], other: str) -> FileSide:
        """Files across from NEW stand for OLD's rows: what a run does to those is done to them too."""
        stands_for_old = self.settings is not None and other in (NEW, STAGING)
        return FileSide(
            name,
            path,
            found[1],
            self.choices,
            found[0],
            filtered=bool(stands_for_old and self.settings and self.settings.source.backend == found[0]),
            changed=self._transformed if stands_for_old else None,
        )

    def _files(self, path: Path) -> tuple[str, Files] | None:
        """The format of the path, and its name."""
        found = ((name, self.host.files.get(name)()) for name in self.host.files)
        return next(((name, files) for name, files in found if files.fits(path)), None)

    def _project(self, name: str, other: str) -> Side:
        settings = self._settings(name)
        endpoint = settings.source if name == OLD else settings.sink
        if endpoint.backend in self.host.files and "path" in endpoint.values:
            files = self._local(name, endpoint)
            transforms = name == OLD and other in (NEW, STAGING) and any(t.transform for t in settings.tables)
            return EitherSide(files, self._read(name, other, endpoint)) if transforms else files
        return self._read(name, other, endpoint)

    def _read(self, name: str, other: str, endpoint: Endpoint) -> ProjectSide:
        """A project that is read page by page."""
        settings = self._settings(name)
        if endpoint.backend not in self.host.sources:
            raise ConfigError([f"{name}: the backend {endpoint.backend} cannot be read from"])
        context = Context(
            settings=endpoint.values, folder=settings.folder, ledger=self.ledger, project=name.upper()
        )
        source = self.host.sources.get(endpoint.backend).open(context)
        changed = self._transformed if name == OLD and other in (NEW, STAGING) else _unchanged
        filtered = name == OLD or settings.source.backend == endpoint.backend
        typed = endpoint.backend not in self.host.files
        return ProjectSide(name, source, self.progress, changed, filtered, typed)

    def _local(self, name: str, endpoint: Endpoint) -> FileSide:
        """A project of files: read where it is, in the one dialect of its backend."""
        path = (self._settings(name).folder / Path(endpoint.values["path"]).expanduser()).resolve()
        files = self.host.files.get(endpoint.backend)()
        if not path.exists():
            raise SchemaError(f"{name}: there is no {path} yet")
        choices = replace(self.choices, dialects={"*": "psql", **self.choices.dialects}, complete=True)
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
        from supasync_core.staging.remembered_shapes import recall_shape  # noqa: PLC0415 - wanted here alone

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
    return replace(table.whole().narrowed(()), table=None, schema="ready")


def _unchanged(_table: Table, batch: Batch) -> Batch:
    return batch
