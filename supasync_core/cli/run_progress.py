"""How a run is watched: bars on a terminal while tables run, and a line for each that has ended."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from supasync_core.cli.output import error, hint, moving, shows_bars, trace
from supasync_core.cli.streams import detail
from supasync_core.cli.styles import label, status_line
from supasync_core.model.printable import visible
from supasync_core.model.report import TableResult
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.project.run_options import RunObserver

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

_ROOM = 70
"""Characters of a terminal's line from which on there is room for a bar."""


@contextmanager
def watching(*, as_json: bool) -> Iterator[RunObserver]:
    """A progress bar on a terminal's stderr; without one, a line per table on stdout."""
    if not shows_bars():
        yield _Lines(quiet=as_json)
        return
    with moving(*_columns()) as progress:
        yield _Bars(progress, _Lines(quiet=as_json))


def _columns() -> list[ProgressColumn]:
    """A table's name, its bar where there is room, rows, rows a second, and the time that is left."""
    from rich import progress as bars  # noqa: PLC0415 - not needed under cron

    wide = shutil.get_terminal_size().columns >= _ROOM
    return [
        bars.TextColumn("{task.description}"),
        *([bars.BarColumn()] if wide else []),
        bars.TextColumn("{task.fields[rows]}"),
        bars.TextColumn("{task.fields[rate]}"),
        bars.TimeRemainingColumn(compact=True),
    ]


class _Lines:
    """Plain lines, as cron mails them."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def table_begins(self, table: Table) -> None:
        """Nothing is known yet."""
        detail(f"{visible(table.name)}: begins")

    def rows_confirmed(self, table: Table, done: int, total: int) -> None:
        """A log shows only the end, unless it is to be verbose."""
        detail(f"{visible(table.name)}: {done:,}/{total:,} rows written")

    def table_ended(self, result: TableResult) -> None:
        """``users: 5/5 rows synced``, or that it failed; the reason goes to stderr."""
        if not self._quiet:
            status_line(f"{result.name}: ", _outcome(result), "", result.status)
        if result.error:
            reason = result.error.removeprefix(f"{result.name}: ")
            status = "" if result.status == "ok" else f"{result.status}: "
            error(f"{result.name}: {status}{reason}", result.hint)
        else:
            hint(result.hint, err=True)
        trace(result.trace)


def _outcome(result: TableResult) -> str:
    if result.status == "ok":
        left_out = f", {result.left_out:,} left out by its transform" if result.left_out else ""
        return f"{result.synced:,}/{result.found:,} rows synced{left_out}"
    if result.status == "incomplete":
        return f"incomplete, {result.synced:,}/{result.found:,} rows synced"
    return (
        f"{result.status}, {counted(result.synced, 'row', 'rows')} synced" if result.synced else result.status
    )


class _Bars:
    """A bar for each table while it runs, one for all of them, and a line for a table when it has ended."""

    def __init__(self, progress: Progress, lines: _Lines) -> None:
        self._progress = progress
        self._lines = lines
        self._tasks: dict[str, TaskID] = {}
        self._rows: dict[str, tuple[int, int]] = {}
        self._total: TaskID | None = None

    def table_begins(self, table: Table) -> None:
        """Show the table's bar."""
        self._lines.table_begins(table)
        self._tasks[table.name] = self._add(label(table.name))
        if len(self._tasks) + len(self._rows) > 1 and self._total is None:
            self._total = self._add("in all")

    def rows_confirmed(self, table: Table, done: int, total: int) -> None:
        """Move the bars."""
        self._lines.rows_confirmed(table, done, total)
        self._rows[table.name] = (done, total)
        self._move(self._tasks[table.name], done, total)
        if self._total is not None:
            sums = [sum(numbers) for numbers in zip(*self._rows.values(), strict=True)]
            self._move(self._total, sums[0], sums[1])

    def table_ended(self, result: TableResult) -> None:
        """Put the line above the bars in the place of the table's own."""
        if result.name in self._tasks:
            self._progress.remove_task(self._tasks.pop(result.name))
        if not self._tasks and self._total is not None:
            self._progress.remove_task(self._total)
            self._total = None
        self._lines.table_ended(result)

    def _add(self, name: str) -> TaskID:
        return self._progress.add_task(name, total=None, rows="", rate="")

    def _move(self, task: TaskID, done: int, total: int) -> None:
        """Show rows, and rows per second since the bar began."""
        elapsed = next(each.elapsed for each in self._progress.tasks if each.id == task) or 0.0
        rate = f"{done / elapsed:,.0f}/s" if elapsed else ""
        self._progress.update(task, completed=done, total=total, rows=f"{done:,}/{total:,}", rate=rate)
