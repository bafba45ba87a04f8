"""What is given on the command line, in a form that several commands take."""

from datetime import timedelta

import click

from supasync_core.model.errors import ConfigError
from supasync_core.model.quantities import parse_duration

NULL_FORM = "[FILE|T[.C]=]TEXT|empty|none"
NULL_HELP = (
    "The text that stands for NULL in the CSV, for example \\N; empty: an empty cell; none: no cell is NULL."
)


class Duration(click.ParamType[timedelta]):
    """``15m``, ``1h30m``, ``90d``: a duration as tables.yaml has it."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The timedelta; a usage error where it is not one."""
        found = parse_duration(str(value))
        if found is None:
            self.fail(f"{value} is not a duration such as 15m, 2h, 1h30m or 90d", param, ctx)
        return found


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
