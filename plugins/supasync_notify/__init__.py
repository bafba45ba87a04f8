"""Notifications: one message per change to a chat or a mailbox, one ping per run to a health check.

The variables ``SUPASYNC_WEBHOOK_URL``, ``SUPASYNC_NOTIFY_URLS`` and ``SUPASYNC_PING_URL``, in the environment
or .env, switch them on. All are secrets, because whoever knows one may write there: they are never printed.
No failure here changes how the run ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from supasync_core import hookimpl

if TYPE_CHECKING:
    import click

    from supasync_core.model.finding import Finding
    from supasync_core.model.report import Report

HOOKS = 1


@hookimpl
def supasync_register_commands(cli: click.Group) -> None:
    """``supasync notify``."""
    from supasync_notify.notify_command import notify  # noqa: PLC0415 - it is small, and the help needs it

    cli.add_command(notify)


@hookimpl
def supasync_check_environment(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Name each address that cannot be used."""
    from supasync_core.model.finding import warning  # noqa: PLC0415 - --help finds nothing
    from supasync_notify.delivery import VARIABLES, flaw  # noqa: PLC0415 - the same

    for variable in VARIABLES:
        value = environment.get(variable)
        if value and (wrong := flaw(variable, value)):
            yield warning(f"{variable} {wrong}", hint="no notification is sent until then", kind="notify")


@hookimpl
def supasync_run_finished(
    report: Report, exit_code: int, folder: Path, environment: Mapping[str, str]
) -> None:
    """Ping, then send a message for each change since the last run."""
    from supasync_notify.run_messages import tell  # noqa: PLC0415 - --help tells nobody

    if report.command == "sync":
        tell(report, exit_code, folder, environment)
