"""`supasync cutover`: the switch of the app from OLD to NEW, and the way back."""

import json
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from supasync_core.cli import output
from supasync_core.cli.streams import bare
from supasync_core.model.errors import ConfigError, ExitCode
from supasync_core.model.printable import visible
from supasync_core.project.session import Session

if TYPE_CHECKING:
    from supasync_core.api.switch import Switch
    from supasync_core.cutover.checklist import Outcome
    from supasync_core.cutover.checks import CutoverContext
    from supasync_core.cutover.switchover import Switchover
    from supasync_core.model.report import Report
    from supasync_core.model.table import Table
    from supasync_core.project.migration import Migration
    from supasync_core.verify import Verification


@click.command()
@click.option(
    "--plan", is_flag=True, help="Show every check, change and step; write nothing, wait for nothing."
)
@click.option(
    "--rollback", is_flag=True, help="Restore the app's .env, and tell what was written to NEW since."
)
@click.option("--after-gap", is_flag=True, help="OLD answers no more: its last rows came by gap import.")
@click.option(
    "--exact/--no-exact",
    default=None,
    help="Compare every value of every row, or keys and timestamps alone, but for small tables whose updates "
    "no run sees.  [default: every value; it asks where that costs a tenth of the monthly egress]",
)
@click.option("--accept", "accepted", multiple=True, metavar="NAME", help="Switch although this check fails.")
@click.option(
    "--certificate", type=click.Path(), metavar="PATH", help="Where to write it.  [default: in .supasync]"
)
@click.option(
    "--yes", is_flag=True, help="Agree to everything, for scripts: also that nothing writes to OLD."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def cutover(
    session: Session, /, certificate: str | None, *, rollback: bool, plan: bool, **options: object
) -> int:
    """Switch the app from OLD to NEW.

    A checklist runs, the app's .env is changed, and NEW is closed for supasync. Nothing is switched while a
    check fails. It asks before it switches and before each step of your own.
    Killed at any point, run it again. Exits with 3 where a check failed or the answer was no.
    """
    command = Command(session, place=Path(certificate) if certificate else None, **options)  # type: ignore[arg-type]
    if rollback:
        return command.rollback(dry=plan)
    return command.plan() if plan else command.switch()


@dataclass
class Command:
    """One call, and the person at the keyboard."""

    session: Session
    place: Path | None = None
    after_gap: bool = False
    exact: bool | None = None
    accepted: tuple[str, ...] = ()
    yes: bool = False
    as_json: bool = False
    outcomes: "list[Outcome]" = field(default_factory=list)

    @property
    def scripted(self) -> bool:
        """Whether --yes answers."""
        return self.yes

    def plan(self) -> int:
        """Show everything."""
        with self._opened() as switchover:
            self.say(f"{self.session.ends}")
            switchover.plan()
            self._end(switchover.context, switched=False)
        return 0

    def switch(self) -> int:
        """Check, switch, close, and what comes after."""
        from supasync_core.cutover.certificate import check_place  # noqa: PLC0415
        from supasync_core.system import lock  # noqa: PLC0415 - --help needs none of it

        if self.place:
            check_place(self.place)
        with lock.locked(self.session.settings.folder), self._opened() as switchover:
            self.say(f"{self.session.ends}")
            if not switchover.switch():
                self._end(switchover.context, switched=False, manual=False)
                click.echo("not switched: nothing was changed in any .env, and NEW is open", err=True)
                return ExitCode.PERSON
            self._end(switchover.context, switched=True)
            switchover.run_own_steps(sys.stderr if self.as_json else sys.stdout)
        return 0

    def rollback(self, *, dry: bool) -> int:
        """Restore, count, and say what comes next."""
        from supasync_core.cutover import rollback  # noqa: PLC0415 - --help needs none of it

        with self._opened() as switchover:
            progress = switchover.progress
            settings = switchover.context.migration.settings
            env = settings.cutover.env
            own = [settings.folder / ".env", *([env] if env else [])]
            ways = rollback.ways(progress, self.accepted, own)
            for way in ways:
                done = "is the original again already" if way.back else f"becomes {way.replaced.kept} again"
                output.line(f"{way.replaced.path}: {done}", err=self.as_json)
            due = [way for way in ways if not way.back]
            if due and not dry:
                if not self.confirm("Restore?"):
                    return ExitCode.PERSON
                for way in due:
                    rollback.restore(switchover.folder, progress, way)
            found = list(rollback.since(switchover.context.migration, progress))
        if self.as_json:
            rows = [{"table": e.table, "newer": e.newer, "rows": e.rows, "text": e.text} for e in found]
            told = {"restored": [] if dry else [way.replaced.path for way in due], "since": rows}
            self._print(json.dumps({**told, "switched_at": progress.switched_at}, indent=2))
            return 0
        self._print(f"written to NEW since the switch at {progress.switched_at}:")
        for each in found:
            self._print(f"  {each.table}: {each.text}")
        click.echo(_NEXT if progress.closed_at else _OPEN)
        return 0

    def confirm(self, question: str) -> bool:
        """Yes or no; --yes is yes."""
        return self.yes or output.confirm(self.session.redact(question))

    def say(self, text: str) -> None:
        """A line on stderr."""
        click.echo(self.session.redact(text), err=True)

    def sleep(self, seconds: float, why: str) -> None:
        """Wait; a bar on a terminal."""
        from rich.console import Console  # noqa: PLC0415 - --help needs none of it
        from rich.progress import track  # noqa: PLC0415

        self.say(f"waiting {seconds:,.0f} s: {why}")
        console = Console(file=bare(sys.stderr), stderr=True)
        parts = max(1, round(seconds))
        for _ in track(range(parts), "", console=console, transient=True, disable=not console.is_terminal):
            time.sleep(seconds / parts)

    @contextmanager
    def _opened(self) -> "Iterator[Switchover]":
        """Everything opened."""
        from supasync_core.cutover.checks import CutoverContext  # noqa: PLC0415 - --help needs none of it
        from supasync_core.cutover.saved_progress import load  # noqa: PLC0415
        from supasync_core.cutover.switchover import Switchover  # noqa: PLC0415
        from supasync_core.gap.no_source import NoSource  # noqa: PLC0415
        from supasync_core.project.migration import opened  # noqa: PLC0415

        settings = self.session.settings
        progress = load(settings.folder, settings.source.ref, settings.sink.ref)
        with ExitStack() as stack:
            source = NoSource() if self.after_gap else None
            project = stack.enter_context(opened(settings, self.session.host, source))
            switch = stack.enter_context(closing(self._switch(project)))
            context = CutoverContext(
                project,
                switch,
                self,
                progress,
                copy=lambda: self._copied(project),
                compare=lambda: self._compared(project),
                after_gap=self.after_gap,
            )
            yield Switchover(context, self.accepted, self._show, self.place)

    def _switch(self, migration: "Migration") -> "Switch":
        """What the sink's kind of project brings; ConfigError where no plugin brings it."""
        from supasync_core.api.switch import Ends  # noqa: PLC0415 - --help needs none of it

        settings = migration.settings
        if settings.sink.backend not in self.session.host.switches:
            raise ConfigError([f"cutover: no plugin knows how to switch an app to {settings.sink.backend}"])
        ends = Ends(
            source=settings.source,
            sink=settings.sink,
            environment=settings.environment,
            folder=settings.folder,
            ledger=migration.ledger,
        )
        return self.session.host.switches.get(settings.sink.backend)(ends)

    def _copied(self, migration: "Migration") -> "Report":
        """One sync, recorded as such."""
        from supasync_core.cli import notify  # noqa: PLC0415
        from supasync_core.cli.sync import interruptible  # noqa: PLC0415
        from supasync_core.project.run_options import RunOptions  # noqa: PLC0415
        from supasync_core.sync import runner  # noqa: PLC0415 - --help needs none of it
        from supasync_core.system.last_success import LastSuccess  # noqa: PLC0415

        settings = migration.settings
        with (
            interruptible(settings.max_runtime) as interrupted,
            output.watching(self.session.redact, as_json=True) as watch,
        ):
            plan = RunOptions(tables=settings.tables, interrupted=interrupted, last=True)
            report = runner.sync(migration, plan, watch)
        notify.tell(self.session, report, report.exit_code)
        if report.complete:
            LastSuccess(settings.folder).note()
        return report

    def _compared(self, migration: "Migration") -> "Verification":
        """One verification."""
        from supasync_core.cli.verify import progress_bar, staging  # noqa: PLC0415 - --help needs none of it
        from supasync_core.verify import verify  # noqa: PLC0415

        with staging(self.session) as kept, progress_bar(quiet=self.as_json) as progress:
            tables = migration.settings.tables
            return verify(migration, tables, exact=self._by_value(migration), staging=kept, progress=progress)

    def _by_value(self, migration: "Migration") -> "list[str]":
        """The tables of which every value is compared: where that costs much, a person decides.

        Those whose updates no run sees are compared so whatever was said of all, unless they cost much.
        """
        from supasync_core.cutover.value_checks import doubtful  # noqa: PLC0415 - --help needs none of it

        tables = migration.settings.tables
        less = "keys and timestamps are compared, and the certificate says so"
        if self.exact or (self.exact is None and self._affords(migration, tables, "every value", less)):
            return [table.name for table in tables]
        why = doubtful(migration)
        blind = [table for table in tables if table.name in why]
        names = ", ".join(table.name for table in blind)
        less = "the check called values fails, since no run sees their updates"
        if blind and self._affords(migration, blind, f"the values of {names} at least", less):
            return [table.name for table in blind]
        return []

    def _affords(self, migration: "Migration", tables: "Sequence[Table]", what: str, less: str) -> bool:
        """Whether reading these tables costs little; else the answer, and after --no-exact a no."""
        from supasync_core.model.quantities import format_size  # noqa: PLC0415
        from supasync_core.usage.estimate import egress_of, is_small  # noqa: PLC0415 - --help needs none

        cost = egress_of(migration, tables)
        if is_small(cost, migration.settings.budgets):
            return True
        return self.exact is None and self.confirm(
            f"Compare {what}? That takes about {format_size(cost)} of OLD's egress, a tenth of a month's or "
            f"more. If not, {less}."
        )

    def _show(self, outcome: "Outcome") -> None:
        """A line for each check, as soon as it is known."""
        self.outcomes.append(outcome)
        text = visible(f"{outcome.result:<9} {outcome.name}: {outcome.what}: {outcome.detail}")
        if outcome.hint:
            text += "\n" + textwrap.indent(outcome.hint, " " * 10)
        click.echo(self.session.redact(text), err=self.as_json)

    def _end(self, context: "CutoverContext", *, switched: bool, manual: bool = True) -> None:
        """The certificate's place, what else names OLD, the steps by hand, and those of the user's own."""
        steps = context.switch.manual_steps() if manual else ()
        own = context.migration.settings.cutover.steps if manual else ()
        left = context.app.naming.left if context.app else ()
        place = context.progress.certificate if switched else None
        scripts = [outcome.sql for outcome in self.outcomes if outcome.sql]
        if self.as_json:
            told = {
                "switched": switched,
                "closed_at": context.progress.closed_at,
                "certificate": place,
                "checks": [outcome.as_json() for outcome in self.outcomes],
                "left": list(left),
                "by_hand": [{"text": step.text, "commands": list(step.commands)} for step in steps],
                "steps": list(own),
                "sql": scripts,
            }
            self._print(json.dumps(told, indent=2))
            return
        for each in scripts:
            self._print(f"\n{each}")
        if place:
            self._print(f"switched: NEW is closed to every sync; certificate: {place}")
        for text in left:
            self._print(visible(f"by hand: {text}"))
        for step in steps:
            self._print(f"by hand: {step.text}")
            for each in step.commands:
                self._print(f"    {each}")
        for each in own:
            self._print(f"step of your own: {each}")

    def _print(self, text: str) -> None:
        click.echo(self.session.redact(text))


_OPEN = "NEW was not closed, so syncs go on. Restart your app, which names OLD again."
_NEXT = """\
NEW stays closed, so nothing is copied over what it has. Restart your app, which names OLD again.
What the app wrote to NEW is not in OLD: carry it back by hand, OLD is never written to.
To switch again: supasync state reopen, then supasync cutover. Rows that change in OLD from now on replace
NEW's; what else differs is found by supasync verify."""
