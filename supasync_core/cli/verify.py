"""`supasync verify`: whether NEW holds what OLD has."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

import click

from supasync_core.api.blind_spots import UPDATES
from supasync_core.cli import output
from supasync_core.cli.common_options import VerdictCommand
from supasync_core.cli.styles import label, status_line
from supasync_core.cli.table_options import ONLY_TABLES
from supasync_core.init.undecided import Undecided, by_name, last_list
from supasync_core.model import timestamps
from supasync_core.model.errors import DiffCode, LockedError, SupasyncError
from supasync_core.model.printable import command
from supasync_core.model.quantities import format_size
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.project.database_instead import database_instead
from supasync_core.project.session import Session
from supasync_core.staging.staging_file import Staging
from supasync_core.verify import Progress, TableVerdict, Verification
from supasync_core.verify import verify as compare
from supasync_core.verify.last_verification import keep

SHOWN = 10


@click.command(cls=VerdictCommand)
@ONLY_TABLES
@click.option("--exact", is_flag=True, help="Compare every value of every row.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=SHOWN,
    show_default=True,
    metavar="N",
    help="How many keys to print for each kind of difference.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_obj
def verify(session: Session, tables: tuple[str, ...], limit: int, *, exact: bool, as_json: bool) -> int:
    """Compare OLD with NEW over the API, or over their databases.

    Where both databases compute digests, these compare every value. Else counts are compared first, then
    keys and timestamps. Rows that differ are read. Nothing is written to either. Exits with 0 where nothing
    that was compared differs, with 1 where rows differ, with 2 where that could not be determined. Without
    --exact and digests, small tables whose updates no run sees are compared by value; larger ones are not
    called equal.
    """
    session.error_code = DiffCode.TROUBLE
    with (
        session.migration() as opened,
        database_instead(opened, session.note) as migration,
        staging(session) as kept,
        progress_bar(quiet=as_json) as progress,
    ):
        chosen = migration.select(tables, "--table")
        found = compare(migration, chosen, exact=exact, staging=kept, progress=progress)
    settings = session.settings
    if not tables:
        ends = (settings.source.ref, settings.sink.ref)
        try:
            keep(settings.folder, found, ends, timestamps.to_text(timestamps.now()))
        except SupasyncError as err:
            output.line(f"note: the result was not kept for supasync report: {err}", err=True)
    left_out = last_list(settings).tables
    if as_json:
        shown = {**found.as_json(), "undecided": by_name(left_out)}
        output.print_json(shown)
    else:
        _show(found, limit, left_out)
    return found.exit_code


@contextmanager
def staging(session: Session) -> Iterator[Staging | None]:
    """The staging; None, with a note, where another process has it open."""
    with ExitStack() as stack:
        kept = None
        try:
            kept = stack.enter_context(closing(Staging(session.settings.staging)))
        except LockedError as err:
            output.line(f"note: {err}", err=True)
        yield kept


def _show(found: Verification, limit: int, left_out: Sequence[Undecided]) -> None:
    for verdict in found.tables:
        _show_table(verdict, limit)
    for title, names in _methods(found).items():
        output.line(f"{title[0]} ({', '.join(names)})")
        for sentence in title[1:]:
            click.echo(f"  {sentence}")
    for note in found.notes:
        output.line(f"note: {note}", err=True)
    output.undecided(left_out)
    cost = f"{found.requests:,} requests, {format_size(found.bytes)}"
    if found.troubled:
        word = "trouble: not every table could be compared"
    elif found.equal:
        word = found.claim if found.settled else f"{found.claim}: run supasync sync, then verify"
    else:
        word = "different"
    status_line("", word, f"; {cost}", _status(found.troubled, found.equal))


def _show_table(verdict: TableVerdict, limit: int) -> None:
    status_line(f"{verdict.name}: ", _headline(verdict), "", _status(verdict.error, verdict.equal))
    if verdict.error:
        output.hint(verdict.hint)
        return
    if verdict.old is not None:
        click.echo(f"  counts: OLD {verdict.old:,}, NEW {verdict.new:,}")
    click.echo(f"  compared by {verdict.method}: {counted(verdict.compared, 'row', 'rows')} on both sides")
    for what, keys in _differences(verdict):
        click.echo(f"  {what}: {len(keys):,}")
        for text in keys[:limit]:
            output.line(f"    {text}")
        if len(keys) > limit:
            click.echo("    ... (--limit, --json)")
    for line in _remarks(verdict):
        output.line(f"  {line}")
    steps = ", ".join(f"{step} {number:,}" for step, number in verdict.requests.items())
    if steps:
        click.echo(f"  requests: {steps}; {format_size(verdict.bytes)}")


def _status(trouble: object, equal: object) -> str:
    return "error" if trouble else "equal" if equal else "different"


def _methods(found: Verification) -> dict[tuple[str, ...], list[str]]:
    """The tables by how they were compared and what that can and cannot see."""
    methods: dict[tuple[str, ...], list[str]] = {}
    for verdict in found.tables:
        if verdict.error is None:
            sees = (f"sees: {sentence}" for sentence in verdict.sees)
            cannot = (f"cannot see: {sentence}" for sentence in verdict.cannot_see)
            methods.setdefault((f"by {verdict.method}", *sees, *cannot), []).append(verdict.name)
    return methods


def _remarks(verdict: TableVerdict) -> list[str]:
    numbers = (
        (verdict.unlooked, "not checked a second time, which may differ too"),
        (verdict.unmet, "by which the counts differ from what was compared"),
        (verdict.in_flight, f"in flight, younger than {verdict.until}: not counted as differences"),
        (verdict.left_out, "left out by a transform"),
        (verdict.newer, "written in NEW since it was closed"),
    )
    lines = [f"{counted(number, 'row', 'rows')} {what}" for number, what in numbers if number]
    if verdict.changed and UPDATES in verdict.unseen:
        lines.append(f"no run copies updates of this table: {command('sync', '--full', verdict.name)}")
    if verdict.read_because:
        lines.append(f"not compared by digests: {verdict.read_because}")
    return [*lines, *(f"note: {note}" for note in verdict.notes)]


def _headline(verdict: TableVerdict) -> str:
    if verdict.error:
        return f"not compared: {verdict.error.removeprefix(f'{verdict.name}: ')}"
    return verdict.claim if verdict.equal else counted(verdict.differences, "row differs", "rows differ")


def _differences(verdict: TableVerdict) -> list[tuple[str, list[str]]]:
    changed = [f"{_key(key)}: {', '.join(names)}" for key, names in verdict.changed.items()]
    found = [
        ("missing in NEW", list(map(_key, verdict.missing))),
        ("in NEW and not in OLD", list(map(_key, verdict.extra))),
        ("changed", changed),
        ("several rows with one key", list(map(_key, verdict.repeated))),
        ("quarantined, see supasync quarantine list", list(map(_key, verdict.set_aside))),
    ]
    return [(what, keys) for what, keys in found if keys]


def _key(key: tuple[str, ...] | None) -> str:
    return ", ".join(key or ())


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Progress]:
    """A bar for each table while it is compared: on a terminal's stderr, nothing elsewhere."""
    if quiet or not output.shows_bars():
        yield lambda _table, _done, _total: None
        return
    with output.moving() as bars:

        def show(table: Table, done: int, total: int | None) -> None:
            if not done:
                for each in bars.task_ids:
                    bars.remove_task(each)
                bars.add_task(label(table.name), total=None)
            bars.update(bars.task_ids[-1], completed=done, total=total)

        yield show
