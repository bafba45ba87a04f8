"""`supasync sync`: copy what is new."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click

from supasync_core import lock, runner
from supasync_core.cli import output
from supasync_core.cli.session import Session
from supasync_core.errors import ConfigError, SupasyncError
from supasync_core.freshness import LastSuccess
from supasync_core.report import Report


@click.command()
@click.option("--table", "tables", multiple=True, metavar="T", help="Only this table; may be repeated.")
@click.option("--full", "full", multiple=True, metavar="T", help="Read this table from its beginning again.")
@click.option("--dry-run", is_flag=True, help="Ask for counts only; write neither rows nor state.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_obj
def sync(
    session: Session, tables: tuple[str, ...], full: tuple[str, ...], *, dry_run: bool, as_json: bool
) -> int:
    """Copy what is new or changed from OLD to NEW.

    Made for cron: a run that failed or was missed is made good by the next one. Exits with 0 also when there
    was nothing new, and when enabled is false.
    """
    if not session.settings.enabled:
        output.say("sync is switched off (enabled: false, ENABLE_HOURLY_SYNC)", as_json=as_json)
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
        with lock.locked(settings.folder), session.project() as project:
            project.select(tables, "--table")
            project.select(full, "--full")
            chosen = project.select((*tables, *full) if tables else (), "--table")
            if dry_run:
                output.counts(runner.pending(project, chosen), as_json=as_json)
                return 0
            with interruptible() as interrupted, output.watching(session.redact, as_json=as_json) as watch:
                plan = runner.Plan(
                    holder=lock.holder(settings.folder),
                    tables=chosen,
                    full=frozenset(full),
                    command=command,
                    interrupted=interrupted,
                )
                report = runner.sync(project, plan, watch)
    except ConfigError:
        raise
    except SupasyncError as err:
        err.exit_code = last.escalated(err.exit_code, settings.stale_after)
        raise
    return _conclude(session, report, last, as_json=as_json)


def _conclude(session: Session, report: Report, last: LastSuccess, *, as_json: bool) -> int:
    session.host.hooks.hook.supasync_run_finished(report=report)
    output.report(report, session.redact, as_json=as_json)
    if report.complete:
        last.note()
    return last.escalated(report.exit_code, session.settings.stale_after)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """While this lasts, the first Ctrl-C or SIGTERM only asks to stop after the batch in flight."""
    asked: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        click.echo("stopping after the batch in flight; once more stops at once", err=True)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
