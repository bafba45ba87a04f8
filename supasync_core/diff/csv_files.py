"""Files of rows as a side of a diff: CSV in whatever dialect it is, and what other readers read."""

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from supasync_core.diff import row_files
from supasync_core.diff.csv_parts import part_of
from supasync_core.diff.difference import RIGHT
from supasync_core.diff.engine import DiffEngine
from supasync_core.diff.loaded_side import LoadedSide
from supasync_core.diff.parts import Part, together
from supasync_core.diff.row_files import reader_of
from supasync_core.model.errors import NoTableError, SchemaError
from supasync_core.model.table import Column, Shape, Table
from supasync_core.staging.connection import translate_errors
from supasync_core.staging.csv import find_files, nulls
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.csv.dialects import check_dialects, is_exact
from supasync_core.staging.csv.exact_form import ExactFile
from supasync_core.staging.csv.file_format import Physical, examine
from supasync_core.staging.csv.find_files import Listing, TableFiles
from supasync_core.staging.csv.folder import Files, stem_of
from supasync_core.staging.csv.packed import UnreadableFileError, ending, is_packed
from supasync_core.staging.csv.raw_table import Raw, raw_name
from supasync_core.staging.csv.unchanged import unchanged


@dataclass(frozen=True, slots=True)
class CsvFiles:
    """A file, or a folder with files that are named after their tables; several may hold one table.

    ``named``: further files of a folder's tables, whatever they are called. ``listed``: folders that were
    listed before and are not listed again; None where each is, for files may come. ``types``: what the files
    of a folder end with; a project has CSV alone. ``sheet``: the sheet of a workbook, which is the table.
    """

    named: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    listed: dict[Path, Listing] | None = None
    types: tuple[str, ...] = find_files.CSV_TYPES
    sheet: str | None = None

    def fits(self, path: Path) -> bool:
        """A folder, or a file by its name."""
        return path.is_dir() or ending(path) in row_files.SINGLE

    def writes(self, path: Path) -> bool:
        """Whether the side can be written to: CSV alone, in a folder or not."""
        return path.is_dir() or not (reader_of(path) or is_packed(path))

    def written(self, path: Path, table: Table) -> Table:
        """Named as its file, which must be of the one form that the sink reads and writes."""
        if not path.is_dir():
            table = replace(table, name=path.stem, table=None, schema="public")
        files = list(dict.fromkeys([*self._own(path, table), *self._paths(path, table)]))
        if files != self._own(path, table):
            names = ", ".join(each.name for each in files)
            raise table.schema_error(
                f"{names} cannot be written to", hint=f"put the rows into one file {table.name}.csv"
            )
        _, physical = examined(files[0], table, Shape(), Choices(), path)
        if physical.delimiter != "," or is_exact(physical):
            raise table.schema_error(
                f"{files[0].name} is not written as psql writes it by \\copy ... csv header",
                hint="a file in another form is only read: write to a copy of it in that form",
            )
        return table

    def single(self, path: Path) -> bool:
        """A file is one table."""
        return not path.is_dir()

    def tables(self, path: Path, declared: Sequence[Table]) -> list[Table]:
        """Declared tables that there are files for; others under the names of their files."""
        if not path.is_dir():
            known = [table for table in declared if self._own(path, table)]
            return known[:1] or [Table(name=self._name_of(path))]
        there = self._merged(path, self._listing(path).find(declared), declared)
        known = [table for table in declared if table.name in there.files]
        others = [
            *there.files.keys() - {table.name for table in known},
            *map(find_files.table_name_of, there.unknown),
        ]
        return known + [Table(name=name) for name in dict.fromkeys(others)]

    def shape(self, path: Path, table: Table, choices: Choices) -> Shape:
        """The columns of the first line; a file knows no types, and our exact form not even columns.

        NoTableError without a file of the table.
        """
        paths = self._paths(path, table)
        if reader := reader_of(paths[0], self.sheet):
            return _common([row_files.shape(reader, each, table) for each in paths])
        names: dict[str, None] = {}
        drafted = choices.encodings or any(map(is_packed, paths))
        with TemporaryDirectory(prefix="supasync-") if drafted else nullcontext() as drafts:
            for each in paths:
                _, physical = examined(each, table, Shape(), choices, Path(drafts or path), start=True)
                header = () if is_exact(physical) else physical.header
                names.update(dict.fromkeys(header))
                for name in header:
                    nulls.chosen_for(choices, table, each.name, name)  # a name is known before it is used
        return Shape(tuple(map(Column, names)), known=bool(names))

    def load(  # noqa: PLR0913, PLR0917 - where from, where to, and how to read it
        self, engine: DiffEngine, place: str, path: Path, table: Table, shape: Shape, choices: Choices
    ) -> LoadedSide:
        """Load the files; SchemaError where one cannot be read to its end, NoTableError without any."""
        check_dialects(choices)
        paths = self._paths(path, table)
        with unchanged(paths, table):
            return self._load(engine, place, paths, table, shape, choices)

    def _load(  # noqa: PLR0913, PLR0917 - as `load`
        self,
        engine: DiffEngine,
        place: str,
        paths: Sequence[Path],
        table: Table,
        shape: Shape,
        choices: Choices,
    ) -> LoadedSide:
        if reader := reader_of(paths[0], self.sheet):
            parts = [
                row_files.part(
                    reader, engine, raw_name(2 * index + (place == RIGHT)), each, table, shape, choices
                )
                for index, each in enumerate(paths)
            ]
            return together(engine, place, parts, table, complete=choices.complete)
        looked = [examined(each, table, shape, choices, engine.drafts) for each in paths]
        exact = [is_exact(physical) for _, physical in looked]
        if all(exact):
            return _load_exact(engine, place, table, shape, looked)
        if any(exact):
            raise table.schema_error(
                "files in the exact form are mixed with other files", hint="compare them one by one"
            )
        with translate_errors(paths[0], table):
            raws = [
                Raw(engine, table, each.name, 2 * index + (place == RIGHT), physical, engine.drafts)
                for index, (each, physical) in enumerate(looked)
            ]
            parts = [_loaded(raw, shape, choices) for raw in raws]
        return together(engine, place, parts, table, complete=choices.complete)

    def one(self, path: Path, table: Table) -> Path | None:
        """The table's file where there is one only."""
        paths = self._there(path, table)
        plain = len(paths) == 1 and not is_packed(paths[0]) and reader_of(paths[0]) is None
        return paths[0] if plain else None

    def _paths(self, path: Path, table: Table) -> list[Path]:
        paths = self._there(path, table)
        if not paths:
            raise table.error(NoTableError, f"no file {table.name}.csv or {table.name}_rows.csv in {path}")
        formats = {
            find_files.CSV_TYPES[0] if each in find_files.CSV_TYPES else each for each in map(ending, paths)
        }
        if len(formats) > 1:
            names = ", ".join(each.name for each in paths)
            raise table.schema_error(
                f"files of several formats hold it: {names}", hint="name one of them as the side"
            )
        return paths

    def _there(self, path: Path, table: Table) -> list[Path]:
        """The table's files; none where there are none."""
        if not path.is_dir():
            return [path]
        there = self._merged(path, self._listing(path).find_one(table), [table])
        return list(
            there.files.get(table.name)
            or [each for each in there.unknown if find_files.table_name_of(each) == table.name]
        )

    def _listing(self, path: Path) -> Listing:
        """The folder's files."""
        if self.listed is None:
            return Listing.of(path, self.types)
        if path not in self.listed:
            self.listed[path] = Listing.of(path, self.types)
        return self.listed[path]

    def _merged(self, path: Path, there: TableFiles, tables: Sequence[Table]) -> TableFiles:
        """The folder's files of each table with those that only the backend or the user calls so."""
        files = {
            table.name: tuple(dict.fromkeys([*self._own(path, table), *there.files.get(table.name, ())]))
            for table in tables
        }
        known = {each for paths in files.values() for each in paths}
        unknown = tuple(each for each in there.unknown if each not in known)
        return TableFiles({name: paths for name, paths in files.items() if paths}, unknown).with_named(
            self.named
        )

    def _name_of(self, path: Path) -> str:
        """The table of a file that is a side."""
        return self.sheet or find_files.table_name_of(path)

    def _own(self, path: Path, table: Table) -> list[Path]:
        """The file as the backend `csv` writes it."""
        own = path / f"{stem_of(table)}.csv"
        if self.listed and own in self._listing(path).paths_there:
            return [own]
        try:
            own = Files(path).of(table)
        except SchemaError:
            return [path] if path.is_file() and self._name_of(path) == table.name else []
        return [own] if own.is_file() else []


def _loaded(raw: Raw, shape: Shape, choices: Choices) -> Part:
    """Load a file; what it was unpacked or rewritten to is removed."""
    loaded = part_of(raw, raw.load(shape), shape, choices)
    if raw.physical.path.is_relative_to(raw.drafts):
        raw.physical.path.unlink()
    return loaded


def _common(shapes: Sequence[Shape]) -> Shape:
    """The columns of several files; a type is known where all of them agree."""
    types: dict[str, set[str | None]] = {}
    for column in (column for shape in shapes for column in shape.columns):
        types.setdefault(column.name, set()).add(column.type)
    columns = tuple(Column(name, kinds.pop() if len(kinds) == 1 else None) for name, kinds in types.items())
    return Shape(columns, known=all(shape.known for shape in shapes))


def _load_exact(
    engine: DiffEngine, place: str, table: Table, shape: Shape, looked: Sequence[tuple[Path, Physical]]
) -> LoadedSide:
    """Take in files of our own exact form, each chunk held to its digest."""
    files = [ExactFile(physical.path, path.name, table) for path, physical in looked]
    loaded = engine.load(place, shape, (batch for file in files for batch in file.batches()))
    for finding in (finding for file in files for finding in file.findings):
        raise table.schema_error(f"{finding.text}", hint="export these rows again")
    return replace(loaded, **_bounds([file.proof or {} for file in files]))


def _bounds(proofs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """From where on the files hold every row.

    Within such bounds, too, OLD may have a row that is missing: NEW has set its time again, OLD has not.
    """
    starts = [each["from"] for each in proofs if each.get("complete") is True and each.get("from")]
    if not starts:
        return {"part": True, "begins": {}}
    begins = next((each for each in starts if not any(each.values())), starts[0])
    bounded = any(begins.values())
    return {"part": bounded, "begins": begins if bounded else None}


def examined(  # noqa: PLR0913 - the file, and how it is to be read
    path: Path, table: Table, shape: Shape, choices: Choices, drafts: Path, *, start: bool = False
) -> tuple[Path, Physical]:
    """The file and its form; SchemaError where it cannot be read, or does not name each column once.

    Of a packed file, its ``start`` alone is unpacked where that is enough.
    """
    draft = drafts / sha256(os.fsencode(path.absolute())).hexdigest()
    try:
        physical = examine(path, choices.encoding(path.name), draft, shape.names, whole=False, start=start)
    except UnreadableFileError as err:
        raise table.schema_error(f"{path.name} {err}") from err
    except OSError as err:
        raise table.schema_error(f"{path} cannot be read: {err.strerror}") from err
    header = physical.header
    if not physical.names_columns:
        raise table.schema_error(
            f"the first line of {path.name} has missing or duplicate column names",
            hint="the first column has no name, like an index that pandas writes: use index=False"
            if header and not header[0] and header.count("") == 1
            else "export it again with a header",
        )
    return path, physical
