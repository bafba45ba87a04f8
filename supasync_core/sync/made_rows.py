"""Rows that the sink has of its own where a table was never copied: a trigger made them, or somebody.

Such a row stays, and where it has a unique value of a row of the source, that one is refused. What says that
it did not come from the source is that the source has no row with its key.

The sink names the columns where it refuses a row because a unique value is taken (23505). Its own row with
these values is asked for by them: where the source has that row, it goes first as it is now, and else only a
removal makes way.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from supasync_core.api.backend import Remark
from supasync_core.api.rows_there import those_there
from supasync_core.model.batch import Key, Keyset, Row, Span, Window
from supasync_core.model.errors import RowError, TableError
from supasync_core.model.level import WARNING
from supasync_core.model.page_order import Onward
from supasync_core.model.refused_rows import texts_of
from supasync_core.model.state import TableState
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.project.migration import Migration

LOOKED = 1000
"""Rows of a table that are looked at before a first sync."""
_PAGE = 1000
WAY = "supasync reconcile clear shows them, and removes them with --apply"


@dataclass(frozen=True, slots=True)
class Made:
    """Of ``looked`` rows that the sink has of a table, out of ``rows``, those that the source does not have.

    ``empty``: the source shows no row of the table at all.
    """

    table: Table
    keys: tuple[Key, ...] = ()
    looked: int = 0
    rows: int = 0
    empty: bool = False

    @property
    def sentence(self) -> str:
        """How many they are."""
        some = f" of the {self.looked:,} that were looked at" if self.looked < self.rows else ""
        rows = counted(len(self.keys), "row", "rows")
        return f"{self.table.name}: NEW has {rows} that OLD does not have{some}"


def before(migration: Migration, table: Table, state: TableState) -> Made | None:
    """Such rows of a table that is about to be copied for the first time; what fails is said by the copy."""
    if not is_untouched(state):
        return None
    try:
        found = look(migration, table, LOOKED)
    except TableError:
        return None
    return found if found.keys else None


def is_untouched(state: TableState) -> bool:
    """Whether nothing of the table was copied, and no place is known up to which it was."""
    return state.read_at is None and not state.keysets and state.backfill is None


def look(migration: Migration, table: Table, most: int) -> Made:
    """Ask for at most so many rows by their keys: a page of the sink, a few requests of the source."""
    gone: list[Key] = []
    looked = total = 0
    for keys, rows in _pages(migration, table.whole().narrowed(table.key), most):
        gone += lacking(migration, table, keys)
        looked += len(keys)
        total = max(total, rows, looked)
    empty = 0 < len(gone) == looked and not migration.source.count(table.whole())
    return Made(table, tuple(gone), looked, total, empty)


def lacking(migration: Migration, table: Table, keys: Sequence[Key]) -> list[Key]:
    """Those of the keys that no row of the source has, also where it prints them in other words."""
    known = {*those_there(migration.source, table, keys)}
    return [key for key in keys if key not in known]


def why(remarks: Iterable[Remark]) -> str:
    """What made such rows, as far as the sink tells, and what to do about them."""
    makers = [each.text for each in remarks if each.kind == "accounts" and each.level == WARNING]
    cause = (
        "; ".join(makers) + ", and may have made them"
        if makers
        else "they were created in NEW, by a trigger or by someone, or OLD has deleted them since"
    )
    return f"{cause}. They stay, and block rows from OLD with the same unique value: {WAY}"


def _pages(migration: Migration, table: Table, most: int) -> Iterator[tuple[list[Key], int]]:
    """The keys of the sink's rows, page by page to an empty one, and how many rows there are."""
    after, seen, total, onward = None, 0, 0, Onward(table)
    while seen < most:
        window = Window(
            (Span(Keyset(None), after=after),), limit=min(_PAGE, most - seen), counted=after is None
        )
        page = migration.sink.read(table, window)
        if not page.count:
            return
        keys = table.keys(page)
        seen, total = seen + page.count, max(total, page.total or 0)
        yield keys, total
        if seen >= total > 0:
            return
        after = onward.behind(page)


def in_the_way(migration: Migration, table: Table, row: Row, columns: Sequence[str]) -> list[Key]:
    """The keys of the sink's rows that have the row's values of these columns, without its own."""
    value = texts_of(row, columns) if columns else ()
    if not value:
        return []
    keys_only = table.whole().narrowed(table.key)
    found = migration.sink.rows(keys_only, columns, [value])
    own = table.key_of(row)
    return [key for batch in found for key in table.keys(batch) if key != own]


def explain(table: Table, err: RowError, blockers: Sequence[Key]) -> None:
    """Let the error say whose row it is that the source does not have, and the way out."""
    shown = "; ".join(", ".join(key) for key in blockers)
    err.message = (
        f"{table.name}: NEW's row {shown} has the same {', '.join(err.columns)}, and OLD has no such row: "
        "deleted there, or made in NEW"
    )
    err.hint = WAY
    err.blockers = tuple(blockers)


def hint(err: RowError) -> None:
    """Let the error name the cause where the sink was found to have rows of its own in the table."""
    columns = f" with the same {', '.join(err.columns)}" if err.columns else ""
    err.hint = (
        "NEW has rows in this table that OLD does not have, as a trigger on auth.users makes them, and "
        f"one{columns} may be in the way: {WAY}"
    )
