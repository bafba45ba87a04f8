"""What a command says of itself, also under ``python -OO``, which drops the docstrings that click reads."""

import sys
from contextlib import suppress

import click


def restore(command: click.Command) -> click.Command:
    """The command, and those below it, with their help read from the source where Python has dropped it."""
    if sys.flags.optimize > 1:
        if command.callback and not command.help:
            command.help = _docstring(command)
        for each in command.commands.values() if isinstance(command, click.Group) else ():
            restore(each)
    return command


def _docstring(command: click.Command) -> str | None:
    """The docstring in the source; None where there is no source."""
    import ast  # noqa: PLC0415 - hardly ever wanted
    import inspect  # noqa: PLC0415 - the same

    with suppress(OSError, TypeError, SyntaxError):
        source = inspect.getsource(inspect.unwrap(command.callback)) if command.callback else ""
        for node in ast.parse(inspect.cleandoc(source)).body:
            return ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else None
    return None
