"""A task of Windows' Task Scheduler as XML."""

from xml.etree import ElementTree as ET

from supasync_core.schedule.job import DAY, HOUR, Job, plain

_SPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_FORBIDDEN = set('"%')
"""cmd.exe has no way to write these inside of quotes."""


def text(job: Job) -> str:
    """The XML for ``schtasks /Create /XML``, in plain ASCII.

    It names no encoding, which a redirection in PowerShell (UTF-16) or cmd.exe would make untrue.
    Task Scheduler writes no log, so cmd.exe does (Microsoft documentation, "Task Scheduler Schema").
    """
    plain(job, lambda each: bool(_FORBIDDEN & set(each)), 'cmd.exe takes no path with % or "')
    ET.register_namespace("", _SPACE)
    task = ET.Element(_tag("Task"), {"version": "1.2"})
    _add(task, {"RegistrationInfo": {"Description": f"supasync sync, every {job.interval}"}})
    _add(task, {"Triggers": {"TimeTrigger": _trigger(job)}})
    principals = ET.SubElement(task, _tag("Principals"))
    principal = ET.SubElement(principals, _tag("Principal"), {"id": "Author"})
    _add(principal, {"LogonType": "InteractiveToken", "RunLevel": "LeastPrivilege"})
    _add(
        task,
        {
            "Settings": {
                "MultipleInstancesPolicy": "IgnoreNew",
                "DisallowStartIfOnBatteries": "false",
                "StopIfGoingOnBatteries": "false",
                "StartWhenAvailable": "true",
                "RunOnlyIfNetworkAvailable": "true",
                "ExecutionTimeLimit": "PT0S",
            }
        },
    )
    actions = ET.SubElement(task, _tag("Actions"), {"Context": "Author"})
    _add(actions, {"Exec": _action(job)})
    ET.indent(task)
    body = ET.tostring(task, encoding="us-ascii", xml_declaration=False).decode()
    return f'<?xml version="1.0"?>\n{body}\n'


def _trigger(job: Job) -> "Tree":
    hour, minute = divmod(job.minute, HOUR)
    interval = f"PT{job.every}M" if job.every < HOUR else f"PT{job.every // HOUR}H"
    if job.every == DAY:
        interval = "P1D"
    return {
        "Repetition": {"Interval": interval, "StopAtDurationEnd": "false"},
        "StartBoundary": f"2024-01-01T{hour:02}:{minute:02}:00",
        "Enabled": "true",
    }


def _action(job: Job) -> "Tree":
    words = " ".join(f'"{each}"' for each in job.arguments)
    return {
        "Command": "cmd.exe",
        "Arguments": f'/d /s /c "{words} >> "{job.log}" 2>&1"',
        "WorkingDirectory": job.folder,
    }


Tree = dict[str, "str | Tree"]


def _add(parent: ET.Element, tree: Tree) -> None:
    for name, value in tree.items():
        child = ET.SubElement(parent, _tag(name))
        if isinstance(value, str):
            child.text = value
        else:
            _add(child, value)


def _tag(name: str) -> str:
    return f"{{{_SPACE}}}{name}"
