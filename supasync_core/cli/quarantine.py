"""`supasync quarantine`: the rows that NEW refused."""

import json
from contextlib import closing
from dataclasses import asdict
from typing import Any

import click

from supasync_core.api.journal import current
from supasync_core.cli import output
from supasync_core.model.errors import ConfigError, ExitCode
from supasync_core.model.state import Again, Quarantined
from supasync_core.model.wording import counted
from supasync_core.project.migration import store_of_sink
from supasync_core.project.session import Session
from supasync_core.sync import quarantine_retry
from supasync_core.sync.writer import Writer


@click.group()
def quarantine() -> None:
    """List, retry or drop the rows that NEW refused."""


@quarantine.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_rows(session: Session, *, as_json: bool) -> int:
    """List the quarantined rows: table, key, reason, since when."""
    session.lenient = True
    with closing(store_of_sink(session.settings, session.host)) as store:
        state = current(store.past(1), session.settings.source.ref)
    rows = [{"table": name, **asdict(row)} for name, rows in state.quarantine.items() for row in rows]
    rows += [_unlisted(name, again) for name, again in state.again.items()]
    if as_json:
        output.values(json.dumps(rows, indent=2))
    elif rows:
        cells = [(row["table"], ", ".join(row["key"]), row["reason"], row["since"]) for row in rows]
        output.table(("table", "key", "reason", "since"), cells)
    else:
        click.echo("no row is quarantined")
    return 0


def _unlisted(name: str, again: Again) -> dict[str, Any]:
    """Rows that wait and are too many to be named."""
    rows = f"about {again.rows:,} rows"
    reason = (
        f"{rows} are waiting, too many to list; the table is read again by key. The last one: {again.reason}"
    )
    row = Quarantined((), reason, "23503", again.since, waits=True)
    return {"table": name, **asdict(row), "rows": again.rows}


@quarantine.command()
@click.pass_obj
def retry(session: Session) -> int:
    """Read the rows again from OLD and send them; every sync does so too.

    Exits with 3 where some are refused again.
    """
    with session.lease("quarantine retry") as lease:
        writer = Writer(lease.migration, lease.run.now, lease.state)
        for table in lease.migration.settings.tables:
            quarantine_retry.retry(writer, table, whole=True)
        left = writer.kept(lease.state)
        lease.release("retried", left.doubtful(writer.reread.written))
    count = sum(left.quarantined().values())
    text = counted(count, "row is refused again", "rows are refused again")
    click.echo(text if count else "all quarantined rows were written")
    return ExitCode.PERSON if count else 0


@quarantine.command()
@click.argument("table")
@click.argument("key", nargs=-1, required=True)
@click.pass_obj
def drop(session: Session, table: str, key: tuple[str, ...]) -> int:
    """Drop the row of TABLE with this KEY.

    It stays out of NEW until it changes in OLD.
    """
    with session.lease("quarantine drop") as lease:
        rows = lease.state.quarantine.get(table, ())
        if key not in {row.key for row in rows}:
            raise ConfigError(
                [f"quarantine drop: no row {', '.join(key)} of {table} is quarantined"],
                hint="see: supasync quarantine list",
            )
        left = tuple(row for row in rows if row.key != key)
        state = lease.state.with_quarantine(table, left)
        lease.release("dropped", state, details={"table": table, "key": list(key)})
    output.line(f"{table}: the row {', '.join(key)} is dropped")
    return 0
