"""Tables that show rows of other tables too (PostgreSQL's INHERITS), found by ``tableoid`` alone.

The description of the API does not show inheritance. Each row says which table holds it, by a number that
can be selected and compared (PostgreSQL documentation, 5.6 "System Columns"); partitions are not shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from supasync_core.api.backend import Remark
from supasync_core.model.table import Shape, Table
from supasync_rest import catalog_warnings, query
from supasync_rest.messages import Request
from supasync_rest.rest_errors import NOT_SHOWN, raise_if_of_the_project
from supasync_rest.tables import RestTables

_OID = "tableoid"


@dataclass
class InheritanceCheck:
    """One check of a project's tables; it asks only where a table has all columns of another one."""

    project: RestTables
    holders: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def remarks(self, tables: Sequence[Table]) -> list[Remark]:
        """A problem for each table that shows rows of another table which is copied too.

        Where the other one is not copied, it may be a partition: then its rows belong to this table.
        """
        declared = {table.address for table in tables}
        found = []
        for table in tables:
            children = [name for name in self._candidates(table) if self._shows(table, name)]
            copied = [name for name in children if (table.schema, name) in declared]
            if copied:
                found.append(catalog_warnings.inherited(table, copied, "OLD"))
            elif children:
                found.append(catalog_warnings.perhaps_partitions(table, children))
        return found

    def _candidates(self, table: Table) -> list[str]:
        """The tables that have all of its columns, of the same types, as a child has."""
        try:
            shapes: Mapping[str, Shape] = self.project.tables(table.schema)
        except NOT_SHOWN:
            return []
        own = shapes.get(table.relation)
        if own is None or own.view or not own.columns:
            return []
        wanted = {(column.name, column.type) for column in own.columns}
        return [
            name
            for name, shape in shapes.items()
            if name != table.relation
            and not shape.view
            and wanted <= {(column.name, column.type) for column in shape.columns}
        ]

    def _shows(self, table: Table, name: str) -> bool:
        """Whether the table shows a row that the other one holds."""
        other = Table(name=name, schema=table.schema)
        holder = self._holder(other)
        if holder is None:
            return False
        if self._holder(table) == holder:  # the parent is the one that shows other rows too
            beyond = (_OID, f"neq.{holder}")
            return self._first(table, beyond) is not None or self._first(other, beyond) is None
        return self._first(table, (_OID, f"eq.{holder}")) is not None

    def _holder(self, table: Table) -> str | None:
        """The number of the table that holds its first row; None without rows, or where it is not shown."""
        if table.address not in self.holders:
            self.holders[table.address] = self._first(table)
        return self.holders[table.address]

    def _first(self, table: Table, *conditions: tuple[str, str]) -> str | None:
        path = query.path(table, [("select", _OID), *conditions, ("limit", "1")])
        request = Request(path=path, purpose="schema", table=table, eased=True)
        try:
            rows = self.project.page(request).rows
        except NOT_SHOWN as err:
            raise_if_of_the_project(err)
            return None
        return str(rows[0][_OID]) if rows else None
