"""`supasync schedule`: what a scheduler needs to run the sync."""

import shutil
import sys
from datetime import timedelta
from pathlib import Path

import click

from supasync_core.api.plugin_host import Host
from supasync_core.cli import output
from supasync_core.cli.params import Duration
from supasync_core.config import load
from supasync_core.model.errors import ConfigError
from supasync_core.model.quantities import format_duration
from supasync_core.project.session import Session
from supasync_core.schedule import cron, systemd, windows
from supasync_core.schedule.job import Job, minute, minutes
from supasync_core.system import lock

LOG = "sync.log"
_NEXT = {
    "cron": "install it: crontab -e, and paste the line",
    "systemd": "install it: supasync schedule systemd | sh; to run while you are logged out as well: "
    "loginctl enable-linger",
    "windows": "install it: supasync schedule windows > task.xml, then, as an administrator: "
    'schtasks /Create /TN {name} /XML task.xml /RU "%USERNAME%" /RP *',
}


@click.command()
@click.argument("scheduler", type=click.Choice(list(_NEXT)))
@click.option(
    "--every",
    type=Duration(),
    help="The time between two runs, such as 30m. Default: interval in tables.yaml.",
)
@click.pass_obj
def schedule(session: Session, scheduler: str, every: timedelta | None) -> int:
    """Print a crontab line, systemd units or a Windows task.

    It runs the sync of this configuration. Nothing is installed. Paths are absolute; the minute is
    derived from this installation, so that not all jobs start at :00.
    """
    settings = session.settings
    job = _job(session, settings.interval if every is None else every)
    makers = {"cron": cron.text, "systemd": systemd.text, "windows": windows.text}
    click.echo(makers[scheduler](job), nl=False)
    output.line(job.cost(len(settings.tables), budgets=settings.budgets.monthly), err=True)
    if every is not None and every != settings.interval:
        output.line(
            f"write interval: {format_duration(every)} into {settings.path}: status judges by it", err=True
        )
    for problem in _without_this_shell(session):
        output.line(f"warning: the scheduler does not see this shell's environment: {problem}", err=True)
    output.line(_NEXT[scheduler].format(name=job.name), err=True)
    return 0


def _without_this_shell(session: Session) -> tuple[str, ...]:
    """The problems of the settings when variables come from .env alone."""
    host = Host()
    host.load_installed()
    try:
        load(session.settings.path, {}, host)
    except ConfigError as err:
        return err.problems
    return ()


def _job(session: Session, every: timedelta) -> Job:
    settings = session.settings
    holder = lock.holder(settings.folder)
    folder = settings.folder.resolve()
    period = minutes(every)
    return Job(
        command=_program(),
        config=str(folder / settings.path.name),
        folder=str(folder),
        log=str(folder / LOG),
        mark=holder.split()[-1],
        every=period,
        minute=minute(holder, period),
    )


def _program() -> tuple[str, ...]:
    """The installed command as it was called, else Python with the module; a link stays a link.

    Without ``-P``, Python would import modules from the folder that the job runs in.
    """
    called = Path(sys.argv[0])
    if called.stem == "supasync" and called.is_file():
        return (str(called.absolute()),)
    found = shutil.which("supasync")
    return (str(Path(found).absolute()),) if found else (sys.executable, "-P", "-m", "supasync_core")
