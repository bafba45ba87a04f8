"""A service and a timer of systemd, as commands that install them for the user."""

import shlex

from supasync_core.schedule.job import HOUR, Job, plain

_SERVICE = """\
[Unit]
Description=supasync sync, {config}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory={folder}
ExecStart={command}
StandardOutput=append:{log}
StandardError=inherit
SuccessExitStatus=4 5
"""
_TIMER = """\
[Unit]
Description=supasync sync, every {every}

[Timer]
OnCalendar={times}
Persistent=true

[Install]
WantedBy=timers.target
"""


def units(job: Job) -> dict[str, str]:
    """Both units by file name. Exit codes 4 and 5 are not failures: the next run tries again."""
    plain(
        job,
        lambda each: each != each.strip() or each.endswith("\\"),
        "a systemd unit holds no line break, control character, or blank at an end",
    )
    service = _SERVICE.format(
        config=_specifiers(job.config),
        folder=_specifiers(job.folder),
        command=" ".join(["/usr/bin/env", *map(_quoted, job.arguments)]),
        log=_specifiers(job.log),
    )
    timer = _TIMER.format(every=job.interval, times=_times(job))
    return {f"{job.name}.service": service, f"{job.name}.timer": timer}


def text(job: Job) -> str:
    """Shell commands: read them, then paste them, or pipe them into sh."""
    lines = ['mkdir -p "$HOME/.config/systemd/user"']
    for name, unit in units(job).items():
        end = "END"
        while end in unit.splitlines():
            end += "_"
        lines.append(f"cat > \"$HOME/.config/systemd/user/\"{shlex.quote(name)} <<'{end}'\n{unit}{end}")
    lines += ["systemctl --user daemon-reload", f"systemctl --user enable --now {job.name}.timer"]
    return "\n".join(lines) + "\n"


def _times(job: Job) -> str:
    hour, minute = divmod(job.minute, HOUR)
    if job.every < HOUR:
        return f"*-*-* *:{minute:02}/{job.every}:00"
    hours = range(hour, 24, job.every // HOUR)
    listed = "*" if job.every == HOUR else ",".join(f"{each:02}" for each in hours)
    return f"*-*-* {listed}:{minute:02}:00"


def _specifiers(text: str) -> str:
    """A text in which no % is a specifier (systemd.unit(5))."""
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """An argument of ExecStart: $ and % stand for themselves, quotes and backslashes too.

    The program itself is one, of env: systemd takes no program with a quote in its path.
    """
    escaped = _specifiers(text).replace("\\", r"\\").replace('"', r"\"").replace("$", "$$")
    return f'"{escaped}"'
