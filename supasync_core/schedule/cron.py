"""A crontab line."""

import shlex
from pathlib import PurePath

from supasync_core.model.errors import ConfigError
from supasync_core.schedule.job import HOUR, Job, plain

LONGEST = 990
"""Bytes of a command; crontab refuses what has 1,000 (MAX_COMMAND of Vixie's cron)."""


def text(job: Job) -> str:
    """A comment and the line; ConfigError where crontab would refuse it."""
    plain(job, lambda _: False, "a crontab holds no line break or control character")
    command = _command(job, job.config, job.log)
    if len(command.encode()) > LONGEST:
        command = _command(job, *(f"./{PurePath(path).name}" for path in (job.config, job.log)))
    if (length := len(command.encode())) > LONGEST:
        raise ConfigError(
            [f"{job.folder}: the line would have {length:,} bytes, and a crontab takes {LONGEST} at most"],
            hint="move the folder to where its path is shorter, or call supasync there by a script of yours",
        )
    return f"# {job.name}, every {job.interval}\n{_times(job)} {command}\n"


def _command(job: Job, config: str, log: str) -> str:
    """The command in sh, as every cron hands it on.

    In a crontab an unescaped % ends the command, and a backslash escapes it (crontab(5)). Some crons take one
    of two backslashes away, others keep both: so none stands before another one, or before a % of a path.
    """
    words = " ".join(map(shlex.quote, job.called(config)))
    command = f"cd {shlex.quote(job.folder)} && {words} >> {shlex.quote(log)} 2>&1"
    return command.replace("\\", "\\''").replace("%", r"\%")


def _times(job: Job) -> str:
    hour, minute = divmod(job.minute, HOUR)
    if job.every < HOUR:
        return f"{','.join(str(each) for each in range(minute, HOUR, job.every))} * * * *"
    hours = range(hour, 24, job.every // HOUR)
    return f"{minute} {'*' if job.every == HOUR else ','.join(map(str, hours))} * * *"
