"""Keys of several types for rows that the app knows by number; the server orders them, not Python."""

from collections.abc import Mapping, Sequence
from typing import Any

STYLES = ("bigint", "bigint", "uuid", "text", "composite")
STYLED = "moments"
"""The table whose key is of the episode's style."""


def columns(style: str, table: str) -> tuple[str, ...]:
    """The table's key columns."""
    return ("shard", "id") if (style, table) == ("composite", STYLED) else ("id",)


def printed(style: str, table: str, number: int) -> dict[str, Any]:
    """The key columns of that row, as JSON."""
    if table != STYLED or style == "bigint":
        return {"id": number}
    if style == "uuid":
        return {"id": f"{number * 2654435761 % 2**32:08x}-0000-4000-8000-{number:012x}"}
    text = f"{'bAcBaC'[number % 6]}_{number}"
    return {"id": text} if style == "text" else {"shard": number * 7 % 3, "id": text}


def number_of(style: str, table: str, key: Sequence[Any]) -> int:
    """The number of the row that has this key."""
    text = str(key[-1])
    if table != STYLED or style == "bigint":
        return int(text)
    return int(text.rpartition("-")[2], 16) if style == "uuid" else int(text.rpartition("_")[2])


def key_of(style: str, table: str, row: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values of the row's key columns."""
    return tuple(row[name] for name in columns(style, table))


def rank(style: str, table: str, key: Sequence[Any]) -> Any:
    """What sorts as the server does: texts by a collation that looks at the case last, lower case first."""
    if table != STYLED or style == "bigint":
        return int(key[0])
    if style == "uuid":
        return str(key[0])
    text = str(key[-1])
    collated = (text.casefold(), text.swapcase())
    return collated if style == "text" else (int(key[0]), collated)
