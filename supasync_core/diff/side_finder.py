"""What a person names as a side, found: a project, the staging, or files."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from supasync_core.api.backend import Sink, Source
from supasync_core.api.plugin_host import Host
from supasync_core.api.registration import Context
from supasync_core.diff import row_files
from supasync_core.diff.csv_files import CsvFiles
from supasync_core.diff.difference import NEW, OLD, STAGING
from supasync_core.diff.duckdb_files import DuckdbFiles
from supasync_core.diff.sides import FileSide, Progress, ProjectSide, Side
from supasync_core.diff.workbook import sheet_of
from supasync_core.model import transform
from supasync_core.model.batch import Batch
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import ConfigError, SchemaError
from supasync_core.model.settings import Endpoint, Settings
from supasync_core.model.state import State
from supasync_core.model.table import Table
from supasync_core.model.transform import SameColumns
from supasync_core.project.live_source import live, without_marked
from supasync_core.project.migration import opened_sink, store_of_sink
from supasync_core.project.referred_columns import ReferredColumns
from supasync_core.project.table_transforms import table_transforms
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.staged_tables import ready
from supasync_core.staging.staging_file import Staging
from supasync_core.system.links import real

FORMATS: Mapping[str, CsvFiles | DuckdbFiles] = {"csv": CsvFiles(), "duckdb": DuckdbFiles()}
"""What reads the files of a path, by the name of the backend that writes them."""


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
    columns: SameColumns = field(default_factory=SameColumns)
    """Those that transforms give the rows."""
    referred: ReferredColumns = field(default_factory=ReferredColumns)

    def side(self, name: str, other: str) -> Side:
        """The side of that name, a path that exists if none of `NAMES`. ``other`` is the side across."""
        if name in (OLD, NEW):
            return self._project(name, other)
        if name == STAGING:
            return self._staging()
        path, sheet = sheet_of(name)
        backend = next((backend for backend, files in FORMATS.items() if files.fits(path)), None)
        if backend is None:
            raise ConfigError(
                [f"{name}: is not a file of a known format: {row_files.NAMES}; or a folder of such files"]
            )
        return self._files(name, path, backend, other, sheet)

    def _files(self, name: str, path: Path, backend: str, other: str, sheet: str | None) -> FileSide:
        """Files across from NEW stand for OLD's rows: what a run does to those is done to them too."""
        files = FORMATS[backend]
        if name in self.named and not isinstance(files, CsvFiles):
            raise ConfigError([f"--file: {name} is not a folder of CSV files"])
        if isinstance(files, CsvFiles):
            files = CsvFiles(self.named.get(name, {}), listed={}, types=row_files.TYPES, sheet=sheet)
        stands_for_old = self.settings is not None and other in (NEW, STAGING)
        return FileSide(
            name,
            path,
            files,
            self.choices,
            backend,
            filtered=bool(stands_for_old and self.settings and self.settings.source.backend == backend),
            changed=self._transformed if stands_for_old else None,
        )

    def _project(self, name: str, other: str) -> Side:
        settings = self._settings(name)
        endpoint = settings.source if name == OLD else settings.sink
        if endpoint.backend not in FORMATS:
            return self._read(name, other, endpoint)
        files = self._local(name, endpoint)
        changed = other in (NEW, STAGING) and any(t.transform for t in settings.tables)
        by_page = name == OLD and (changed or any(t.soft_delete for t in settings.tables))
        return replace(files, project=self._read(name, other, endpoint)) if by_page else files

    def _read(self, name: str, other: str, endpoint: Endpoint) -> ProjectSide:
        """A project that is read page by page."""
        settings = self._settings(name)
        if endpoint.backend not in self.host.sources:
            raise ConfigError([f"{name}: the backend {endpoint.backend} cannot be read from"])
        context = Context(
            settings=endpoint.values, folder=settings.folder, ledger=self.ledger, project=name.upper()
        )
        source = self.host.open(self.host.sources, endpoint.backend, context)
        source = live(source, settings.tables) if name == OLD else source
        changes = name == OLD and other in (NEW, STAGING)
        changed = partial(self._transformed, source=source) if changes else lambda _table, batch: batch
        filtered = name == OLD or settings.source.backend == endpoint.backend
        return ProjectSide(name, source, self.progress, changed, filtered, endpoint.backend not in FORMATS)

    def _local(self, name: str, endpoint: Endpoint) -> FileSide:
        """A project of files: read where it is, in the one dialect of its backend."""
        settings = self._settings(name)
        path = real(settings.folder / Path(endpoint.values["path"]).expanduser())
        if not path.exists():
            raise SchemaError(f"{name}: {path} does not exist yet")
        choices = replace(self.choices, dialects={"*": "psql", **self.choices.dialects}, complete=True)
        filtered = name == OLD or settings.source.backend == endpoint.backend
        files = FORMATS[endpoint.backend]
        return FileSide(
            name,
            path,
            files,
            choices,
            endpoint.backend,
            declared_only=True,
            filtered=filtered,
            creates=name == NEW,
        )

    def _staging(self) -> Side:
        settings = self._settings(STAGING)
        path = settings.staging
        if not path.exists():
            raise SchemaError(
                f"staging: {path} does not exist yet", hint="run: supasync gap import --dry-run"
            )
        with closing(Staging(path)) as staging:  # the columns of NEW as it has kept them
            shapes = {table: staging.recall_shape(table.name) for table in settings.tables}
        return FileSide(STAGING, path, FORMATS["duckdb"], self.choices, "duckdb", ready, shapes.get)

    def _transformed(self, table: Table, batch: Batch, source: Source | None = None) -> Batch:
        settings = self._settings(OLD)
        self.referred.state = self._state
        referred = partial(self.referred.of, table, settings.tables, self._ends())
        transforms = table_transforms(self.host, settings, table, source, referred)
        return transform.apply(transforms, table, without_marked(table, batch), self.columns)

    @contextmanager
    def _ends(self) -> Iterator[tuple[Source | Sink, ...]]:
        """Both projects, to be asked for foreign keys; a sink of files would hold what is compared."""
        settings = self._settings(OLD)
        of_files = settings.sink.backend in FORMATS
        with closing(self._read(OLD, OLD, settings.source)) as old:
            new = self._read(NEW, NEW, settings.sink) if of_files else opened_sink(settings, self.host)
            with closing(new):
                yield old.source, new.source if isinstance(new, ProjectSide) else new

    def _state(self) -> State | None:
        with closing(store_of_sink(self._settings(NEW), self.host)) as store:
            return store.past(1).state

    def _settings(self, name: str) -> Settings:
        if self.settings is None:
            raise ConfigError([f"{name}: needs tables.yaml; a file of that name is written ./{name}"])
        return self.settings
