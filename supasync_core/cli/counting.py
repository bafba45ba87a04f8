"""A count on a terminal, for work whose end nobody knows."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def counting() -> Iterator[Callable[[str, int], None]]:
    """How many rows of a table were read so far, on a terminal's stderr; nothing without one."""
    if not sys.stderr.isatty():
        yield lambda _name, _rows: None
        return
    from rich.console import Console  # noqa: PLC0415 - a script pays nothing for it
    from rich.progress import Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    with Progress(
        TextColumn("{task.description}"), TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as progress:
        task = progress.add_task("", total=None)
        yield lambda name, rows: progress.update(task, description=f"{name}: {rows:,} rows read")
