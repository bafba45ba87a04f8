"""Timestamps without an index in OLD, where its optional function tells."""

from collections.abc import Iterator

from supasync_core.api.backend import Survey
from supasync_core.model.finding import Finding, warning
from supasync_core.project.migration import Migration
from supasync_core.schema import timestamp_index


def check_indexes(migration: Migration, survey: Survey | None) -> Iterator[Finding]:
    """Name them, with the statement that makes the index: every run scans such a table once or more."""
    if survey is None:
        return
    for table in migration.settings.tables:
        missing, extent = survey.unindexed.get(table.name, ()), survey.extents.get(table.name)
        if extent is None or extent.rows < timestamp_index.FEW:
            continue
        for keyset in migration.strategy(table).keysets(table):
            if keyset.column in missing and keyset.column in table.timestamp:
                scanned = f"every run scans {extent.rows:,} rows"
                text = f"{table.name}: OLD has no index on {keyset.column}: {scanned}"
                hint = f"in OLD's SQL editor, alone: {timestamp_index.statement(table, keyset)}"
                yield warning(text, table.name, hint, kind="index")
