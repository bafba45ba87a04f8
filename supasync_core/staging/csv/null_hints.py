"""Words that may mean NULL: how to say so, for each that the user has not decided about."""

from collections.abc import Iterator, Sequence
from shlex import quote

from supasync_core.model.pg_types import FLOATS, is_text, type_of
from supasync_core.model.table import Shape
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.csv.dialects import MARKS, Cells, Dialect
from supasync_core.staging.csv.nulls import chosen_for
from supasync_core.staging.csv.raw_table import Raw

_WITH_NAN = ("numeric", *FLOATS)
_NAMED = 5


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
            yield f"{file}: {mark} stands in {_few(names)}: if it is NULL, --null {quote(f'{place}={mark}')}"
    plain = dialect.name == "rfc4180"
    words = [n for n, cells in undecided.items() if cells.word and (plain or not is_text(shape, n))]
    if words and dialect.null != "null":
        advice = f"--dialect {quote(f'{file}=sql-editor')}, whose NULL it is"
        yield f"{file}: the word null stands in {_few(words)}, as Supabase's SQL editor writes NULL: {advice}"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more columns" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
