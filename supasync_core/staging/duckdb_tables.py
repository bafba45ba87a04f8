"""What a DuckDB file knows of a table: its name there, its columns and their kinds."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from duckdb import DuckDBPyConnection

from supasync_core.model.errors import NoTableError
from supasync_core.model.table import Column, Shape, Table
from supasync_core.staging.own_names import ours
from supasync_core.staging.refused_sql import refuse_columns
from supasync_core.staging.values import Kind, identifier, kind_of

Kinds = Mapping[str, Kind]
FILE, ROW, PLACE = "supasync file", "supasync row", "supasync place"
"""What columns of the staging itself are called: the number of the file that a row is from, its number in
there, its number among all rows. Where the table has a column of that name, `free` gives another."""
STAGED = ("ready", "sending")
"""The schemas of the staging whose tables have columns of its own."""

_NAMES = "SELECT table_name FROM system.main.duckdb_tables() WHERE database_name = current_database()"
"""Names of tables that are no views; half the time of the view information_schema.tables."""
_FOUND = _NAMES.replace("table_name", "table_name, database_oid, table_oid", 1)

_Judged = tuple[int, int, tuple[tuple[str, str], ...]]
_JUDGED: WeakKeyDictionary[DuckDBPyConnection, set[_Judged]] = WeakKeyDictionary()
"""Tables by DuckDB's numbers, which are new wherever a file is attached or a table made, and their columns.

While a file is attached nobody else writes to it. To judge a table's columns takes 4 ms of a processor, and
what writes a batch asks for them several times.
"""


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables behind one connection."""

    connection: DuckDBPyConnection

    def kinds(self, table: Table) -> Kinds | None:
        """The table's columns in their order, None if the table does not exist.

        SchemaError where a column is more than what is stored in it (`refuse_columns`). DuckDB takes
        ``Users`` and ``users`` for the same name, PostgreSQL does not: SchemaError.
        """
        numbers = self._found(table)
        if numbers is None:
            return None
        relation = self.connection.sql(f"FROM {qualified(table)} LIMIT 0")
        types = dict(zip(relation.columns, relation.types, strict=True))
        named = {name: str(kind) for name, kind in types.items()}
        judged = _JUDGED.setdefault(self.connection, set())
        if (each := (*numbers, tuple(named.items()))) not in judged:
            refuse_columns(self.connection, table, qualified(table), named)
            judged.add(each)
        hidden = own_columns(types) if table.schema in STAGED else ()
        return {name: kind_of(described) for name, described in types.items() if name not in hidden}

    def has(self, table: Table) -> bool:
        """Whether the table exists; SchemaError where another does whose name differs in case alone."""
        return self._found(table) is not None

    def _found(self, table: Table) -> tuple[int, int] | None:
        """The numbers of its database and of itself; None where it does not exist."""
        found = self.connection.execute(
            f"{_FOUND} AND schema_name = $schema AND lower(table_name) = lower($name)",
            {"schema": schema_of(table), "name": table.relation},
        ).fetchone()
        if found and found[0] != table.relation:
            raise table.schema_error(
                f"the DuckDB file has a table {found[0]}, and DuckDB cannot tell the two apart",
                hint="import the files of one of them at a time: supasync gap import --file TABLE=PATH"
                if table.schema in ("known", *STAGED)
                else None,
            )
        return (found[1], found[2]) if found else None

    def columns(self, table: Table) -> list[str]:
        """The names of the table's columns, the staging's own among them."""
        return self.connection.sql(f"FROM {qualified(table)} LIMIT 0").columns

    def own(self, table: Table) -> tuple[str | None, ...]:
        """What the staging's own columns of one of its tables are called: file, row and place."""
        return own_columns(self.columns(table))

    def existing(self, table: Table) -> Kinds:
        """The table's columns; NoTableError if the table does not exist."""
        kinds = self.kinds(table)
        if kinds is None:
            raise table.error(
                NoTableError, "no such table", hint=f"its tables are: {', '.join(self.names()) or 'none'}"
            )
        return kinds

    def names(self, schema: str | None = None) -> list[str]:
        """The names of all tables, or of those of one schema."""
        rows = self.connection.execute(
            f"{_NAMES} AND schema_name = coalesce(?, schema_name) ORDER BY ALL", [schema]
        ).fetchall()
        return [name for (name,) in rows]


def own_columns(columns: Collection[str]) -> tuple[str | None, ...]:
    """Those of the columns that are the staging's own, None for each that there is not."""
    return tuple(ours(stem, columns) for stem in (FILE, ROW, PLACE))


def schema_of(table: Table) -> str:
    """DuckDB's schema for the table: its own default stands for PostgreSQL's."""
    return "main" if table.schema == "public" else table.schema


def qualified(table: Table) -> str:
    """The table's full name as SQL."""
    return f"{identifier(schema_of(table))}.{identifier(table.relation)}"


def shape_of(kinds: Kinds) -> Shape:
    """The columns as core sees them; a table of JSON columns alone holds cells whose type nobody knows."""
    typed = not untyped(kinds)
    return Shape(tuple(Column(name, type=kind.sql if typed else None) for name, kind in kinds.items()))


def untyped(kinds: Kinds) -> bool:
    """Whether the table was made by a sink: raw JSON cells, whatever their column's type was."""
    return all(kind.family == "json" for kind in kinds.values())


def refuse_case_twins(table: Table, columns: Iterable[str]) -> None:
    """DuckDB takes ``Name`` and ``name`` for one column, PostgreSQL does not: SchemaError."""
    seen: dict[str, str] = {}
    for name in columns:
        twin = seen.setdefault(name.lower(), name)
        if twin != name:
            raise table.schema_error(
                f"DuckDB cannot tell the columns {twin} and {name} apart",
                hint=f"leave one of them out: exclude: [{name}]",
            )
