"""The table of the contracts: its rows as raw JSON texts, and how they are compared."""

import json
import re
from collections.abc import Collection

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Keyset, Row
from supasync_core.model.table import Table
from supasync_core.model.timestamps import parse

EVENTS = Table(name="events", key=("id",), timestamp=("updated_at", "created_at"))
UPDATED = Keyset("updated_at")
CREATED = Keyset("created_at", ("updated_at",))
ALL = Keyset(None)
TIMELESS = Keyset(None, ("updated_at", "created_at"))
EXACT = {
    "a number beyond double precision": ("amount", "123456789012345678901234567890.000000001"),
    "a trailing zero": ("amount", "1.50"),
    "an integer beyond 2^53": ("id", "9007199254740993"),
    "an empty text": ("label", '""'),
    "the text null": ("label", '"null"'),
    "a text of digits": ("label", '"007"'),
    "a text that looks like a number": ("label", '"1.50"'),
    "a text that looks like a day": ("label", '"2024-05-01"'),
    "blanks around a text": ("label", '" a  "'),
    "a long text": ("label", f'"{"long " * 2000}"'),
    "quotes, commas and line ends": ("label", r'"a \"b\", c\r\nd\\e\tf"'),
    "text beyond ASCII": ("label", '"é 漢 \U0001f600"'),
    "a letter and its accent apart": ("label", '"e\u0301"'),
    "spacing and a name given twice": ("payload", '{"a" : 1,  "a":[1.50, 1e2]}'),
    "a JSON string": ("payload", '"text"'),
    "a JSON string that looks like a number": ("payload", '"1"'),
    "a bare JSON number": ("payload", "1.50"),
    "NULL": ("label", "null"),
}
"""What must arrive as it was, by what it is: a column and its raw JSON text."""
_ZONE = re.compile(r"(?:Z|[+-]\d\d(?::?\d\d)*)(?: BC)?$")


def exact_rows() -> Batch:
    """A row for each of `EXACT`, numbered from 1 in its order, or under its own id."""
    return events(*(event(n) | {column: text} for n, (column, text) in enumerate(EXACT.values(), 1)))


def inexact(batch: Batch, columns: Collection[str] = ("id", "label", "amount", "payload")) -> list[str]:
    """Which of `EXACT` are not in the batch as they were: json by its raw text, all else by its value."""
    found = {str(row["id"]): (row, text) for row, text in zip(batch.rows, batch.rows.texts, strict=True)}
    wrong = []
    for n, (case, (column, text)) in enumerate(EXACT.items(), 1):
        row, raw = found.get(text if column == "id" else str(n), ({}, "{}"))
        if column == "payload":
            same = raw_json.cells(raw).get(column) == text
        else:
            expected: str | None = json.loads(text, parse_int=str, parse_float=str)
            same = column in row and text_of(row, column) == expected
        if column in columns and not same:
            wrong.append(case)
    return wrong


def is_moment(text: object, expected: str) -> bool:
    """Whether this is that timestamp, with a zone: without one, each reader takes it for another moment."""
    return isinstance(text, str) and bool(_ZONE.search(text)) and parse(text) == parse(expected)


def events(*rows: dict[str, str]) -> Batch:
    """A batch of rows given as raw JSON texts by column; columns that are left out are NULL."""
    blank = dict.fromkeys(("id", "label", "amount", "payload", "created_at", "updated_at"), "null")
    texts = (", ".join(f'"{name}":{text}' for name, text in (blank | row).items()) for row in rows)
    return Batch(("[" + ",\n".join(f"{{{text}}}" for text in texts) + "]").encode())


def event(number: int, updated: str | None = None, created: str | None = None) -> dict[str, str]:
    """A row with that id; the times are given as text, ``12:00`` standing for a full timestamp."""
    return {
        "id": str(number),
        "label": f'"row {number}"',
        "updated_at": json.dumps(updated and moment(updated)),
        "created_at": json.dumps(created and moment(created)),
    }


def moment(clock: str) -> str:
    """A timestamp of one certain day."""
    return f"2024-05-01T{clock}:00+00:00"


def ids(batch: Batch) -> list[int]:
    """The ids of the batch in its order."""
    return [int(row["id"]) for row in batch.rows]


def text_of(row: Row, column: str) -> str | None:
    """A cell of a decoded row as text: numbers with their digits, NULL as None."""
    value = row[column]
    return value if value is None or isinstance(value, str) else json.dumps(value)
