"""Rows in the text format of PostgreSQL's COPY, as the JSON that `row_to_json` prints of them, byte for byte.

The texts are those of the types' output functions under `supasync_core.api.sql_session.PINNED`. What JSON
cannot carry is told beside it, as `Batch.exact` has it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from json.encoder import encode_basestring as quoted
from typing import Any, Final

from supasync_core.model import pg_literals
from supasync_core.model.pg_types import FLOATS, INTEGERS, UNZONED, ZONED, is_array, is_json
from supasync_core.model.table import Column

NULL: Final = "\\N"
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_MEANT: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_NUMBERS: Final = (*INTEGERS, *FLOATS, "numeric")

Print = Callable[[str], str]


def unescaped(cell: str) -> str:
    """The text of a cell that is not NULL (PostgreSQL documentation, COPY, "Text Format")."""
    return _ESCAPE.sub(lambda found: _MEANT.get(found[1], found[1]), cell) if "\\" in cell else cell


def is_plain(kind: str | None) -> bool:
    """Whether JSON has values of the type as strings."""
    return not (kind is None or kind in _NUMBERS or kind == "boolean" or is_json(kind) or is_array(kind))


def printer(kind: str) -> Print:
    """What makes JSON of a text of this type."""
    if kind in _NUMBERS:
        return lambda text: text if text[-1:].isdecimal() else quoted(text)
    if kind == "boolean":
        return lambda text: "true" if text == "t" else "false"
    if is_json(kind):
        return str
    if is_array(kind):
        inner = printer(kind.removesuffix("[]"))
        return lambda text: _list(pg_literals.array(pg_literals.without_bounds(text)), inner)
    return lambda text: quoted(string(kind, text))


def string(kind: str, text: str) -> str:
    """What the JSON string of a value holds, whose type is plain."""
    if kind not in (ZONED, UNZONED) or text.endswith("infinity"):
        return text
    moment, era = (text[:-3], " BC") if text.endswith(" BC") else (text, "")
    return moment.replace(" ", "T", 1) + (":00" if kind == ZONED else "") + era


def as_json(lines: Sequence[bytes], columns: Sequence[Column]) -> tuple[bytes, dict[int, Mapping[str, str]]]:
    """The rows as a JSON array, and by their places the texts that it cannot carry.

    ValueError where a line has more or fewer cells than there are columns.
    """
    made = [(each.name, quoted(each.name) + ":", *_ways(each.type or "")) for each in columns]
    rows: list[str] = []
    exact: dict[int, Mapping[str, str]] = {}
    for at, line in enumerate(lines):
        cells = line.decode().removesuffix("\n").split("\t")
        parts, beyond = [], {}
        for (name, head, show, is_beyond), cell in zip(made, cells, strict=True):
            if cell == NULL:
                parts.append(f"{head}null")
                continue
            text = unescaped(cell)
            if is_beyond(text):
                beyond[name] = text
            parts.append(head + show(text))
        rows.append("{" + ",".join(parts) + "}")
        if beyond:
            exact[at] = beyond
    return ("[" + ",\n".join(rows) + "]").encode(), exact


def _ways(kind: str) -> tuple[Print, Callable[[str], bool]]:
    """How a value of the type is printed, and whether JSON cannot carry it."""
    if kind == "json":
        return printer(kind), lambda text: text[:1] not in "{[" or text[-1:] not in "}]" or "\\u0000" in text
    if kind == "jsonb":
        return printer(kind), lambda text: text == "null"
    if is_array(kind):
        return printer(kind), lambda text: text.startswith("[")
    return printer(kind), lambda _: False


def _list(found: Any, inner: Print) -> str:  # noqa: ANN401 - lists in lists
    if found is None:
        raise ValueError("it is not an array")
    cells = (
        _list(each, inner) if isinstance(each, list) else "null" if each is None else inner(each)
        for each in found
    )
    return "[" + ",".join(cells) + "]"
