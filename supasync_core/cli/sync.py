"""`supasync sync`: copy what is new."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import FrameType

import click

from supasync_core.api.plugin_fault import at_work
from supasync_core.cli import output, signals
from supasync_core.cli.common_options import LongCommand
from supasync_core.cli.plugin_notes import tell
from supasync_core.cli.run_progress import watching
from supasync_core.cli.table_options import ONLY_TABLES, complete_tables
from supasync_core.model.errors import ExitCode, LockedError, SupasyncError, TableError, TransientError
from supasync_core.model.quantities import format_duration
from supasync_core.model.report import Report
from supasync_core.model.state import State
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.project.migration import Migration
from supasync_core.project.notifiers import notify
from supasync_core.project.project_steps import asked, context_of
from supasync_core.project.run_options import RunOptions
from supasync_core.project.session import Session
from supasync_core.sync import runner
from supasync_core.system import lock
from supasync_core.system.faults import explain
from supasync_core.system.last_success import LastSuccess, age_in
from supasync_core.usage.estimate import estimate, estimate_next
from supasync_core.usage.meter import metered

_LONGEST = timedelta(hours=3)
"""What max_runtime is without tables.yaml."""
GRACE = 120.0
"""Seconds beyond max_runtime in which the batch in flight may end: longer than any request may take."""


@click.command(cls=LongCommand)
@ONLY_TABLES
@click.option(
    "--full",
    "full",
    multiple=True,
    metavar="T",
    help="Read this table from its beginning again.",
    shell_complete=complete_tables,
)
@click.option("--dry-run", is_flag=True, help="Estimate from counts and a few rows; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_obj
def sync(
    session: Session, tables: tuple[str, ...], full: tuple[str, ...], *, dry_run: bool, as_json: bool
) -> int:
    """Copy what is new or changed from OLD to NEW.

    It is made for cron: the next run catches up on one that failed or was missed. Exits with 0 even if
    there was nothing new or enabled is false.
    """
    with on_failure(session, "sync", quiet=dry_run):
        if not session.settings.enabled:
            output.say("sync is disabled (enabled: false, ENABLE_HOURLY_SYNC)", as_json=as_json)
            return 0
        return run(session, tables, full, dry_run=dry_run, as_json=as_json)


def run(  # noqa: PLR0913 - what a run may be
    session: Session,
    tables: tuple[str, ...],
    full: tuple[str, ...],
    *,
    command: str = "sync",
    dry_run: bool = False,
    as_json: bool,
) -> int:
    """One run, recorded as this command; its exit code."""
    settings = session.settings
    last = LastSuccess(settings.folder)
    try:
        with (
            _locked(settings.folder, last, settings.stale_after),
            session.migration() as opened,
            _with_source(opened, command, session.note) as migration,
        ):
            migration.select(tables, "--table")
            migration.select(full, "--full")
            chosen = migration.select((*tables, *full) if tables else (), "--table")
            with interruptible(settings.max_runtime) as interrupted:
                plan = RunOptions(
                    tables=chosen,
                    steps=() if tables else settings.steps,
                    full=frozenset(full),
                    command=command,
                    by_schedule=command == "sync" and not tables,
                    interrupted=interrupted,
                )
                if dry_run:
                    found = estimate_next(migration, plan)
                    output.counts(found, _plans(migration, plan), as_json=as_json)
                    return 0
                report = _copied(migration, plan, last, as_json=as_json)
    except TransientError as err:
        code = last.escalated(err.exit_code, settings.stale_after)
        raise err.amended(exit_code=code) from err
    return _conclude(session, report, last, as_json=as_json)


@contextmanager
def _with_source(opened: Migration, command: str, say: Callable[[str], None]) -> Iterator[Migration]:
    """The migration; for the last gap by OLD's database where its API answers 402."""
    if command == "sync":
        yield opened
        return
    from supasync_core.project.database_instead import database_instead  # noqa: PLC0415 - not every hour

    with database_instead(opened, say) as migration:
        yield migration


def _copied(migration: Migration, plan: RunOptions, last: LastSuccess, *, as_json: bool) -> Report:
    """Copy the tables; a lease that another run holds for too long alerts."""
    plan = replace(
        plan,
        metered=partial(metered, migration),
        on_first_load=partial(_show_forecast, migration, plan.tables),
        say=partial(output.line, err=True),
    )
    for table in plan.tables:
        migration.strategy(table)  # imported before the run: an upgrade may remove its file meanwhile
    with watching(as_json=as_json) as watch:
        try:
            return runner.sync(migration, plan, watch)
        except LockedError as err:
            age = _age_in_new(migration)
            code = last.escalated(err.exit_code, migration.settings.stale_after, age)
            raise err.amended(exit_code=code) from err


def _plans(migration: Migration, plan: RunOptions) -> dict[str, str]:
    """What each step would do, in a sentence."""
    return {part.name: asked(migration, part, "plan", context_of(migration, part)) for part in plan.steps}


@contextmanager
def _locked(folder: Path, last: LastSuccess, stale_after: timedelta) -> Iterator[None]:
    """This machine's lock; an alert where the run that has it has been silent for too long."""
    with ExitStack() as stack:
        try:
            stack.enter_context(lock.locked(folder))
        except LockedError as err:
            raise last.alert_if_silent(err, stale_after) from err
        yield


def _age_in_new(migration: Migration) -> timedelta | None:
    """How long ago a run from any machine last succeeded, as of the newest record."""
    try:
        past = migration.store.past(1)
    except SupasyncError:
        return None
    return age_in(past.state, past.records[0].created_at) if past.records else None


def _show_forecast(migration: Migration, tables: Sequence[Table], state: State, now: str) -> None:
    """Print what a first load will cost; an error in a single table is left for its own copy to report."""
    try:
        found = estimate(migration, tables, state, now)
    except TableError as err:
        err.raise_if_of_no_table()
        return
    if found.metered and found.rows:
        output.line(f"{counted(found.rows, 'row', 'rows')} to copy; {found.sentence}", err=True)


def _conclude(session: Session, report: Report, last: LastSuccess, *, as_json: bool) -> int:
    output.report(report, as_json=as_json)
    if report.complete:
        last.note()
    code = last.escalated(report.exit_code, session.settings.stale_after, report.success_age)
    run_finished(session, report, code)
    return code


@contextmanager
def on_failure(session: Session, command: str, *, quiet: bool) -> Iterator[None]:
    """Notify plugins of an error inside, and raise it; ``quiet``: only raise it."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as err:
        if not quiet:
            stopped = explain(err, session.whose(err))
            report = Report(command=command, run="", tables=(), stopped=stopped)
            run_finished(session, report, stopped.exit_code)
        raise


def run_finished(session: Session, report: Report, exit_code: int) -> None:
    """Write the report, call the plugins' hook and the notifiers; what fails is a note.

    One that hangs is left behind after max_runtime: else each hour would leave a process more.
    """
    settings = session.known_settings
    longest = settings.max_runtime if settings else _LONGEST
    hung = threading.Timer(longest.total_seconds(), _leave_behind, (session, report, exit_code))
    hung.daemon = True
    hung.start()
    try:
        if settings and settings.report.path:
            _write_page(session, settings.report.path)
        page = settings.report.url if settings else None
        _tell_plugins(session, replace(report, page=page), exit_code)
    finally:
        hung.cancel()


def _write_page(session: Session, path: Path) -> None:
    """Write the report; a failure is a note, and the run ended as it ended."""
    from supasync_core.report.written import write_report  # noqa: PLC0415 - few want it after each run

    try:
        write_report(session.settings, session.host, path)
    except Exception as err:  # noqa: BLE001 - whatever it is, the rows were copied
        reason = err if isinstance(err, SupasyncError) else f"internal error ({type(err).__name__})"
        output.line(f"note: the report {path} was not written: {reason}", err=True)


def _tell_plugins(session: Session, report: Report, exit_code: int) -> None:
    answers = session.host.call(
        "supasync_run_finished",
        shows_message=False,  # the environment holds keys
        report=report,
        exit_code=exit_code,
        folder=session.folder,
        environment=session.environment,
    )
    tell(session, (answer.fault for answer in answers if answer.fault))
    if settings := session.known_settings:  # without them, nobody knows whom to tell
        tell(session, notify(session.host, settings, report, exit_code))


@contextmanager
def interruptible(longest: timedelta) -> Iterator[Callable[[], bool]]:
    """Whether to stop after the batch in flight: at the first signal that asks for it, or when time is up.

    A run that does not even get to ask, because a request of it hangs, ends a little later with its process,
    and the lock with it.
    """
    asked: list[int] = []
    until = time.monotonic() + longest.total_seconds()

    def ask(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        click.echo("stopping after the batch in flight; press again to stop at once", err=True)

    before = {number: signal.signal(number, ask) for number in signals.not_ignored()}
    hung = threading.Timer(longest.total_seconds() + GRACE, _give_up, (longest,))
    hung.daemon = True
    hung.start()
    try:
        yield lambda: bool(asked) or time.monotonic() > until
    finally:
        hung.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave_behind(session: Session, report: Report, exit_code: int) -> None:
    """End the process in the middle of a plugin's code, with the exit code of the run."""
    plugin = at_work(session.host.loaded)
    who = plugin.at(None) if plugin else "a plugin"
    session.note(f"{who} hangs at the end of the run, which took longer than max_runtime: it is left behind")
    if report.stopped:
        output.error(f"error: {report.stopped}")
    sys.stderr.flush()
    os._exit(exit_code)


def _give_up(longest: timedelta) -> None:
    click.echo(
        f"error: the run hangs: it has taken longer than max_runtime ({format_duration(longest)})", err=True
    )
    os._exit(ExitCode.LATER)
