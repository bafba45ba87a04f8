"""`supasync usage`: what this month has cost, what it will have cost, and the budgets."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from supasync_core.project.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supasync_core.api.state_store import Spending
    from supasync_core.model.budget import Share
    from supasync_core.model.timestamps import Instant
    from supasync_core.usage.forecast import Forecast
    from supasync_core.usage.spending import Used

_HISTORY = 31 * 86_400_000_000
_APART = 3_600_000_000
_NOT_COUNTED = (
    "counted: the commands that write a record to NEW (setup, sync, gap import, ...), while it is kept\n"
    "not counted: check, status, usage, diff, verify, dry runs, runs that never began, and your app itself"
)


@dataclass(frozen=True, slots=True)
class _Account:
    """Everything that is shown."""

    begin: int
    end: int
    records: int
    shares: "tuple[Share, ...]"
    purposes: "dict[str, dict[str, Used]]"
    forecasts: "dict[str, Forecast]"
    estimate: int | None


@click.command()
@click.option("--estimate", is_flag=True, help="Ask OLD for counts and a few rows, to estimate its size.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_obj
def usage(session: Session, *, estimate: bool, as_json: bool) -> int:
    """Show this month's requests, egress and database size.

    They are compared with the budgets. The month is the calendar's, in UTC, by NEW's clock; its end is
    projected from the last whole days. Without --estimate only NEW is asked, by one or two requests.
    """
    from supasync_core.model import timestamps  # noqa: PLC0415 - --help needs none of it
    from supasync_core.usage.estimate import estimated_size  # noqa: PLC0415

    with session.migration() as migration:
        asked = migration.now()
        spendings = migration.store.spendings(timestamps.to_text(asked - _HISTORY))
        now = migration.now()
        if abs(now - asked) > _APART:  # this machine's clock was asked, and is wrong
            spendings = migration.store.spendings(timestamps.to_text(now - _HISTORY))
        size = estimated_size(migration) if estimate else None
    account = _account(session, spendings, now, size)
    if as_json:
        click.echo(json.dumps(_as_json(account), indent=2))
    else:
        _show(account)
    return 0


def _account(session: Session, spendings: "Sequence[Spending]", now: "Instant", size: int | None) -> _Account:
    from supasync_core.usage import forecast, shares, spending  # noqa: PLC0415 - --help needs none of it

    budgets = session.settings.budgets
    begin, end = spending.month_of(now)
    month = spending.since(spendings, begin)
    return _Account(
        begin=int(begin),
        end=int(end),
        records=len(month),
        shares=shares.shares(spendings, budgets, now),
        purposes={project: spending.by_purpose(month, project) for project in spending.PROJECTS},
        forecasts=forecast.of_projects(spendings, budgets.database, now),
        estimate=size,
    )


def _show(account: _Account) -> None:
    from supasync_core.cli import output  # noqa: PLC0415 - rich is slow to import
    from supasync_core.model.quantities import format_size  # noqa: PLC0415

    click.echo(f"{_day(account.begin):%B %Y} (UTC), {account.records:,} records\n")
    header = ("project", "", "so far", f"by {_day(account.end - 1):%b %d}", "budget", "used")
    lines = [
        (
            share.project,
            share.what,
            share.amount(share.used),
            share.amount(share.projected),
            share.amount(share.budget),
            None if share.part is None else f"{share.part:.0%}",
        )
        for share in account.shares
    ]
    output.table(header, lines)
    click.echo()
    rows = [
        (project, purpose, used.requests, format_size(used.sent), format_size(used.received))
        for project, purposes in account.purposes.items()
        for purpose, used in purposes.items()
    ]
    if rows:
        output.table(("project", "purpose", "requests", "sent", "received"), rows)
        click.echo()
    for share in account.shares:
        if share.warns:
            click.echo(f"warning: {share.sentence}")
    for project, found in account.forecasts.items():
        click.echo(found.sentence(project))
    if account.estimate is not None:
        told = "an estimate: exact counts times the first rows, as JSON, without indexes and other tables"
        click.echo(f"OLD's tables hold about {format_size(account.estimate)} ({told})")
    elif all(share.used is None for share in account.shares if share.what == "database"):
        click.echo(
            "no database size is recorded: supasync schema sql --horizon prints a function for OLD that "
            "tells it; an estimate: supasync usage --estimate"
        )
    click.echo(_NOT_COUNTED)


def _day(instant: int) -> datetime:
    return datetime.fromtimestamp(instant / 1_000_000, UTC)


def _as_json(account: _Account) -> dict[str, object]:
    return {
        "month": f"{_day(account.begin):%Y-%m}",
        "records": account.records,
        "budgets": [{**asdict(share), "part": share.part, "warns": share.warns} for share in account.shares],
        "purposes": {
            project: {purpose: asdict(used) for purpose, used in purposes.items()}
            for project, purposes in account.purposes.items()
        },
        "forecasts": {project: found.as_json(project) for project, found in account.forecasts.items()},
        "estimated_database_bytes": {"OLD": account.estimate},
    }
