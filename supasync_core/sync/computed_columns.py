"""Columns that NEW computes itself, or whose types may hold less there, compared in every row that is sent.

NEW takes no value for such a column, so an upsert that succeeds tells nothing of it, and a sample misses the
few rows that differ. Where both catalogs show one expression, nothing is read.
"""

from dataclasses import dataclass, field

from supasync_core.api.backend import Computing
from supasync_core.model import raw_json
from supasync_core.model.batch import Batch
from supasync_core.model.pg_types import is_json, type_of
from supasync_core.model.same_key import translator
from supasync_core.model.same_value import same_as_printed, same_cell, same_json
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration
from supasync_core.schema.known_catalogs import KnownCatalogs
from supasync_core.sync import confirmed
from supasync_core.sync.changed_rows import REWRITTEN, changed, kept


@dataclass
class ComputedColumns:
    """Those of all tables of one run; several threads may write.

    Rows are compared while no other version of them is on its way.
    """

    migration: Migration
    of_files: bool = False
    """Whether rows come from files, and not as OLD prints them."""
    catalogs: KnownCatalogs = field(init=False)
    unproven: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """By table the columns whose types in NEW may change values, as far as is known."""

    def __post_init__(self) -> None:
        self.catalogs = KnownCatalogs(self.migration)

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
        sink, open_ = self.migration.sink, self.unproven.get(table.address, frozenset())
        computed = sink.computed(table) if isinstance(sink, Computing) else frozenset()
        sent = [name for name in batch.columns if name not in table.exclude]
        names = [name for name in sent if name in computed]
        if not table.exclude and not table.columns:  # else a column may be computed of one that is not sent
            names = [name for name in names if not self._is_proven(table, name)]
        return [*names, *(name for name in sent if name in open_ and name not in computed)]

    def _is_proven(self, table: Table, name: str) -> bool:
        """Whether both catalogs show one expression."""
        told = self.catalogs.of(table)
        return told is not None and told[0].of("generated").get(name, "") == told[1].of("generated").get(name)

    def _compare(self, table: Table, batch: Batch, names: list[str]) -> None:
        narrow_types = self.unproven.get(table.address, frozenset())
        shape = self.migration.sink.shape(table)
        kinds = {name: type_of(shape, name) for name in names}
        kinds |= {name: REWRITTEN for name in narrow_types if is_json(kinds.get(name, ""))}
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
                    raise changed(table, wrong, key, [name for name in names if name not in narrow_types])

    def _same(self, kind: str, mine: str, theirs: str) -> bool:
        """Whether both cells are one value; as far as can be told where OLD has not printed the one sent."""
        if kind == REWRITTEN:
            return same_json(mine, theirs, strict=False)
        if (self.of_files or not self.migration.alike) and kept(kind, mine, theirs):
            return True
        return (
            same_cell(kind, mine, theirs, lenient=True)
            or (is_json(kind) and same_json(mine, theirs, strict=False))
            or ((kind.endswith("[]") or "." in kind) and same_as_printed(mine, theirs))
        )
