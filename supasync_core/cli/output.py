"""Output for people and scripts: tables, lines, progress bars, JSON."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from supasync_core.cli import streams
from supasync_core.cli.streams import bare, reguarded
from supasync_core.cli.styles import label, redactor, rendered, session, status_line, styled
from supasync_core.init.undecided import WAY_OUT, Undecided
from supasync_core.model.errors import ConfigError
from supasync_core.model.printable import visible
from supasync_core.model.quantities import format_size
from supasync_core.model.report import Report, StepResult
from supasync_core.model.wording import counted
from supasync_core.usage.estimate import Estimate

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn
    from rich.text import Text

    from supasync_core.api.backend import Remark
    from supasync_core.model.finding import Finding
    from supasync_core.schema.both_sides import Difference

_NARROW = 100


def say(text: str, *, as_json: bool = False) -> None:
    """Print a sentence as the result, or ``{"message": ...}``."""
    click.echo(json.dumps({"message": text}) if as_json else text)


def values(text: str) -> None:
    """Print a result that holds values of rows, for a machine: only the keys of the settings are hidden."""
    streams.put(visible(without_own_keys(text), "\n\t") + "\n", values=True)


def sql(text: str) -> None:
    """Print SQL to be pasted; ConfigError where it holds a key of the settings, without which it is wrong."""
    if without_own_keys(text) != text:
        raise ConfigError(
            ["a query contains one of the keys in your settings, and keys are never printed"],
            hint="write the queries to files: supasync gap sql --out DIR",
        )
    values(text)


def longer_than_the_screen(text: str) -> bool:
    """Whether a person at a terminal would see the end of it alone."""
    return sys.stdout.isatty() and text.count("\n") >= shutil.get_terminal_size().lines


def without_own_keys(text: str) -> str:
    """The text without the keys of the settings; what looks like another key is a value, and stays."""
    found = session()
    return found.redact(text, shapes=False) if found else text


def print_json(document: object) -> None:
    """Print a document as the result."""
    click.echo(json.dumps(document, indent=2))


def findings(found: Iterable[Difference | Finding | Remark]) -> None:
    """Print what was found, each with what to do."""
    for each in found:
        status_line("", f"{each.level}:", f" {each.text}", each.level)
        hint(each.hint)


def line(text: str, *, err: bool = False) -> None:
    """Print one line, whatever the names in it contain; the streams redact keys.

    On stderr it is a remark, which ``--quiet`` leaves out; `error` prints what it does not.
    """
    if err:
        streams.remark(visible(text))
    else:
        click.echo(visible(text))


def error(text: str, hint: str | None = None) -> None:
    """Print to stderr what failed, and what to do about it."""
    click.echo(visible(text), err=True)
    for each in filter(None, (hint or "").split("\n")):
        click.echo(f"  {visible(each)}", err=True)


def confirm(question: str) -> bool:
    """The person's answer, once it is yes or no; the question goes to stderr."""
    streams.release()
    while (answer := click.prompt(f"{question} (yes/no)", err=True).strip().lower()) not in ("yes", "no"):
        pass
    return bool(answer == "yes")


def hint(text: str | None, *, err: bool = False) -> None:
    """Print what to do, each line indented; nothing for None."""
    for each in (text or "").split("\n"):
        if each:
            line(f"  {each}", err=err)


def trace(text: str) -> None:
    """Print a traceback to stderr, where SUPASYNC_DEBUG asks for it."""
    if text and os.environ.get("SUPASYNC_DEBUG"):
        click.echo(textwrap.indent(text.rstrip(), "  "), err=True)


def undecided(tables: Sequence[Undecided]) -> None:
    """Print the tables that nobody has decided on, and what to do; nothing without any."""
    for each in tables:
        line(f"undecided, not copied: {each.sentence}")
    if tables:
        hint(WAY_OUT)


def gone(names: Sequence[str]) -> None:
    """Print the tables that tables.yaml no longer has and whose state is kept; nothing without any."""
    if names:
        line(f"not in tables.yaml any more, their state is kept: {', '.join(names)}")
        hint("a renamed table keeps its state with was: OLD_NAME; to forget one: supasync state reset NAME")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on stdout; off a terminal it is wide enough for every value."""
    from rich.table import Table as Grid  # noqa: PLC0415 - not needed under cron

    grid = Grid(box=None, pad_edge=False, header_style="bold")
    for name in header:
        grid.add_column(styled(name))
    for row in rows:
        grid.add_row(*(_cell(value) for value in row))
    streams.put(rendered(grid, width=max(_NARROW, _width(header, rows)), wraps=True))


def _width(header: Sequence[str], rows: Sequence[Sequence[object]]) -> int:
    columns = zip(*[[str(_cell(value)) for value in row] for row in (header, *rows)], strict=True)
    return sum(max(len(cell) for cell in column) + 2 for column in columns)


def shows_bars() -> bool:
    """Whether something may move at the bottom of the terminal."""
    return sys.stderr.isatty() and not streams.lines().quiet


@contextmanager
def moving(*columns: ProgressColumn) -> Iterator[Progress]:
    """A progress display on the terminal's stderr; what is printed meanwhile is redacted as usual."""
    from supasync_core.cli.live_console import LiveConsole, progress_on  # noqa: PLC0415 - not needed under cron

    console = LiveConsole(file=bare(sys.stderr), stderr=True)
    lines = sys.stdout.isatty()  # only then may lines of stdout go to the terminal of stderr
    with (
        progress_on(console, *columns, redirect_stdout=lines) as progress,
        reguarded(redactor()),
    ):
        yield progress


@contextmanager
def rows_read() -> Iterator[Callable[[str, int], None]]:
    """Show how many rows of a table were read so far; nothing off a terminal."""
    if not shows_bars():
        yield lambda _name, _rows: None
        return
    with _clock() as show:
        yield lambda name, rows: show(f"{name}: {rows:,} rows read")


@contextmanager
def show_steps() -> Iterator[Callable[[str], None]]:
    """Show the current step and its time; off a terminal, a line for each step."""
    if not shows_bars():
        yield lambda text: line(text, err=True)
        return
    with _clock() as show:
        yield show


@contextmanager
def _clock() -> Iterator[Callable[[str], None]]:
    """One line with a spinner, removed at the end."""
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - for terminals

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with moving(*columns) as progress:
        task = progress.add_task("", total=None)
        yield lambda text: progress.update(task, description=label(text))


def _cell(value: object) -> Text:
    from rich.text import Text  # noqa: PLC0415 - not needed under cron

    if isinstance(value, int) and not isinstance(value, bool):
        return Text(f"{value:,}", justify="right")
    return styled("-" if value is None else str(value))


def counts(found: Estimate, steps: Mapping[str, str], *, as_json: bool) -> None:
    """Print what a run would copy, and what it would cost."""
    rows = {each.table.name: each.rows for each in found.tables}
    if as_json:
        cost = {"estimate": found.as_json()} if found.metered else {}
        later = {"not_due": found.later} if found.later else {}
        before = {"steps": dict(steps)} if steps else {}
        click.echo(json.dumps({"dry_run": True, **before, "rows": rows, **later, **cost}))
        return
    for name, sentence in steps.items():
        line(f"{name}: {sentence}")
    for name, number in rows.items():
        line(f"{name}: {number:,} rows would be synced")
    for name in found.later:
        line(f"{name}: not due")
    click.echo(f"dry run: {found.rows:,} rows in all; nothing was written")
    if found.metered:
        line(found.sentence)


def report(done: Report, *, as_json: bool) -> None:
    """Print the end of a run: one line if all is well, else each cause and what to do."""
    if as_json:
        print_json(done.as_json())
        return
    for step in done.steps:
        _step(step)
    if done.stopped:
        error(f"error: {done.stopped}", done.stopped.hint)
    for share in done.shares:
        if share.warns:
            line(f"warning: {share.sentence}", err=True)
    for note in done.notes:
        line(f"note: {note}", err=True)
    status_line(
        "",
        f"{done.status}:",
        f" {counted(done.records, 'row', 'rows')} synced, {counted(done.requests, 'request', 'requests')}, "
        f"{format_size(done.bytes)}, {done.seconds:.1f} s",
        done.status,
    )
    if done.interrupted:
        click.echo("interrupted: confirmed rows are kept; supasync sync continues from there", err=True)


def _step(done: StepResult) -> None:
    """What was done before the tables: a line, and on stderr what a person should know."""
    status_line(f"{done.name}: ", done.summary or done.status, "", done.status)
    for note in done.notes:
        line(f"{done.name}: {note}", err=True)
    if done.error:
        error(done.error, done.hint)
    else:
        hint(done.hint, err=True)
