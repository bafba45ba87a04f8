"""What is counted of a column to know a file's dialect: in SQL, and in Python of a few cells."""

from collections.abc import Sequence

from supasync_core.model.pg_types import is_array, type_of
from supasync_core.model.table import Shape
from supasync_core.staging.csv.dialects import MARKS
from supasync_core.staging.csv.file_format import Physical
from supasync_core.staging.values import literal

COUNTS = 11
"""What is counted of each column: what `Cells` has, its bytes, and how many of them are quotes."""
_LONGEST = max(map(len, (*MARKS, "null")))
_MANY = 1 << 32
"""More rows than a file has: two counts are one sum."""
_BITS = {mark: 1 << bit for bit, mark in enumerate(MARKS)}


def terms(shape: Shape, name: str, cell: str, physical: Physical, *, quotes: bool) -> tuple[str, ...]:
    """The SQL of each count, from the SQL of a cell; its ``quotes`` are counted only if they are wanted."""
    boolean = type_of(shape, name) == "boolean"
    array = is_array(type_of(shape, name))
    marks = " ".join(f"WHEN {literal(mark)} THEN {bit}" for mark, bit in _BITS.items())
    short = f"WHEN strlen({cell}) > {_LONGEST} THEN 0"  # of most cells that is all that is looked at
    word = f"CASE {cell} WHEN '' THEN 1 WHEN 'null' THEN {_MANY} ELSE 0 END"
    words = f"coalesce(sum(CASE {short} ELSE {word} END), 0)"
    conditions = (
        f"{cell} IN ('t', 'f')" if boolean else "",
        f"{cell} IN ('true', 'false')" if boolean else "",
        f"starts_with({cell}, '{{')" if array else "",
        f"starts_with({cell}, '[')" if array else "",
        f"contains({cell}, '\\n')" if physical.quoted else "",
    )
    inner = f"strlen({cell}) - strlen(replace({cell}, '\"', ''))"
    return (
        f"count(*) - count({cell})",
        f"{words} % {_MANY}",
        f"{words} // {_MANY}",
        *(f"count(*) FILTER ({each})" if each else "0" for each in conditions),
        f"coalesce(bit_or(CASE {short} ELSE CASE {cell} {marks} ELSE 0 END END), 0)",
        f"coalesce(sum(strlen({cell})), 0)",
        f"coalesce(sum(CASE WHEN contains({cell}, '\"') THEN {inner} END), 0)" if quotes else "0",
    )


def seen(shape: Shape, name: str, cells: Sequence[str | None], physical: Physical) -> list[int]:
    """The same counts of these cells."""
    texts = [cell for cell in cells if cell is not None]
    boolean = type_of(shape, name) == "boolean"
    array = is_array(type_of(shape, name))
    marks = 0
    for text in texts:
        marks |= _BITS.get(text, 0)
    return [
        len(cells) - len(texts),
        texts.count(""),
        texts.count("null"),
        texts.count("t") + texts.count("f") if boolean else 0,
        texts.count("true") + texts.count("false") if boolean else 0,
        sum(text.startswith("{") for text in texts) if array else 0,
        sum(text.startswith("[") for text in texts) if array else 0,
        sum("\\n" in text for text in texts) if physical.quoted else 0,
        marks,
        sum(len(text.encode()) for text in texts),
        sum(text.count('"') for text in texts),
    ]
