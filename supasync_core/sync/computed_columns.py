"""Columns that NEW computes itself, compared in every row that is sent.

NEW takes no value for such a column, so an upsert that succeeds tells nothing of it, and a sample misses the
few rows that differ. Where both catalogs show one expression, nothing is read.
"""

from dataclasses import dataclass, field
from threading import Lock

from supasync_core.api.backend import Computing
from supasync_core.model import raw_json
from supasync_core.model.batch import Batch
from supasync_core.model.errors import SupasyncError
from supasync_core.model.pg_types import is_json, type_of
from supasync_core.model.same_key import translator
from supasync_core.model.same_value import same_as_printed, same_cell, same_json
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration
from supasync_core.project.sql_sessions import both_speak_sql
from supasync_core.schema.compare_catalogs import Catalog, both_catalogs
from supasync_core.sync import confirmed
from supasync_core.sync.changed_rows import changed, kept


@dataclass
class ComputedColumns:
    """Those of all tables of one run; several threads may write.

    Rows are compared while no other version of them is on its way.
    """

    migration: Migration
    of_files: bool = False
    """Whether rows come from files, and not as OLD prints them."""
    catalogs: tuple[Catalog, Catalog] | None = None
    asked: bool = False
    lock: Lock = field(default_factory=Lock)

    def upsert(self, table: Table, batch: Batch) -> None:
        """Write the batch; ChangedError where NEW computes a column of it otherwise than it was sent.

        Rows that are sent without a reference at first are sent again with it, and compared then.
        """
        confirmed.upsert(self.migration.sink, table, batch)
        declared = {each.name: each.exclude for each in self.migration.settings.tables}
        whole = not {*table.exclude} - {*declared.get(table.name, ())}
        if whole and (names := self._unproven(table, batch)):
            self._compare(table, batch, names)

    def _unproven(self, table: Table, batch: Batch) -> list[str]:
        """The columns of the batch that NEW computes, and OLD not as far as is known, or otherwise."""
        sink = self.migration.sink
        computed = sink.computed(table) if isinstance(sink, Computing) else frozenset()
        names = [name for name in batch.columns if name in computed and name not in table.exclude]
        if table.exclude or table.columns:  # a column may be computed of one that is not sent
            return names
        return [name for name in names if not self._is_proven(table, name)]

    def _is_proven(self, table: Table, name: str) -> bool:
        """Whether both catalogs show one expression; both are read once, where a column asks for it."""
        with self.lock:
            if not self.asked:
                self.asked, self.catalogs = True, _catalogs(self.migration)
        told = [catalog[table.address] for catalog in self.catalogs or () if table.address in catalog]
        found = [facts.of("generated").get(name) for facts in told]
        return len(found) == 2 and found[0] == found[1] is not None  # noqa: PLR2004 - both sides

    def _compare(self, table: Table, batch: Batch, names: list[str]) -> None:
        shape = self.migration.sink.shape(table)
        kinds = {name: type_of(shape, name) for name in names}
        sent = table.texts(batch)
        narrow = table.whole().narrowed((*table.key, *names))
        told = translator(narrow, shape, sent)
        for found in self.migration.sink.rows(narrow, table.key, sorted(sent)):
            for key, text in narrow.texts(found).items():
                mine, theirs = raw_json.cells(sent.get(told(key) or key, "{}")), raw_json.cells(text)
                wrong = [
                    name
                    for name, kind in kinds.items()
                    if name in mine and name in theirs and not self._same(kind, mine[name], theirs[name])
                ]
                if wrong:
                    raise changed(table, wrong, key, names)

    def _same(self, kind: str, mine: str, theirs: str) -> bool:
        """Whether both cells are one value; as far as can be told where OLD has not printed the one sent."""
        if (self.of_files or not self.migration.alike) and kept(kind, mine, theirs):
            return True
        return (
            same_cell(kind, mine, theirs, lenient=True)
            or (is_json(kind) and same_json(mine, theirs, strict=False))
            or ((kind.endswith("[]") or "." in kind) and same_as_printed(mine, theirs))
        )


def _catalogs(migration: Migration) -> tuple[Catalog, Catalog] | None:
    """Both; None where they cannot be asked: then rows are compared, which takes longer."""
    if not (migration.alike and both_speak_sql(migration)):
        return None
    try:
        return both_catalogs(migration)
    except SupasyncError:
        return None
