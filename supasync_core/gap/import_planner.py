"""Plan an import: stage the files, ask the sink for the rows of the same keys, compare."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from supasync_core.api.backend import Informed
from supasync_core.api.pages import whole
from supasync_core.api.registry import did_you_mean
from supasync_core.gap.csv.settle_nulls import settle
from supasync_core.gap.csv.stage_files import stage
from supasync_core.gap.import_plan import KINDS, ImportPlan, TableImport
from supasync_core.model import transform
from supasync_core.model.batch import Batch, Key
from supasync_core.model.errors import ConfigError
from supasync_core.model.opaque_keys import foreign, literal, opaque
from supasync_core.model.row_key import NOT_BY_HAND, has_row_key
from supasync_core.model.state import State
from supasync_core.model.table import Shape, Table
from supasync_core.model.transform import SameColumns
from supasync_core.model.wording import counted
from supasync_core.project.migration import Migration
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.csv.dialects import check_dialects
from supasync_core.staging.csv.export_finding import WARNING
from supasync_core.staging.csv.file_format import delimiter_of
from supasync_core.staging.csv.find_files import TableFiles, find
from supasync_core.staging.csv.records import lines
from supasync_core.staging.staging_file import Staging

Progress = Callable[[str], None]

FEW = 2000
"""Keys that are asked for one by one in any case; that takes some twenty requests."""
ROWS_FOR_A_KEY = 8
"""An address names about a hundred keys, a page has a thousand rows: below this, all rows cost less."""

_Address = tuple[str, str]


@dataclass
class ImportPlanner:
    """Plans one import; only the sink is asked, and only for what the files give reason to ask."""

    migration: Migration
    staging: Staging
    choices: Choices
    progress: Progress
    rehearsal: bool = False
    """Whether the sink is a file, which has none of the parents that NEW has."""
    state: State | None = None
    """What is known of the rows that were copied, where that is known."""
    parts: dict[str, TableImport] = field(default_factory=dict)
    referring: defaultdict[_Address, list[tuple[Table, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """By parent, the children and their columns: the sink is asked for the keys that these refer to."""

    def plan(self, folder: Path | None) -> ImportPlan:
        """Stage and compare the folder and the named files; nothing is written to the sink."""
        tables = self.migration.settings.tables
        found = self.find_files(folder)
        for table in tables:
            if table.name in found.files:
                self._stage(table, found.files[table.name])
        staged = [part for part in self.parts.values() if not has_row_key(part.table)]
        for part in reversed(staged):
            self._load_sink_rows(part)
        for part in staged:
            self._compare(part)
        missing = tuple(table.name for table in tables if table.name not in self.parts)
        return ImportPlan(self.parts, missing, found.unknown, self.choices.accepted)

    def find_files(self, folder: Path | None) -> TableFiles:
        """The files of the folder, and the named ones; ConfigError for an option that names none."""
        tables = self.migration.settings.tables
        found = TableFiles({}) if folder is None else find(folder, tables)
        found = found.with_named(self.choices.files)
        _check(self.choices, KINDS, found, [table.name for table in tables])
        check_dialects(self.choices)
        for table in tables:
            if any(place.startswith(f"{table.name}.") for place in self.choices.nulls):
                _check_columns(self.choices, table.name, self._shape(table))
        return found

    def _stage(self, table: Table, paths: tuple[Path, ...]) -> None:
        self.progress(f"staging {', '.join(path.name for path in paths)} ...")
        shape = self._shape(table)
        part = self.parts[table.name] = TableImport(table, paths, shape)
        if has_row_key(table):  # of a kind that nobody can accept: a row without its key may be there twice
            part.report("key", NOT_BY_HAND)
        else:
            stage(self.staging, part, self.choices)

    def _shape(self, table: Table) -> Shape:
        """The sink's columns; those that were kept where the sink knows no types."""
        shape = self.migration.sink.shape(table)
        if shape.known and any(column.type for column in shape.columns):
            self.staging.remember_shape(table.name, shape)
            return shape
        kept = self.staging.recall_shape(table.name)
        if kept and isinstance(self.migration.sink, Informed):
            self.migration.sink.informed(table, kept)  # so that keys are one or two as NEW would have it
        return kept or shape

    def _load_sink_rows(self, part: TableImport) -> None:
        """Load the sink's rows of the staged keys, and of the keys that its children refer to."""
        table = part.table
        self.progress(f"comparing {table.name} ...")
        asked = self.staging.collect_keys(table, self.referring[table.address])
        self.staging.load_sink_rows(table, part.shape, self._known(part, table.whole(), asked))
        as_null = "null" in self.choices.accepted
        part.findings += settle(self.staging, table, part.shape, part.undecided, as_null=as_null)
        if table.transform:
            transforms, same = self.migration.transforms(table), SameColumns(self.state)
            with closing(self.staging.rows(table)) as staged:
                rows = (transform.apply(transforms, table, batch, same) for batch in staged)
                self.staging.replace(table, part.shape, rows)
        for column, parent, referred in _references(part):
            other = self._part(part, parent)
            if other and other.table.key == (referred,) and parent != table.relation:
                self.referring[part.table.schema, parent].append((table, column))

    def _known(self, part: TableImport, table: Table, asked: int) -> Iterator[Batch]:
        """The sink's rows of the keys that the staging asks for; all of its rows where that costs less.

        Rows by other texts than were asked for are reported: NEW takes them for the same, nothing here does.
        """
        sink = self.migration.sink
        if not foreign(part.shape, table.key) and self._all_cost_less(table, asked):
            yield from whole(sink, table)
            return
        names = opaque(part.shape, table.key)
        places = [table.key.index(name) for name in names]
        others = False
        for keys in self.staging.collected_keys():
            for batch in sink.rows(table, table.key, keys):
                others = others or bool(_unasked(table, batch, keys, places))
                yield batch
        # again, without the keys that children alone refer to
        if not others or not self.staging.collect_keys(table):
            return
        rows = sum(
            _unasked(table, batch, keys, places)
            for keys in self.staging.collected_keys()
            for batch in sink.rows(replace(table, columns=table.key), table.key, keys)
        )
        if rows:
            text = (
                f"NEW has {counted(rows, 'row', 'rows')} under another spelling of {', '.join(names)} than "
                "the files, and takes both for one key: which of the two is newer was not compared"
            )
            part.report("spelling", text, column=names[0])

    def _compare(self, part: TableImport) -> None:
        for column, parent, referred in _references(part):
            self._orphans(part, column, parent, referred)
        older = "older" in self.choices.accepted
        part.counts = self.staging.compare(part.table, part.shape, older=older)
        if part.counts.older:
            rows = counted(part.counts.older, "row is", "rows are")
            fate = "NEW is overwritten" if older else "not sent"
            part.report("older", f"{rows} older than NEW's: {fate}", WARNING)

    def _orphans(self, part: TableImport, column: str, parent: str, referred: str) -> None:
        """Remove rows whose parent is neither in the files nor in the sink, and report each."""
        other = self._part(part, parent)
        places = [other.table] if other else []
        values = self.staging.values_without_parent(part.table, column, places, referred)
        if values and (part.table, column) not in self.referring[part.table.schema, parent]:
            places.append(self._looked_up(part, parent, referred, values))
            values = self.staging.values_without_parent(part.table, column, places, referred)
        if not values:
            return
        why = ""
        if foreign(part.shape, (column,)):
            have = counted(len(values), "value has", "values have")
            match = "it matches" if len(values) == 1 else "they match"
            why = (
                f"{have} no exact match in {parent}; only NEW can tell whether {match} in another spelling, "
                "and it refuses a row without its parent"
            )
        elif self.rehearsal:
            why = (
                f"the files have no {parent} for {len(values):,} of its values, and a rehearsal does not ask "
                "NEW for them"
            )
        if why:
            text = f"{part.table.name}.{column}: orphans were not checked: {why}"
            part.report("orphan", text, WARNING, column=column)
            return
        paths = dict(enumerate(part.paths))
        for key, index, row in self.staging.remove_rows(part.table, column, values):
            path = paths.get(int(index)) if index.isdigit() else None
            line = lines(path, {row}, delimiter_of(path)).get(row) if path and row else None
            place = f"{path.name}, line {line}, " if path and line else ""
            text = f"{place}key {', '.join(key)}: its {column} is neither in the files nor in NEW ({parent})"
            file = path.name if path else None
            part.report("orphan", text, file=file, line=line, key=key, column=column)

    def _part(self, child: TableImport, parent: str) -> TableImport | None:
        """The part of the table that a foreign key refers to, in the child's own schema."""
        address = (child.table.schema, parent)
        return next((each for each in self.parts.values() if each.table.address == address), None)

    def _looked_up(self, part: TableImport, parent: str, referred: str, values: list[str]) -> Table:
        """The sink's rows that have the values, as far as they were not asked for with the parent's own."""
        table = Table(
            name=parent, schema=part.table.schema, key=(referred,), timestamp=(), columns=(referred,)
        )
        name = parent if table.schema == "public" else f"{table.schema}.{parent}"
        place = replace(table, name=f"{name} by {referred}")
        sink, every = self.migration.sink, self._all_cost_less(table, len(values))
        rows = whole(sink, table) if every else sink.rows(table, table.key, [(value,) for value in values])
        self.staging.load_sink_rows(place, Shape(known=False), rows)
        return place

    def _all_cost_less(self, table: Table, asked: int) -> bool:
        """Whether all rows of the sink cost less than those of so many keys."""
        return asked > FEW and self.migration.sink.count(table) < asked * ROWS_FOR_A_KEY


def _unasked(table: Table, batch: Batch, keys: Sequence[Key], places: Sequence[int]) -> int:
    """How many rows have other texts in these columns of the key than were asked for."""
    if not places:
        return 0
    return literal(table.keys(batch), keys, places).count(False)


def _references(part: TableImport) -> list[tuple[str, str, str]]:
    """Column, parent and the parent's column of each foreign key that is copied."""
    return [
        (column.name, *column.refers)
        for column in part.shape.columns
        if column.refers and column.name not in part.table.exclude
    ]


def _check(choices: Choices, kinds: Collection[str], found: TableFiles, tables: Collection[str]) -> None:
    """ConfigError where an option names something that does not exist."""
    files = [path.name for paths in found.files.values() for path in paths]
    named = (
        ("--accept", choices.accepted, kinds, "kind"),
        ("--dialect", choices.dialects.keys() - {"*"}, files, "file of a table"),
        ("--encoding", choices.encodings.keys() - {"*"}, files, "file of a table"),
    )
    problems = [
        f"{option} {name}: no such {what}{did_you_mean(name, there)}"
        for option, names, there, what in named
        for name in sorted(set(names) - set(there))
    ]
    problems += [
        f"--null {place}: no such table or file{did_you_mean(place, [*tables, *files])}"
        for place in sorted(choices.nulls.keys() - {"*"} - set(tables))
        if place not in files and not any(place.startswith(f"{name}.") for name in (*tables, *files))
    ]
    if problems:
        raise ConfigError(problems)


def _check_columns(choices: Choices, table: str, shape: Shape) -> None:
    """ConfigError where ``--null`` names a column that the table does not have."""
    named = [
        place.removeprefix(f"{table}.") for place in sorted(choices.nulls) if place.startswith(f"{table}.")
    ]
    unknown = [name for name in named if shape.known and name not in shape.names]
    if unknown:
        raise ConfigError(
            [f"--null {table}.{name}: no such column{did_you_mean(name, shape.names)}" for name in unknown]
        )
