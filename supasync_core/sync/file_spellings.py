"""The rows of a file in which a type of the app's own, or a text in an array, may become another value.

No list says what such a type reads: a range over ``date`` takes ``today``. Elements of ``varchar(n)[]`` lose
blanks at their end (PostgreSQL documentation, 8.3).
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from supasync_core.model import pg_literals, raw_json
from supasync_core.model.batch import Batch
from supasync_core.model.pg_types import bare, is_array
from supasync_core.model.same_value import same_as_literal, same_as_printed

_MOST: Final = 200
"""Spellings of a table."""
_LONG: Final = 1000
"""Bytes of a cell that are looked at."""
_DIGITS: Final = re.compile(rb"\d+")
_NEEDLESS: Final = re.compile(r'[\s"\\]')
"""What a range may be written with or without."""


class FileSpellings:
    """Finds, batch by batch, a row of each spelling: digits count for one another."""

    def __init__(self, kinds: Mapping[str, str | None]) -> None:
        self.names = tuple(name for name, kind in kinds.items() if is_unlisted(kind or ""))
        self._seen: set[tuple[str, bytes]] = set()

    def places(self, batch: Batch) -> Sequence[int]:
        """The rows with a spelling that no row before them had."""
        if not self.names or not batch.count or len(self._seen) >= _MOST:
            return []
        found: dict[int, None] = {}
        for place, row in enumerate(raw_json.raw_columns(batch.body, self.names)):
            new = {
                (name, _DIGITS.sub(b"0", cell[:_LONG])) for name, cell in zip(self.names, row, strict=True)
            }
            if not new <= self._seen:
                self._seen |= new
                found[place] = None
        return list(found)[:_MOST]


def is_unlisted(kind: str) -> bool:
    """Whether nothing tells, before it is written, what a column of the type makes of a text."""
    return "." in kind or (is_array(kind) and bare(kind.removesuffix("[]")) == "character varying")


def kept(kind: str, mine: str, theirs: str) -> bool:
    """Whether such a column holds what it was sent, as far as both print it so that they can be compared."""
    if is_array(kind) and "." not in kind:
        text: Any = json.loads(mine)
        if isinstance(text, list):
            return bool(text == json.loads(theirs))
        return same_as_literal(pg_literals.without_bounds(str(text)), theirs, moments=False)
    if not (mine[:1] == theirs[:1] == '"' and theirs[1:2] in ("[", "(", "{")):
        return True
    left, right = (_NEEDLESS.sub("", each.replace("T", " ")) for each in (mine, theirs))
    return same_as_printed(mine, theirs) or same_as_printed(left, right)
