"""What all commands have: a help text, its first sentence as the summary, and the common options."""

import re
import sys
from contextlib import suppress

import click

from supasync_core.cli.common_options import hidden_options


def prepare(command: click.Command) -> click.Command:
    """The command, and those below it, with what all of them have.

    ``python -OO`` drops the docstrings that click reads: they are then read from the source.
    """
    if sys.flags.optimize > 1 and command.callback and not command.help:
        command.help = _docstring(command)
    command.short_help = command.short_help or summary(command.help or "")
    own = {name for param in command.params for name in param.opts}
    command.params += [each for each in hidden_options() if own.isdisjoint(each.opts)]
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        prepare(each)
    return command


def summary(text: str) -> str:
    """The first sentence of a help text."""
    paragraph = " ".join(text.strip().partition("\n\n")[0].split())
    found = re.match(r".*?\.(?=\s|$)", paragraph)
    return found[0] if found else paragraph


def _docstring(command: click.Command) -> str | None:
    """The docstring in the source; None where there is no source."""
    import ast  # noqa: PLC0415 - hardly ever wanted
    import inspect  # noqa: PLC0415 - the same

    with suppress(OSError, TypeError, SyntaxError):
        source = inspect.getsource(inspect.unwrap(command.callback)) if command.callback else ""
        for node in ast.parse(inspect.cleandoc(source)).body:
            return ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else None
    return None
