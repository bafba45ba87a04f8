"""Differences as they are printed: a table, JSON, JSON lines, CSV."""

import csv
import json
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from itertools import islice
from typing import Any

import click

from supasync_core.cli.output import error, line, values, without_own_keys
from supasync_core.cli.streams import bare
from supasync_core.diff.causes import CAUSES
from supasync_core.diff.compare import Tables
from supasync_core.diff.difference import CHANGED, RowDiff, TableDiff
from supasync_core.diff.last_diff import Explained
from supasync_core.model.errors import SupasyncError, TableError
from supasync_core.model.printable import visible
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.system.files import defused

_LIKE_LATIN = {"LATIN", "CYRILLIC", "GREEK"}
"""Scripts that share the look of many letters."""
_WIDTH = 40
"""Characters of a cell that a table shows."""
_LISTED = 5
"""Duplicate keys that a table shows."""
COLUMNS = ("table", "kind", "key", "column", "left", "right", "cause", "count")


@dataclass
class Printer:
    """What all forms share; ``limit`` is how many rows of a table are shown, None for all.

    ``options`` are those by which less than all has to be equal.
    """

    left: str
    right: str
    limit: int | None = None
    defuse: bool = True
    options: tuple[str, ...] = ()

    def begin(self, tables: Tables) -> None:
        """Called once, with what will be compared."""

    def failed(self, table: Table, err: TableError) -> None:
        """A table that could not be compared."""
        error(f"error: {err}", err.hint)

    def table(self, found: TableDiff, rows: Explained) -> None:
        """A compared table."""
        raise NotImplementedError

    def end(self, *, equal: bool) -> None:
        """Called once, with the answer."""

    def abort(self, err: SupasyncError) -> bool:
        """Called instead of ``end``; whether the error was printed here."""
        return False

    @property
    def compared_with(self) -> str:
        """The options, as a clause; empty where there are none."""
        return f", compared with {', '.join(self.options)}" if self.options else ""

    def _notes(self, found: TableDiff) -> None:
        for note in found.notes:
            line(f"note: {found.table.name}: {note}", err=True)


@dataclass
class AsTable(Printer):
    """For people: what differs, a few rows of it, and what each cause means."""

    causes: Counter[str] = field(default_factory=Counter)
    compared: int = 0

    def begin(self, tables: Tables) -> None:
        """Say which tables one side alone has."""
        for side, names in ((self.left, tables.left_only), (self.right, tables.right_only)):
            for name in names:
                line(f"{name}: only in {side}")

    def table(self, found: TableDiff, rows: Explained) -> None:
        """The counts, the columns and keys that do not match, then rows."""
        self.compared += 1
        counts = ", ".join(f"{number:,} {name}" for name, number in found.counts.items())
        young = f", {found.young:,} skipped as too young" if found.young else ""
        line(f"{found.table.name}: {counts}{young}")
        for side, names in ((self.left, found.left_only), (self.right, found.right_only)):
            if names:
                line(f"  columns only in {side}: {', '.join(names)}")
        for each in found.eased:
            line(f"  {each.sentence}")
        self._duplicates(found)
        self._notes(found)
        lines: list[tuple[object, ...]] = []
        hidden = 0
        columns: Counter[str] = Counter()
        for number, (row, cause) in enumerate(rows):
            self.causes[cause] += 1
            columns.update(row.columns if row.kind == CHANGED else ())
            if self.limit is None or number < self.limit:
                lines += self._lines(found, row, cause)
            else:
                hidden += 1
        if columns:
            line(f"  changed columns: {', '.join(f'{name} {n:,}' for name, n in columns.most_common())}")
        if lines:
            from supasync_core.cli import output  # noqa: PLC0415 - a script pays nothing for it

            output.table(("", "key", "column", self.left, self.right, "likely cause"), lines)
        if hidden:
            more = counted(hidden, "more row", "more rows")
            line(f"  and {more}: --limit N shows N, --format jsonl all of them")

    def end(self, *, equal: bool) -> None:
        """What the causes mean, and the answer."""
        for cause, number in self.causes.most_common():
            rows = counted(number, "row", "rows")
            line(f"{rows}: {cause}: {CAUSES[cause]}" if CAUSES[cause] else f"{rows}: cause {cause}")
        if equal:
            tables = f": {self.compared} tables" if self.compared != 1 else ""
            line(f"equal{self.compared_with}{tables}")

    def _duplicates(self, found: TableDiff) -> None:
        for each in found.duplicates[:_LISTED]:
            key = ", ".join(map(visible, each.key))
            line(f"  key {key}: {each.left} rows in {self.left}, {each.right} in {self.right}")
        if found.duplicate_keys:
            names = ", ".join(found.table.key)
            keys = counted(found.duplicate_keys, f"key ({names}) does", f"keys ({names}) do")
            line(f"  {keys} not tell rows apart: not compared")

    def _lines(self, found: TableDiff, row: RowDiff, cause: str) -> Iterator[tuple[object, ...]]:
        key = ", ".join(_cell(text) for text in row.key)
        if row.kind != CHANGED:
            content = _content(found, row)
            yield row.kind, key, None, *(("", content) if row.left is None else (content, "")), cause
        for number, name in enumerate(row.columns):
            cells = _distinct((row.left or {})[name], (row.right or {})[name])
            head = (row.kind, key) if number == 0 else ("", "")
            yield *head, name, *aligned(*cells), cause if number == 0 else ""


@dataclass
class AsJson(Printer):
    """One object; its rows are written as they come."""

    head: str = ""
    begun: bool = False

    def begin(self, tables: Tables) -> None:
        """Keep the head until there is something to print."""
        alone = {"left_only": tables.left_only, "right_only": tables.right_only}
        eased = {"compared_with": self.options} if self.options else {}
        names = {"left": self.left, "right": self.right, **eased, **alone}
        self.head = json.dumps(names, ensure_ascii=False)[:-1] + ', "tables": {'

    def failed(self, table: Table, err: TableError) -> None:
        """The error in the table's place."""
        super().failed(table, err)
        self._name(table)
        click.echo(json.dumps({"error": str(err), "hint": err.hint}))

    def table(self, found: TableDiff, rows: Explained) -> None:
        """The table under its name; ``causes`` counts all rows, also those beyond the limit."""
        self._notes(found)
        self._name(found.table)
        values(json.dumps(summary(found), ensure_ascii=False)[:-1] + ', "rows": [')
        causes: Counter[str] = Counter()
        for number, (row, cause) in enumerate(rows):
            causes[cause] += 1
            if self.limit is None or number < self.limit:
                values(("," if number else "") + json.dumps(detail(found, row, cause), ensure_ascii=False))
        values(f'], "causes": {json.dumps(causes)}}}')

    def end(self, *, equal: bool) -> None:
        """Close the object."""
        values("" if self.begun else self.head)
        values(f'}}, "equal": {json.dumps(equal)}}}')

    def abort(self, err: SupasyncError) -> bool:
        """Close the object after what was printed already."""
        if self.begun:
            click.echo(f'}}, "equal": null, "error": {json.dumps(str(err))}}}')
        return self.begun

    def _name(self, table: Table) -> None:
        values(("," if self.begun else self.head) + json.dumps(table.name, ensure_ascii=False) + ":")
        self.begun = True


@dataclass
class AsJsonLines(Printer):
    """A line for each row that differs, and one with the counts of each table before them."""

    def table(self, found: TableDiff, rows: Explained) -> None:
        """The counts, then the rows."""
        name = found.table.name
        self._notes(found)
        values(json.dumps({"table": name, **summary(found)}))
        for row, cause in islice(rows, self.limit):
            values(json.dumps({"table": name, **detail(found, row, cause)}, ensure_ascii=False))


@dataclass
class AsCsv(Printer):
    """For spreadsheets: a line for each cell that differs; the counts are lines without a key."""

    def begin(self, tables: Tables) -> None:
        """The names of the columns."""
        self._record(dict(zip(COLUMNS, COLUMNS, strict=True)))

    def table(self, found: TableDiff, rows: Explained) -> None:
        """The counts, then the cells."""
        self._notes(found)
        for kind, number in found.counts.items():
            self._record({"table": found.table.name, "kind": kind, "count": number})
        for each in found.eased:
            kind = f"compared with {each.option}"
            self._record({"table": found.table.name, "kind": kind, "count": each.cells})
        for row, cause in islice(rows, self.limit):
            key = ", ".join("" if text is None else text for text in row.key)
            head = {"table": found.table.name, "kind": row.kind, "key": key, "cause": cause}
            if row.kind != CHANGED:
                self._record(head)
            for name in row.columns:
                cells = {"left": (row.left or {})[name], "right": (row.right or {})[name]}
                self._record({**head, "column": name, **cells})

    def _record(self, values: Mapping[str, object]) -> None:
        out = StringIO()
        cells = [values.get(name) for name in COLUMNS]
        csv.writer(out).writerow([defused(cell) if self.defuse else cell for cell in cells])
        bare(sys.stdout).write(without_own_keys(out.getvalue()))


PRINTERS: Mapping[str, type[Printer]] = {
    "table": AsTable,
    "json": AsJson,
    "jsonl": AsJsonLines,
    "csv": AsCsv,
}


def summary(found: TableDiff) -> dict[str, Any]:
    """The counts of a table, and all that is not a row."""
    return {
        **found.counts,
        "young": found.young,
        "equal": found.equal,
        "key": list(found.table.key),
        "left_only_columns": list(found.left_only),
        "right_only_columns": list(found.right_only),
        "duplicate_keys": found.duplicate_keys,
        "duplicates": [{"key": list(d.key), "left": d.left, "right": d.right} for d in found.duplicates],
        "notes": list(found.notes),
        **({"compared_with": [each.as_json() for each in found.eased]} if found.eased else {}),
    }


def detail(found: TableDiff, row: RowDiff, cause: str) -> dict[str, Any]:
    """A row that differs: of a changed one the columns with both values, of others all values."""
    head: dict[str, Any] = {
        "kind": row.kind,
        "key": dict(zip(found.table.key, row.key, strict=True)),
        "cause": cause,
    }
    if row.kind == CHANGED:
        cells = {
            name: {"left": (row.left or {})[name], "right": (row.right or {})[name]} for name in row.columns
        }
        return {**head, "columns": cells}
    return {**head, "row": dict(row.left or row.right or {})}


def _content(found: TableDiff, row: RowDiff) -> str:
    """What a row holds that one side alone has, besides its key, as far as a table has room."""
    cells = ((row.left or row.right) or {}).items()
    return _cut(", ".join(f"{name}={_cell(text)}" for name, text in cells if name not in found.table.key), 0)


def _cell(text: str | None) -> str:
    """A value as a table shows it: NULL and an empty text told apart, nothing that moves a terminal."""
    if text is None:
        return "NULL"
    return visible(text) if text else "''"


def _distinct(left: str | None, right: str | None) -> tuple[str, str]:
    """Both cells; where people would see the same in both, in quotes and with escapes."""
    shown = _cell(left), _cell(right)
    if _seen(shown[0]) != _seen(shown[1]) and not _alike(*shown):
        return shown
    first, second = ("NULL" if text is None else json.dumps(text) for text in (left, right))
    return first, second


def _seen(text: str) -> str:
    """What people see of a text: neither how letters are composed nor blanks at its ends."""
    return unicodedata.normalize("NFKC", text).strip()


def _alike(left: str, right: str) -> bool:
    """Whether the texts differ only in letters of different scripts, such as Latin's and Cyrillic's a."""
    apart = [(a, b) for a, b in zip(left, right, strict=False) if a != b]
    return len(left) == len(right) and all(
        {_script(a), _script(b)} <= _LIKE_LATIN and _script(a) != _script(b) for a, b in apart
    )


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def aligned(left: str, right: str, width: int = _WIDTH) -> tuple[str, str]:
    """Both texts cut to a width, that of a table unless given, around where they begin to differ."""
    if max(len(left), len(right)) <= width:
        return left, right
    same = next(
        (i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right))
    )
    start = max(0, same - width // 3) if same > width // 2 else 0
    return _cut(left, start, width), _cut(right, start, width)


def _cut(text: str, start: int, width: int = _WIDTH) -> str:
    shown = ("..." if start else "") + text[start : start + width]
    return shown if start + width >= len(text) and len(shown) <= width else shown[: width - 3] + "..."
