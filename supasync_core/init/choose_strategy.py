"""How a table is to be read: by which timestamp, as a log, or as a whole; from its columns and a sample."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from math import inf

from supasync_core.api.backend import Source
from supasync_core.init import timestamp_sample
from supasync_core.init.proposal import Proposal
from supasync_core.init.read_cost import Cost
from supasync_core.init.timestamp_sample import Judged, Moves
from supasync_core.model.batch import Keyset, Row, Span, Window
from supasync_core.model.pg_types import INTEGERS
from supasync_core.model.table import Column, Shape, Table
from supasync_core.model.timestamps import Instant
from supasync_core.model.wording import counted

SMALL = 20_000
"""Rows up to which a table may be read as a whole: what the plugin ``snapshot`` takes."""
SAMPLE = 200
"""Rows of a table that are looked at, the first ones by key."""

_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Reader:
    """Decides by the columns, by the first rows, and by how many there are: one page of each table."""

    source: Source
    received: Callable[[], int] | None = None
    """Bytes that the source has sent so far, where they travel over a wire at all."""

    def proposal(self, table: Table, shape: Shape) -> Proposal:
        """The table with ``timestamp`` or ``strategy``, or why it cannot be followed."""
        before = self.received() if self.received else 0
        page = self.source.read(table, Window((Span(Keyset(None)),), SAMPLE, counted=True))
        wire = self.received() - before if self.received else None
        rows = list(page.rows)
        total = inf if page.total is None else page.total  # a count that takes too long is of many rows
        look = _Look(table, shape, rows, total, page.read_at.at if page.read_at else None)
        return look.proposal(Cost.of(table, rows, total, wire))


@dataclass(frozen=True, slots=True)
class _Look:
    """One table with the first of its rows."""

    table: Table
    shape: Shape
    rows: list[Row]
    total: float
    now: Instant | None

    def proposal(self, cost: Cost) -> Proposal:
        """By what tells of updates; else the whole of a small table, and of a large one what is new."""
        found = timestamp_sample.judged(self.shape, self.rows, self.now)
        if found.changed and found.how in ("moves", "proven", "name"):
            return _by_change(self.table, found, found.changed)
        large = self._large(found, cost)
        if self.total > SMALL:
            return large or Proposal(table=self.table, refusal=self._refusal())
        rows = counted(int(self.total), "row", "rows")
        told = f"every run reads the whole table ({rows}{cost.of_snapshot}): {_why_whole(found)}"
        table = replace(self.table, strategy="snapshot")
        return Proposal(table=table, reasons={"strategy": told}, monthly=cost.monthly, instead=large)

    def _large(self, found: Judged, cost: Cost) -> Proposal | None:
        """A way that reads new rows alone, and the rest by comparison; None where there is none."""
        compared = {"compare_every": f"finds updates within a day{cost.of_comparison}"}
        if found.changed:
            return self._incremental(found.changed, found.made, found.told, compared)
        made = found.made
        if _counting(self.shape) and (told := self._log(made)):
            told = f"{self.table.key[0]} {told}; it shows no updates"
            return Proposal(
                table=replace(self.table, strategy="append", compare_every=_DAY),
                reasons={"strategy": told, **compared},
            )
        if made is None:
            return None
        if timestamp_sample.is_stamped(made):
            told = f"{made.name} is set when a row is inserted, and does not move when it is updated"
        else:
            told = f"{made.name} is taken for the time of the insert: each row has it, and none lies ahead"
        return self._incremental(made, None, told, compared)

    def _log(self, made: Column | None) -> str | None:
        """Why a key that counts up may be followed; None where it does not rise with the insert time."""
        if made is None or not timestamp_sample.is_stamped(made):
            return "counts up; only right where each new row has a larger one"
        return (
            f"rises with {made.name}"
            if timestamp_sample.rises(self.rows, self.table.key[0], made.name)
            else None
        )

    def _incremental(
        self, first: Column, second: Column | None, told: str, compared: dict[str, str]
    ) -> Proposal:
        """Rows by their insert time, or by a column that should be an update time and is not."""
        columns = (first.name, *([second.name] if second and first.nullable is not False else ()))
        rows = f"{self.total:,} rows" if self.total != inf else "the rows"
        reasons = {
            "timestamp": f"{rows} are too many to read as a whole by every run: new ones come by this",
            "updates": told,
            **compared,
        }
        table = replace(self.table, timestamp=columns, updates="unseen", compare_every=_DAY)
        return Proposal(table=table, reasons=reasons)

    def _refusal(self) -> str:
        """Why nothing tells which rows are new."""
        seen = [
            f"{column.name} {_flaw(timestamp_sample.moves(self.rows, column.name, None, self.now))}"
            for column in timestamp_sample.timestamp_columns(self.shape)
        ]
        told = (
            f"its timestamps do not tell which rows are new ({'; '.join(seen)})"
            if seen
            else "it has no timestamp"
        )
        rows = f"{self.total:,}" if self.total != inf else "many"
        return (
            f"{told}, its key does not count up, and its {rows} rows are too many to read as a whole by "
            "every run. Add an updated_at that every write sets, name another column as timestamp:, or carry "
            "it over at the end by: supasync gap"
        )


def _flaw(seen: Moves) -> str:
    if seen.future:
        return f"lies ahead in {seen.future} of {seen.rows} rows"
    return f"is NULL in {seen.rows - seen.given} of {seen.rows} rows"


def _why_whole(found: Judged) -> str:
    if found.changed:
        return found.told
    if found.made:
        return f"{found.made.name} is set when a row is inserted, and shows no update"
    return "no timestamp shows an update"


def _by_change(table: Table, found: Judged, changed: Column) -> Proposal:
    """Rows by a column that moves with their updates."""
    made = found.made
    told = found.told
    if found.how == "proven":
        told = "it may be NULL" if changed.nullable is not False else "NOT NULL"
    if changed.nullable is False:
        made = None
        told += "; each update has to set it, in the app or by a trigger"
    elif made is None:
        told += "; rows without it are read by every run"
    else:
        told += f"; where it is NULL, {made.name} counts"
        told += "; rows without either are read by every run" if made.nullable is not False else ""
    columns = (changed.name, *([made.name] if made else ()))
    reasons = {"timestamp": told}
    if found.how == "proven":
        reasons["updates"] = f"not by its name: {found.told}. Look whether every update sets it"
        table = replace(table, updates="seen")
    return Proposal(table=replace(table, timestamp=columns), reasons=reasons)


def _counting(shape: Shape) -> bool:
    """Whether the key is one whole number of the table's own, as a sequence draws them."""
    key = [column for column in shape.columns if column.key]
    return len(key) == 1 and (key[0].type or "").lower() in INTEGERS and key[0].refers is None
