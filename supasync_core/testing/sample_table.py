"""The table of the contracts: its rows as raw JSON texts, and how they are compared."""

import json

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Keyset, Row
from supasync_core.model.table import Table

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
    "quotes, commas and line ends": ("label", r'"a \"b\", c\r\nd\\e\tf"'),
    "text beyond ASCII": ("label", '"é 漢 \U0001f600"'),
    "spacing and a name given twice": ("payload", '{"a" : 1,  "a":[1.50, 1e2]}'),
    "a JSON string": ("payload", '"text"'),
    "a JSON string that looks like a number": ("payload", '"1"'),
    "NULL": ("label", "null"),
}


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


def same_cell(batch: Batch, column: str, text: str) -> bool:
    """Whether the only row of the batch has this cell: json by its raw text, all else by its value."""
    if column == "payload":
        (row,) = raw_json.split(batch.body)
        return raw_json.cells(row)[column] == text
    expected: str | None = json.loads(text, parse_int=str, parse_float=str)
    return text_of(batch.rows[0], column) == expected
