"""Rows are removed from the sink under guards, and can be brought back.

Only rows that the sink is known to have received from the source; no more than a ceiling; children before
parents; never a row that others in the sink refer to; each row kept in the staging before its DELETE is sent;
and the server's own guard on the number of rows. Callers hold the lease, and have just made sure that the
source does not have the rows any more.

::

    plans = [weigh(side, table, keys, ceiling=None) for table, keys in ...]    # parents first, as configured
    if not any(plan.refused for plan in plans):
        done = remove(side, plans)
    undo(side)                                                                # the newest removal
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from supasync_core.api.backend import Buffered, Reference, Sink
from supasync_core.api.rows_there import those_there
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Key
from supasync_core.model.errors import LeftOverError, RefusedError, SchemaError, StateError, TableError
from supasync_core.model.opaque_keys import literal, opaque
from supasync_core.model.refused_rows import texts_of
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.project.migration import Migration
from supasync_core.schema.foreign_keys import UntoldKeysError, acting_on_deletes
from supasync_core.sync import confirmed

if TYPE_CHECKING:
    from supasync_core.staging.history import Kept, Removal
    from supasync_core.staging.staging_file import Staging

CEILING_ROWS = 100
CEILING_PERCENT = 5
"""Rows that are removed from one table at once: the smaller of both, but always one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where rows are removed: the sink and its name, the source's name, all tables, parents first."""

    sink: Sink
    sink_ref: str
    source_ref: str
    tables: tuple[Table, ...]
    evidence: "Staging"

    @classmethod
    def of(cls, migration: Migration, evidence: "Staging") -> Self:
        """The sink of a project, and what is known of its rows."""
        settings = migration.settings
        return cls(
            sink=migration.sink,
            sink_ref=settings.sink.ref,
            source_ref=migration.source_ref,
            tables=settings.tables,
            evidence=evidence,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePlan:
    """What of the wanted rows of a table may be removed: ``keys``.

    ``unproven`` rows are left alone: nothing shows that the source ever had them.
    """

    table: Table
    keys: tuple[Key, ...]
    unproven: tuple[Key, ...]
    ceiling: int

    @property
    def refused(self) -> str | None:
        """Why none of them may be removed, None where they may."""
        if len(self.keys) <= self.ceiling:
            return None
        return (
            f"{self.table.name}: {len(self.keys):,} rows would be removed; the limit is {self.ceiling:,} "
            "at a time"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """How a table's removal ended: ``held`` rows stayed because rows of ``holder`` refer to them.

    ``missing`` rows were gone from the sink already. ``error`` is what the sink refused.
    """

    table: Table
    removed: int = 0
    missing: int = 0
    held: tuple[Key, ...] = ()
    holder: str | None = None
    error: TableError | None = None

    @property
    def held_text(self) -> str:
        """A sentence on the rows that stayed; empty where none did."""
        one, several = "row stays: rows of {} refer to it", "rows stay: rows of {} refer to them"
        return counted(len(self.held), one, several).format(self.holder) if self.held else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """What an undo did in a table: rows written again, rows that were there again anyway, or an error."""

    table: Table
    written: int = 0
    present: int = 0
    error: TableError | None = None


def ceiling_of(rows: int) -> int:
    """How many of so many rows may be removed at once, unless a person says otherwise."""
    return max(1, min(CEILING_ROWS, rows * CEILING_PERCENT // 100))


def weigh(place: Place, table: Table, keys: Sequence[Key], ceiling: int | None = None) -> DeletePlan:
    """What of these rows may be removed, nothing being removed yet; SchemaError for what cannot be a key."""
    wanted = table.exact_keys(keys)
    shape = place.sink.shape(table)
    seen = place.evidence.seen(place.source_ref, table, wanted, shape) if wanted else set()
    return DeletePlan(
        table=table,
        keys=tuple(key for key in wanted if key in seen),
        unproven=tuple(key for key in wanted if key not in seen),
        ceiling=ceiling_of(place.sink.count(table.whole()) if wanted else 0) if ceiling is None else ceiling,
    )


def new_id(at: str) -> str:
    """A name for what is changed at this time."""
    return f"{timestamps.to_text(timestamps.parse(at))[:19]}-{uuid4().hex[:6]}"


def remove(
    place: Place, plans: Sequence[DeletePlan], at: str, removal: str | None = None
) -> tuple[str, list[Removed]]:
    """Remove the rows, children first; the id of the removal, and how each table ended.

    ``plans`` stand parents first, ``at`` is the time as ISO text, ``removal`` an id from `new_id`. A table
    whose plan is refused is left alone. An error in one table does not stop the others; it leaves parents in
    place that rows refer to.
    """
    removal = removal or new_id(at)
    wanted = [plan for plan in reversed(plans) if plan.keys]
    try:
        keys = acting_on_deletes(place.sink, place.tables) if wanted else []
    except UntoldKeysError as err:
        return removal, [Removed(table=plan.table, error=_of(plan.table, err)) for plan in wanted]
    return removal, [_remove(place, plan, removal, at, keys) for plan in wanted]


def _of(table: Table, err: UntoldKeysError) -> UntoldKeysError:
    """What holds for all tables, said of one."""
    return table.error(UntoldKeysError, str(err), hint=err.hint)


def _remove(
    place: Place, plan: DeletePlan, removal: str, at: str, references: Sequence[Reference]
) -> Removed:
    table = plan.table
    if plan.refused:
        hint = "check them; to remove them, raise the limit"
        return Removed(table=table, error=TableError(plan.refused, table=table.name, hint=hint))
    try:
        rows = [batch for batch in _named(place, table, plan.keys) if batch.count]
        held, holder = _held(place, table, rows, references)
        for batch in rows:
            going = batch.only([i for i, key in enumerate(table.keys(batch)) if key not in held])
            place.evidence.keep("removed", removal, at, place.sink_ref, table, going)
        there = [key for batch in rows for key in table.keys(batch) if key not in held]
        removed, left, error = place.sink.delete(table, there), 0, None
        place.evidence.forget(
            place.source_ref, table, [key for key in plan.keys if key not in held], place.sink.shape(table)
        )
    except LeftOverError as err:
        removed, left, error = err.removed, err.left, err
    except TableError as err:
        return Removed(table=table, error=err)
    missing = len(plan.keys) - len(held) - removed - left
    stay = tuple(sorted(held))
    return Removed(table=table, removed=removed, missing=missing, held=stay, holder=holder, error=error)


def undo(place: Place, removal: str | None = None) -> "tuple[Removal, list[PutBack]]":
    """Put back what one removal took, the newest unless named; rows that are there again stay as they are.

    StateError where there is nothing to put back; for its tables see `changed_tables`.
    """
    known = [each for each in place.evidence.changes("removed", place.sink_ref) if not each.undone]
    chosen = next((each for each in known if removal in (None, each.id)), None)
    if chosen is None:
        what = f"no removal {removal}" if removal else "no removal"
        raise StateError(f"there is {what} in the staging whose rows could be put back")
    return chosen, [_put_back(place, chosen.id, table) for table in changed_tables(place, "removed", chosen)]


def changed_tables(place: Place, kept: "Kept", change: "Removal") -> list[Table]:
    """The tables whose rows a change removed or overwrote, parents first.

    StateError where one is not declared any more, SchemaError where one has another key.
    """
    names = {table.full_name: table for table in place.tables}
    lost = [name for name in change.rows if name not in names]
    if lost:
        raise StateError(
            f"rows of {', '.join(lost)} were {kept}, and tables.yaml no longer has such a table",
            hint="declare it again, at least until they are put back",
        )
    tables = [table for name, table in names.items() if name in change.rows]
    for table in tables:
        place.evidence.check_key(kept, change.id, table)
    return tables


def _put_back(place: Place, removal: str, table: Table) -> PutBack:
    whole = table.whole().narrowed(())
    written = present = 0
    try:
        for batch in place.evidence.removed_rows(removal, table):
            keys = table.keys(batch)
            there = {*those_there(place.sink, table, keys)}
            wanted = batch.only([i for i, key in enumerate(keys) if key not in there])
            present += batch.count - wanted.count
            written += confirmed.upsert(place.sink, whole, wanted) if wanted.count else 0
            place.evidence.forget(
                place.source_ref, table, keys, place.sink.shape(table)
            )  # else the next look removes it again
        settle(place, "removed", removal, table)
    except TableError as err:
        return PutBack(table=table, written=written, present=present, error=err)
    return PutBack(table=table, written=written, present=present)


def settle(place: Place, kept: "Kept", change: str, table: Table) -> None:
    """Note that nothing of a change is left to be undone, once other processes find the rows in the sink."""
    if isinstance(place.sink, Buffered):
        place.sink.flush()
    place.evidence.settle(kept, change, table)


def _held(
    place: Place, table: Table, rows: Sequence[Batch], references: Sequence[Reference]
) -> tuple[set[Key], str | None]:
    """The rows that others in the sink still refer to, as far as it tells, and one table of those others.

    Where a foreign key cascades, the sink would remove those others unasked, and nothing would keep them.
    """
    held: set[Key] = set()
    holder = None
    own = {key for batch in rows for key in table.keys(batch)}
    mine = [each for each in references if each.parent == table.address]
    for reference in mine if rows else ():
        links = _links(place, reference, table, rows)
        before = -1
        while len(held) != before:  # in a table that refers to itself, a held row holds its parent
            before = len(held)
            going = own - held if reference.table == reference.parent else set()
            found = {parent for parent, referring in links.items() if referring - going}
            holder = reference.table[1] if found - held else holder
            held |= found
    return held, holder


def _links(place: Place, reference: Reference, table: Table, rows: Sequence[Batch]) -> dict[Key, set[Key]]:
    """By the key of each parent the rows that refer to it; each of them by all where texts do not tell.

    Of a table that nobody declared, and that cannot be read, any row may refer to any of them.
    """
    parents = {
        texts: key
        for batch in rows
        for row, key in zip(batch.rows, table.keys(batch), strict=True)
        if (texts := texts_of(row, reference.theirs))
    }
    schema, name = reference.table
    declared = next((each for each in place.tables if each.address == reference.table), None)
    child = declared or Table(name=name, schema=schema, key=reference.columns)
    narrow = child.whole().narrowed((*child.key, *reference.columns))
    found: defaultdict[Key, set[Key]] = defaultdict(set)
    try:
        for batch in place.sink.rows(narrow, reference.columns, list(parents)):
            for key, row in zip(child.keys(batch), batch.rows, strict=True):
                texts = texts_of(row, reference.columns)
                for parent in [parents[texts]] if texts in parents else parents.values():
                    found[parent].add(key)
    except (SchemaError, RefusedError) as err:
        if declared or (isinstance(err, RefusedError) and err.reason):
            raise
        return {parent: {()} for parent in parents.values()}
    return found


def _named(place: Place, table: Table, keys: Sequence[Key]) -> Iterator[Batch]:
    """The rows of these keys by their very texts: what the server takes for the same key is another row."""
    names = opaque(place.sink.shape(table), table.key)
    places = [table.key.index(name) for name in names]
    for batch in place.sink.rows(table.whole().narrowed(()), table.key, keys):
        matches = literal(table.keys(batch), keys, places)
        yield batch if all(matches) else batch.only([i for i, same in enumerate(matches) if same])
