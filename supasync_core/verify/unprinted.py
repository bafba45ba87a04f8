"""Rows that both sides print alike as JSON, and whose digests differ all the same.

What JSON does not show: an SQL NULL against the JSON null, where an array begins, an array of JSON arrays
(docs/explanation/values.md). A row is one of these only if nothing moved meanwhile: its digests are taken,
both rows are read, and its digests are taken again.
"""

from collections.abc import Collection

from supasync_core.model.batch import Key
from supasync_core.verify.digest_rule import DigestPair
from supasync_core.verify.second_look import SecondLook

_PORTION = 500


def settle(pair: DigestPair, look: SecondLook) -> None:
    """Add such rows to those that changed, by column; count those that move as not looked at again."""
    for start in range(0, len(look.settled), _PORTION):
        first = _differing(pair, look.settled[start : start + _PORTION])
        if not first:
            continue
        alike = look.alike(list(first))
        again = _differing(pair, list(first))
        for key, cells in first.items():
            if again.get(key) == cells and key in alike:
                if names := _names(cells, pair.json_columns):
                    look.changed[key] = names
                    look.unprinted.append(key)
            elif key in again:
                look.unlooked += 1


Cells = dict[str, tuple[str | None, str | None]]


def _differing(pair: DigestPair, keys: list[Key]) -> dict[Key, Cells | None]:
    """The cells of both sides of the rows that differ; None where one side alone has the row."""
    old, new = pair.old.cells(keys), pair.new.cells(keys)
    found: dict[Key, Cells | None] = {}
    for key in keys:
        mine, theirs = old.get(key), new.get(key)
        if mine == theirs:
            continue
        found[key] = (
            None
            if mine is None or theirs is None
            else {name: (text, theirs[name]) for name, text in mine.items() if text != theirs.get(name)}
        )
    return found


def _names(cells: Cells | None, json_columns: Collection[str]) -> tuple[str, ...]:
    """The columns that differ; two texts of a json column that are printed alike are one value."""
    return tuple(name for name, both in (cells or {}).items() if name not in json_columns or None in both)
