"""How a table is to be read: by which timestamp, as a log, or as a whole; from its columns and a sample."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from math import inf

from supasync_core.api.backend import RowKeyed, Source
from supasync_core.init import timestamp_sample
from supasync_core.init.timestamp_sample import Judged, Moves
from supasync_core.model.batch import Batch, Keyset, Row, Span, Window
from supasync_core.model.errors import TableError
from supasync_core.model.pg_types import INTEGERS
from supasync_core.model.quantities import format_size
from supasync_core.model.row_key import ROW_KEY
from supasync_core.model.table import Column, Shape, Table
from supasync_core.model.timestamps import Instant
from supasync_core.model.wording import counted

EGRESS = 5_000_000_000
"""Bytes a month that the drafted ``budgets:`` allow."""
WHOLE = 0.5
"""The share of them that all tables which are read as a whole may take together."""
_RUNS_A_MONTH = 30 * 24
_DAYS_A_MONTH = 30
_VERSION = len(',"xmin":"1234567890"')
_QUOTES = len('"":"",')
SMALL = 20_000
"""Rows up to which a table may be read as a whole: the limit of the strategy ``snapshot``."""
SAMPLE = 200
"""The first rows by key that are read of a table."""
_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The settings of a table; ``reasons`` are by setting, and those settings are written out.

    ``remarks`` are what else is to be known of it. A ``refusal`` says why it cannot be copied as it is.
    ``monthly``: the bytes that reading all of it by every run costs, and ``instead`` what costs less.
    """

    table: Table
    reasons: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    refusal: str | None = None
    monthly: float = 0.0
    instead: "Proposal | None" = None


@dataclass(frozen=True, slots=True)
class ReadCost:
    """A table's bytes: ``whole`` of one read of it on the wire, ``keys`` of a walk over its keys.

    None where nothing travels over a wire.
    """

    whole: float | None = None
    keys: float | None = None

    @classmethod
    def of(cls, table: Table, rows: Sequence[Row], total: float, wire: int | None) -> "ReadCost":
        """From the first rows, which took so many bytes."""
        if wire is None or total == inf:
            return cls()
        count = max(len(rows), 1)
        wide = sum(len(json.dumps(row.get(name))) + len(name) + _QUOTES for row in rows for name in table.key)
        return cls(wire * max(total / count, 1), (wide / count + _VERSION) * total)

    @property
    def monthly(self) -> float:
        """Bytes a month where each hourly run reads the whole table."""
        return (self.whole or 0) * _RUNS_A_MONTH

    @property
    def of_snapshot(self) -> str:
        """What reading all of it by each run costs; empty where nobody pays."""
        return "" if self.whole is None else f", about {format_size(self.monthly)} of OLD's egress a month"

    @property
    def every(self) -> str:
        """What to do where reading all of it by each run takes more than a hundredth of a month's egress."""
        if self.monthly * 100 < EGRESS:
            return ""
        return f"; every: 6h makes that about {format_size(self.monthly / 6)}"

    @property
    def of_comparison(self) -> str:
        """What a daily comparison costs; empty where nobody pays."""
        if self.keys is None:
            return ""
        return f"; that costs about {format_size(self.keys * _DAYS_A_MONTH)} of OLD's egress a month"


def within_budget(proposals: Sequence[Proposal]) -> list[Proposal]:
    """The proposals; the costliest snapshots are read in a cheaper way until the rest is affordable."""
    kept = dict(enumerate(proposals))
    left = sum(each.monthly for each in proposals)
    for index, proposal in sorted(kept.items(), key=lambda item: -item[1].monthly):
        if left <= EGRESS * WHOLE:
            break
        if proposal.instead is not None:
            kept[index] = proposal.instead
            left -= proposal.monthly
    return list(kept.values())


def cost_summary(proposals: Sequence[Proposal]) -> str | None:
    """What all tables cost together that are read as a whole; None where that is nothing."""
    total = sum(each.monthly for each in proposals)
    if not total:
        return None
    return (
        f"The tables with strategy: snapshot are read as a whole by every run: about {format_size(total)} of "
        "OLD's egress a month, at one run an hour."
    )


@dataclass(frozen=True, slots=True)
class StrategyChooser:
    """Decides by the columns, the first rows, and how many there are: it reads one page of each table."""

    source: Source
    received: Callable[[], int] | None = None
    """Bytes that the source has sent so far, where they travel over a wire at all."""

    def proposal(self, table: Table, shape: Shape) -> Proposal:
        """The table with ``timestamp`` or ``strategy``, or why it cannot be followed."""
        page, wire = self._page(table)
        rows = list(page.rows)
        total = inf if page.total is None else page.total  # a count that takes too long is of many rows
        sample = _Sample(table, shape, rows, total, page.read_at.at if page.read_at else None)
        return sample.proposal(ReadCost.of(table, rows, total, wire))

    def keyless(self, table: Table, refusal: str) -> Proposal:
        """The table by a key that is made of each row; the ``refusal`` and why, where that cannot be."""
        if not isinstance(self.source, RowKeyed) or not self.source.takes_row_keys():
            return Proposal(table=table, refusal=refusal)
        table = replace(table, key=(ROW_KEY,), strategy="snapshot", deletes="report")
        try:
            page, wire = self._page(table)
        except TableError as err:
            err.raise_if_of_no_table()
            reason = err.message.removeprefix(f"{table.name}: ")
            return Proposal(table=table, refusal=f"{refusal}. Nor can a key be made of its rows: {reason}")
        cost = ReadCost(wire)
        reasons = {
            "strategy": f"every run reads all of its {page.total or 0:,} rows{cost.of_snapshot}",
            "key": "there is no key: one is made of each whole row, and supasync schema sql adds it to NEW's "
            "table",
            "deletes": "an update makes another row: mirror removes the previous one from NEW",
        }
        return Proposal(table=table, reasons=reasons, monthly=cost.monthly)

    def _page(self, table: Table) -> tuple[Batch, int | None]:
        before = self.received() if self.received else 0
        page = self.source.read(table, Window((Span(Keyset(None)),), SAMPLE, counted=True))
        return page, self.received() - before if self.received else None


@dataclass(frozen=True, slots=True)
class _Sample:
    """One table with the first of its rows."""

    table: Table
    shape: Shape
    rows: list[Row]
    total: float
    now: Instant | None

    def proposal(self, cost: ReadCost) -> Proposal:
        """By a column that shows updates; else all of a small table, and the new rows of a large one."""
        judged = timestamp_sample.judged(self.shape, self.rows, self.now)
        if judged.changed and judged.how in ("moves", "proven", "name"):
            return _by_update_time(self.table, judged, judged.changed)
        large = self._new_rows_only(judged, cost)
        if self.total > SMALL:
            return large or Proposal(table=self.table, refusal=self._refusal())
        rows = counted(int(self.total), "row", "rows")
        reason = (
            f"every run reads the whole table ({rows}{cost.of_snapshot}): {_why_whole(judged)}{cost.every}"
        )
        table = replace(self.table, strategy="snapshot")
        return Proposal(table=table, reasons={"strategy": reason}, monthly=cost.monthly, instead=large)

    def _new_rows_only(self, judged: Judged, cost: ReadCost) -> Proposal | None:
        """A way that reads new rows alone, and finds updates by comparison; None where there is none."""
        compared = {"compare_every": f"finds updates within a day{cost.of_comparison}"}
        made = judged.made
        if judged.changed:
            return self._by_insert_time(judged.changed, made, judged.reason, compared)
        if _counts_up(self.shape) and (reason := self._rising_key(made)):
            return Proposal(
                table=replace(self.table, strategy="append", compare_every=_DAY),
                reasons={"strategy": f"{self.table.key[0]} {reason}; it shows no updates", **compared},
            )
        if made is None:
            return None
        reason = f"{made.name} is taken for the insert time: every row has it, and none lies in the future"
        if timestamp_sample.is_stamped(made):
            reason = f"{made.name} is set when a row is inserted, and does not move when it is updated"
        return self._by_insert_time(made, None, reason, compared)

    def _rising_key(self, made: Column | None) -> str | None:
        """Why a key that counts up may be followed; None where it does not rise with the insert time."""
        if made is None or not timestamp_sample.is_stamped(made):
            return "counts up; this is only right if each new row gets a larger one"
        rises = timestamp_sample.rises(self.rows, self.table.key[0], made.name)
        return f"rises with {made.name}" if rises else None

    def _by_insert_time(
        self, first: Column, second: Column | None, reason: str, compared: dict[str, str]
    ) -> Proposal:
        """By the insert time, or by a column that should be an update time and is not."""
        columns = (first.name, *([second.name] if second and first.nullable is not False else ()))
        rows = f"{self.total:,} rows" if self.total != inf else "the rows"
        reasons = {
            "timestamp": f"{rows} are too many to read in full on every run: this finds new ones",
            "updates": reason,
            **compared,
        }
        table = replace(self.table, timestamp=columns, updates="unseen", compare_every=_DAY)
        return Proposal(table=table, reasons=reasons)

    def _refusal(self) -> str:
        flaws = [
            f"{column.name} {_flaw(timestamp_sample.moves(self.rows, column.name, None, self.now))}"
            for column in timestamp_sample.timestamp_columns(self.shape)
        ]
        none = "its timestamps do not show which rows are new" if flaws else "it has no timestamp"
        why = f" ({'; '.join(flaws)})" if flaws else ""
        rows = f"{self.total:,}" if self.total != inf else "many"
        return (
            f"{none}{why}, its key is not increasing, and it is too large ({rows} rows) to read in full "
            "on every run. Add an updated_at that every write sets, name another column under timestamp:, or "
            "import the table at the end: supasync gap"
        )


def _flaw(seen: Moves) -> str:
    if seen.future:
        return f"lies in the future in {seen.future} of {seen.rows} rows"
    return f"is NULL in {seen.rows - seen.present} of {seen.rows} rows"


def _why_whole(judged: Judged) -> str:
    if judged.changed:
        return judged.reason
    if judged.made:
        return f"{judged.made.name} is set when a row is inserted, and shows no update"
    return "no timestamp shows an update"


def _by_update_time(table: Table, judged: Judged, changed: Column) -> Proposal:
    made, reason = judged.made, judged.reason
    if judged.how == "proven":
        reason = "it may be NULL" if changed.nullable is not False else "NOT NULL"
    if changed.nullable is False:
        made = None
        reason += "; each update has to set it, in the app or by a trigger"
    elif made is None:
        reason += "; every run reads rows without it again"
    else:
        reason += f"; where it is NULL, {made.name} counts"
        reason += "; every run reads rows without either again" if made.nullable is not False else ""
    columns = (changed.name, *([made.name] if made else ()))
    reasons = {"timestamp": reason}
    if judged.how == "proven":
        reasons["updates"] = f"not by its name: {judged.reason}. Check that every update sets it"
        table = replace(table, updates="seen")
    return Proposal(table=replace(table, timestamp=columns), reasons=reasons)


def _counts_up(shape: Shape) -> bool:
    """Whether the key is one whole number of the table's own, as a sequence draws them."""
    key = [column for column in shape.columns if column.key]
    return len(key) == 1 and (key[0].type or "").lower() in INTEGERS and key[0].refers is None
