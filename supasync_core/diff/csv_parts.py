"""A CSV file as it was loaded: what its cells mean in its dialect, and what that dialect hides."""

from collections.abc import Iterator, Mapping

from supasync_core.diff.parts import Part
from supasync_core.model.pg_types import is_array, is_json, type_of
from supasync_core.model.printable import argument
from supasync_core.model.table import Shape
from supasync_core.staging.csv import nulls
from supasync_core.staging.csv.cells import NOT_NULL, nullable, staged
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.csv.dialects import DIALECTS, Dialect
from supasync_core.staging.csv.export_finding import ERROR
from supasync_core.staging.csv.raw_table import Loaded, Raw


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
    read, *hidden = _notes(raw, dialect, doubtful)
    found = (each.text for each in loaded.findings)
    return Part(
        relation=raw.name,
        cells=cells,
        rows=loaded.rows,
        doubtful=doubtful,
        lossy=dialect.javascript,
        notes=(read, *found, *nulls.hints(raw, looks, dialect, shape, choices), *hidden),
    )


def _text(cell: str, dialect: Dialect, shape: Shape, name: str) -> str:
    """The text to compare: as the API prints it, where the type is known."""
    kind = type_of(shape, name)
    if is_json(kind) or is_array(kind):
        return f"nullif(CAST({staged(cell, dialect, shape, name)} AS VARCHAR), 'null')"
    if kind == "bytea" or (kind and dialect.escaped):
        return staged(cell, dialect, shape, name)
    return f"replace({cell}, '\\n', chr(10))" if dialect.escaped else cell


def _notes(raw: Raw, dialect: Dialect, doubtful: Mapping[str, str]) -> Iterator[str]:
    """How the file is read, and what its dialect hides from a comparison."""
    other = argument(f"{raw.file}=NAME")
    names = ", ".join(DIALECTS)
    yield f"{raw.file} is read as {dialect.name}; --dialect {other} reads it otherwise (NAME: {names})"
    for word in dict.fromkeys(doubtful.values()):
        names = ", ".join(name for name, each in doubtful.items() if each == word)
        shown = f"the word {word}" if word else "an empty text"
        way = f"; --dialect {argument(f'{raw.file}=sql-editor')} says that it is NULL" if word else ""
        yield f"{raw.file} does not distinguish NULL from {shown} in {names}: they count as equal{way}"
