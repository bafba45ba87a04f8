"""What is given on the command line, in a form that several commands take."""

import re
from datetime import timedelta

import click

from supasync_core.errors import ConfigError

_AGE = re.compile(r"(\d+)\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(click.ParamType[timedelta]):
    """``90m``, ``2h``, ``1d``."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The timedelta; a usage error where it is none."""
        found = _AGE.fullmatch(str(value))
        if not found:
            self.fail(f"{value} is no duration such as 90m, 2h or 1d", param, ctx)
        return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    """``FILE=NAME`` by its left side; without one it holds for all."""
    found: dict[str, str] = {}
    for each in given:
        left, equals, right = each.partition("=")
        if not (right if equals else left):
            raise ConfigError([f"{option} {each}: give NAME or FILE=NAME"])
        found[left if equals else "*"] = right if equals else left
    return found
