"""Pages that travel as COPY prints them: what may be read so, and how many rows of it at once."""

import time
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Final

from supasync_core.api.page_size import PageSizes
from supasync_core.model.batch import Window
from supasync_core.model.copy_batch import CopyBatch
from supasync_core.model.table import Table
from supasync_postgres.catalog import PgColumn
from supasync_postgres.page_query import name_of, relation
from supasync_postgres.pg_rows import NOW, PgRows
from supasync_postgres.transaction import Statement

PAGE: Final = 3_000_000
"""Bytes that a page should have."""
LARGEST: Final = 8_000_000
"""Bytes at which a page ends behind a whole row."""
TIMES: Final = 64
"""How many times the rows of a page of JSON a page may have."""
_LAST: Final = itemgetter(-1)
FIRST: Final = 4
"""How many times those of the table's latest page of JSON the first one has."""


def travels(columns: Sequence[PgColumn]) -> bool:
    """Whether `supasync_core.model.copy_json` knows what JSON these columns have."""
    return all(each.told.type and each.beyond != "always" and each.declared != "box[]" for each in columns)


class CopyPages:
    """Reads pages of one side by COPY."""

    def __init__(self, side: PgRows) -> None:
        self._side = side
        self._sizes = PageSizes(aim=PAGE)

    def page(self, table: Table, window: Window) -> CopyBatch:
        """The window's page, or its beginning; it may have more rows than the window asks for: see `TIMES`.

        What takes too long is asked for with fewer rows.
        """
        name = table.name
        rows = TIMES * window.limit
        if name not in self._sizes.fitting:
            rows = min(rows, FIRST * self._side.sizes.limit(name, window.limit))
        wide = replace(window, limit=rows, counted=False)
        found = self._sizes.page(name, wide, lambda each: self._read(table, each))
        assert isinstance(found, CopyBatch)  # noqa: S101 - what was asked brings no other
        return found

    def _read(self, table: Table, window: Window) -> CopyBatch:
        side = self._side
        sql, chosen = side.checked(table, window), side.chosen(table)
        names = ", ".join(name_of(column.name) for column in chosen)
        rows = f"SELECT {names} FROM {relation(table)} {sql.page(window)}"  # noqa: S608 - names are quoted
        statement = Statement(f"COPY ({rows}) TO STDOUT", list(sql.parameters.values), "read", table)
        began = time.monotonic()
        copied, taken = side.snapshot.read(
            lambda snapshot: side.database.copied(f"SELECT {NOW}", statement, snapshot, LARGEST)
        )
        read_at = side.read_at(int(copied.told or b"0"), taken, began)
        return CopyBatch(
            read_at=read_at, lines=whole_lines(copied.lines), cells=tuple(each.told for each in chosen)
        )


def whole_lines(messages: list[bytes]) -> list[bytes]:
    """A line for each row: a server may send several in one message, or a part (documentation, 55.2.6)."""
    joined = b"".join(messages)
    if joined.count(b"\n") == len(messages) and {*map(_LAST, messages)} <= {ord("\n")}:
        return messages
    return [line + b"\n" for line in joined.split(b"\n")[:-1]]
