"""The index by which a source finds what is new in a table, instead of scanning it."""

from collections.abc import Iterable, Iterator

from supasync_core.api.backend import Survey
from supasync_core.model.batch import Keyset
from supasync_core.model.printable import sql_name
from supasync_core.model.table import Table

FEW = 10_000
"""Rows up to which a scan costs nothing to speak of."""


def statement(table: Table, keyset: Keyset) -> str:
    """The SQL that makes the index of a keyset; it locks no table, and runs outside of a transaction."""
    ordered = dict.fromkeys([*([keyset.column] if keyset.column else ()), *table.key])
    columns = ", ".join(map(sql_name, ordered))
    nulls = " and ".join(f"{sql_name(column)} is null" for column in keyset.nulls)
    relation = f"{sql_name(table.schema)}.{sql_name(table.relation)}"
    return f"create index concurrently on {relation} ({columns}){f' where {nulls}' if nulls else ''};"


def missing(table: Table, keysets: Iterable[Keyset], survey: Survey) -> Iterator[tuple[str, str]]:
    """What each keyset of a large table without an index costs, and the statement that makes the index."""
    extent, unindexed = survey.extents.get(table.name), survey.unindexed.get(table.name, ())
    if extent is None or extent.rows < FEW:
        return
    for keyset in keysets:
        if keyset.column in unindexed and keyset.column in table.timestamp:
            what = f"OLD has no index on {keyset.column}: every run scans {extent.rows:,} rows"
            yield what, f"in OLD's SQL editor, alone: {statement(table, keyset)}"
