"""What `supasync diff` lets pass for equal: options that are off unless they are given."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import click

from supasync_core.cli.params import Decorated
from supasync_core.diff.leniency import NUMBER, TIME, Leniency
from supasync_core.model.errors import ConfigError
from supasync_core.model.quantities import parse_duration

_NUMBER = re.compile(r"(?:\d{1,30}(?:\.\d{1,30})?|\.\d{1,30})(?:[eE][-+]?\d{1,3})?", re.ASCII)
_FRACTION = re.compile(r"(\d{1,9})(ms|us)", re.ASCII)
_OPTIONS = (
    click.option(
        "--map",
        "renamed",
        multiple=True,
        metavar="A=B",
        help="A column called A on the left is B on the right; repeatable. The result says B.",
    ),
    click.option(
        "--tolerance",
        "tolerances",
        multiple=True,
        metavar="N|TIME",
        help="Numbers are equal up to a difference such as 0.01, times up to one such as 1s or 500ms.",
    ),
    click.option("--trim", is_flag=True, help="Ignore blanks at the ends of texts."),
    click.option("--ignore-case", is_flag=True, help="Ignore upper and lower case in texts."),
)


def lenient_options(command: Decorated) -> Decorated:
    """The options that make a comparison less exact."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(kw_only=True)
class LenientOptions:
    """What was given by `lenient_options`."""

    renamed: tuple[str, ...] = ()
    tolerances: tuple[str, ...] = ()
    trim: bool = False
    ignore_case: bool = False

    def leniency(self, *, strict: bool) -> Leniency:
        """What passes for equal; ConfigError for a limit that is none, or is given twice."""
        written: dict[str, str] = {}
        limits: dict[str, Decimal | timedelta] = {}
        for text in self.tolerances:
            limit = _limit(text)
            held = NUMBER if isinstance(limit, Decimal) else TIME
            if held in written:
                raise ConfigError([f"--tolerance {text}: one for {held}s is given already: {written[held]}"])
            written[held], limits[held] = text, limit
        if strict and NUMBER in written:
            raise ConfigError(
                [f"--tolerance {written[NUMBER]}: --strict compares each digit: give one of them"]
            )
        number, time = limits.get(NUMBER), limits.get(TIME)
        return Leniency(
            number=number if isinstance(number, Decimal) else None,
            time=time if isinstance(time, timedelta) else None,
            trim=self.trim,
            ignore_case=self.ignore_case,
            written=written,
        )

    def names(self) -> Mapping[str, str]:
        """The right side's names of columns, by the left side's; ConfigError where that is not clear."""
        found: dict[str, str] = {}
        for each in self.renamed:
            mine, equals, theirs = each.partition("=")
            if not (mine and equals and theirs):
                raise ConfigError(
                    [f"--map {each}: write A=B, the name on the left and the name on the right"]
                )
            if mine in found or theirs in found.values():
                name = mine if mine in found else theirs
                raise ConfigError([f"--map {each}: {name} is mapped already: one column is one column"])
            found[mine] = theirs
        return found


def _limit(text: str) -> Decimal | timedelta:
    """A number or a length of time above 0."""
    fraction = _FRACTION.fullmatch(text)
    found: Decimal | timedelta | None = Decimal(text) if _NUMBER.fullmatch(text) else parse_duration(text)
    if fraction:
        scale = 1000 if fraction[2] == "ms" else 1
        found = timedelta(microseconds=int(fraction[1]) * scale)
    if not found:
        raise ConfigError(
            [f"--tolerance {text}: is not a number above 0, such as 0.01, or a duration such as 1s or 500ms"]
        )
    return found
