"""`supasync status`: how the runs went, and whether all is well."""

import textwrap
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import timedelta

import click

from supasync_core.cli import output
from supasync_core.cli.local_time import local, time_and_age
from supasync_core.cli.params import Duration
from supasync_core.cli.styles import status_line
from supasync_core.init.undecided import by_name
from supasync_core.model.errors import ExitCode, SupasyncError
from supasync_core.model.quantities import format_age, format_size
from supasync_core.model.settings import Settings
from supasync_core.model.wording import counted
from supasync_core.project.last_inventory import LastInventory, last
from supasync_core.project.session import Session
from supasync_core.status.health import Health, Phase, TableLag
from supasync_core.status.standing import Standing, standing

_FETCHED = 100
_KEYS = 10


@click.command()
@click.option("--max-age", type=Duration(), help="Exit with 3 when the last success is older than this.")
@click.option("--utc", is_flag=True, help="Print exact times, in UTC, as --json always has them.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_obj
def status(session: Session, max_age: timedelta | None, *, utc: bool, as_json: bool) -> int:
    """Show the last runs, the success rate and each table's lag.

    Times are those of this machine, with their age.
    """
    session.lenient = True
    settings = session.settings
    found = standing(settings, session.host, _FETCHED)
    if found.past.state and found.past.state.closed:
        found = replace(found, phase=_after_switch(settings, found.phase))
    if as_json:
        _print_json(found, last(settings))
    else:
        _print(found, last(settings), utc=utc)
    health = found.health
    too_old = max_age is not None and (health.age is None or health.age > max_age)
    if too_old:
        output.error(f"the last success is {ago(health.age)}: older than --max-age")
    return ExitCode.PERSON if too_old else ExitCode.DONE


def _after_switch(settings: Settings, phase: Phase) -> Phase:
    """The phase, as this machine knows it of a switch; a file that cannot be read is told by cutover."""
    from supasync_core.cutover.rollback import after  # noqa: PLC0415 - once in a migration
    from supasync_core.cutover.saved_progress import load  # noqa: PLC0415 - the same

    with suppress(SupasyncError):
        return after(phase, load(settings.folder, settings.source.ref, settings.sink.ref))
    return phase


def _print_json(found: Standing, besides: LastInventory | None) -> None:
    where = {"number": found.phase.number, "name": found.phase.name, "next": found.phase.next}
    output.print_json(
        {
            **_as_json(found.health),
            "undecided": by_name(found.undecided),
            "account": besides and {"at": besides.at, "lines": list(besides.lines)},
            "gone": found.gone,
            "phase": where,
            "forecasts": {name: each.as_json(name) for name, each in found.forecasts.items()},
        }
    )


def _print(found: Standing, besides: LastInventory | None, *, utc: bool) -> None:
    _show(found.health, utc=utc)
    output.gone(found.gone)
    output.undecided(found.undecided)
    _besides_rows(besides, utc=utc)
    for share in found.shares:
        if share.warns:
            output.line(f"warning: {share.sentence}")
    for name, each in found.forecasts.items():
        click.echo(each.sentence(name))
    click.echo(f"\nphase {found.phase.number} of 4: {found.phase.name}")
    click.echo("next: " + "\n  ".join(found.phase.next))


def _besides_rows(found: LastInventory | None, *, utc: bool) -> None:
    """What both projects hold besides rows, as last seen."""
    if found:
        for each in found.lines:
            output.line(f"{each} (seen {found.at if utc else found.age})")


def _show(health: Health, *, utc: bool) -> None:
    if not health.runs:
        click.echo("no run yet")
        return
    last = health.runs[0]
    synced = counted(last.records, "row", "rows")
    rest = f", {_when(last.created_at, utc=utc)}, {synced} ({last.command})"
    status_line("last run: ", last.status, rest, last.status)
    if last.error:
        click.echo(textwrap.indent(last.error, "  "))
    blind = sum(lag.blind for lag in health.tables)
    but = f"; updates are not seen in {counted(blind, 'table', 'tables')}, see below" if blind else ""
    status_line("health: ", health.verdict, but, "ok" if health.healthy else "warning")
    click.echo(f"last success: {_when(health.at, utc=utc) if health.at else 'never'}")
    if health.set_aside:
        click.echo(f"{counted(health.set_aside, 'row is', 'rows are')} quarantined: supasync quarantine list")
    for name, rows in health.kept_out.items():
        one = "row of OLD is blocked by a row that exists only in NEW"
        more = "rows of OLD are blocked by rows that exist only in NEW"
        output.line(f"{name}: {counted(rows, one, more)}: supasync reconcile clear")
    if health.rate is not None:
        click.echo(f"success rate: {health.rate:.0%} of the last {health.rated} syncs")
    click.echo(f"cost of the runs below: {health.requests:,} requests, {format_size(health.bytes)}\n")
    output.table(
        ("table", "last complete read", "lag"),
        [(t.name, t.read_at and _time(t.read_at, utc=utc), ago(t.lag)) for t in health.tables],
    )
    for line in (line for lag in health.tables for line in _remarks(lag, utc=utc)):
        output.line(line)
    click.echo()
    output.table(
        ("began", "command", "status", "rows", "requests", "bytes"),
        [
            (_time(r.created_at, utc=utc), r.command, r.status, r.records, r.requests, format_size(r.bytes))
            for r in health.runs
        ],
    )


def _time(text: str, *, utc: bool) -> str:
    return text if utc else local(text)


def _when(text: str, *, utc: bool) -> str:
    return text if utc else time_and_age(text)


def _remarks(lag: TableLag, *, utc: bool) -> Iterator[str]:
    """What is special about one table."""
    compared = lag.compared_at and _when(lag.compared_at, utc=utc)
    for progress, what in (
        (lag.loading, "being read by key" if lag.read_at else "first load"),
        (lag.comparing, "being compared with OLD"),
    ):
        if progress:
            met, rows = progress
            of = f" of about {rows:,}" if rows else ""
            yield f"{lag.name}: {what}, {met:,}{of} rows so far"
    if compared and not lag.blind:
        yield f"{lag.name}: all values were last compared {compared}"
    if lag.ahead:
        yield (
            f"{lag.name}: {counted(lag.ahead, 'row is', 'rows are')} stamped in the future: "
            f"every run reads {'it' if lag.ahead == 1 else 'them'} again"
        )
    if lag.deletions:
        keys = "; ".join(", ".join(key) for key in lag.deleted[:_KEYS])
        more = "; ..." if lag.deletions > _KEYS else ""
        yield (
            f"{lag.name}: {counted(lag.deletions, 'row is', 'rows are')} in NEW and not in OLD "
            f"(deleted there, or written in NEW alone): {keys}{more}"
        )
    if lag.blind:
        at = f"all values were last compared {compared}" if compared else "supasync check: why"
        yield f"{lag.name}: updates in OLD are not seen ({at})"


def ago(age: timedelta | None) -> str:
    """``12 min ago``."""
    return "never" if age is None else format_age(age / timedelta(microseconds=1))


def _as_json(health: Health) -> dict[str, object]:
    def seconds(age: timedelta | None) -> float | None:
        return None if age is None else round(age.total_seconds(), 3)

    return {
        "health": health.verdict,
        "healthy": health.healthy,
        "last_success_seconds": seconds(health.age),
        "success_rate": health.rate,
        "set_aside": health.set_aside,
        "kept_out": [{"table": name, "rows": rows} for name, rows in health.kept_out.items()],
        "requests": health.requests,
        "bytes": health.bytes,
        "tables": [
            {name: value for name, value in asdict(each).items() if name != "lag"}
            | {"lag_seconds": seconds(each.lag)}
            for each in health.tables
        ],
        "runs": [asdict(record) for record in health.runs],
    }
