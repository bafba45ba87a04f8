"""Which format a table's rows travel in, and the source that reads it so."""

from typing import Any, cast

from supasync_core.api.backend import Source
from supasync_core.api.row_formats import ReadsFormats, TakesFormats
from supasync_core.api.strategy import Strategy
from supasync_core.model.batch import Batch, Window
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration


class _InFormat:
    """A source whose pages come in another format; in all else the source itself.

    A page that is counted comes as JSON, with its count in the same statement.
    """

    def __init__(self, source: Source, row_format: str) -> None:
        self._source = source
        self._format = row_format

    def read(self, table: Table, window: Window) -> Batch:
        if window.counted:
            return self._source.read(table, window)
        return cast("ReadsFormats", self._source).read_in(self._format, table, window)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the source has
        return getattr(self._source, name)


def in_best_format(migration: Migration, table: Table) -> Source:
    """The source for one table, in the first format that both sides have; JSON where rows are changed."""
    source, sink = migration.source, migration.sink
    if not isinstance(source, ReadsFormats) or not isinstance(sink, TakesFormats):
        return source
    if table.transform or table.soft_delete or not _takes_large_pages(migration.strategy(table)):
        return source
    taken = sink.row_formats(table)
    found = next((each for each in source.row_formats(table) if each in taken), None)
    return source if found is None else cast("Source", _InFormat(source, found))


def _takes_large_pages(strategy: Strategy) -> bool:
    return getattr(strategy, "takes_large_pages", False) is True
