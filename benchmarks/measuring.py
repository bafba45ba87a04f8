"""One run of a contender: what it took, seen from outside."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile

from benchmarks.ground import Ground

# A process that is started counts the memory of the one that started it: this one is small.
_MEASURED = """
import json, os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(process.pid, 0)
took = [time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]
with open(sys.argv[1], "w") as told:
    json.dump([*took, os.waitstatus_to_exitcode(status)], told)
"""


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
    taken = run_measured(command, folder)
    traffic = ground.traffic()
    return replace(
        taken,
        server=ground.server_seconds() - before,
        requests=traffic[0] if traffic else None,
        bytes=traffic[1] if traffic else None,
    )


def run_measured(command: Sequence[str | Path], folder: Path) -> Taken:
    """Run the command to its end; nothing is known of servers."""
    with TemporaryFile() as output, NamedTemporaryFile("r") as told:
        through = [sys.executable, "-c", _MEASURED, told.name, *command]
        subprocess.run(through, cwd=folder, stdout=output, stderr=subprocess.STDOUT, check=False)
        wall, client, memory, code = json.loads(told.read())
        output.seek(0)
        text = output.read().decode(errors="replace")
    return Taken(
        wall=wall,
        client=client,
        server=0.0,
        memory=memory,
        output=text,
        failed=text.strip().splitlines()[-1][:200] if code else None,
    )
