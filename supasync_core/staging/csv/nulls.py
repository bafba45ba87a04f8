"""NULL or an empty text: by the dialect where it tells, else by the type, NEW's own rows, or the user."""
# ruff: noqa: S608 - names are quoted by values.identifier

from collections.abc import Mapping
from dataclasses import dataclass

from supasync_core.model.pg_types import is_text, may_be_null, type_of
from supasync_core.model.table import Shape, Table
from supasync_core.staging.csv.cells import NOT_NULL, OR_EMPTY
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.csv.dialects import Cells, Dialect
from supasync_core.staging.duckdb_tables import Kinds, Tables, qualified
from supasync_core.staging.equality import same
from supasync_core.staging.staged_tables import known, ready
from supasync_core.staging.staging_file import Staging
from supasync_core.staging.values import identifier, instant, literal, plain


@dataclass(frozen=True, slots=True)
class Open:
    """A column of which the file does not tell what a cell means: empty, or the word ``null``."""

    column: str
    marker: str
    cells: int
    file: str


def rule(  # noqa: PLR0911, PLR0913, PLR0917 - all that speaks for a column
    dialect: Dialect, shape: Shape, table: Table, file: str, name: str, cells: Cells, choices: Choices
) -> tuple[str | None, bool]:
    """The column's word for NULL in this file, and whether that is sure."""
    chosen = chosen_for(choices, table, file, name)
    text = is_text(shape, name)
    of_column = {f"{file}.{name}", f"{table.name}.{name}"} & choices.nulls.keys()
    fits = text if chosen == NOT_NULL else may_be_null(shape, name)
    if of_column or (file in choices.nulls and fits):
        return (f"{OR_EMPTY}{chosen}" if chosen and not text else chosen), True
    if dialect.null is None:
        return None, True
    untold = dialect.name in ("rfc4180", "dashboard")
    if untold and chosen is not None:
        return chosen, True
    if not text:
        return dialect.null, True
    if not may_be_null(shape, name):
        return NOT_NULL, True
    if untold and cells.word:
        return "null", False
    doubtful = cells.word if dialect.null else cells.bare + cells.quoted
    if chosen is not None and doubtful:
        return chosen, True
    return dialect.null, not doubtful


def chosen_for(choices: Choices, table: Table, file: str, name: str) -> str | None:
    """The word for NULL that the user gave for this column of the file, the file, the table's, or all."""
    places = (f"{file}.{name}", file, f"{table.name}.{name}", table.name, "*")
    choices.met.update(places)
    given = next((choices.nulls[place] for place in places if place in choices.nulls), None)
    return {"empty": "", "none": NOT_NULL}.get(given, given) if given else None


def learn(staging: Staging, table: Table, shape: Shape, column: Open) -> str | None:
    """``null`` or ``text`` where all rows that the sink has with the same time say so; else None."""
    kinds = Tables(staging.connection)
    mine, theirs = kinds.kinds(ready(table)), kinds.kinds(known(table))
    if not mine or not theirs or column.column not in theirs:
        return None
    pairs = [_same(name, shape, mine, theirs) for name in table.key] + _same_time(table, mine, theirs)
    value = plain(f"k.{identifier(column.column)}", theirs[column.column])
    found = staging.fetch(
        f"SELECT count(*) FILTER ({value} IS NULL), count(*) FILTER ({value} = {literal(column.marker)}) "
        f"FROM {qualified(ready(table))} AS r JOIN {qualified(known(table))} AS k ON {' AND '.join(pairs)} "
        f"WHERE {_marked(column, mine)}"
    )
    null, text = found[0]
    if bool(null) == bool(text):
        return None
    return "null" if null else "text"


def make(staging: Staging, table: Table, column: Open, *, null: bool) -> None:
    """Give the doubtful cells of staged rows their value."""
    mine = Tables(staging.connection).existing(ready(table))
    kind = mine[column.column]
    text = literal(column.marker) if kind.sql != "JSON" else literal(f'"{column.marker}"') + "::JSON"
    staging.fetch(
        f"UPDATE {qualified(ready(table))} AS r SET {identifier(column.column)} = {'NULL' if null else text} "
        f"WHERE {_marked(column, mine)}"
    )


def _marked(column: Open, mine: Kinds) -> str:
    cell = plain(f"r.{identifier(column.column)}", mine[column.column])
    return f"{cell} IS NULL" if not column.marker else f"{cell} = {literal(column.marker)}"


def _same(name: str, shape: Shape, mine: Kinds, theirs: Kinds) -> str:
    cells = plain(f"r.{identifier(name)}", mine[name]), plain(f"k.{identifier(name)}", theirs[name])
    return same(type_of(shape, name), *cells)


def _same_time(table: Table, mine: Kinds, theirs: Kinds) -> list[str]:
    names = [name for name in table.timestamp if name in mine and name in theirs]
    pairs: list[Mapping[str, str | None]] = [
        {
            "r": instant(f"r.{identifier(name)}", mine[name]),
            "k": instant(f"k.{identifier(name)}", theirs[name]),
        }
        for name in names
    ]
    return [f"{pair['r']} IS NOT DISTINCT FROM {pair['k']}" for pair in pairs]
