"""A task of Windows' Task Scheduler as XML."""

from xml.sax.saxutils import escape

from supasync_core.schedule.job import DAY, HOUR, Job, plain

_FORBIDDEN = set('"%')
"""cmd.exe has no way to write these inside of quotes."""
_TASK = """\
<?xml version="1.0"?>
<Task xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task" version="1.2">
  <RegistrationInfo>
    <Description>supasync sync, every {every}</Description>
  </RegistrationInfo>
  <Triggers>
    <TimeTrigger>
      <Repetition>
        <Interval>{interval}</Interval>
        <StopAtDurationEnd>false</StopAtDurationEnd>
      </Repetition>
      <StartBoundary>2024-01-01T{hour:02}:{minute:02}:00</StartBoundary>
      <Enabled>true</Enabled>
    </TimeTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>cmd.exe</Command>
      <Arguments>{arguments}</Arguments>
      <WorkingDirectory>{folder}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"""


def text(job: Job) -> str:
    """The XML for ``schtasks /Create /XML``, in plain ASCII.

    It names no encoding, which a redirection in PowerShell (UTF-16) or cmd.exe would make untrue.
    Task Scheduler writes no log, so cmd.exe does (Microsoft documentation, "Task Scheduler Schema").
    """
    plain(job, lambda each: bool(_FORBIDDEN & set(each)), 'cmd.exe takes no path with % or "')
    hour, minute = divmod(job.minute, HOUR)
    words = " ".join(f'"{each}"' for each in job.arguments)
    whole = "P1D" if job.every == DAY else f"PT{job.every // HOUR}H"
    task = _TASK.format(
        every=job.interval,
        interval=f"PT{job.every}M" if job.every < HOUR else whole,
        hour=hour,
        minute=minute,
        arguments=escape(f'/d /s /c "{words} >> "{job.log}" 2>&1"'),
        folder=escape(job.folder),
    )
    return task.encode("ascii", "xmlcharrefreplace").decode()
