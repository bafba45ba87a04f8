"""What supasync is held to, and whether these results reach it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks import sinks
from benchmarks.accounts import CALLED
from benchmarks.accounts import OWN as ACCOUNTS
from benchmarks.direct import COPY, SLING, TWICE
from benchmarks.direct import OWN as DIRECT
from benchmarks.results import FLOOR, Result
from benchmarks.storage import BARE as STREAMED
from benchmarks.storage import EMPTY
from benchmarks.storage import FUNCTION as WITH_FUNCTION
from benchmarks.storage import OWN as STORAGE
from benchmarks.verify import AGGREGATE

LOCAL = {"duckdb full outer joins": 4, "duckdb read into a file": 4, "duckdb merge into": 26}
"""How many times the CPU of DuckDB's own statements a command on local files may take."""
SPILLS = 2_000_000
"""Rows of a diff from which on memory does not hold both sides."""
IDLE = ": nothing changed"
FIRST = ": first load"
LARGE = ": large load"
LISTS = 110
"""Requests for a list of 100,000 objects."""
MONTH = 5_000_000_000
"""Bytes that a free project may send in a month."""


@dataclass(frozen=True)
class Target:
    """One sentence, what it wants, what was measured."""

    what: str
    wanted: str
    measured: str
    reached: bool


def targets(found: Sequence[Result]) -> Iterator[Target]:
    """Every target that these results can tell of."""
    for case, server in dict.fromkeys((each.case, each.server) for each in found):
        rows = {each.rival: each for each in found if (each.case, each.server) == (case, server)}
        where = next(iter(rows.values())).where
        if "supasync" in rows and case.endswith(FIRST):
            yield from _load(rows, where)
        if "supasync, not due" in rows:
            yield from _snapshots(rows, where)
        elif "supasync" in rows and case.endswith(IDLE):
            yield from _idle(rows, where)
        if "supasync" in rows and case.endswith(LARGE):
            yield _large(rows, where)
        yield from _local(rows, where)
        for start, told in OF_A_KIND.items():
            if case.startswith(start):
                yield from told(rows, where)


def _load(rows: dict[str, Result], where: str) -> Iterator[Target]:
    own = rows["supasync"]
    floor = max((rows[each].wall or 0 for each in FLOOR if each in rows), default=0)
    if floor and own.wall:
        part = floor / own.wall
        told = f"{part:.2f}" if part >= 0.85 else f"{part:.2f}{_why(own, rows.get('both'))}"
        yield Target(f"{where}: slower of GET and POST alone, to supasync", "≥ 0.85", told, part >= 0.85)
    both = rows.get("both")
    if both and both.wall and own.wall:
        part = both.wall / own.wall
        told = f"{part:.2f}{_bound(own, both)}"
        yield Target(f"{where}: GET and POST at once, to supasync", "≥ 0.9", told, part >= 0.9)
    naive = rows.get("naive")
    if naive and naive.client and own.client:
        part = own.client / naive.client
        yield Target(f"{where}: client CPU, to the naive script's", "≤ 0.30", f"{part:.3f}", part <= 0.30)
    if own.memory:
        yield Target(f"{where}: client memory", "< 150 MB", f"{own.memory:.0f} MB", own.memory < 150)


def _bound(own: Result, both: Result) -> str:
    """The same by the seconds of all processors, which is the most where they are the limit."""
    bare, spent = ((each.client or 0) + (each.service or 0) for each in (both, own))
    return f"; by the seconds of all processors {bare / spent:.2f}" if spent else ""


def _why(own: Result, both: Result | None) -> str:
    """What keeps it from more: the servers doing both at once, and the processors."""
    at_once = f"; GET and POST at once {both.wall / own.wall:.2f}" if both and both.wall and own.wall else ""
    return f"{at_once}; processors {own.busy:.0%} busy"


def _large(rows: dict[str, Result], where: str) -> Target:
    own = rows["supasync"].wall or 1
    if "keyed" in rows:
        part = own / (rows["keyed"].wall or 1)
        return Target(f"{where}: to a script that pages by key", "≤ 1.1", f"{part:.2f}", part <= 1.1)
    part = (rows["get"].wall or 0) / own
    return Target(f"{where}: bare GETs on as many connections, to it", "≥ 0.85", f"{part:.2f}", part >= 0.85)


def _snapshots(rows: dict[str, Result], where: str) -> Iterator[Target]:
    """A run that reads the tables costs what they hold; most hourly runs leave them out."""
    bare, reads, waits = (rows[each].bytes or 0 for each in ("get", "supasync", "supasync, not due"))
    if not bare:
        return
    part = reads / bare
    yield Target(f"{where}: bytes, to bare GETs of all rows", "≤ 1.1", f"{part:.2f}", part <= 1.1)
    share = 30 * (4 * reads + 20 * waits) / MONTH
    yield Target(
        f"{where}: a month of hourly runs with every: 6h, of 5 GB", "≤ 6 %", f"{share:.1%}", share <= 0.06
    )


def _idle(rows: dict[str, Result], where: str) -> Iterator[Target]:
    own, naive = rows["supasync"], rows.get("naive")
    if own.requests:
        yield Target(f"{where}: requests", "≤ 7", f"{own.requests}", own.requests <= 7)
    if own.wall:
        yield Target(f"{where}: start to exit", "< 1 s", f"{own.wall:.2f} s", own.wall < 1)
    if own.wall and naive and naive.wall:
        part = own.wall / naive.wall
        yield Target(f"{where}: start to exit, to the naive script's", "≤ 0.6", f"{part:.2f}", part <= 0.6)


def _gap(rows: dict[str, Result], where: str) -> Iterator[Target]:
    for what, most, own, bare in (
        ("staging, to DuckDB's read", 1.9, "supasync: stage with all checks", "duckdb: read all as varchar"),
        (
            "comparing, to DuckDB's join",
            1.5,
            "supasync: compare with a staged NEW",
            "duckdb: full outer join",
        ),
    ):
        if own in rows and bare in rows:
            part = (rows[own].wall or 0) / (rows[bare].wall or 1)
            yield Target(f"{where}: {what}", f"≤ {most}", f"{part:.2f}", part <= most)
    peak = max((each.memory or 0 for name, each in rows.items() if name.startswith("supasync")), default=0)
    if peak:
        yield Target(f"{where}: memory", "< 1 GB", f"{peak:,.0f} MB", peak < 1000)


def _diff(rows: dict[str, Result], where: str) -> Iterator[Target]:
    own = rows["supasync"]
    reading = rows.get("duckdb read of both")
    if reading:
        part = (own.wall or 0) / (reading.wall or 1)
        yield Target(f"{where}: to DuckDB's read of both files", "≤ 6", f"{part:.2f}", part <= 6)
        peak = own.memory or 0
        yield Target(f"{where}: memory", "≤ 650 MB", f"{peak:,.0f} MB", peak <= 650)
        return
    bare = rows["duckdb full outer join"]
    part = (own.wall or 0) / (bare.wall or 1)
    rows_of = int("".join(filter(str.isdecimal, where.rpartition(", ")[2])) or 0)
    most = 2.2 if rows_of >= SPILLS else 1.6
    yield Target(f"{where}: to DuckDB's bare join", f"≤ {most}", f"{part:.2f}", part <= most)
    for name, other in rows.items():
        if name not in (own.rival, bare.rival) and own.wall:
            times = (other.wall or 0) / own.wall
            told = f"{times:.1f} times as fast" if other.failed is None else f"more than {times:.0f} times"
            yield Target(f"{where}: faster than {name}", "> 1", told, times > 1)
    if own.memory:
        yield Target(f"{where}: memory", "< 1 GB", f"{own.memory:,.0f} MB", own.memory < 1000)


def _start(rows: dict[str, Result], where: str) -> Iterator[Target]:
    own, click = next(each for name, each in rows.items() if name != "import click"), rows["import click"]
    for what, part, most in (
        ("CPU", (own.client or 0) / (click.client or 1), 2),
        ("wall", (own.wall or 0) / (click.wall or 1), 1.7),
    ):
        told = f"{where}: {what} of --help, to that of `import click`"
        yield Target(told, f"≤ {most}", f"{part:.2f}", part <= most)


def _verify(rows: dict[str, Result], where: str) -> Iterator[Target]:
    """Equal rows cost hardly more than an aggregate; rows that differ are found sooner than by reladiff."""
    for name, own in rows.items():
        if not name.startswith("supasync") or not own.wall:
            continue
        if "equal" in where:
            part = own.wall / (rows[AGGREGATE].wall or 1)
            yield Target(f"{where}: {name}, to {AGGREGATE}", "≤ 1.5", f"{part:.2f}", part <= 1.5)
        elif other := rows.get("reladiff"):
            times = (other.wall or 0) / own.wall
            yield Target(f"{where}: {name}, faster than reladiff", "> 1", f"{times:.1f} times", times > 1)


def _local(rows: dict[str, Result], where: str) -> Iterator[Target]:
    for rival, most in LOCAL.items():
        if rival in rows:
            own = rows["supasync"]
            part = (own.client or 0) / (rows[rival].client or 1)
            yield Target(f"{where}: CPU, to {rival}", f"≤ {most}", f"{part:.2f}", part <= most)
            yield Target(f"{where}: memory", "< 1 GB", f"{own.memory or 0:,.0f} MB", (own.memory or 0) < 1000)


def _sinks(rows: dict[str, Result], where: str) -> Iterator[Target]:
    """A sink replaces rows by key; DuckDB's copy from file to file cannot, so it is not a measure."""
    for what, most, own, bare in (
        ("CPU into DuckDB, to DuckDB's read", 4, sinks.DUCKDB, sinks.READ),
        ("CPU into CSV, to DuckDB's copy through a table", 3, sinks.CSV, sinks.TABLE),
    ):
        if own in rows and bare in rows:
            part = (rows[own].client or 0) / (rows[bare].client or 1)
            yield Target(f"{where}: {what}", f"≤ {most}", f"{part:.2f}", part <= most)
    peak = max((each.memory or 0 for name, each in rows.items() if name.startswith("supasync")), default=0)
    if peak:
        yield Target(f"{where}: memory", "< 1 GB", f"{peak:,.0f} MB", peak < 1000)


def _direct(rows: dict[str, Result], where: str) -> Iterator[Target]:
    """A first load is hardly slower than COPY, which neither counts, checks nor keeps a state."""
    own = rows[DIRECT]
    for bare, most in ((COPY, 1.25), (TWICE, 1.15)):
        if (found := rows.get(bare)) and found.wall:
            part = (own.wall or 0) / found.wall
            yield Target(f"{where}: to {bare}", f"≤ {most}", f"{part:.2f}", part <= most)
    if (rival := rows.get(SLING)) and rival.wall and "first load" not in where:
        part = (own.wall or 0) / rival.wall
        yield Target(f"{where}: to sling", "< 1", f"{part:.2f}", part < 1)
    if own.memory and "first load" in where:
        yield Target(f"{where}: memory", "< 150 MB", f"{own.memory:,.0f} MB", own.memory < 150)


def _accounts(rows: dict[str, Result], where: str) -> Iterator[Target]:
    """A first copy of accounts takes twice as long as COPY, or six times; a look at all no longer."""
    bare, idle = rows[COPY], where.endswith("nothing changed")
    for rival, most in ((ACCOUNTS, 1 if idle else 2), (CALLED, 1 if idle else 6)):
        part = (rows[rival].wall or 0) / (bare.wall or 1)
        yield Target(f"{where}: {rival}, to {COPY}", f"≤ {most}", f"{part:.2f}", part <= most)


def _storage(rows: dict[str, Result], where: str) -> Iterator[Target]:
    """Copying costs hardly more than the bytes and holds no file in memory; a list is read in large pages."""
    own = rows[STORAGE]
    bare = rows.get(STREAMED)
    for each in (own, rows.get(WITH_FUNCTION)):
        if bare and bare.wall and each and each.wall:
            part = bare.wall / each.wall
            yield Target(f"{where}: {STREAMED}, to {each.rival}", "≥ 0.8", f"{part:.2f}", part >= 0.8)
    if (empty := rows.get(EMPTY)) and empty.memory and own.memory:
        more = own.memory - empty.memory
        yield Target(
            f"{where}: memory above that with an empty bucket", "≤ 60 MB", f"{more:.0f} MB", more <= 60
        )
    if "a list of" in where and own.requests:
        most = max(LISTS * int("".join(filter(str.isdecimal, where))) // 100_000, 10)
        yield Target(f"{where}: requests", f"≤ {most}", f"{own.requests}", own.requests <= most)


OF_A_KIND = {
    "accounts": _accounts,
    "storage": _storage,
    "direct": _direct,
    "start": _start,
    "gap": _gap,
    "sinks": _sinks,
    "diff of two CSV files": _diff,
    "verify": _verify,
}
"""What is wanted of cases whose names begin so."""
