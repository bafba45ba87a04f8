"""Both catalogs of one run, read once where something asks for them."""

from dataclasses import dataclass, field
from threading import Lock

from supasync_core.model.errors import SupasyncError
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration
from supasync_core.project.sql_sessions import both_speak_sql
from supasync_core.schema.compare_catalogs import Catalog, both_catalogs
from supasync_core.schema.whole_catalog import TableFacts


@dataclass
class KnownCatalogs:
    """OLD's and NEW's, as far as both can be asked by SQL; several threads may ask."""

    migration: Migration
    catalogs: tuple[Catalog, Catalog] | None = None
    asked: bool = False
    lock: Lock = field(default_factory=Lock)

    def of(self, table: Table) -> tuple[TableFacts, TableFacts] | None:
        """Both of one table; None where they cannot be asked: then rows are compared, which takes longer."""
        with self.lock:
            if not self.asked:
                self.asked, self.catalogs = True, _read(self.migration)
        if self.catalogs is None:
            return None
        old, new = (catalog.get(table.address) for catalog in self.catalogs)
        return (old, new) if old is not None and new is not None else None


def _read(migration: Migration) -> tuple[Catalog, Catalog] | None:
    if not (migration.alike and both_speak_sql(migration)):
        return None
    try:
        return both_catalogs(migration)
    except SupasyncError:
        return None
