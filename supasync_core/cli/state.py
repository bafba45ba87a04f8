"""`supasync state`: show the cursors, reset a table, close and reopen."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import click

from supasync_core.api.journal import NO_BASELINE, REOPEN
from supasync_core.cli import output
from supasync_core.model.backfill_state import Backfill
from supasync_core.model.errors import StateError
from supasync_core.model.state_json import to_json
from supasync_core.project.migration import store_of_sink
from supasync_core.project.session import Session


@click.group()
def state() -> None:
    """Show the state that is kept in NEW, or change it."""


@state.command()
@click.option("--json", "as_json", is_flag=True, help="Print the state as it is stored.")
@click.pass_obj
def show(session: Session, *, as_json: bool) -> int:
    """Show every table's cursors."""
    session.lenient = True
    with closing(store_of_sink(session.settings, session.host)) as store:
        current = store.past(1).state
    if current is None:
        raise StateError(NO_BASELINE, hint="run: supasync setup")
    if as_json:
        output.print_json(to_json(current))
        return 0
    order = {table.name: i for i, table in enumerate(session.settings.tables)}
    rows = [
        (name, column, place and place.value, "yes" if keyset.settled else "no", table.read_at)
        for name, table in sorted(current.tables.items(), key=lambda item: order.get(item[0], len(order)))
        for column, keyset in table.keysets.items()
        for place in (keyset.cursor,)
    ] + [
        (name, "by key", place, "no", table.read_at)
        for name, table in current.tables.items()
        if table.backfill
        for place in _places(table.backfill)
    ]
    output.line(f"rows come from {current.source}")
    if current.closed:
        output.line(f"closed at {current.closed}")
    output.table(("table", "order", "confirmed up to", "settled", "last complete read"), rows)
    output.gone(current.beyond(order))
    return 0


def _places(load: Backfill) -> Iterator[str]:
    """Where a read by key goes on: in each range that is open, and behind them."""
    for each in load.ranges:
        yield f"{', '.join(each.behind)} (of the range up to {', '.join(each.to)})"
    yield ", ".join(load.behind)


@state.command()
@click.argument("table")
@click.pass_obj
def reset(session: Session, table: str) -> int:
    """Read TABLE from its beginning in the next run.

    Its cursors are forgotten; no row is deleted. TABLE may be one that tables.yaml no longer has.
    """
    with session.lease("state reset") as lease:
        gone = table in lease.state.beyond(each.name for each in session.settings.tables)
        if not gone:
            lease.migration.select((table,), "state reset")
        lease.release("reset", lease.state.without_table(table), details={"table": table})
    done = "forgotten; its rows stay in NEW" if gone else "the next run reads it from its beginning"
    output.line(f"{table}: {done}")
    return 0


@state.command()
@click.pass_obj
def close(session: Session) -> int:
    """Forbid all further runs, from any machine.

    Use this once the app writes to NEW.
    """
    with session.lease("state close") as lease:
        lease.release("closed", replace(lease.state, closed=lease.run.now))
    click.echo("closed: no run copies rows into NEW until supasync state reopen")
    return 0


@state.command()
@click.pass_obj
def reopen(session: Session) -> int:
    """Allow runs again.

    Rows that change in OLD then replace those of NEW, even rows the app has written.
    """
    with session.lease(REOPEN) as lease:
        lease.release("reopened", replace(lease.state, closed=None))
    click.echo("reopened: the next sync continues from its cursors")
    return 0
