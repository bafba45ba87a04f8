"""The files of one table become its staged rows: each checked by itself, then one row for each key."""
# ruff: noqa: S608 - names are quoted by values.identifier

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from supasync_core.gap.csv import damage, dedupe
from supasync_core.gap.csv.settle_nulls import Undecided
from supasync_core.gap.csv.where_filter import leave_marked_out, leave_out
from supasync_core.gap.import_plan import TableImport
from supasync_core.model.table import Shape, Table
from supasync_core.model.wording import counted
from supasync_core.staging.connection import private_umask, translate_errors
from supasync_core.staging.csv import nulls
from supasync_core.staging.csv.cells import NOT_NULL, nullable, staged
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.csv.dialects import Dialect, is_exact
from supasync_core.staging.csv.exact_form import ExactFile
from supasync_core.staging.csv.export_finding import ERROR, WARNING, LoadedFile
from supasync_core.staging.csv.file_format import Physical, examine
from supasync_core.staging.csv.packed import UnreadableFileError
from supasync_core.staging.csv.raw_table import Raw
from supasync_core.staging.csv.records import lines
from supasync_core.staging.csv.unchanged import unchanged
from supasync_core.staging.duckdb_tables import Tables, qualified, refuse_case_twins
from supasync_core.staging.own_names import ROW_ID
from supasync_core.staging.staged_tables import ready
from supasync_core.staging.staging_file import Staging
from supasync_core.staging.values import identifier

_LEFT_OUT = ("key", "type")
"""Kinds of findings whose rows cannot be sent."""


@dataclass(frozen=True, slots=True)
class StagedPart:
    """One file's rows: the SQL of each column's cells, of the row's number, and where they stand.

    ``exact``: in the exact form; its rows win over others.
    """

    file: int
    cells: dict[str, str]
    row: str
    rows: str
    exact: bool = False

    def select(self, columns: Sequence[str]) -> str:
        """These columns, the number of the file, and the row's."""
        cells = [self.cells.get(name, "NULL") for name in columns]
        return f"SELECT {', '.join([*cells, str(self.file), self.row])} FROM {self.rows}"


def stage(staging: Staging, part: TableImport, choices: Choices) -> TableImport:
    """Stage the files of a table, and note what was loaded, what is wrong with it, what is undecided."""
    with TemporaryDirectory(prefix="supasync-") as drafts:
        stager = TableStager(staging, part, part.table, part.shape, choices, Path(drafts))
        for index, path in enumerate(part.paths):
            stager.add(index, path)
        stager.finish()
    return part


@dataclass
class TableStager:
    """Collects the files of one table; ``finish`` makes its staged rows."""

    staging: Staging
    part: TableImport
    table: Table
    shape: Shape
    choices: Choices
    drafts: Path
    parts: list[StagedPart] = field(default_factory=list)
    raws: list[Raw] = field(default_factory=list)

    def add(self, index: int, path: Path) -> None:
        """Check and load one file; SchemaError where it changes meanwhile."""
        with unchanged([path], self.table):
            self._add(index, path)

    def _add(self, index: int, path: Path) -> None:
        try:
            physical = examine(
                path, self.choices.encoding(path.name), self.drafts / f"{index}.csv", self.shape.names
            )
        except UnreadableFileError as err:
            self._file("encoding", path, str(err))
            return
        if is_exact(physical):
            self._add_exact(index, path, physical)
        elif self._fit(path, physical):
            self._add_plain(Raw(self.staging, self.table, path.name, index, physical, self.drafts))

    def finish(self) -> None:
        """One staged row for each key: of exact files, of what is left in others."""
        target = ready(self.table)
        with translate_errors(self.staging.path, self.table), private_umask():
            self.staging.connection.execute(f"DROP TABLE IF EXISTS {qualified(target)}")
            if not self.parts:
                return
            self.staging.shapes[self.table.name] = self.shape
            columns = list(dict.fromkeys(name for part in self.parts for name in part.cells))
            rows = " UNION ALL ".join(part.select(columns) for part in self.parts)
            numbered = not any(part.exact for part in self.parts)
            self.staging.stage(self.table, rows, columns, numbered=numbered)
            for raw in self.raws:
                raw.drop()
            self.part.findings += leave_out(self.staging, self.table, self.shape, self.choices.language)
            self.part.findings += leave_marked_out(self.staging, self.table)
            exact = ", ".join(str(part.file) for part in self.parts if part.exact)
            if exact and not all(part.exact for part in self.parts):
                dedupe.prefer_exact(self.staging, self.table, self.shape, exact)
                self._forget_replaced()
            self.part.findings += dedupe.one_of_each(self.staging, self.table, self.shape)
            self.part.findings += dedupe.unchecked(self.table, self.shape)
            for name in Tables(self.staging.connection).names("gap"):
                if name.startswith(("raw ", "exact ")):
                    self.staging.connection.execute(f"DROP TABLE gap.{identifier(name)}")

    def _forget_replaced(self) -> None:
        """Forget the findings about rows that an exact file has replaced."""
        width = len(self.table.key)
        keys = [e.key for e in self.part.findings if e.kind != "exact" and len(e.key) == width]
        there = self.staging.staged_keys(self.table, keys)
        self.part.findings[:] = [each for each in self.part.findings if not each.key or each.key not in there]

    def _fit(self, path: Path, physical: Physical) -> bool:
        """Whether the header can be read as the table's columns; what is wrong with it is reported.

        A file whose rows have no key cannot be read at all, so that is never accepted.
        """
        header = physical.header
        if not physical.names_columns:
            self._file("file", path, "has missing or duplicate column names in its first line")
            return False
        lost = [name for name in self.table.key if name not in header]
        if lost:
            self._file("file", path, f"has no key column {', '.join(lost)}")
            return False
        refuse_case_twins(self.table, self._columns(physical))
        if self.shape.known and self.shape.columns:
            left_out = (*self.table.exclude, *header)
            missing = [c.name for c in self.shape.columns if c.name not in left_out]
            missing = [name for name in missing if not self.table.columns or name in self.table.columns]
            foreign = [n for n in header if n not in self.shape.names and n not in self.table.exclude]
            for name in missing:
                self._file("header", path, f"has no column {name}, which NEW has", name)
            for name in foreign:
                self._file("header", path, f"has a column {name}, which NEW does not have", name)
        return True

    def _columns(self, physical: Physical) -> list[str]:
        """The columns of the file that are copied."""
        wanted = self.table.columns or physical.header
        known = self.shape.names if self.shape.known and self.shape.columns else physical.header
        return [n for n in physical.header if n in wanted and n in known and n not in self.table.exclude]

    def _add_exact(self, index: int, path: Path, physical: Physical) -> None:
        file = ExactFile(physical.path, path.name, self.table)
        target = replace(
            ready(self.table),
            schema="gap",
            name=f"exact {index} {self.table.name}",
            exclude=self.table.exclude,
        )
        self.staging.connection.execute(f"DROP TABLE IF EXISTS {qualified(target)}")
        for batch in file.batches():
            self.staging.write(target, self.shape, batch)
        self.part.findings += file.findings
        kinds = Tables(self.staging.connection).kinds(target)
        if kinds is not None:
            cells = {name: f"e.{identifier(name)}" for name in kinds}
            self.parts.append(
                StagedPart(index, cells, "NULL::BIGINT", f"{qualified(target)} AS e", exact=True)
            )
        proof = file.proof if file.proof and file.proof.get("complete") else None
        self._loaded(path.name, "exact", file.rows, physical.digest, proof)

    def _add_plain(self, raw: Raw) -> None:
        self.raws.append(raw)
        loaded = raw.load(self.shape)
        self.part.findings += (replace(each, level=ERROR) for each in loaded.findings)
        cells, rows = loaded.cells, loaded.rows
        dialect = raw.dialect(cells, self.shape, self.choices)
        if dialect.javascript:
            self.staging.lossy.add(self.table.name)
        words: dict[str, str | None] = {}
        for column, looks in zip(raw.physical.header, cells, strict=True):
            word, sure = nulls.rule(dialect, self.shape, self.table, raw.file, column, looks, self.choices)
            doubts = {} if sure else nulls.doubts(dialect, looks, word)
            words[column] = word if sure else "" if "" in doubts else NOT_NULL
            if column in self._columns(raw.physical):
                self.part.undecided += (
                    Undecided(column, marker, cell_count, raw.file, raw.index, both=len(doubts) > 1)
                    for marker, cell_count in doubts.items()
                )
        for text in nulls.hints(raw, cells, dialect, self.shape, self.choices):
            self.part.report("null", text, WARNING, file=raw.file)
        self.part.findings += damage.of_the_file(raw, dialect, self.shape, rows)
        bad = list(self._checked(raw, dialect, words))
        self.parts.append(self._part(raw, dialect, words, bad))
        self._loaded(raw.file, dialect.name, rows, raw.physical.digest)

    def _loaded(
        self, file: str, dialect: str, rows: int, digest: str, proof: dict[str, Any] | None = None
    ) -> None:
        self.part.loaded.append(LoadedFile(self.table.name, file, dialect, rows, digest, proof))

    def _checked(self, raw: Raw, dialect: Dialect, words: dict[str, str | None]) -> Iterator[str]:
        """The conditions of rows that cannot be sent; every place is reported."""
        kept = {*self._columns(raw.physical), *self.table.key}
        wanted = [
            c for c in damage.checks(raw, dialect, self.shape, words) if c.column is None or c.column in kept
        ]
        counts = raw.counted([check.condition for check in wanted])
        held = [(check, count) for check, count in zip(wanted, counts, strict=True) if count]
        held = [(check, count) for check, count in held if damage.real(check, raw, self.shape)]
        places = {id(check): raw.places(check.condition) for check, _ in held}
        rows = {row for found in places.values() for _, row in found}
        at = lines(raw.physical.path, rows, raw.physical.delimiter)
        for check, count in held:
            found = places[id(check)]
            for key, row in found:
                line = at.get(row)
                text = f"{raw.file}, line {line or '?'}, key {', '.join(key)}: {check.text}"
                where = {"file": raw.file, "line": line, "key": key, "column": check.column}
                self.part.report(check.kind, text, check.level, **where)
            if count > len(found):
                text = f"{raw.file}: {counted(count - len(found), 'more row', 'more rows')}: {check.text}"
                self.part.report(check.kind, text, check.level, file=raw.file)
            if check.kind in _LEFT_OUT:
                yield check.condition

    def _part(self, raw: Raw, dialect: Dialect, words: dict[str, str | None], bad: list[str]) -> StagedPart:
        cells = {
            n: staged(nullable(raw.cell(n), words[n]), dialect, self.shape, n)
            for n in self._columns(raw.physical)
        }
        where = f" WHERE NOT coalesce({' OR '.join(f'({each})' for each in bad)}, false)" if bad else ""
        return StagedPart(raw.index, cells, f"{ROW_ID} + 1", f"{raw.name}{where}")

    def _file(self, kind: str, path: Path, text: str, column: str | None = None) -> None:
        self.part.report(kind, f"{path.name} {text}", file=path.name, column=column)
