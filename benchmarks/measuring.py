"""One run of a contender: what it took, seen from outside."""

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from benchmarks.ground import Ground


@dataclass(frozen=True)
class Taken:
    """Seconds of wall clock, of the client's and the servers' processors; peak memory in MB; its output.

    ``failed`` is the last line of what did not end well.
    """

    wall: float
    client: float
    server: float
    memory: float
    output: str
    requests: int | None = None
    bytes: int | None = None
    failed: str | None = None


def measured(ground: Ground, command: Sequence[str | Path], folder: Path) -> Taken:
    """Run the command to its end."""
    ground.traffic()
    before = ground.server_seconds()
    with TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    traffic = ground.traffic()
    return Taken(
        wall=wall,
        client=usage.ru_utime + usage.ru_stime,
        server=ground.server_seconds() - before,
        memory=usage.ru_maxrss / 1024,
        output=text,
        requests=traffic[0] if traffic else None,
        bytes=traffic[1] if traffic else None,
        failed=text.strip().splitlines()[-1][:200] if process.returncode else None,
    )
