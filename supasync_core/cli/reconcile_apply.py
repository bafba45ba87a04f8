"""`supasync reconcile`: compare, show the plan, apply it; and undo."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import click

from supasync_core.cli import output
from supasync_core.cli.diff import SideOptions, opened
from supasync_core.cli.sync import interruptible
from supasync_core.config import may_name_files
from supasync_core.diff.compare import SideComparison
from supasync_core.diff.difference import LEFT, NEW, OLD, RIGHT, STAGING, TableDiff
from supasync_core.diff.sides import FileSide
from supasync_core.model import timestamps
from supasync_core.model.errors import ConfigError, ExitCode
from supasync_core.model.report import RunStatus
from supasync_core.model.settings import Settings
from supasync_core.model.table import Table, address_of
from supasync_core.model.wording import counted
from supasync_core.project.run_options import Interrupted
from supasync_core.project.session import Session
from supasync_core.reconcile import undo_change
from supasync_core.reconcile.apply import Apply, Outcome
from supasync_core.reconcile.plan import TablePlan, plan_deletes, plan_table
from supasync_core.reconcile.target import Target, opened_target, refuse_unwritable
from supasync_core.schema import narrowed
from supasync_core.schema.known_catalogs import KnownCatalogs
from supasync_core.sync.removal import Place, new_id

_CODES = {"success": ExitCode.DONE, "interrupted": ExitCode.INTERRUPTED}


@dataclass
class Command:
    """One call of `reconcile LEFT RIGHT`."""

    session: Session
    options: SideOptions
    applied: bool
    delete: bool
    max_deletes: Callable[[int], int] | None
    as_json: bool

    def run(self) -> int:
        """The exit code: 0 where all was planned or done, 3 where something could not be."""
        settings = self.options.settings(self.session)
        with ExitStack() as stack:
            target = stack.enter_context(_target(self.session, self.options, settings, writes=self.applied))
            comparing = stack.enter_context(opened(self.session, self.options, settings))
            plans = self._plans(comparing, target)
            if self.delete:
                plans = [self._with_deletes(plan, target, comparing) for plan in plans]
            return self._apply(plans, comparing, target) if self.applied else self._show_only(plans)

    def _plans(self, comparing: SideComparison, target: Target) -> list[TablePlan]:
        """The plan, parents first; nothing is written before all of it is made."""
        tables = comparing.tables()
        comparing.check(tables.both)
        for side, names in ((self.options.left, tables.left_only), (self.options.right, tables.right_only)):
            for name in names:
                output.line(f"note: {name}: only in {side}, left alone", err=True)
        plans = []
        for table in tables.both:
            target.renew()
            found = comparing.compared(table)
            for note in found.notes:
                output.line(f"note: {table.name}: {note}", err=True)
            self._refuse_unfiltered(comparing, found)
            self._refuse_lossy(found)
            self._refuse_narrowed(comparing, found, target)
            target.named(found.table)
            plans.append(plan_table(found, comparing.engine))
        return plans

    def _refuse_unfiltered(self, comparing: SideComparison, found: TableDiff) -> None:
        """SchemaError where rows that ``where`` leaves out would be written to NEW."""
        table, left = found.table, comparing.left
        if table.where and self.options.right == NEW and isinstance(left, FileSide) and not left.filtered:
            if left.name == STAGING:
                return
            raise table.schema_error(
                f"{left.name} is not filtered by where:, a filter in OLD's own language",
                hint="reconcile old new; or take the table's where: into the query of the export, and "
                "supasync gap import it",
            )

    def _refuse_lossy(self, found: TableDiff) -> None:
        """SchemaError where a file cannot be written from, or to, without losing details."""
        if LEFT in found.lossy:
            raise found.table.schema_error(
                f"{self.options.left} is an export of the dashboard or a workbook, which loses details",
                hint="supasync gap import checks what is lost before it writes anything",
            )
        if RIGHT in found.lossy:
            raise found.table.schema_error(
                f"{self.options.right} is not CSV as psql writes it by \\copy ... csv header",
                hint="a file in another dialect is only read",
            )

    def _refuse_narrowed(self, comparing: SideComparison, found: TableDiff, target: Target) -> None:
        """SchemaError where NEW's columns would change what OLD has."""
        table, migration = found.table, target.migration
        if self.options.left == OLD and migration and narrowed.are_compared(migration, table):
            old, new = comparing.left.shape(table), comparing.right.shape(table)
            names = [column.name for column in old.columns]
            narrowed.refuse_narrowed(table, old, new, names)
            narrowed.refuse_narrower_parts(KnownCatalogs(migration), table, old, new, names)

    def _with_deletes(self, plan: TablePlan, target: Target, comparing: SideComparison) -> TablePlan:
        """What may be removed of the rows that the left side, asked again, does not have."""
        proven = target.migration is None
        if not proven and LEFT in plan.difference.partial:
            kept = f"{self.options.left} may hold only part of the table; --complete says that it holds all"
            if plan.difference.bounded:
                kept = f"{self.options.left} holds what was written last: OLD may still have other rows"
            return replace(plan, kept=kept) if plan.surplus else plan
        present = comparing.left.present(plan.table, plan.surplus) if plan.surplus else set()
        plan = replace(plan, surplus=tuple(key for key in plan.surplus if key not in present))
        table = target.named(plan.table)
        return replace(plan, deletes=plan_deletes(plan, target.place, table, self.max_deletes, proven=proven))

    def _show_only(self, plans: Sequence[TablePlan]) -> int:
        blocked = any(plan.obstacle or plan.refused for plan in plans)
        if self.as_json:
            tables = {plan.table.name: plan.as_json() for plan in plans}
            output.print_json({"applied": False, "tables": tables})
        else:
            self._show(plans)
            click.echo("nothing was written: --apply does this")
        return ExitCode.PERSON if blocked else 0

    def _show(self, plans: Sequence[TablePlan]) -> None:
        right = self.options.right
        fields = ("insert", "update", "newer", "surplus", "delete")
        rows = [(plan.table.name, *map(plan.as_json().get, fields)) for plan in plans]
        output.table(("table", "insert", "update", f"newer in {right}", f"only in {right}", "delete"), rows)
        for plan in plans:
            for text in self._remarks(plan):
                output.line(f"{plan.table.name}: {text}")

    def _remarks(self, plan: TablePlan) -> Iterator[str]:
        """What a person should know before the plan is applied."""
        right, found, deletes = self.options.right, plan.difference, plan.deletes
        if plan.obstacle:
            yield f"left alone: {plan.obstacle}"
        if plan.newer:
            yield f"{plan.newer:,} of the updates replace rows that are newer in {right}"
        if found.left_only:
            yield f"not written, because {right} has no such column: {', '.join(found.left_only)}"
        if found.young:
            yield f"{counted(found.young, 'row is', 'rows are')} skipped as too young"
        if found.added and not self.delete:
            yield f"{counted(found.added, 'row is', 'rows are')} only in {right}: --delete removes such rows"
        if plan.nameless:
            rows = counted(plan.nameless, "row", "rows")
            yield f"{rows} only in {right} with NULL in the key: kept"
        if deletes and deletes.unproven:
            rows = counted(len(deletes.unproven), "row", "rows")
            yield (
                f"{rows} only in {right}, not known to have come from old: kept. supasync verify notes which "
                "rows old has"
            )
        if plan.kept:
            yield f"nothing is removed: {plan.kept}"
        if deletes and deletes.refused:
            yield f"nothing is removed: {deletes.refused}; --max-deletes allows more"

    def _apply(self, plans: Sequence[TablePlan], comparing: SideComparison, target: Target) -> int:
        if not self.as_json:
            self._show(plans)
        at = timestamps.to_text(timestamps.now())
        apply = Apply(target.place, comparing.engine, plans, new_id(at), at, target.named, target.renew)
        interrupted = False
        try:
            with interruptible(target.longest) as apply.interrupted:
                apply.run()
        except Interrupted:
            interrupted = True
        outcomes = list(apply.outcomes.values())
        complete = all(each.complete for each in outcomes) and not any(plan.refused for plan in plans)
        status: RunStatus = "interrupted" if interrupted else "success" if complete else "partial"
        rows = sum(each.rows for each in outcomes)
        error = next((each.error for each in outcomes if each.error), None)
        tables = {each.table.name: each.counts() for each in outcomes}
        target.release(status, rows, error, change=apply.change, tables=tables)
        self._print(apply, target, status, rows)
        return _CODES.get(status, ExitCode.PERSON)

    def _print(self, apply: Apply, target: Target, status: str, rows: int) -> None:
        if self.as_json:
            tables = {name: each.as_json() for name, each in apply.outcomes.items()}
            document = {"applied": True, "status": status, "change": apply.change, "tables": tables}
            output.print_json(document)
            return
        for name, each in apply.outcomes.items():
            changes = f"{each.inserted:,} inserted, {each.updated:,} updated, {each.removed:,} removed"
            output.line(f"{name}: {changes}")
            for text in _failures(each):
                output.line(f"{name}: {text}", err=True)
        for note in target.notes:
            output.line(f"note: {note}", err=True)
        click.echo(f"{status}: {counted(rows, 'row', 'rows')} written or removed")


def undo(session: Session, options: SideOptions, *, as_json: bool) -> int:
    """Undo the newest change of the right side; 0 where all of it was undone, else 3."""
    settings = options.settings(session)
    with _target(session, options, settings, writes=True) as target:
        place = replace(target.place, tables=_tables(target.place, options.key))
        done = undo_change.undo(place)
        target.release("success" if done.complete else "partial", done.rows, undone=done.id)
    if as_json:
        output.print_json(done.as_json())
        return 0 if done.complete else ExitCode.PERSON
    for each in done.put_back:
        output.line(
            f"{each.table.name}: {each.written:,} removed rows put back, {each.present:,} already there"
        )
    for other in done.restored:
        output.line(f"{other.table.name}: {counted(other.restored, 'row', 'rows')} restored")
        if other.changed:
            keys = "; ".join(", ".join(key) for key in other.changed[:3])
            output.line(
                f"{other.table.name}: {counted(len(other.changed), 'row was', 'rows were')} changed or "
                f"removed since, and not restored: {keys}",
                err=True,
            )
    for error in done.errors:
        output.error(f"error: {error}")
    how = "is undone in part, and can be undone again" if done.errors else "is undone"
    click.echo(f"the change of {done.at} {how}; rows that it inserted stay")
    return 0 if done.complete else ExitCode.PERSON


def _target(
    session: Session, options: SideOptions, settings: Settings | None, *, writes: bool
) -> AbstractContextManager[Target]:
    sides = options.left, options.right
    if writes and settings is None and Path(session.config).exists():
        refuse_unwritable(options.right, _whole(session))
    return opened_target(session.host, settings, sides, options.reading(), writes=writes)


def _whole(session: Session) -> Settings | None:
    """Those of tables.yaml, which says what OLD is, also where the key is named and nothing else is asked.

    None where they cannot be used, and neither side is a file.
    """
    try:
        return session.settings
    except ConfigError as err:
        if not may_name_files(Path(session.config)):
            return None
        raise err.amended(
            hint="tables.yaml says which files are OLD's, and those are never written to"
        ) from err


def _tables(place: Place, key: tuple[str, ...]) -> tuple[Table, ...]:
    """The declared tables; of a file those that were changed, by the key that is named."""
    if place.tables:
        return place.tables
    evidence = place.evidence
    changes = [
        *evidence.changes("removed", place.sink_ref),
        *evidence.changes("overwritten", place.sink_ref),
    ]
    names = dict.fromkeys(name for change in changes for name in change.rows)
    pairs = map(address_of, names)
    return tuple(Table(name=name, schema=schema, key=key or ("id",), timestamp=()) for schema, name in pairs)


def _failures(outcome: Outcome) -> Iterator[str]:
    removal = outcome.removal
    if outcome.error:
        yield outcome.error.removeprefix(f"{outcome.table.name}: ")
    if outcome.hint:
        yield outcome.hint
    for each in outcome.refused[:3]:
        yield f"key {', '.join(each.key(outcome.table))}: refused: {each.reason(outcome.table)}"
    if len(outcome.refused) > 3:  # noqa: PLR2004 - as above
        yield f"{len(outcome.refused):,} rows were refused in all"
    if removal and removal.held:
        yield removal.held_text
    if removal and removal.error:
        yield str(removal.error).removeprefix(f"{outcome.table.name}: ")
