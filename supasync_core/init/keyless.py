"""A table without any key: copied by one that is made of each row, where it is small enough for that."""

from dataclasses import replace

from supasync_core.api.backend import RowKeyed
from supasync_core.init.choose_strategy import SAMPLE, Reader
from supasync_core.init.proposal import Proposal
from supasync_core.init.read_cost import Cost
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.errors import TableError
from supasync_core.model.row_key import ROW_KEY
from supasync_core.model.table import Table

_KEY = "there is no key: one is made of each whole row, and supasync schema sql adds it to NEW's table"
_DELETES = "an update is another row: mirror removes the one before it from NEW"


def by_rows(reader: Reader, table: Table, refusal: str) -> Proposal:
    """The table by such a key; the ``refusal`` and why, where the source cannot give one."""
    source = reader.source
    if not isinstance(source, RowKeyed) or not source.takes_row_keys():
        return Proposal(table=table, refusal=refusal)
    table = replace(table, key=(ROW_KEY,), strategy="snapshot", deletes="report")
    before = reader.received() if reader.received else 0
    try:
        page = source.read(table, Window((Span(Keyset(None)),), SAMPLE, counted=True))
    except TableError as err:
        if err.table is None:
            raise
        told = err.message.removeprefix(f"{table.name}: ")
        return Proposal(table=table, refusal=f"{refusal}. Not by its rows either: {told}")
    cost = Cost(reader.received() - before if reader.received else None)
    whole = f"every run reads all of its {page.total or 0:,} rows{cost.of_snapshot}"
    reasons = {"strategy": whole, "key": _KEY, "deletes": _DELETES}
    return Proposal(table=table, reasons=reasons, monthly=cost.monthly)
