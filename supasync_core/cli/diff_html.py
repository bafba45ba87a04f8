"""Differences as one HTML page, in the look of `supasync report`."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from supasync_core.cli.diff_output import Printer, aligned
from supasync_core.cli.output import values
from supasync_core.diff.causes import CAUSES
from supasync_core.diff.compare import Tables
from supasync_core.diff.difference import CHANGED, RowDiff, TableDiff
from supasync_core.diff.last_diff import Explained
from supasync_core.model.errors import TableError
from supasync_core.model.table import Table
from supasync_core.model.wording import counted

_WIDTH = 1000
"""Characters of a cell that a page shows."""


@dataclass
class AsHtml(Printer):
    """A page with counts, changed columns, rows side by side, duplicates and causes; written at the end."""

    tables: list[dict[str, Any]] = field(default_factory=list)
    alone: list[tuple[str, str]] = field(default_factory=list)

    def begin(self, tables: Tables) -> None:
        """Keep which tables one side alone has."""
        self.alone = [(name, self.left) for name in tables.left_only]
        self.alone += [(name, self.right) for name in tables.right_only]

    def failed(self, table: Table, err: TableError) -> None:
        """The error in the table's place."""
        super().failed(table, err)
        remarks = [text for text in (str(err), err.hint) if text]
        self.tables.append(_section(table.name, "not compared", "bad", remarks=remarks))

    def table(self, found: TableDiff, rows: Explained) -> None:
        """Keep the counts, and as many rows as are shown."""
        self._notes(found)
        causes: Counter[str] = Counter()
        columns: Counter[str] = Counter()
        shown: list[dict[str, Any]] = []
        hidden = 0
        for row, cause in rows:
            causes[cause] += 1
            columns.update(row.columns if row.kind == CHANGED else ())
            if self.limit is None or len(shown) < self.limit:
                shown.append(_row(found, row, cause))
            else:
                hidden += 1
        self.tables.append(
            _section(
                found.table.name,
                "equal" if found.equal else "different",
                "good" if found.equal else "warn",
                counts=found.counts,
                columns=columns.most_common(),
                causes=[(cause, number, CAUSES[cause]) for cause, number in causes.most_common()],
                remarks=list(self._remarks(found)),
                rows=shown,
                hidden=hidden,
                key=", ".join(found.table.key),
            )
        )

    def end(self, *, equal: bool) -> None:
        """Write the page."""
        from supasync_core.report.html import rendered  # noqa: PLC0415 - few want a page

        level = "good" if equal else "warn"
        number = sum(each["result"] != "equal" for each in self.tables) + len(self.alone)
        differ = counted(number, "table differs", "tables differ")
        every = counted(len(self.tables), "table", "tables")
        sentence = (
            f"{self.left} and {self.right} are equal{self.compared_with}: {every}."
            if equal
            else f"{differ}{self.compared_with}."
        )
        values(
            rendered(
                "diff.html.j2",
                left=self.left,
                right=self.right,
                level=level,
                sentence=sentence,
                alone=self.alone,
                tables=self.tables,
            )
        )

    def _remarks(self, found: TableDiff) -> list[str]:
        """What a person should know of the table besides its rows."""
        left, right = self.left, self.right
        sides = ((left, found.left_only), (right, found.right_only))
        remarks = [f"columns only in {side}: {', '.join(names)}" for side, names in sides if names]
        remarks += [
            f"key {', '.join(each.key)}: {each.left} rows in {left}, {each.right} in {right}"
            for each in found.duplicates
        ]
        remarks += [each.sentence for each in found.eased]
        if found.young:
            remarks.append(f"{counted(found.young, 'row was', 'rows were')} left alone as too young")
        return [*remarks, *found.notes]


def _section(name: str, result: str, level: str, **known: Any) -> dict[str, Any]:  # noqa: ANN401
    """What the page shows of a table."""
    empty: dict[str, Any] = {
        "counts": {},
        "columns": [],
        "causes": [],
        "remarks": [],
        "rows": [],
        "hidden": 0,
    }
    return {"name": name, "result": result, "level": level, **empty, "key": "", **known}


def _row(found: TableDiff, row: RowDiff, cause: str) -> dict[str, Any]:
    """A row with the cells that differ; of a row on one side alone, with all of them."""
    left, right = row.left or {}, row.right or {}
    names = (
        row.columns
        if row.kind == CHANGED
        else [name for name in left or right if name not in found.table.key]
    )
    cells = [(name, *_shortened(left.get(name), right.get(name))) for name in names]
    key, _ = aligned(", ".join("NULL" if text is None else text for text in row.key), "", _WIDTH)
    return {"kind": row.kind, "key": key, "cause": cause, "cells": cells or [("", None, None)]}


def _shortened(left: str | None, right: str | None) -> tuple[str | None, str | None]:
    """Both cells, long ones cut to where they begin to differ: a page holds hundreds of them."""
    cut = aligned(left or "", right or "", _WIDTH)
    return left and cut[0], right and cut[1]
