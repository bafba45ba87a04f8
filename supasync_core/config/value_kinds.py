"""Parsers for the values of tables.yaml: text, names, numbers, durations, sizes."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

from supasync_core.config import json_forms
from supasync_core.config.document import Listing, Mark, Nothing, Scalar, Section, Value
from supasync_core.model.quantities import DURATION, SIZE, parse_duration, parse_size
from supasync_core.model.table import NEVER

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Mismatch(Exception):  # noqa: N818 - it never leaves the reading of one setting
    """A value that its setting does not accept: a sentence for each place, none if reported already."""

    def __init__(self, *flaws: tuple[Mark, str]) -> None:
        super().__init__(flaws)
        self.flaws = flaws


@dataclass(frozen=True, slots=True)
class Kind(Generic[T_co]):
    """How a value is read, and its form for editors: ``read`` raises Mismatch where it has no meaning."""

    read: Callable[[Value], T_co]
    form: json_forms.Form

    def __call__(self, value: Value) -> T_co:
        """Read the value."""
        return self.read(value)


def of_form(form: json_forms.Form) -> Callable[[Callable[[Value], T]], Kind[T]]:
    """Make a function that reads a value a `Kind` of that form."""
    return lambda read: Kind(read, form)


_PERCENT: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?) ?%")
_ALL: Final = 100
_SIZE_FORM: Final = json_forms.pattern(SIZE.pattern)


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


def scalar(what: str, meaning: Callable[[str], Any], form: json_forms.Form) -> Kind[Any]:
    """A text that means something; ``meaning`` returns None for all others."""

    @of_form(form)
    def parse(value: Value) -> Any:  # noqa: ANN401 - whatever the text means
        found = meaning(value.value) if isinstance(value, Scalar) and value.value else None
        if found is None:
            raise expected(what, value)
        return found

    return parse


text: Final = scalar("a text", str, json_forms.TEXT)
"""A text that is not empty."""


@of_form(json_forms.or_nothing(json_forms.TEXT))
def optional_text(value: Value) -> str | None:
    """A text that is not empty; an empty value is none, where ``defaults`` has one."""
    return None if isinstance(value, Nothing) else text(value)


@of_form(json_forms.NAMES)
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


@of_form(json_forms.TEXTS)
def texts(value: Value) -> tuple[str, ...]:
    """A text or a list of texts; the list may be empty, and hold the same text twice."""
    if not isinstance(value, Listing):
        return (text(value),)
    found = tuple(item.value for item in value.items if isinstance(item, Scalar) and item.value)
    if len(found) < len(value.items):
        wrong = (item for item in value.items if not (isinstance(item, Scalar) and item.value))
        raise Mismatch(*(flaw for item in wrong for flaw in expected("a text", item).flaws))
    return found


@of_form(json_forms.or_nothing(json_forms.NAMES))
def any_names(value: Value) -> tuple[str, ...]:
    """Names, none twice; an empty value is an empty list, as it remains when the last name is removed."""
    return () if isinstance(value, Nothing) else names(value)


def some_names(advice: str) -> Kind[tuple[str, ...]]:
    """Names, at least one; ``advice`` says what to do instead of an empty list."""

    @of_form(json_forms.SOME_NAMES)
    def parse(value: Value) -> tuple[str, ...]:
        found = names(value)
        if not found:
            raise Mismatch((value.at, f"is an empty list: {advice}"))
        return found

    return parse


_FLAGS: Final = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(
    ("false", "0", "no", "off"), False
)
flag: Final = scalar(
    "true or false",
    lambda word: _FLAGS.get(word.lower()),
    json_forms.referable({"type": "boolean"}, {"enum": [0, 1]}, json_forms.any_case(_FLAGS)),
)
"""True or false, in any spelling that YAML knows."""


def whole(least: int, most: int) -> Kind[Any]:
    """A whole number within bounds."""

    def meaning(text: str) -> int | None:
        found = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1
        return found if least <= found <= most else None

    what = f"a whole number from {least} to {most}" if most > least else str(least)
    return scalar(what, meaning, json_forms.whole_number(least, most))


def duration(
    least: timedelta = timedelta(0),
    unit: timedelta = timedelta(seconds=1),
    *,
    such_as: str,
    never: bool = False,
) -> Kind[Any]:
    """A duration like ``90d`` or ``1h30m``: a multiple of the unit, and the least at least; or ``never``."""

    def meaning(text: str) -> timedelta | None:
        if never and text == "never":
            return NEVER
        length = parse_duration(text)
        return None if length is None or length < least or length % unit else length

    length = json_forms.pattern(f"(?=.){DURATION.pattern}")
    return scalar(such_as, meaning, json_forms.referable(length, *([{"const": "never"}] if never else [])))


def size(such_as: str) -> Kind[Any]:
    """A number of bytes like ``500MB`` or ``1.5GB``, above zero."""
    return scalar(f"a size such as {such_as}", parse_size, json_forms.referable(_SIZE_FORM))


def _share(text: str) -> int | Decimal | None:
    found = _PERCENT.fullmatch(text)
    if found and 0 < Decimal(found[1]) <= _ALL:
        return Decimal(found[1]) / _ALL
    return parse_size(text)


share: Final = scalar(
    "a percentage such as 2%, or a size such as 100MB",
    _share,
    json_forms.referable(json_forms.pattern(_PERCENT.pattern), _SIZE_FORM),
)
"""A percentage above zero as a Decimal up to 1, or a size as an int of bytes."""


def choice(*words: str) -> Kind[Any]:
    """One of the words."""
    return scalar(" or ".join(words), lambda text: text if text in words else None, json_forms.words(words))


def section(what: str) -> Kind[Section]:
    """Settings by name, not yet read."""

    @of_form(json_forms.SECTION)
    def parse(value: Value) -> Section:
        if isinstance(value, Section):
            return value
        raise expected(what, value)

    return parse


@of_form(json_forms.or_nothing(json_forms.SECTION))
def optional_section(value: Value) -> Section:
    """Settings by name, not yet read; an empty value means none."""
    return Section(value.at, {}) if isinstance(value, Nothing) else section("settings or nothing")(value)
