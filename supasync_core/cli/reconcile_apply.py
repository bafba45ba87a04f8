"""`supasync reconcile`: compare, show, write; and the way back."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import click

from supasync_core.cli import output
from supasync_core.cli.diff import SideOptions, opened
from supasync_core.cli.reconcile_target import Target, refuse, target
from supasync_core.cli.sync import interruptible
from supasync_core.diff.compare import SideComparison
from supasync_core.diff.difference import LEFT, RIGHT, TableDiff
from supasync_core.diff.sides import NEW, STAGING, FileSide
from supasync_core.model import timestamps
from supasync_core.model.errors import ExitCode, SchemaError
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.project.session import Session
from supasync_core.reconcile import undo_change
from supasync_core.reconcile.apply import Interrupted, Outcome, Writing
from supasync_core.reconcile.plan import Part, planned, weighed
from supasync_core.sync.removal import Place, new_id

_CODES = {"success": ExitCode.DONE, "interrupted": ExitCode.INTERRUPTED}


@dataclass
class Command:
    """One call of `reconcile LEFT RIGHT`."""

    session: Session
    given: SideOptions
    applied: bool
    delete: bool
    max_deletes: Callable[[int], int] | None
    as_json: bool

    def run(self) -> int:
        """The exit code: 0 where all was planned or done, 3 where something could not be."""
        settings = self.given.settings(self.session)
        refuse(self.given, settings)
        with ExitStack() as stack:
            to = stack.enter_context(target(self.session, self.given, settings, writes=self.applied))
            comparing = stack.enter_context(opened(self.session, self.given, settings))
            parts = self._compared(comparing, to)
            if self.delete:
                parts = [self._weighed(part, to, comparing) for part in parts]
            return self._apply(parts, comparing, to) if self.applied else self._show_only(parts)

    def _compared(self, comparing: SideComparison, to: Target) -> list[Part]:
        """The plan, parents first; nothing is written before all of it stands."""
        tables = comparing.tables()
        comparing.check(tables.both)
        for side, names in ((self.given.left, tables.left_only), (self.given.right, tables.right_only)):
            for name in names:
                output.line(f"note: {name}: only in {side}, left alone", err=True)
        parts = []
        for table in tables.both:
            to.renew()
            found = comparing.compared(table)
            for note in found.notes:
                output.line(self.session.redact(f"note: {table.name}: {note}"), err=True)
            self._refuse_unfiltered(comparing, found)
            self._refuse_lossy(found)
            to.named(found.table)
            parts.append(planned(found, comparing.engine))
        return parts

    def _refuse_unfiltered(self, comparing: SideComparison, found: TableDiff) -> None:
        """SchemaError where rows that ``where`` leaves out would be written to NEW."""
        table, left = found.table, comparing.left
        if table.where and self.given.right == NEW and isinstance(left, FileSide) and not left.filtered:
            if left.name == STAGING:
                return
            raise SchemaError(
                f"{table.name}: {left.name} is not filtered by where:, which speaks the language of OLD",
                table=table.name,
                hint="reconcile old new; or take the table's where: into the query of the export, and "
                "supasync gap import it",
            )

    def _refuse_lossy(self, found: TableDiff) -> None:
        """SchemaError where a file cannot be relied upon for writing."""
        name = found.table.name
        if LEFT in found.lossy:
            raise SchemaError(
                f"{name}: {self.given.left} is a dashboard's export, which has lost details",
                table=name,
                hint="supasync gap import looks at what is lost before it writes anything",
            )
        if RIGHT in found.lossy:
            raise SchemaError(
                f"{name}: {self.given.right} is not CSV as psql writes it by \\copy ... csv header",
                table=name,
                hint="a file in another dialect is only read",
            )

    def _weighed(self, part: Part, to: Target, comparing: SideComparison) -> Part:
        """What may be removed of the rows that the left side is once more seen not to have."""
        proven = to.migration is None
        if not proven and LEFT in part.difference.partial:
            return replace(part, stays=self._partial(part.difference)) if part.surplus else part
        there = comparing.left.present(part.table, part.surplus) if part.surplus else set()
        part = replace(part, surplus=tuple(key for key in part.surplus if key not in there))
        table = to.named(part.table)
        return replace(part, deletes=weighed(part, to.place, table, self.max_deletes, proven=proven))

    def _partial(self, found: TableDiff) -> str:
        """Why what the left side lacks was perhaps not deleted."""
        if found.bounded:
            return f"{self.given.left} holds what was written last: other rows may be in OLD still"
        return f"{self.given.left} may hold a part of the table; --complete says that it holds all of it"

    def _show_only(self, parts: Sequence[Part]) -> int:
        blocked = any(part.obstacle or part.refused for part in parts)
        if self.as_json:
            tables = {part.table.name: part.as_json() for part in parts}
            click.echo(json.dumps({"applied": False, "tables": tables}, indent=2, ensure_ascii=False))
        else:
            self._show(parts)
            click.echo("nothing was written: --apply carries this out")
        return ExitCode.PERSON if blocked else 0

    def _show(self, parts: Sequence[Part]) -> None:
        right = self.given.right
        fields = ("insert", "update", "newer", "surplus", "delete")
        rows = [(part.table.name, *map(part.as_json().get, fields)) for part in parts]
        output.table(("table", "insert", "update", f"newer in {right}", f"only in {right}", "delete"), rows)
        for part in parts:
            for text in self._remarks(part):
                output.line(self.session.redact(f"{part.table.name}: {text}"))

    def _remarks(self, part: Part) -> Iterator[str]:
        """What a person should know before the plan is carried out."""
        right, found, weight = self.given.right, part.difference, part.deletes
        if part.obstacle:
            yield f"left alone: {part.obstacle}"
        if part.newer:
            yield f"{part.newer:,} of the updates write over rows that are newer in {right}"
        if found.left_only:
            yield f"{right} has no column {', '.join(found.left_only)}: not written"
        if found.young:
            yield f"{counted(found.young, 'row is', 'rows are')} skipped as too young"
        if found.added and not self.delete:
            yield f"{counted(found.added, 'row is', 'rows are')} only in {right}: --delete removes such rows"
        if part.nameless:
            yield f"{part.nameless:,} rows that are only in {right} have NULL in the key, and stay"
        if weight and weight.unproven:
            yield (
                f"{len(weight.unproven):,} rows that are only in {right} are not known to have come from "
                "old, and stay: supasync verify notes what old has, once it has run"
            )
        if part.stays:
            yield f"nothing is removed: {part.stays}"
        if weight and weight.refused:
            yield f"nothing is removed: {weight.refused}; --max-deletes allows more"

    def _apply(self, parts: Sequence[Part], comparing: SideComparison, to: Target) -> int:
        if not self.as_json:
            self._show(parts)
        at = timestamps.to_text(timestamps.now())
        writing = Writing(to.place, comparing.engine, parts, new_id(at), at, to.named, to.renew)
        interrupted = False
        try:
            with interruptible(to.longest) as writing.interrupted:
                writing.run()
        except Interrupted:
            interrupted = True
        outcomes = list(writing.outcomes.values())
        fine = all(each.fine for each in outcomes)
        fine = fine and not any(part.refused for part in parts)
        status = "interrupted" if interrupted else "success" if fine else "partial"
        records = sum(each.records for each in outcomes)
        error = next((each.error for each in outcomes if each.error), None)
        tables = {each.table.name: each.counts() for each in outcomes}
        to.release(status, records, error, change=writing.change, tables=tables)
        self._tell(writing, to, status, records)
        return _CODES.get(status, ExitCode.PERSON)

    def _tell(self, writing: Writing, to: Target, status: str, records: int) -> None:
        if self.as_json:
            tables = {name: each.as_json() for name, each in writing.outcomes.items()}
            told = {"applied": True, "status": status, "change": writing.change, "tables": tables}
            click.echo(self.session.redact(json.dumps(told, indent=2, ensure_ascii=False)))
            return
        for name, each in writing.outcomes.items():
            gone = each.removed.removed if each.removed else 0
            output.line(f"{name}: {each.inserted:,} inserted, {each.updated:,} updated, {gone:,} removed")
            for text in _amiss(each):
                output.line(self.session.redact(f"{name}: {text}"), err=True)
        for note in to.notes:
            output.line(self.session.redact(f"note: {note}"), err=True)
        click.echo(f"{status}: {counted(records, 'row', 'rows')} written or removed")


def undo(session: Session, given: SideOptions, *, as_json: bool) -> int:
    """Take the newest change of the right side back; 0 where all of it was, else 3."""
    settings = given.settings(session)
    refuse(given, settings)
    with target(session, given, settings, writes=True) as to:
        place = replace(to.place, tables=_tables(to.place, given.key))
        done = undo_change.undo(place)
        to.release("success" if done.fine else "partial", done.records, undone=done.id)
    if as_json:
        click.echo(session.redact(json.dumps(done.as_json(), indent=2, ensure_ascii=False)))
        return 0 if done.fine else ExitCode.PERSON
    for each in done.put_back:
        output.line(
            f"{each.table.name}: {each.written:,} removed rows put back, {each.present:,} there already"
        )
    for other in done.restored:
        output.line(f"{other.table.name}: {counted(other.restored, 'row', 'rows')} restored")
        if other.changed:
            keys = "; ".join(", ".join(key) for key in other.changed[:3])
            output.line(
                f"{other.table.name}: {counted(len(other.changed), 'row has', 'rows have')} changed since, "
                f"and stay as they are: {keys}",
                err=True,
            )
    for error in done.errors:
        output.line(session.redact(f"error: {error}"), err=True)
    click.echo(f"the change of {done.at} is taken back; rows that it inserted stay")
    return 0 if done.fine else ExitCode.PERSON


def _tables(place: Place, key: tuple[str, ...]) -> tuple[Table, ...]:
    """The declared tables; of a file those that were changed, by the key that is named."""
    if place.tables:
        return place.tables
    evidence = place.evidence
    changes = (*evidence.removals(place.sink_ref), *evidence.overwrites(place.sink_ref))
    names = dict.fromkeys(name for change in changes for name in change.rows)
    pairs = [name.partition(".") for name in names]
    return tuple(
        Table(name=name, schema=schema, key=key or ("id",), timestamp=()) for schema, _, name in pairs
    )


def _amiss(outcome: Outcome) -> Iterator[str]:
    """What did not go as planned, with the keys of the first rows."""
    gone = outcome.removed
    if outcome.error:
        yield outcome.error.removeprefix(f"{outcome.table.name}: ")
    if outcome.hint:
        yield outcome.hint
    for each in outcome.refused[:3]:
        yield f"key {', '.join(each.key(outcome.table))}: refused: {each.reason(outcome.table)}"
    if len(outcome.refused) > 3:  # noqa: PLR2004 - as above
        yield f"{len(outcome.refused):,} rows were refused in all"
    if gone and gone.held:
        yield counted(
            len(gone.held),
            f"row stays: rows of {gone.holder} refer to it",
            f"rows stay: rows of {gone.holder} refer to them",
        )
    if gone and gone.error:
        yield str(gone.error).removeprefix(f"{outcome.table.name}: ")
