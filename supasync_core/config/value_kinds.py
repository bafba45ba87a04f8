"""Parsers for the values of tables.yaml: text, names, numbers, durations, sizes."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from supasync_core.config.document import Listing, Mark, Nothing, Scalar, Section, Value
from supasync_core.model.quantities import parse_duration, parse_size
from supasync_core.model.table import NEVER


class Mismatch(Exception):  # noqa: N818 - it never leaves the reading of one setting
    """A value that its setting does not accept: a sentence for each place, none if reported already."""

    def __init__(self, *flaws: tuple[Mark, str]) -> None:
        super().__init__(flaws)
        self.flaws = flaws


Parser = Callable[[Value], Any]
"""Returns the value's meaning; raises Mismatch where it has none."""


def expected(what: str, value: Value) -> Mismatch:
    """``expected X, not Y``; the value of a reference is not shown."""
    if isinstance(value, Scalar):
        if value.value is None:
            return Mismatch()
        shown = " ".join(value.written.split())
        found = f'"{shown}"' if value.value == value.written else f"what {shown} stands for"
        return Mismatch((value.at, f"expected {what}, not {found}"))
    found = {Nothing: "nothing", Listing: "a list", Section: "settings"}[type(value)]
    return Mismatch((value.at, f"expected {what}, not {found}"))


def text(value: Value) -> str:
    """A text that is not empty."""
    if isinstance(value, Scalar) and value.value:
        return value.value
    raise expected("a text", value)


def names(value: Value) -> tuple[str, ...]:
    """A name or a list of names, none twice; the list may be empty."""
    if isinstance(value, Scalar):
        return (text(value),)
    if not isinstance(value, Listing):
        raise expected("a name or a list of names", value)
    found: dict[str, None] = {}
    flaws: list[tuple[Mark, str]] = []
    for item in value.items:
        if not isinstance(item, Scalar) or item.value == "":
            flaws.extend(expected("a name", item).flaws)
        elif item.value in found:
            flaws.append((item.at, f"{item.written} is listed twice"))
        elif item.value is not None:
            found[item.value] = None
    if flaws or len(found) < len(value.items):
        raise Mismatch(*flaws)
    return tuple(found)


def texts(value: Value) -> tuple[str, ...]:
    """A text or a list of texts; the list may be empty, and hold the same text twice."""
    if not isinstance(value, Listing):
        return (text(value),)
    found = tuple(item.value for item in value.items if isinstance(item, Scalar) and item.value)
    if len(found) < len(value.items):
        wrong = (item for item in value.items if not (isinstance(item, Scalar) and item.value))
        raise Mismatch(*(flaw for item in wrong for flaw in expected("a text", item).flaws))
    return found


def any_names(value: Value) -> tuple[str, ...]:
    """Names, none twice; an empty value is an empty list, as it remains when the last name is removed."""
    return () if isinstance(value, Nothing) else names(value)


def some_names(advice: str) -> Parser:
    """Names, at least one; ``advice`` says what to do instead of an empty list."""

    def parse(value: Value) -> tuple[str, ...]:
        found = names(value)
        if not found:
            raise Mismatch((value.at, f"is an empty list: {advice}"))
        return found

    return parse


def flag(value: Value) -> bool:
    """True or false, in any spelling that YAML knows."""
    word = value.value.lower() if isinstance(value, Scalar) and value.value else ""
    if word in ("true", "1", "yes", "on"):
        return True
    if word in ("false", "0", "no", "off"):
        return False
    raise expected("true or false", value)


def whole(least: int, most: int) -> Parser:
    """A whole number within bounds."""

    def parse(value: Value) -> int:
        digits = value.value if isinstance(value, Scalar) else None
        if digits and re.fullmatch(r"[0-9]{1,9}", digits) and least <= int(digits) <= most:
            return int(digits)
        raise expected(f"a whole number from {least} to {most}" if most > least else str(least), value)

    return parse


def duration(least: timedelta, unit: timedelta = timedelta(seconds=1), *, such_as: str) -> Parser:
    """A duration like ``90d`` or ``1h30m``: a multiple of the unit, and the least at least."""

    def parse(value: Value) -> timedelta:
        length = parse_duration(value.value or "") if isinstance(value, Scalar) else None
        if length is None or length < least or length % unit:
            raise expected(such_as, value)
        return length

    return parse


def duration_or_never(least: timedelta, *, such_as: str) -> Parser:
    """As `duration`, or the word never."""
    parsed = duration(least, such_as=such_as)

    def parse(value: Value) -> timedelta:
        never = isinstance(value, Scalar) and value.value == "never"
        return NEVER if never else parsed(value)

    return parse


def size(such_as: str) -> Parser:
    """A number of bytes like ``500MB`` or ``1.5GB``, above zero."""

    def parse(value: Value) -> int:
        found = parse_size(value.value or "") if isinstance(value, Scalar) else None
        if found is None:
            raise expected(f"a size such as {such_as}", value)
        return found

    return parse


_PERCENT: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?) ?%")
_ALL: Final = 100


def share(value: Value) -> int | Decimal:
    """A percentage above zero as a Decimal up to 1, or a size as an int of bytes."""
    text = (value.value or "") if isinstance(value, Scalar) else ""
    found = _PERCENT.fullmatch(text)
    if found and 0 < Decimal(found[1]) <= _ALL:
        return Decimal(found[1]) / _ALL
    in_bytes = parse_size(text)
    if in_bytes is None:
        raise expected("a percentage such as 2%, or a size such as 100MB", value)
    return in_bytes


def choice(*words: str) -> Parser:
    """One of the words."""

    def parse(value: Value) -> str:
        if isinstance(value, Scalar) and value.value in words:
            return value.value
        raise expected(" or ".join(words), value)

    return parse


def section(what: str) -> Parser:
    """Settings by name, not yet read."""

    def parse(value: Value) -> Section:
        if isinstance(value, Section):
            return value
        raise expected(what, value)

    return parse


def optional_section(value: Value) -> Section:
    """Settings by name, not yet read; an empty value is no settings."""
    return Section(value.at, {}) if isinstance(value, Nothing) else section("settings or nothing")(value)
