"""Cells that are NULL or a text, and the file does not say which: NEW's own rows decide, or the user."""
# ruff: noqa: S608 - names are quoted by values.identifier

from collections.abc import Iterable
from dataclasses import dataclass

from supasync_core.model.printable import argument
from supasync_core.model.table import Shape, Table
from supasync_core.model.wording import counted
from supasync_core.staging.csv.export_finding import ERROR, WARNING, ExportFinding
from supasync_core.staging.duckdb_tables import Kinds, Tables, qualified
from supasync_core.staging.staged_tables import known, ready, same_rows
from supasync_core.staging.staging_file import Staging
from supasync_core.staging.values import identifier, instant, literal, plain


@dataclass(frozen=True, slots=True)
class Undecided:
    """A column of a file in which some cells, empty ones or the word ``marker``, may be NULL or a text.

    ``number`` is the file's among those of its table. ``both``: there are empty cells and the word.
    """

    column: str
    marker: str
    cells: int
    file: str
    number: int
    both: bool = False


def settle(
    staging: Staging, table: Table, shape: Shape, columns: Iterable[Undecided], *, as_null: bool
) -> list[ExportFinding]:
    """Decide by the sink's rows, else as NULL where the user accepts that; what stays open is an error.

    Empty cells are decided first: a word that is NULL would be one of them.
    """
    found = {column: _learnt(staging, table, shape, column) for column in columns}
    words = {(each.file, each.column): learnt for each, learnt in found.items() if each.marker}
    findings = []
    for column, learnt in sorted(found.items(), key=lambda each: bool(each[0].marker)):
        implied = "text" if not learnt and words.get((column.file, column.column)) == "null" else learnt
        if implied or as_null:
            _write(staging, table, column, null=implied != "text")
        findings.append(_finding(table, column, learnt, implied))
    return findings


def _learnt(staging: Staging, table: Table, shape: Shape, column: Undecided) -> str | None:
    """``null`` or ``text`` where all rows that the sink has with the same time say so; else None."""
    kinds = Tables(staging.connection)
    mine, theirs = kinds.kinds(ready(table)), kinds.kinds(known(table))
    if not mine or not theirs or column.column not in theirs:
        return None
    pairs = [same_rows(shape, table.key, mine, theirs)]
    pairs += [
        f"{instant(f'r.{identifier(name)}', mine[name])} IS NOT DISTINCT FROM "
        f"{instant(f'k.{identifier(name)}', theirs[name])}"
        for name in table.timestamp
        if name in mine and name in theirs
    ]
    value = plain(f"k.{identifier(column.column)}", theirs[column.column])
    found = staging.fetch(
        f"SELECT count(*) FILTER ({value} IS NULL), count(*) FILTER ({value} = {literal(column.marker)}) "
        f"FROM {qualified(ready(table))} AS r JOIN {qualified(known(table))} AS k ON {' AND '.join(pairs)} "
        f"WHERE {_marked(staging, table, column, mine)}"
    )
    null, text = found[0]
    if bool(null) == bool(text):
        return None
    return "null" if null else "text"


def _write(staging: Staging, table: Table, column: Undecided, *, null: bool) -> None:
    """Give the doubtful cells of staged rows their value."""
    mine = Tables(staging.connection).existing(ready(table))
    kind = mine[column.column]
    text = literal(column.marker) if kind.sql != "JSON" else literal(f'"{column.marker}"') + "::JSON"
    staging.fetch(
        f"UPDATE {qualified(ready(table))} AS r SET {identifier(column.column)} = {'NULL' if null else text} "
        f"WHERE {_marked(staging, table, column, mine)}"
    )


def _marked(staging: Staging, table: Table, column: Undecided, mine: Kinds) -> str:
    """The condition of the doubtful cells of the column's own file."""
    file, *_ = Tables(staging.connection).own(ready(table))
    cell = plain(f"r.{identifier(column.column)}", mine[column.column])
    doubtful = f"{cell} IS NULL" if not column.marker else f"{cell} = {literal(column.marker)}"
    return f"r.{identifier(str(file))} = {column.number} AND {doubtful}"


def _finding(table: Table, column: Undecided, learnt: str | None, implied: str | None) -> ExportFinding:
    name = f"{table.name}.{column.column}"
    cells = counted(column.cells, "cell is", "cells are")
    text = f"{name}: {cells} {f'the word {column.marker}' if column.marker else 'empty'}"
    if learnt:
        text += f": NEW's rows show that this is {'NULL' if learnt == 'null' else 'a text'}"
    elif implied:
        text += ": NEW's rows show that the word null is NULL, so this is a text"
    else:
        text += f", which may be NULL or a text: decide by {_ways(name, column)}"
    level = WARNING if implied else ERROR
    return ExportFinding(
        kind="null", table=table.name, text=text, level=level, file=column.file, column=column.column
    )


def _ways(name: str, column: Undecided) -> str:
    """What decides it, in words."""
    if column.both:
        ways = {
            "null": "the word is NULL, empty is a text",
            "empty": "empty is NULL",
            "none": "both are texts",
        }
    else:
        ways = {column.marker or "empty": "it is NULL", "none": "it is a text"}
    told = [f"--null {argument(f'{name}={word}')} ({meaning})" for word, meaning in ways.items()]
    whole = (
        f", or for the whole file by --dialect {argument(f'{column.file}=sql-editor')}, which writes NULL so"
    )
    return f"{', '.join(told[:-1])} or {told[-1]}{whole if column.marker else ''}"
