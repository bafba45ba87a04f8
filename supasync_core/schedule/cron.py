"""A crontab line."""

import shlex

from supasync_core.schedule.job import Job, plain, spoken

_HOUR = 60
_DAY = 24 * _HOUR


def text(job: Job) -> str:
    """A comment and the line. In a crontab, an unescaped % ends the command (crontab(5))."""
    plain(job, lambda _: False, "a crontab holds no line break or control character")
    words = " ".join(map(shlex.quote, job.arguments))
    command = f"cd {shlex.quote(job.folder)} && {words} >> {shlex.quote(job.log)} 2>&1"
    escaped = command.replace("%", r"\%")
    return f"# {job.name}, every {spoken(job.every)}\n{_times(job)} {escaped}\n"


def _times(job: Job) -> str:
    hour, minute = divmod(job.minute, _HOUR)
    if job.every < _HOUR:
        return f"{','.join(str(each) for each in range(minute, _HOUR, job.every))} * * * *"
    hours = range(hour, 24, job.every // _HOUR)
    return f"{minute} {'*' if job.every == _HOUR else ','.join(map(str, hours))} * * *"
