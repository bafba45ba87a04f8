"""Lines in colour: on a terminal that shows it, and plain everywhere else."""

import sys

import click

from supasync_core.cli.output import styled
from supasync_core.cli.streams import bare


def styled_line(text: str, style: str) -> None:
    """Print a line in a style of rich, such as ``bold`` or ``green``; NO_COLOR and TERM=dumb are kept to.

    Control characters in the text are shown, not obeyed.
    """
    if not sys.stdout.isatty():
        click.echo(text)
        return
    from rich.console import Console  # noqa: PLC0415 - not needed under cron

    Console(file=bare(sys.stdout), highlight=False).print(styled(text), style=style, soft_wrap=True)
