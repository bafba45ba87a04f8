"""Tables that show rows of other tables too (PostgreSQL's INHERITS), found by ``tableoid`` alone.

The description of the API does not show inheritance. Each row says which table holds it, by a number that
can be selected and compared (PostgreSQL documentation, 5.6 "System Columns"); partitions are not shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from supasync_core.api.backend import Remark
from supasync_core.model.table import Shape, Table
from supasync_core.schema import catalog_warnings
from supasync_rest import query
from supasync_rest.messages import Request
from supasync_rest.rest_errors import NOT_SHOWN
from supasync_rest.tables import RestTables

_OID = "tableoid"


_MOST_OTHERS = 100
"""Tables that are not copied and are asked for in one check: of these a person is told, no row goes twice."""
_MOST_HOLDERS = 100
"""Tables whose rows one table is asked for."""


@dataclass
class InheritanceCheck:
    """One check of a project's tables; it asks only where a table has all columns of another one.

    Each table is asked whose rows it shows, whatever it is compared with: requests grow with the tables, not
    with their pairs.
    """

    project: RestTables
    holders: dict[tuple[str, str], list[str | None]] = field(default_factory=dict)
    others: set[tuple[str, str]] = field(default_factory=set)

    def remarks(self, tables: Sequence[Table]) -> list[Remark]:
        """A problem for each table that shows rows of another table which is copied too.

        Where the other one is not copied, it may be a partition: then its rows belong to this table.
        """
        declared = {table.address for table in tables}
        found = []
        for table in tables:
            asked = [
                name for name in self._candidates(table) if self._may_ask((table.schema, name), declared)
            ]
            children = [name for name in asked if self._shows(table, name)]
            copied = [name for name in children if (table.schema, name) in declared]
            if copied:
                found.append(catalog_warnings.inherited(table, copied, "OLD"))
            elif children:
                found.append(catalog_warnings.perhaps_partitions(table, children))
        return found

    def _may_ask(self, address: tuple[str, str], declared: set[tuple[str, str]]) -> bool:
        if address not in declared and len(self.others) < _MOST_OTHERS:
            self.others.add(address)
        return address in declared or address in self.others

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
        holder = self._holder(other, 0)
        if holder is None:
            return False
        if self._holder(table, 0) == holder:  # the parent is the one that shows other rows too
            return self._holder(table, 1) is not None or self._holder(other, 1) is None
        shown = (self._holder(table, number) for number in range(_MOST_HOLDERS))
        return holder in takewhile(bool, shown)

    def _holder(self, table: Table, number: int) -> str | None:
        """The number of the first, second... table whose rows it shows; None where there are no more."""
        known = self.holders.setdefault(table.address, [])
        while len(known) <= number and None not in known:
            known.append(self._first(table, [each for each in known if each]))
        return known[number] if number < len(known) else None

    def _first(self, table: Table, without: Sequence[str]) -> str | None:
        """The number of a table that holds a row of it, and is none of these; None where it is not shown."""
        beyond = f"neq.{without[0]}" if len(without) == 1 else f"not.in.({','.join(without)})"
        conditions = [(_OID, beyond)] if without else []
        path = query.path(table, [("select", _OID), *conditions, ("limit", "1")])
        request = Request(path=path, purpose="schema", table=table, rows=1, eased=True)
        try:
            rows = self.project.page(request).rows
        except NOT_SHOWN as err:
            err.raise_if_of_the_project()
            return None
        return str(rows[0][_OID]) if rows else None
