"""`supasync usage`: what this month has cost, what it will have cost, and the budgets."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime

import click

from supasync_core.api.state_store import Spending
from supasync_core.cli import output
from supasync_core.model import timestamps
from supasync_core.model.budget import Share
from supasync_core.model.cost import Cost
from supasync_core.model.quantities import format_size
from supasync_core.model.wording import counted
from supasync_core.project.migration import NamedStore, store_of_sink
from supasync_core.project.session import Session
from supasync_core.usage import forecast, spending
from supasync_core.usage.estimate import estimated_size

_HISTORY = 31 * 86_400_000_000
_APART = 3_600_000_000
_ESTIMATED = "estimated from exact counts and the first rows, as JSON, without indexes and other tables"
_UNKNOWN = (
    "the database size is not known: supasync schema sql --horizon prints a function for OLD that returns "
    "it; supasync usage --estimate estimates it"
)
_COUNTED = (
    "counted: runs that are recorded in NEW (setup, sync, gap import, ...), as long as the record is kept\n"
    "not counted: check, status, usage, diff, verify, dry runs, runs that never began, and your app itself"
)


def _spent(store: NamedStore) -> tuple[Sequence[Spending], timestamps.Instant]:
    """What was spent lately, and the store's time."""
    asked = store.now() or timestamps.now()
    spendings = store.past(0, timestamps.to_text(asked - _HISTORY)).spendings
    now = store.now() or timestamps.now()
    if abs(now - asked) > _APART:  # this machine's clock was asked, and is wrong
        spendings = store.past(0, timestamps.to_text(now - _HISTORY)).spendings
    return spendings, now


@click.command()
@click.option("--estimate", is_flag=True, help="Ask OLD for counts and a few rows, to estimate its size.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_obj
def usage(session: Session, *, estimate: bool, as_json: bool) -> int:
    """Show this month's requests, egress and database size.

    They are compared with the budgets. The month is the calendar's, in UTC, by NEW's clock; its end is
    projected from the last whole days. Without --estimate only NEW is asked, by one or two requests.
    """
    session.lenient = not estimate  # what a table's plugin does costs nothing here
    estimated = None
    if estimate:
        with session.migration() as migration:
            estimated = estimated_size(migration)
    with closing(store_of_sink(session.settings, session.host)) as store:
        spendings, now = _spent(store)
    budgets = session.settings.budgets
    begin, end = spending.month_of(now)
    month = spending.since(spendings, begin)
    known = spending.shares(spendings, budgets, now)
    purposes = {project: spending.by_purpose(month, project) for project in spending.PROJECTS}
    coming = forecast.of_projects(spendings, budgets.database, now)
    if as_json:
        shown = {
            "month": f"{_day(begin):%Y-%m}",
            "records": len(month),
            "budgets": [{**asdict(share), "part": share.part, "warns": share.warns} for share in known],
            "purposes": {
                name: {what: asdict(each) for what, each in p.items()} for name, p in purposes.items()
            },
            "forecasts": {project: found.as_json(project) for project, found in coming.items()},
            "estimated_database_bytes": {"OLD": estimated},
        }
        output.print_json(shown)
        return 0
    click.echo(f"{_day(begin):%B %Y} (UTC), {counted(len(month), 'run', 'runs')}\n")
    _print_tables(known, purposes, f"by {_day(end - 1):%b %d}")
    _print_sentences(known, coming, estimated)
    return 0


def _print_tables(
    shares: Sequence[Share], purposes: Mapping[str, Mapping[str, Cost]], at_the_end: str
) -> None:
    lines = [
        (
            share.project,
            share.what,
            share.amount(share.used),
            share.amount(share.projected),
            share.amount(share.budget),
            None if share.part is None else f"{share.part:.0%}",
        )
        for share in shares
    ]
    output.table(("project", "", "so far", at_the_end, "budget", "used"), lines)
    click.echo()
    rows = [
        (project, purpose, used.requests, format_size(used.sent), format_size(used.received))
        for project, by_purpose in purposes.items()
        for purpose, used in by_purpose.items()
    ]
    if rows:
        output.table(("project", "purpose", "requests", "sent", "received"), rows)
        click.echo()


def _print_sentences(
    shares: Sequence[Share], coming: Mapping[str, forecast.Forecast], estimated: int | None
) -> None:
    for share in shares:
        if share.warns:
            click.echo(f"warning: {share.sentence}")
    for project, found in coming.items():
        click.echo(found.sentence(project))
    if estimated is not None:
        click.echo(f"OLD's tables hold about {format_size(estimated)} ({_ESTIMATED})")
    elif all(share.used is None for share in shares if share.what == "database"):
        click.echo(_UNKNOWN)
    click.echo(_COUNTED)


def _day(instant: float) -> datetime:
    return datetime.fromtimestamp(instant / 1_000_000, UTC)
