"""Look at both sides before anything is copied: what is missing, what will not be seen, how to mend it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from supasync_core.api.backend import Indexed, Remark, Sink, Surveyed
from supasync_core.api.blind_spots import (
    DELETES,
    UPDATES,
    reading,
    speaks_of_updates,
    ways_out,
    ways_out_of_standstill,
)
from supasync_core.api.journal import current
from supasync_core.api.state_store import Entry, Past
from supasync_core.init import timestamp_sample, undecided
from supasync_core.init.undecided import Undecided
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.errors import StateError, SupasyncError, TableError
from supasync_core.model.row_key import ROW_KEY, has_row_key, missing_in_sink
from supasync_core.model.state import State
from supasync_core.model.table import Shape, Table
from supasync_core.model.wording import counted
from supasync_core.project.migration import Migration
from supasync_core.project.swapped_ends import swapped
from supasync_core.schema import both_sides as structure
from supasync_core.schema import outside_parents, unique_keys
from supasync_core.status.frozen_timestamps import standing_still
from supasync_core.sync import made_rows
from supasync_core.sync.comparison.due import wanted
from supasync_core.sync.source_snapshot import look

_NO_RUN = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to know: ``problem`` must be mended first, ``warning`` names what will not be seen.

    A ``note`` names what a setting would change. With ``alone`` a sync refuses that table, and no other:
    those may begin. Kinds are those of a `Remark`, and ``state older rowkey reference circle made``: rows
    that NEW has of its own before anything was copied.
    """

    level: str
    text: str
    table: str | None = None
    hint: str | None = None
    alone: bool = False
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """The row counts of both sides, None where one cannot be had."""

    table: str
    source_rows: int | None
    sink_rows: int | None


@dataclass(frozen=True, slots=True)
class Inspection:
    """All findings, the tables' counts, and the state as it is."""

    findings: tuple[Finding, ...]
    tables: tuple[Overview, ...]
    past: Past | None
    undecided: tuple[Undecided, ...] = ()
    blind: bool = False
    """Whether the source could tell of open transactions, and is not set up to."""

    @property
    def fine(self) -> bool:
        """Whether a sync would copy every table."""
        return all(finding.level != "problem" for finding in self.findings)

    @property
    def ready(self) -> bool:
        """Whether a sync may begin: it refuses single tables by itself."""
        return all(finding.level != "problem" or finding.alone for finding in self.findings)


def inspect(migration: Migration, progress: Callable[[str], None]) -> Inspection:
    """Ask both sides and the state; nothing is written. ``progress`` hears what is being looked at."""
    mixed_up = swapped(migration)
    findings = [Finding("problem", str(mixed_up), hint=mixed_up.hint)] if mixed_up else []
    if findings:
        return Inspection(tuple(findings), (), None)
    overviews = []
    past = _state(migration, findings)
    for name, rows in past.state.set_aside().items() if past and past.state else ():
        text = f"{name}: {counted(rows, 'row is', 'rows are')} set aside, not in NEW"
        findings.append(Finding("warning", text, name, "look at them: supasync quarantine list"))
    for table in migration.settings.tables:
        progress(table.name)
        counts: list[int | None] = [None, None]
        try:
            findings.extend(_of_table(migration, table))
            there = None if _lacks_row_key(migration.sink, table) else migration.sink.count(table)
            counts = [migration.source.count(table), there]
        except TableError as err:
            findings.append(Finding("problem", str(err), err.table, err.hint))
            if err.table is None:
                break
        overviews.append(Overview(table.name, *counts))
    findings.extend(_referring(migration))
    findings.extend(_undeleted(migration))
    remarks = _remarks(migration, findings)
    findings.extend(_made(migration, past, remarks))
    findings.extend(_unmerged(migration))
    left_out = _left_out(migration, findings)
    outlook = look(migration, ())
    findings.extend(Finding("warning", note) for note in outlook.notes())
    blind = isinstance(migration.source, Surveyed) and outlook.survey is None
    return Inspection(_worded_once(findings), tuple(overviews), past, left_out, blind)


def _worded_once(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Without warnings of old functions, where the script that brings them is asked for already."""
    old = ("older", "unknown") if any(each.kind == "state" for each in findings) else ()
    return tuple(each for each in findings if each.level == "problem" or each.kind not in old)


def _referring(migration: Migration) -> Iterator[Finding]:
    """Foreign keys by which rows would wait."""
    for name, text, hint in outside_parents.sentences(migration):
        yield Finding("warning", text, name, hint, kind="reference" if name else "older")
    for name, text, hint in outside_parents.circles(migration):
        yield Finding("warning", text, name, hint, kind="circle")


def _state(migration: Migration, findings: list[Finding]) -> Past | None:
    """The past, having tried that the store can be written; what is wrong becomes findings."""
    try:
        past = migration.store.past(1)
        probe = Entry(status="running", state=State(migration.source_ref))
        if migration.store.save(_NO_RUN, probe):
            raise StateError("the state store took a record of a run that does not exist")
        if past.state:
            current(past, migration.source_ref)
    except SupasyncError as err:
        kind = "state" if isinstance(err, StateError) else None
        findings.append(Finding("problem", str(err), hint=err.hint, kind=kind))
        return None
    return past


def _of_table(migration: Migration, table: Table) -> Iterator[Finding]:
    source = migration.source.shape(table)
    ordering = [keyset.column for keyset in migration.strategy(table).keysets(table) if keyset.column]
    for column in migration.source.lacking(table, dict.fromkeys([*table.key, *ordering, *table.columns])):
        yield Finding(
            "problem",
            f"{table.name}: OLD has no column {column}",
            table.name,
            _hint_for_missing(table, column, source),
        )
    for column in table.exclude if source.known else ():
        if column not in source.names:
            text = f"{table.name}: exclude names {column}, and OLD has no such column"
            yield Finding("problem", text, table.name, "correct the name in tables.yaml")
    for text in migration.strategy(table).unfit(table, source):
        hint = "name another column, or another strategy: incremental, append or snapshot"
        yield Finding("problem", f"{table.name}: {text}", table.name, hint)
    yield from _unseen(migration, table, source)
    yield from _compared(migration, table, source)
    if not source.known:
        text = f"{table.name}: OLD does not tell its columns, so they were not compared"
        yield Finding("warning", text, table.name)


def _compared(migration: Migration, table: Table, source: Shape) -> Iterator[Finding]:
    """What NEW lacks or has otherwise than OLD."""
    for column in structure.lacking(migration, table, source):
        text = f"{table.name}: NEW has no column {column}"
        kind = "rowkey" if (column,) == table.key == (ROW_KEY,) else None
        yield Finding("problem", text, table.name, missing_in_sink([column]), kind=kind)
    yield from _without_row_key(migration, table)
    sink = migration.sink.shape(table)
    if source.view:
        text = f"{table.name} is a view in OLD: a change shows only where it moves the view's own timestamp"
        yield Finding("warning", text, table.name, "copy the tables behind it, and create the view in NEW")
    for each in structure.of_shapes(migration, table, source, sink) if source.known and sink.known else ():
        if not (each.kind == "column" and each.old) and each.column not in table.exclude:
            yield Finding(each.level, each.text, table.name, each.hint)


def _undeleted(migration: Migration) -> Iterator[Finding]:
    """The tables in which rows that are deleted in OLD are not looked for."""
    names = [
        table.name
        for table in migration.settings.tables
        if table.deletes == "ignore" and DELETES in migration.unseen(table)
    ]
    if names:
        text = f"rows that are deleted in OLD are not looked for, and stay in NEW: {', '.join(names)}"
        yield Finding("note", text, hint="deletes: report names them, deletes: mirror removes them too")


def _remarks(migration: Migration, findings: list[Finding]) -> Sequence[Remark]:
    """Triggers and child tables become findings; that a type may round is for `schema diff` to say."""
    try:
        found = structure.remarks_of(migration)
    except TableError as err:
        findings.append(Finding("problem", str(err), err.table, err.hint))
        return ()
    findings.extend(
        Finding(each.level, each.text, each.table, each.hint, alone=True, kind=each.kind)
        for each in found
        if each.kind != "precision"
    )
    return found


def _made(migration: Migration, past: Past | None, remarks: Sequence[Remark]) -> Iterator[Finding]:
    """Rows that NEW has and OLD does not, in tables of which nothing was copied yet."""
    for table in migration.settings.tables:
        if past and past.state and past.state.table(table.name).read_at:
            continue
        try:
            found = made_rows.look(migration, table, made_rows.LOOKED)
        except TableError:
            continue  # what is wrong with the table is said of it already
        if found.keys:
            yield Finding("warning", found.sentence, table.name, made_rows.why(remarks), kind="made")


def _unmerged(migration: Migration) -> Iterator[Finding]:
    """Keys of tables.yaml by which NEW cannot merge rows: they are not its primary key, nor a unique key."""
    asked = [table for table in migration.settings.tables if _has_another_key(migration, table)]
    if not asked or not isinstance(migration.sink, Indexed):
        return
    keys = unique_keys.told(migration.sink, asked)
    for table in asked:
        key = ", ".join(table.key)
        if keys is None:
            text = f"{table.name}: NEW does not tell whether ({key}) is a unique key"
            yield Finding("warning", text, table.name, unique_keys.OLDER)
        elif not unique_keys.merges(table, keys):
            text = f"{table.name}: NEW has no unique key ({key}), so rows cannot be merged by it"
            yield Finding("problem", text, table.name, unique_keys.statement(table), alone=True)


def _without_row_key(migration: Migration, table: Table) -> Iterator[Finding]:
    """Rows of NEW that no run has copied, where the key is made of the rows: they would be there twice."""
    if not has_row_key(table) or _lacks_row_key(migration.sink, table):
        return
    rows = migration.sink.count(table, Window((Span(Keyset(None, nulls=table.key)),), limit=1))
    if rows:
        shown = counted(rows, "row of NEW has", "rows of NEW have")
        text = f"{table.name}: {shown} no {ROW_KEY}, so no run has copied them"
        yield Finding("problem", text, table.name, "empty the table in NEW, or remove them there", alone=True)


def _has_another_key(migration: Migration, table: Table) -> bool:
    try:
        shape = migration.sink.shape(table)
        if _lacks_row_key(migration.sink, table):
            return False  # that is said of the table already
    except TableError:
        return False
    return not shape.view and set(shape.key) != set(table.key)


def _left_out(migration: Migration, findings: list[Finding]) -> tuple[Undecided, ...]:
    """The tables that nobody has decided on, counted anew, and names that OLD does not have."""
    try:
        found = undecided.look(migration)
    except SupasyncError as err:
        findings.append(Finding("warning", f"undecided tables were not looked at: {err}", hint=err.hint))
        return undecided.last_seen(migration.settings).tables
    if not found.told:
        text = "OLD does not list its tables: those that tables.yaml does not name are not seen"
        findings.append(Finding("warning", text))
    if found.unkept:
        text = f"undecided tables are not named by other commands: {found.unkept}"
        findings.append(Finding("warning", text, hint=found.unkept.hint))
    hint = "correct the name in tables.yaml, or take it out where the table is gone"
    findings.extend(Finding("problem", text, hint=hint, alone=True) for text in found.unknown)
    told = [Finding("warning", f"undecided: {each.sentence}", each.name) for each in found.tables]
    told[-1:] = [replace(last, hint=undecided.WAY_OUT) for last in told[-1:]]
    findings.extend(told)
    return found.tables


def _hint_for_missing(table: Table, column: str, shape: Shape) -> str | None:
    if column in table.timestamp:
        found = [
            each.name for each in timestamp_sample.timestamp_columns(shape) if each.type and not each.key
        ]
        moving = next((name for name in found if speaks_of_updates(name)), None)
        inserted = timestamp_sample.insert_time(shape, ())
        if moving:
            return f"timestamp: {moving} speaks of updates"
        if inserted:
            return f"timestamp: {inserted.name} works, but then updates are not seen"
    return "correct the name in tables.yaml" if shape.known else None


def _unseen(migration: Migration, table: Table, shape: Shape) -> Iterator[Finding]:
    """What the table's plugin cannot see, and rows that it must read every time."""
    plugin = migration.strategy(table)
    if UPDATES in migration.unseen(table):
        text = f"{table.name}: an update of a row that was copied is not seen: {reading(plugin, table)}"
        hint = ways_out(table)
        if wanted(migration, table):
            hint = f"it comes when the table is compared with OLD (compare_every); to see it sooner: {hint}"
        yield Finding("warning", text, table.name, hint)
    elif why := standing_still(migration, table):
        text = f"{table.name}: {why}: if that is so, an update of a row that was copied is not seen"
        yield Finding("warning", text, table.name, ways_out_of_standstill(table))
    nameless = plugin.keysets(table)[-1]
    if nameless.column is not None or not nameless.nulls:
        return
    if any((column := shape.column(name)) and column.nullable is False for name in nameless.nulls):
        return
    count = migration.source.count(table, Window((Span(nameless),), limit=1))
    if count:
        behind = timestamp_sample.insert_time(shape, (), leave=table.timestamp)
        columns = ", ".join([*table.timestamp, behind.name if behind else ""])
        yield Finding(
            "warning",
            f"{table.name}: {counted(count, 'row', 'rows')} without {' and '.join(table.timestamp)}, "
            "read again by every run",
            table.name,
            f"timestamp: [{columns}]" if behind else None,
        )


def _lacks_row_key(sink: Sink, table: Table) -> bool:
    """Whether the key is made of each row, and the sink's table has no column for it yet."""
    return has_row_key(table) and bool(sink.lacking(table, table.key))
