"""`supasync cutover`: the switch of the app from OLD to NEW, and back: what it opens, asks and prints."""

import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click

from supasync_core.api.switch import Ends, Switch
from supasync_core.cli import output
from supasync_core.cli.run_progress import watching
from supasync_core.cli.streams import bare
from supasync_core.cli.sync import interruptible, run_finished
from supasync_core.cli.verify import progress_bar, staging
from supasync_core.cutover import rollback
from supasync_core.cutover.checklist import Outcome
from supasync_core.cutover.checks import CutoverContext
from supasync_core.cutover.proof import doubtful
from supasync_core.cutover.saved_progress import check_place, load
from supasync_core.cutover.switchover import Switchover
from supasync_core.gap.no_source import NoSource
from supasync_core.model.errors import ConfigError, ExitCode
from supasync_core.model.printable import visible
from supasync_core.model.quantities import format_size
from supasync_core.model.report import Report
from supasync_core.model.table import Table
from supasync_core.project.database_instead import database_instead
from supasync_core.project.migration import Migration, opened
from supasync_core.project.run_options import RunOptions
from supasync_core.project.session import Session
from supasync_core.sync import runner
from supasync_core.system import lock
from supasync_core.system.last_success import LastSuccess
from supasync_core.usage.estimate import egress_of, is_small
from supasync_core.verify import Verification, digests_of, verify


@click.command()
@click.option(
    "--plan", is_flag=True, help="Show every check, change and step; write nothing, wait for nothing."
)
@click.option(
    "--rollback",
    is_flag=True,
    help="Restore the app's .env, and count what was written to NEW since.",
)
@click.option("--after-gap", is_flag=True, help="OLD no longer answers: its last rows came by gap import.")
@click.option(
    "--exact/--no-exact",
    default=None,
    help="Compare every value of every row, or only keys and timestamps (except in small tables whose "
    "updates no run sees).  [default: every value; it asks if that takes a tenth of the monthly egress]",
)
@click.option("--accept", "accepted", multiple=True, metavar="NAME", help="Switch even if this check fails.")
@click.option(
    "--certificate", type=click.Path(), metavar="PATH", help="Where to write it.  [default: in .supasync]"
)
@click.option(
    "--yes",
    "scripted",
    is_flag=True,
    help="Answer yes to every question, for scripts: also that nothing writes to OLD.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def cutover(
    session: Session, /, certificate: str | None, *, rollback: bool, plan: bool, **options: object
) -> int:
    """Switch the app from OLD to NEW.

    A checklist runs, the app's .env is changed, and NEW is closed for supasync. Nothing is switched while a
    check fails. It asks before it switches and before each step of your own.
    If it is killed, run it again; it continues where it stopped. Exits with 3 where a check failed or the
    answer was no.
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
    scripted: bool = False
    """Whether --yes answers."""
    as_json: bool = False
    outcomes: list[Outcome] = field(default_factory=list)

    def plan(self) -> int:
        """Show everything, change nothing."""
        with self._opened(asks_old=False) as switchover:
            self.say(f"{self.session.projects}")
            switchover.plan()
            self._end(switchover.context, switched=False)
        return 0

    def switch(self) -> int:
        """Check, switch, close NEW, and run the user's own steps."""
        if self.place:
            check_place(self.place)
        with lock.locked(self.session.settings.folder), self._opened() as switchover:
            self.say(f"{self.session.projects}")
            if not switchover.switch():
                self._end(switchover.context, switched=False, manual=False)
                click.echo("not switched: nothing was changed in any .env, and NEW is open", err=True)
                return ExitCode.PERSON
            self._end(switchover.context, switched=True)
            finished = switchover.finish_steps()
            switchover.run_own_steps(sys.stderr if self.as_json else sys.stdout)
        return 0 if finished else ExitCode.PERSON

    def rollback(self, *, dry: bool) -> int:
        """Restore each .env, count what was written to NEW since, and say what comes next."""
        with self._opened(asks_old=False) as switchover:
            progress, migration = switchover.progress, switchover.context.migration
            env = migration.settings.cutover.env
            own = [switchover.folder / ".env", *([env] if env else [])]
            restores = rollback.restores(progress, self.accepted, own)
            for each in restores:
                done = "is already the original" if each.back else f"becomes {each.replaced.kept} again"
                output.line(f"{each.replaced.path}: {done}", err=self.as_json)
            due = [each for each in restores if not each.back]
            if due and not dry:
                if not self.confirm("Restore?"):
                    return ExitCode.PERSON
                for each in due:
                    rollback.restore(switchover.folder, progress, each)
            writes = list(rollback.writes_since(migration, progress))
        if self.as_json:
            restored = [] if dry else [each.replaced.path for each in due]
            since = [asdict(each) for each in writes]
            document = {"restored": restored, "since": since, "switched_at": progress.switched_at}
            output.print_json(document)
            return 0
        output.line(f"written to NEW since the switch at {progress.switched_at}:")
        for write in writes:
            output.line(f"  {write.table}: {write.text}")
        click.echo(_CLOSED if progress.closed_at else _OPEN)
        return 0

    def confirm(self, question: str) -> bool:
        """Whether the answer is yes; --yes is yes."""
        return self.scripted or output.confirm(question)

    def say(self, text: str) -> None:
        """Print a line to stderr."""
        click.echo(text, err=True)

    def sleep(self, seconds: float, why: str) -> None:
        """Wait, with a bar on a terminal."""
        from rich.console import Console  # noqa: PLC0415 - slow to import
        from rich.progress import track  # noqa: PLC0415

        self.say(f"waiting {seconds:,.0f} s: {why}")
        console = Console(file=bare(sys.stderr), stderr=True)
        parts = max(1, round(seconds))
        for _ in track(range(parts), "", console=console, transient=True, disable=not console.is_terminal):
            time.sleep(seconds / parts)

    @contextmanager
    def _opened(self, *, asks_old: bool = True) -> Iterator[Switchover]:
        settings = self.session.settings
        progress = load(settings.folder, settings.source.ref, settings.sink.ref)
        with ExitStack() as stack:
            source = NoSource() if self.after_gap else None
            migration = stack.enter_context(opened(settings, self.session.host, source))
            switch = stack.enter_context(closing(self._switch(migration)))
            if asks_old and source is None:
                migration = stack.enter_context(database_instead(migration, self.session.note))
            context = CutoverContext(
                migration,
                switch,
                self,
                progress,
                copy=lambda: self._sync(migration),
                compare=lambda: self._verify(migration),
                after_gap=self.after_gap,
            )
            yield Switchover(context, self.accepted, self._show, self.place)

    def _switch(self, migration: Migration) -> Switch:
        """What the sink's kind of project brings; ConfigError where no plugin brings it."""
        settings = migration.settings
        if settings.sink.backend not in self.session.host.switches:
            known = ", ".join(self.session.host.switches)
            message = f"cutover works for a sink of backend {known}, not for backend: {settings.sink.backend}"
            raise ConfigError([message])
        ends = Ends(
            source=settings.source,
            sink=settings.sink,
            environment=settings.environment,
            folder=settings.folder,
            ledger=migration.ledger,
        )
        return self.session.host.switches.get(settings.sink.backend)(ends)

    def _sync(self, migration: Migration) -> Report:
        settings = migration.settings
        with (
            interruptible(settings.max_runtime) as interrupted,
            watching(as_json=True) as watch,
        ):
            options = RunOptions(
                tables=settings.tables, steps=settings.steps, interrupted=interrupted, last=True
            )
            report = runner.sync(migration, options, watch)
        run_finished(self.session, report, report.exit_code)
        if report.complete:
            LastSuccess(settings.folder).note()
        return report

    def _verify(self, migration: Migration) -> Verification:
        with staging(self.session) as kept, progress_bar(quiet=self.as_json) as progress:
            tables = migration.settings.tables
            return verify(migration, tables, exact=self._by_value(migration), staging=kept, progress=progress)

    def _by_value(self, migration: Migration) -> list[str]:
        """The tables that are read for every value; where that costs much, a person decides.

        Those that digests prove are compared by value without being read. Tables whose updates no run sees
        are compared by value in any case, unless they cost much.
        """
        every = migration.settings.tables
        if self.exact:
            return [table.name for table in every]
        with digests_of(migration, every) as digests:
            tables = [table for table in every if table.name not in digests.pairs]
        less = "keys and timestamps are compared, and the certificate says so"
        if self.exact is None and self._affords(migration, tables, "every value", less):
            return [table.name for table in tables]
        why = doubtful(migration)
        blind = [table for table in tables if table.name in why]
        names = ", ".join(table.name for table in blind)
        less = "the check called values fails, because no run sees their updates"
        if blind and self._affords(migration, blind, f"at least the values of {names}", less):
            return [table.name for table in blind]
        return []

    def _affords(self, migration: Migration, tables: Sequence[Table], what: str, less: str) -> bool:
        """Whether reading these tables costs little; else the answer, which is no after --no-exact."""
        cost = egress_of(migration, tables)
        if is_small(cost, migration.settings.budgets):
            return True
        return self.exact is None and self.confirm(
            f"Compare {what}? That takes about {format_size(cost)} of OLD's egress, a tenth of a month's or "
            f"more. If not, {less}."
        )

    def _show(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        text = visible(f"{outcome.result:<9} {outcome.name}: {outcome.what}: {outcome.detail}")
        if outcome.hint:
            text += "\n" + textwrap.indent(outcome.hint, " " * 10)
        click.echo(text, err=self.as_json)

    def _end(self, context: CutoverContext, *, switched: bool, manual: bool = True) -> None:
        """The certificate's place, what else names OLD, the manual steps, and the user's own."""
        steps = context.switch.manual_steps() if manual else ()
        own = context.migration.settings.cutover.steps if manual else ()
        left = context.app.naming.left if context.app else ()
        place = context.progress.certificate if switched else None
        scripts = [outcome.sql for outcome in self.outcomes if outcome.sql]
        if self.as_json:
            document = {
                "switched": switched,
                "closed_at": context.progress.closed_at,
                "certificate": place,
                "checks": [outcome.as_json() for outcome in self.outcomes],
                "left": list(left),
                "by_hand": [{"text": step.text, "commands": list(step.commands)} for step in steps],
                "steps": list(own),
                "sql": scripts,
            }
            output.print_json(document)
            return
        lines = [f"\n{each}" for each in scripts]
        if place:
            lines.append(f"switched: NEW is closed to every sync; certificate: {place}")
        lines += [visible(f"manual step: {text}") for text in left]
        for step in steps:
            lines += [f"manual step: {step.text}", *(f"    {each}" for each in step.commands)]
        lines += [f"your own step: {each}" for each in own]
        for line in lines:
            click.echo(line)


_OPEN = "NEW was not closed, so syncs continue. Restart your app, which names OLD again."
_CLOSED = """\
NEW stays closed, so nothing is copied over its rows. Restart your app, which names OLD again.
What the app wrote to NEW is not in OLD: copy it back yourself, supasync never writes to OLD.
To switch again: supasync state reopen, then supasync cutover. From then on, rows that change in OLD replace
NEW's; supasync verify finds all other differences."""
