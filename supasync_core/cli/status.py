"""`supasync status`: how the runs went, and whether all is well."""

import textwrap
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta

import click

from supasync_core.api.blind_spots import unseen as unseen_kinds
from supasync_core.api.plugin_host import Host
from supasync_core.api.table_plugins import strategy_of
from supasync_core.cli import output
from supasync_core.cli.params import Duration
from supasync_core.init.undecided import by_name, last_list
from supasync_core.model import timestamps
from supasync_core.model.errors import ExitCode
from supasync_core.model.quantities import format_duration, format_size
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.project.migration import store_of_sink
from supasync_core.project.session import Session
from supasync_core.project.sql_sessions import VARIABLES
from supasync_core.status.health import Health, TableLag, judge, phase
from supasync_core.usage.forecast import of_projects
from supasync_core.usage.spending import shares

_FETCHED = 100
_KEYS = 10
HISTORY = 31 * 86_400_000_000
"""Microseconds back to which costs and sizes are looked at."""


@click.command()
@click.option("--max-age", type=Duration(), help="Exit with 3 when the last success is older than this.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_obj
def status(session: Session, max_age: timedelta | None, *, as_json: bool) -> int:
    """Show the last runs, the success rate and each table's lag."""
    session.lenient = True
    settings = session.settings
    with closing(store_of_sink(settings, session.host)) as store:
        past = store.past(_FETCHED)
        now = store.now() or timestamps.now()
        limited = settings.budgets.monthly or settings.budgets.database is not None
        since = timestamps.to_text(now - HISTORY)
        spendings = store.past(0, since).spendings if limited and past.state else ()
    unseen = [(table, _unseen(session.host, table)) for table in settings.tables]
    gone = past.state.beyond(table.name for table in settings.tables) if past.state else ()
    health = judge(past, unseen, settings.interval, now)
    known = shares(spendings, settings.budgets, now) if spendings else ()
    connected = bool(settings.environment.get(VARIABLES["OLD"]))
    stands = phase(past, known, health.age, settings.stale_after, connected=connected)
    left_out = last_list(settings).tables
    coming = of_projects(spendings, settings.budgets.database, now)
    if as_json:
        forecasts = {name: found.as_json(name) for name, found in coming.items()}
        where = {"phase": {"number": stands.number, "name": stands.name, "next": stands.next}}
        left = {"undecided": by_name(left_out), "gone": gone}
        output.print_json({**_as_json(health), **left, **where, "forecasts": forecasts})
    else:
        _show(health)
        output.gone(gone)
        output.undecided(left_out)
        for share in known:
            if share.warns:
                output.line(f"warning: {share.sentence}")
        for name, found in coming.items():
            click.echo(found.sentence(name))
        click.echo(f"\nphase {stands.number} of 4: {stands.name}")
        click.echo("next: " + "\n  ".join(stands.next))
    too_old = max_age is not None and (health.age is None or health.age > max_age)
    if too_old:
        click.echo(f"the last success is {ago(health.age)}: older than --max-age", err=True)
    return ExitCode.PERSON if too_old else ExitCode.DONE


def _unseen(host: Host, table: Table) -> tuple[str, ...]:
    """What reading the table cannot see; nothing is known where its strategy is gone."""
    return unseen_kinds(strategy_of(host, table), table) if table.strategy in host.strategies else ()


def _show(health: Health) -> None:
    if not health.runs:
        click.echo("no run yet")
        return
    last = health.runs[0]
    synced = counted(last.records, "row", "rows")
    output.line(f"last run: {last.status}, {last.created_at}, {synced} ({last.command})")
    if last.error:
        click.echo(textwrap.indent(last.error, "  "))
    blind = sum(lag.blind for lag in health.tables)
    but = f"; updates are not seen in {counted(blind, 'table', 'tables')}, see below" if blind else ""
    output.line(f"health: {health.verdict}{but}")
    click.echo(f"last success: {ago(health.age)}")
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
        ("table", "last complete read", "lag"), [(t.name, t.read_at, ago(t.lag)) for t in health.tables]
    )
    for line in (line for lag in health.tables for line in _remarks(lag)):
        output.line(line)
    click.echo()
    output.table(
        ("began", "command", "status", "rows", "requests", "bytes"),
        [
            (r.created_at, r.command, r.status, r.records, r.requests, format_size(r.bytes))
            for r in health.runs
        ],
    )


def _remarks(lag: TableLag) -> Iterator[str]:
    """What is special about one table."""
    for progress, what in (
        (lag.loading, "being read by key" if lag.read_at else "first load"),
        (lag.comparing, "being compared with OLD"),
    ):
        if progress:
            met, rows = progress
            of = f" of about {rows:,}" if rows else ""
            yield f"{lag.name}: {what}, {met:,}{of} rows so far"
    if lag.compared_at and not lag.blind:
        yield f"{lag.name}: all values were last compared {lag.compared_at}"
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
        at = f"all values were last compared {lag.compared_at}" if lag.compared_at else "supasync check: why"
        yield f"{lag.name}: updates in OLD are not seen ({at})"


def ago(age: timedelta | None) -> str:
    """``2h5m ago``."""
    return "never" if age is None else f"{format_duration(age, 2)} ago"


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
