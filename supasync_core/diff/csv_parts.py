"""A CSV file as it was loaded: what its cells mean in its dialect, and what that dialect hides."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from supasync_core.diff.engine import DiffEngine
from supasync_core.diff.loaded_side import LoadedSide
from supasync_core.model.pg_types import is_array, is_json, type_of
from supasync_core.model.printable import argument
from supasync_core.model.table import Shape
from supasync_core.staging.csv import nulls
from supasync_core.staging.csv.cells import NOT_NULL, nullable, staged
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.csv.dialects import DIALECTS, Dialect
from supasync_core.staging.csv.export_finding import ERROR
from supasync_core.staging.csv.raw_table import Loaded, Raw


@dataclass(frozen=True, slots=True)
class Part:
    """One loaded file: the SQL of its rows, its columns' texts, and what it does not tell."""

    relation: str
    cells: dict[str, str]
    doubtful: dict[str, str]
    dialect: Dialect
    file: str
    rows: int
    warnings: tuple[str, ...] = ()


def part_of(raw: Raw, loaded: Loaded, shape: Shape, choices: Choices) -> Part:
    """A loaded file in its dialect; SchemaError at its first line that is not a valid row."""
    looks = loaded.cells
    for finding in loaded.findings:
        if finding.level == ERROR:
            raise raw.table.schema_error(f"{finding.text}", hint="correct the line, or export the file again")
    dialect = raw.dialect(looks, shape, choices)
    cells, doubtful = {}, {}
    for column, each in zip(raw.physical.header, looks, strict=True):
        word, sure = nulls.rule(dialect, shape, raw.table, raw.file, column, each, choices)
        if not sure and dialect.name == "rfc4180":
            word = None  # as psql and every CSV library that keeps NULL apart write it
        elif not sure and word is not None and word != NOT_NULL:
            doubtful[column] = word
        if not word and not each.quoted:
            word = None  # no cell is an empty text: what is not NULL stands as it is
        cells[column] = _text(nullable(raw.cell(column), word), dialect, shape, column)
    notes = (*(each.text for each in loaded.findings), *nulls.hints(raw, looks, dialect, shape, choices))
    return Part(raw.name, cells, doubtful, dialect, raw.file, loaded.rows, notes)


def _text(cell: str, dialect: Dialect, shape: Shape, name: str) -> str:
    """The text to compare: as the API prints it, where the type is known."""
    kind = type_of(shape, name)
    if is_json(kind) or is_array(kind):
        return f"nullif(CAST({staged(cell, dialect, shape, name)} AS VARCHAR), 'null')"
    if kind == "bytea" or (kind and dialect.escaped):
        return staged(cell, dialect, shape, name)
    return f"replace({cell}, '\\n', chr(10))" if dialect.escaped else cell


def together(
    engine: DiffEngine, place: str, parts: Sequence[Part], where: str | None, *, complete: bool
) -> LoadedSide:
    """Hold one file as it is; several, or rows under a filter, as one table."""
    if len(parts) > 1 or where:
        loaded = engine.gather(place, [(part.relation, part.cells) for part in parts], where)
        for part in parts:
            engine.fetch(f"DROP TABLE {part.relation}")
    else:
        loaded = engine.hold(place, parts[0].relation, parts[0].cells, rows=parts[0].rows)
    doubtful = {name: word for part in parts for name, word in part.doubtful.items()}
    return replace(
        loaded,
        doubtful=doubtful,
        lossy=any(part.dialect.javascript for part in parts),
        part=not complete,
        notes=tuple(note for part in parts for note in _notes(part)),
    )


def _notes(part: Part) -> list[str]:
    """What the file's dialect hides from a comparison."""
    other = argument(f"{part.file}=NAME")
    names = ", ".join(DIALECTS)
    read = f"{part.file} is read as {part.dialect.name}; --dialect {other} reads it otherwise (NAME: {names})"
    notes = [read, *part.warnings]
    for word in dict.fromkeys(part.doubtful.values()):
        names = ", ".join(name for name, each in part.doubtful.items() if each == word)
        shown = f"the word {word}" if word else "an empty text"
        way = f"; --dialect {argument(f'{part.file}=sql-editor')} says that it is NULL" if word else ""
        notes.append(
            f"{part.file} does not distinguish NULL from {shown} in {names}: they count as equal{way}"
        )
    return notes
