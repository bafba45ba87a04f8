"""How a table is to be read: by which timestamp, as a log, or as a whole."""

from dataclasses import dataclass, replace
from itertools import pairwise

from supasync_core.backend import Source
from supasync_core.batch import Keyset, Span, Window
from supasync_core.draft.proposal import Proposal
from supasync_core.errors import TableError
from supasync_core.tables import Column, Shape, Table

SMALL = 10_000
"""Rows up to which a table is read as a whole: half of what the plugin ``snapshot`` takes, room to grow."""
SAMPLE = 200
"""Rows whose order of creation is compared with that of their keys."""
_MOSTLY = 0.95
"""The share of neighbours whose keys must rise: late commits change places, random numbers rise by half."""

_WHOLE = ("smallint", "integer", "bigint")
_CHANGED = (
    "updatedat",
    "modifiedat",
    "lastmodifiedat",
    "lastupdatedat",
    "changedat",
    "lastupdated",
    "lastmodified",
    "updatedon",
    "modifiedon",
    "updated",
    "modified",
    "updatetime",
    "dateupdated",
    "datemodified",
)
_MADE = (
    "createdat",
    "insertedat",
    "addedat",
    "recordedat",
    "loggedat",
    "occurredat",
    "receivedat",
    "createdon",
    "created",
    "inserted",
    "createtime",
    "datecreated",
    "timestamp",
)
_UPDATES = "changes of rows that were copied are not seen"


@dataclass(frozen=True, slots=True)
class Reader:
    """Decides by the columns, and asks the source for a count or a few keys where they do not tell."""

    source: Source

    def proposal(self, table: Table, shape: Shape) -> Proposal:
        """The table with ``timestamp`` or ``plugin``, or why it cannot be followed."""
        changed, made = _moment(shape, _CHANGED), _moment(shape, _MADE)
        if changed:
            return _by_change(table, changed, made)
        if made:
            return self._log(table, shape, made)
        return self._whole(table, shape)

    def _log(self, table: Table, shape: Shape, made: Column) -> Proposal:
        """Rows that say when they were made, and never that they changed."""
        if _counting(shape) and self._rises(table, made.name):
            log = (
                f"a log: nothing says when rows change, and {table.key[0]} rises with {made.name}; {_UPDATES}"
            )
            return Proposal(table=replace(table, plugin="append"), reasons={"plugin": log})
        told = f"nothing says when rows change, they look only ever added; {_UPDATES}"
        if made.nullable:
            told += f"; rows without {made.name} are read by every run"
        return Proposal(table=replace(table, timestamp=(made.name,)), reasons={"timestamp": told})

    def _whole(self, table: Table, shape: Shape) -> Proposal:
        """No timestamp at all: the number of rows decides."""
        rows = self.source.count(table)
        if rows <= SMALL:
            told = f"no timestamp, and small ({rows:,} rows): every run reads all of it"
            return Proposal(table=replace(table, plugin="snapshot"), reasons={"plugin": told})
        if _counting(shape):
            told = (
                f"no timestamp, and {rows:,} rows are too many to read as a whole every time. Only right "
                f"where {table.key[0]} grows with each row; {_UPDATES}"
            )
            return Proposal(table=replace(table, plugin="append"), reasons={"plugin": told})
        return Proposal(
            table=table,
            refusal=f"it has no timestamp and no key that counts up, and its {rows:,} rows are too many to "
            "read as a whole every time. Add an updated_at that every write sets, name another column as "
            "timestamp:, or carry it over at the end by: supasync gap",
        )

    def _rises(self, table: Table, made: str) -> bool:
        """Whether the keys of the first rows rise with their creation; False where nobody can tell."""
        narrow = replace(table, timestamp=(made,), columns=(*table.key, made))
        try:
            page = self.source.read(narrow, Window((Span(Keyset(made)),), SAMPLE))
        except TableError:
            return False
        keys = [int(row[table.key[0]]) for row in page.rows]
        steps = [later > earlier for earlier, later in pairwise(keys)]
        return bool(steps) and sum(steps) >= _MOSTLY * len(steps)


def _by_change(table: Table, changed: Column, made: Column | None) -> Proposal:
    if changed.nullable is False:
        told = "NOT NULL; each change has to set it, in the app or by a trigger"
        return Proposal(table=replace(table, timestamp=(changed.name,)), reasons={"timestamp": told})
    may = "may be NULL" if changed.nullable else "may be NULL, as far as is known"
    if made is None:
        told = f"{may}; rows without it are read by every run"
        return Proposal(table=replace(table, timestamp=(changed.name,)), reasons={"timestamp": told})
    told = f"{changed.name} {may}: then {made.name} counts"
    if made.nullable:
        told += "; rows without either are read by every run"
    return Proposal(table=replace(table, timestamp=(changed.name, made.name)), reasons={"timestamp": told})


def _moment(shape: Shape, names: tuple[str, ...]) -> Column | None:
    """The column of the best of these names that holds timestamps."""
    moments = [column for column in shape.columns if _is_moment(column) and _plain(column.name) in names]
    return min(moments, key=lambda column: names.index(_plain(column.name)), default=None)


def _is_moment(column: Column) -> bool:
    return column.type is None or column.type.lower().startswith("timestamp")


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _counting(shape: Shape) -> bool:
    """Whether the key is one whole number of the table's own, as a sequence draws them."""
    key = [column for column in shape.columns if column.key]
    return len(key) == 1 and (key[0].type or "").lower() in _WHOLE and key[0].refers is None
