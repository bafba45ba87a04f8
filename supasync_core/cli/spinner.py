"""Progress on a terminal for work of unknown length."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from supasync_core.cli import output


@contextmanager
def rows_read() -> Iterator[Callable[[str, int], None]]:
    """Show how many rows of a table were read so far; nothing off a terminal."""
    if not sys.stderr.isatty():
        yield lambda _name, _rows: None
        return
    with _clock() as show:
        yield lambda name, rows: show(f"{name}: {rows:,} rows read")


@contextmanager
def show_steps() -> Iterator[Callable[[str], None]]:
    """Show the current step and its time; off a terminal, a line for each step."""
    if not sys.stderr.isatty():
        yield lambda text: output.line(text, err=True)
        return
    with _clock() as show:
        yield show


@contextmanager
def _clock() -> Iterator[Callable[[str], None]]:
    """One line with a spinner, removed at the end."""
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - for terminals

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with output.moving(*columns) as progress:
        task = progress.add_task("", total=None)
        yield lambda text: progress.update(task, description=output.label(text))
