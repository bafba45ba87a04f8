"""Options that several commands have, and the kinds of their values."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import click

from supasync_core.model.errors import ConfigError
from supasync_core.model.quantities import parse_duration
from supasync_core.staging.csv.choices import Choices

Decorated = Callable[..., object]


class Duration(click.ParamType[timedelta]):
    """``15m``, ``1h30m``, ``90d``: a duration as tables.yaml has it."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The timedelta; a usage error where it is not one."""
        found = parse_duration(str(value))
        if found is None:
            self.fail(f"{value} is not a duration such as 15m, 2h, 1h30m or 90d", param, ctx)
        return found


def listed(name: str, metavar: str, help: str) -> Callable[[Decorated], Decorated]:  # noqa: A002 - as click has it
    """An option with names that are given one by one, or with commas between them."""

    def names(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
        found = (name.strip() for each in given for name in each.split(","))
        return tuple(dict.fromkeys(filter(None, found)))

    return click.option(name, multiple=True, metavar=metavar, help=help, callback=names)


_CSV = (
    click.option(
        "--file", "files", multiple=True, metavar="T=PATH", help="A CSV of this table, whatever its name."
    ),
    click.option(
        "--dialect",
        "dialects",
        multiple=True,
        metavar="[FILE=]NAME",
        help="What wrote the CSV: psql, table-editor, sql-editor, sql-editor-old, dashboard "
        "(table-editor or sql-editor), exact (supasync gap sql --exact), or rfc4180 for any other program.",
    ),
    click.option(
        "--null",
        "nulls",
        multiple=True,
        metavar="[FILE|T[.C]=]TEXT|empty|none",
        help="The text that stands for NULL in the CSV, for example \\N; empty: an empty cell; none: no cell "
        "is NULL.",
    ),
    click.option(
        "--encoding",
        "encodings",
        multiple=True,
        metavar="[FILE=]NAME",
        help="The encoding of a CSV that is not UTF-8, such as cp1252.",
    ),
)


def csv_options(command: Decorated) -> Decorated:
    """The options that say how CSV files are read."""
    for option in reversed(_CSV):
        command = option(command)
    return command


@dataclass(kw_only=True)
class CsvOptions:
    """What was given by `csv_options`."""

    files: tuple[str, ...] = ()
    dialects: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ()
    encodings: tuple[str, ...] = ()

    def choices(self, **others: Any) -> Choices:  # noqa: ANN401 - whatever else is chosen
        """What they say, without the files; ConfigError where one of them means nothing."""
        return Choices(
            dialects=_pairs("--dialect", self.dialects),
            nulls=_pairs("--null", self.nulls),
            encodings=_encodings(self.encodings),
            **others,
        )


def _encodings(options: tuple[str, ...]) -> dict[str, str]:
    """Each file's encoding of text."""
    found = _pairs("--encoding", options)
    for name in found.values():
        try:
            "".encode(name)
        except (LookupError, ValueError, TypeError) as err:
            raise ConfigError(
                [f"--encoding {name}: is not an encoding of text that Python knows, such as cp1252"]
            ) from err
    return found


def _pairs(name: str, options: tuple[str, ...]) -> dict[str, str]:
    """``FILE=NAME`` by its left side; without one it holds for all."""
    found: dict[str, str] = {}
    for each in options:
        left, equals, right = each.partition("=")
        if not (right if equals else left):
            raise ConfigError([f"{name} {each}: give NAME or FILE=NAME"])
        found[left if equals else "*"] = right if equals else left
    return found
