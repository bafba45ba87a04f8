"""What is given on the command line, in a form that several commands take."""

import re
from datetime import timedelta

import click

from supasync_core.model.errors import ConfigError

_AGE = re.compile(r"(\d+)\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


NULL_FORM = "[FILE|T[.C]=]TEXT|empty|none"
NULL_HELP = (
    "The text that stands for NULL in the CSV, for example \\N; empty: an empty cell; none: no cell is NULL."
)


class Duration(click.ParamType[timedelta]):
    """``90m``, ``2h``, ``1d``; 0 only where ``zero`` lets it."""

    name = "duration"

    def __init__(self, *, zero: bool = True) -> None:
        self._zero = zero

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The timedelta; a usage error where it is none."""
        found = _AGE.fullmatch(str(value))
        if not found:
            self.fail(f"{value} is not a duration such as 90m, 2h or 1d", param, ctx)
        if not self._zero and not int(found[1]):
            self.fail(f"{value} is not an interval: give at least 1m", param, ctx)
        try:
            return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
        except OverflowError:
            self.fail(f"{value} is too long", param, ctx)


def encodings(given: tuple[str, ...]) -> dict[str, str]:
    """`pairs` of ``--encoding``, each the name of an encoding of text; ConfigError where it is not."""
    found = pairs("--encoding", given)
    for name in found.values():
        try:
            "".encode(name)
        except (LookupError, ValueError, TypeError) as err:
            raise ConfigError(
                [f"--encoding {name}: is not an encoding of text that Python knows, such as cp1252"]
            ) from err
    return found


def pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    """``FILE=NAME`` by its left side; without one it holds for all."""
    found: dict[str, str] = {}
    for each in given:
        left, equals, right = each.partition("=")
        if not (right if equals else left):
            raise ConfigError([f"{option} {each}: give NAME or FILE=NAME"])
        found[left if equals else "*"] = right if equals else left
    return found
