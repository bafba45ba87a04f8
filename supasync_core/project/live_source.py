"""A source without the rows that it marks as deleted: nobody else needs to know of ``soft_delete``.

A table with ``soft_delete: deleted_at`` is read as if its rows had that filter. Two requests see the others:
one that reads by the very column (`supasync_core.api.marked_rows`), and one of `Table.raw`. A source
itself leaves them out where it names the ends of ranges (`supasync_core.api.backend.Divisible`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

from supasync_core.api.backend import Source
from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Keyset, Span, Window
from supasync_core.model.table import Table


class _Live:
    """The source, with the rows left out that are marked; in all else the source itself."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self, table: Table, window: Window) -> Batch:
        return self._source.read(table, _of_live(table, window))

    def count(self, table: Table, window: Window | None = None) -> int:
        if window is None and table.soft_delete:
            window = Window((Span(Keyset(None)),), limit=1)
        return self._source.count(table, window and _of_live(table, window))

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        mark = table.soft_delete
        if mark is None:
            yield from self._source.rows(table, columns, values)
            return
        hidden = mark in table.exclude or bool(table.columns and mark not in table.columns)
        wider = replace(
            table,
            columns=(*table.columns, mark) if table.columns and hidden else table.columns,
            exclude=tuple(name for name in table.exclude if name != mark),
        )
        for batch in self._source.rows(wider, columns, values):
            found = without_marked(table, batch)
            yield _without(found, mark) if hidden else found


def live(source: Source, tables: Sequence[Table]) -> Source:
    """The source for these tables; itself if none of them has ``soft_delete``.

    What else it can do is asked by its attributes (``isinstance(source, Surveyed)``), so the class has them.
    """
    if not any(table.soft_delete for table in tables):
        return source
    names = [name for name in dir(source) if not name.startswith("_") and not hasattr(_Live, name)]
    return cast("Source", type("Live", (_Live,), {name: _passed(name) for name in names})(source))


def without_marked(table: Table, batch: Batch) -> Batch:
    """The rows of the batch that are not marked as deleted."""
    mark = table.soft_delete
    if mark is None:
        return batch
    kept = [index for index, row in enumerate(batch.rows) if row.get(mark) is None]
    return batch if len(kept) == batch.count else batch.only(kept)


def _of_live(table: Table, window: Window) -> Window:
    mark = table.soft_delete
    if mark is None:
        return window
    spans = [
        span
        if span.keyset.column == mark
        else replace(span, keyset=replace(span.keyset, nulls=(*span.keyset.nulls, mark)))
        for span in window.spans
    ]
    return replace(window, spans=tuple(spans))


def _without(batch: Batch, column: str) -> Batch:
    return replace(batch, body=raw_json.join(raw_json.without(text, column) for text in batch.rows.texts))


def _passed(name: str) -> Any:  # noqa: ANN401 - whatever the source has
    return property(lambda self: getattr(self._source, name))
