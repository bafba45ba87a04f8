"""What is proposed for one table and why; what it costs OLD; and a bound for all tables together."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from supasync_core.model.batch import Row
from supasync_core.model.quantities import format_size
from supasync_core.model.table import Table

EGRESS = 5_000_000_000
"""Bytes a month that the drafted ``budgets:`` allow."""
WHOLE = 0.5
"""The share of them that all tables which are read as a whole may take together."""
_RUNS_A_MONTH = 30 * 24
_DAYS_A_MONTH = 30
_VERSION = len(',"xmin":"1234567890"')
_QUOTES = len('"":"",')


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
