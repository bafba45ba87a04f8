"""Notify plugins of every run that has ended, and of those that never began."""

from collections.abc import Iterator
from contextlib import contextmanager

from supasync_core.model.report import Report
from supasync_core.project.session import Session
from supasync_core.system.faults import explain


@contextmanager
def on_failure(session: Session, command: str, *, quiet: bool) -> Iterator[None]:
    """Notify plugins of an error inside, and raise it; ``quiet``: only raise it."""
    try:
        yield
    except Exception as err:
        if not quiet:
            stopped = explain(err)
            report = Report(command=command, run="", tables=(), stopped=stopped)
            run_finished(session, report, stopped.exit_code)
        raise


def run_finished(session: Session, report: Report, exit_code: int) -> None:
    """Call the plugins' hook."""
    session.host.hooks.hook.supasync_run_finished(
        report=report, exit_code=exit_code, folder=session.folder, environment=session.environment
    )
