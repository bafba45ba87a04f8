"""Objects streamed from one project to another, and nothing else: no list, no state, no check.

``python benchmarks/stream_objects.py TASK CONNECTIONS``; the task names both ends and all objects.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local

import httpx

_OF_THREAD = local()


def main() -> None:
    """Copy all of them."""
    task = json.loads(Path(sys.argv[1]).read_text())
    (old, old_key), (new, new_key) = task["old"], task["new"]

    def copy(name: str) -> None:
        if not hasattr(_OF_THREAD, "ends"):
            _OF_THREAD.ends = (
                httpx.Client(headers={"apikey": old_key}),
                httpx.Client(headers={"apikey": new_key}),
            )
        source, sink = _OF_THREAD.ends
        with source.stream("GET", f"{old}/storage/v1/object/authenticated/files/{name}") as read:
            read.raise_for_status()
            kept = {each: read.headers[each] for each in ("content-length", "content-type", "cache-control")}
            address = f"{new}/storage/v1/object/files/{name}"
            sink.post(address, content=read.iter_raw(), headers=kept).raise_for_status()

    with ThreadPoolExecutor(int(sys.argv[2])) as pool:
        list(pool.map(copy, task["names"]))


if __name__ == "__main__":
    main()
