"""NULL or an empty text: by the dialect where it says so, else by the type or the user."""

from collections.abc import Iterator, Sequence

from supasync_core.model.pg_types import FLOATS, is_text, may_be_null, type_of
from supasync_core.model.printable import argument
from supasync_core.model.table import Shape, Table
from supasync_core.staging.csv.cells import NOT_NULL, OR_EMPTY
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.csv.dialects import MARKS, Cells, Dialect
from supasync_core.staging.csv.raw_table import Raw

_WITH_NAN = ("numeric", *FLOATS)
_NAMED = 5
_AMBIGUOUS = ("rfc4180", "dashboard")
"""Dialects whose empty cells, or whose word null, may be NULL or a text."""


def rule(  # noqa: PLR0911, PLR0913, PLR0917 - all that speaks for a column
    dialect: Dialect, shape: Shape, table: Table, file: str, name: str, cells: Cells, choices: Choices
) -> tuple[str | None, bool]:
    """The column's word for NULL in this file, and whether that is sure."""
    chosen = chosen_for(choices, table, file, name)
    text = is_text(shape, name)
    of_column = {f"{file}.{name}", f"{table.name}.{name}"} & choices.nulls.keys()
    fits = text if chosen == NOT_NULL else may_be_null(shape, name)
    if of_column or (file in choices.nulls and fits):
        return (f"{OR_EMPTY}{chosen}" if chosen and not text else chosen), True
    if dialect.null is None:
        return None, True
    ambiguous = dialect.name in _AMBIGUOUS
    if ambiguous and chosen is not None:
        return chosen, True
    if not text:
        return dialect.null, True
    if not may_be_null(shape, name):
        return NOT_NULL, True
    if ambiguous and cells.word:
        return "null", False
    doubtful = cells.word if dialect.null else cells.bare + cells.quoted
    if chosen is not None and doubtful:
        return chosen, True
    return dialect.null, not doubtful


def doubts(dialect: Dialect, cells: Cells, word: str | None) -> dict[str, int]:
    """How many cells of a column are not sure, for each of its words; the empty word is an empty cell."""
    empty = cells.bare + cells.quoted
    if not word:
        return {"": empty}
    return {**({"": empty} if empty and dialect.name in _AMBIGUOUS else {}), word: cells.word}


def chosen_for(choices: Choices, table: Table, file: str, name: str) -> str | None:
    """The word for NULL that the user gave for this column of the file, the file, the table's, or all."""
    places = (f"{file}.{name}", file, f"{table.name}.{name}", table.name, "*")
    choices.met.update(places)
    given = next((choices.nulls[place] for place in places if place in choices.nulls), None)
    return {"empty": "", "none": NOT_NULL}.get(given, given) if given else None


def hints(
    raw: Raw, looks: Sequence[Cells], dialect: Dialect, shape: Shape, choices: Choices
) -> Iterator[str]:
    """A sentence for each word in the file that other programs write for NULL."""
    file = raw.file
    undecided = {
        name: cells
        for name, cells in zip(raw.physical.header, looks, strict=True)
        if chosen_for(choices, raw.table, file, name) is None
    }
    for bit, mark in enumerate(MARKS):
        values = _WITH_NAN if mark == "NaN" else ()
        names = [
            n for n, c in undecided.items() if (c.marks or 0) >> bit & 1 and type_of(shape, n) not in values
        ]
        if names:
            place = f"{file}.{names[0]}" if len(names) == 1 else file
            way = argument(f"{place}={mark}")
            yield f"{file}: {mark} stands in {_few(names)}: if it is NULL, --null {way}"
    plain = dialect.name == "rfc4180"
    words = [n for n, cells in undecided.items() if cells.word and (plain or not is_text(shape, n))]
    if words and dialect.null != "null":
        advice = f"--dialect {argument(f'{file}=sql-editor')}, whose NULL it is"
        yield f"{file}: the word null stands in {_few(words)}, as Supabase's SQL editor writes NULL: {advice}"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more columns" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
