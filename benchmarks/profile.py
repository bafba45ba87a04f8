"""Where the client's processor seconds go during a sync: ``python -m benchmarks.profile`` in its folder.

Each part is what its functions take in their threads, less what the parts inside of them take. It is printed
as JSON. Looking at the clock some thousand times makes the run a few per cent slower.
"""

import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from typing import Any

from supasync_core.model.report import Report
from supasync_core.project.migration import Migration
from supasync_core.project.run_options import RunObserver, RunOptions

PARTS = {
    "receiving and unpacking bodies": ["supasync_rest.transport:_body"],
    "sending bodies": ["urllib3.connection:HTTPConnection.send"],
    "HTTP but bodies": ["urllib3.connectionpool:HTTPConnectionPool.urlopen"],
    "what answers mean, what is counted, tried again": ["supasync_rest.client:Client.send"],
    "addresses": ["supasync_rest.query:page", "supasync_rest.query:path"],
    "finding keys": ["supasync_core.model.raw_json:key_values"],
    "finding rows": ["supasync_core.model.raw_json:split"],
    "decoding first and last rows": ["supasync_core.model.batch:_decoded"],
    "moving cursors": ["supasync_tables.cursors:Progress.confirm", "supasync_tables.backfill:Sweep.meet"],
    "keeping state": [
        "supasync_core.sync.checkpoint:Checkpoint.save",
        "supasync_core.sync.checkpoint:Checkpoint.keep",
    ],
    "batches in order": [
        "supasync_core.sync.table_copy:TableCopy._send",
        "supasync_core.sync.table_copy:TableCopy._confirm",
    ],
}
STARTING = "starting: Python, imports, settings"
REST = "all else"


def main() -> None:
    """Run a sync and print what each part took, the most first."""
    spent: defaultdict[str, float] = defaultdict(float)
    from supasync_core.cli import main as supasync
    from supasync_core.sync import runner

    for part, places in PARTS.items():
        for place in places:
            _wrap(part, place, spent)
    began: list[float] = []
    run = runner.sync

    def sync(migration: Migration, options: RunOptions, observer: RunObserver) -> Report:
        began.append(time.process_time())
        return run(migration, options, observer)

    runner.sync = sync
    try:
        with redirect_stdout(StringIO()):
            supasync(["sync", "--json"])
    except SystemExit as end:
        if end.code:
            raise
    spent[STARTING] = began[0]
    spent[REST] = time.process_time() - sum(spent.values())
    sys.stdout.write(json.dumps(dict(sorted(spent.items(), key=lambda item: -item[1]))))


_threads = threading.local()


def _wrap(part: str, place: str, spent: defaultdict[str, float]) -> None:
    """Count what the function takes to its part, and take it from that of whoever called it."""
    module, _, path = place.partition(":")
    *owners, name = path.split(".")
    owner: Any = import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    inner: Callable[..., Any] = getattr(owner, name)

    def timed(*args: Any, **values: Any) -> Any:  # noqa: ANN401 - as it was
        around: list[float] = _threads.__dict__.setdefault("around", [])
        around.append(0.0)
        began = time.thread_time()
        try:
            return inner(*args, **values)
        finally:
            took = time.thread_time() - began
            spent[part] += took - around.pop()
            if around:
                around[-1] += took

    setattr(owner, name, timed)


if __name__ == "__main__":
    main()
