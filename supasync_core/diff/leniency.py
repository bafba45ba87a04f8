"""What a person lets pass for equal: numbers and times that are near, texts but for blanks and case.

Keys are never matched so: what is near is another row.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import MAX_EMAX, MIN_EMIN, ROUND_UP, Context, Decimal, InvalidOperation

from supasync_core.model import timestamps
from supasync_core.model.pg_types import MOMENTS, NUMBERS, UNZONED, are_texts, bare, is_array
from supasync_core.model.same_value import without_zone
from supasync_core.model.wording import counted
from supasync_core.staging.equality import LIKE_NUMBER, LIKE_TIME
from supasync_core.staging.values import literal

NUMBER, TIME, TEXT = "number", "time", "text"
_PYTHON_NUMBER = re.compile(r"[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?", re.ASCII)
_MONEY = re.compile(r"[$, ]")
_EXACT = Context(prec=150_000, Emax=MAX_EMAX, Emin=MIN_EMIN, rounding=ROUND_UP)
"""More digits than a numeric of PostgreSQL has; rounded up, a difference is never taken for a smaller one."""
_BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())


@dataclass(frozen=True, slots=True, kw_only=True)
class Leniency:
    """What is off unless a person asks for it.

    ``number`` and ``time``: how far apart two values may be, the limit included; ``written`` is how a person
    has written the limit of each.
    """

    number: Decimal | None = None
    time: timedelta | None = None
    trim: bool = False
    ignore_case: bool = False
    written: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.options)

    @property
    def texts(self) -> bool:
        """Whether texts may differ."""
        return self.trim or self.ignore_case

    @property
    def options(self) -> dict[str, str]:
        """The options as a result names them, by what they hold for: numbers, times, texts."""
        words = [word for word, on in (("trim", self.trim), ("ignore-case", self.ignore_case)) if on]
        found = {held: f"tolerance {text}" for held, text in self.written.items()}
        return {**found, TEXT: " and ".join(words)} if words else found

    def eased(self, text: str) -> str:
        """The SQL of a text without what it may differ in."""
        text = self.trimmed(text)
        return f"lower({text})" if self.ignore_case else text

    def trimmed(self, text: str) -> str:
        """The same, without regard to case."""
        return f"trim({text}, {literal(_BLANKS)})" if self.trim else text

    def of_type(self, kind: str) -> str | None:
        """What a column of the type may differ as; empty where its type is not known, None if it may not."""
        if not kind:
            return ""
        if bare(kind) in (*NUMBERS, "money"):
            return NUMBER if self.number is not None else None
        if bare(kind) in MOMENTS:
            return TIME if self.time is not None else None
        return TEXT if self.texts and are_texts(kind) and not is_array(kind) else None

    def within(self, kind: str, mine: str, theirs: str, *, number: bool) -> bool:
        """Whether two values of a column of numbers, or else of times, are as near as they may be."""
        if self.trim and not kind:
            mine, theirs = mine.strip(), theirs.strip()
        return self._near(mine, theirs) if number else self._soon(kind, mine, theirs)

    def _near(self, mine: str, theirs: str) -> bool:
        most = self.number
        left, right = _number(mine), _number(theirs)
        if most is None or left is None or right is None:
            return False
        high, low = max(left.adjusted(), right.adjusted()), min(left.adjusted(), right.adjusted())
        if left and right and high > low + 1 and high > most.adjusted() + 1:
            return False  # far apart, and too long to be written out
        return abs(_EXACT.subtract(left, right)) <= most

    def _soon(self, kind: str, mine: str, theirs: str) -> bool:
        texts = (mine, theirs) if bare(kind) != UNZONED else map(without_zone, (mine, theirs))
        left, right = map(timestamps.parse_or_none, texts)
        if self.time is None or not isinstance(left, int) or not isinstance(right, int):
            return False  # infinity is as far from any time as can be
        return abs(left - right) <= self.time // timedelta(microseconds=1)


def looks_like(text: str) -> dict[str, str]:
    """The SQL of whether a text, NULL among them, is a number, and whether it is a time."""
    infinite = r"^[-+]?(?:nan|inf|infinity)$"
    return {
        NUMBER: f"regexp_matches({text}, {literal(LIKE_NUMBER)}) OR "
        f"regexp_matches({text}, {literal(infinite)}, 'i')",
        TIME: f"regexp_matches({text}, {literal(LIKE_TIME)}) OR {text} IN ('infinity', '-infinity')",
    }


@dataclass(frozen=True, slots=True)
class Eased:
    """An option that was in force: the columns it was in force for, and how many cells it let pass.

    ``held`` is what it is for, empty of names, which let no cell pass.
    """

    option: str
    held: str
    columns: tuple[str, ...]
    cells: int = 0

    @property
    def sentence(self) -> str:
        """What a person should know of the result."""
        if not self.held:
            return f"compared with {self.option}"
        if not self.columns:
            return f"{self.option} has no effect: no compared column holds {self.held}s"
        cells = counted(self.cells, "cell differs", "cells differ")
        return f"compared with {self.option} in {', '.join(self.columns)}: {cells} within it"

    def as_json(self) -> dict[str, object]:
        """The same for programs."""
        return {"option": self.option, "columns": list(self.columns), "cells": self.cells}


def _number(text: str) -> Decimal | None:
    """The number, exact; None for a text that is none, NaN and infinity among them."""
    text = _MONEY.sub("", text)
    if not _PYTHON_NUMBER.fullmatch(text):
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None
