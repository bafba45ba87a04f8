"""Names of ours that stand beside a table's own: chosen so that none of its columns can be taken for one.

The rule for every SQL text of ours: a table's columns are quoted and qualified by an alias. What we name
ourselves (a number, a place, a text to compare) stands in a relation that has none of the table's columns,
or bears a name from here.
"""

# ruff: noqa: S608 - names are quoted by values.identifier

from collections.abc import Collection, Iterable

from supasync_core.staging.values import identifier

ROW_ID = "rowid"
"""DuckDB's name for the number of a row, which a column of that name hides."""


def free(stem: str, taken: Iterable[str]) -> str:
    """The stem, longer by as many underscores as it takes: no name begins with it, whatever its case."""
    names = [name.lower() for name in taken]
    while any(name.startswith(stem.lower()) for name in names):
        stem += "_"
    return stem


def ours(stem: str, columns: Collection[str]) -> str | None:
    """What `free` has called a column of a table that now has these; None where it has no such one."""
    found = [name for name in columns if name.startswith(stem) and not name.removeprefix(stem).strip("_")]
    return max(found, key=len, default=None)


def numbered(relation: str, columns: Collection[str], where: str | None = None) -> tuple[str, str]:
    """The rows of a relation, each with a number, as SQL; and the quoted name of the number.

    The number is DuckDB's own where no column hides that, else one of ours: it then holds for one query
    only, and for more where the rows are kept in a table.
    """
    name = identifier(free("number", columns))
    number = "row_number() OVER ()" if hides_row_ids(columns) else ROW_ID
    return f"(SELECT *, {number} AS {name} FROM {relation} WHERE {f'({where})' if where else 'true'})", name


def hides_row_ids(columns: Iterable[str]) -> bool:
    """Whether one of the columns is called as DuckDB's own number is."""
    return any(name.lower() == ROW_ID for name in columns)
