"""What a way of reading costs the source in a month, from a sample; and a bound for all tables together."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from supasync_core.model.batch import Row
from supasync_core.model.quantities import format_size
from supasync_core.model.table import Table

if TYPE_CHECKING:
    from supasync_core.init.proposal import Proposal

EGRESS = 5_000_000_000
"""Bytes a month that the drafted ``budgets:`` allow."""
WHOLE = 0.5
"""The share of them that tables may take which are read as a whole, all together."""
_RUNS = 30 * 24
_DAYS = 30
_VERSION = len(',"xmin":"1234567890"')
_QUOTES = len('"":"",')


@dataclass(frozen=True, slots=True)
class Cost:
    """A table's bytes: ``whole`` of one read of it on the wire, ``keys`` of a walk over its keys.

    None where nothing travels over a wire.
    """

    whole: float | None = None
    keys: float | None = None

    @classmethod
    def of(cls, table: Table, rows: Sequence[Row], total: float, wire: int | None) -> "Cost":
        """From the first rows, which took so many bytes."""
        if wire is None or total == inf:
            return cls()
        count = max(len(rows), 1)
        wide = sum(len(json.dumps(row.get(name))) + len(name) + _QUOTES for row in rows for name in table.key)
        return cls(wire * max(total / count, 1), (wide / count + _VERSION) * total)

    @property
    def monthly(self) -> float:
        """Bytes a month where each hourly run reads the whole table."""
        return (self.whole or 0) * _RUNS

    @property
    def of_snapshot(self) -> str:
        """What reading all of it by each run comes to; empty where nobody pays."""
        if self.whole is None:
            return ""
        return f", about {format_size(self.monthly)} of OLD's egress a month"

    @property
    def of_comparison(self) -> str:
        """What a daily comparison comes to; empty where nobody pays."""
        if self.keys is None:
            return ""
        return f"; that costs about {format_size(self.keys * _DAYS)} of OLD's egress a month"


def bounded(found: Sequence["Proposal"]) -> list["Proposal"]:
    """The proposals; the costliest snapshots give way to a cheaper reading until the rest is affordable."""
    kept = dict(enumerate(found))
    left = sum(each.monthly for each in found)
    for index, proposal in sorted(kept.items(), key=lambda item: -item[1].monthly):
        if left <= EGRESS * WHOLE:
            break
        if proposal.instead is not None:
            kept[index] = proposal.instead
            left -= proposal.monthly
    return list(kept.values())


def summary(found: Sequence["Proposal"]) -> str | None:
    """What all tables cost together that are read as a whole; None where that is nothing."""
    total = sum(each.monthly for each in found)
    if not total:
        return None
    return (
        "The tables with strategy: snapshot are read as a whole by every run: about "
        f"{format_size(total)} of OLD's egress a month, at one run an hour."
    )
