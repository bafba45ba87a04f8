"""`supasync setup` and `supasync check`: look at both sides; setup then writes the baseline."""

from dataclasses import asdict, replace

import click

from supasync_core.cli import output
from supasync_core.cli.common_options import VerdictCommand
from supasync_core.cli.styles import status_line
from supasync_core.init.undecided import by_name
from supasync_core.model import timestamps
from supasync_core.model.errors import ConfigError, StateError
from supasync_core.project.lease import Lease
from supasync_core.project.migration import Migration
from supasync_core.project.session import Session
from supasync_core.status.preflight import Preflight, preflight, steps
from supasync_core.system import lock

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")


@click.command(cls=VerdictCommand)
@_JSON
@click.pass_obj
def check(session: Session, *, as_json: bool) -> int:
    """Inspect both projects and the state; write nothing.

    Lists undecided tables that are not copied, with their row counts.

    Exits with 0 where a sync may run, with 3 where something needs a person first.
    """
    with session.migration() as migration:
        found = preflight(migration, _print_progress)
    if as_json:
        output.print_json(_as_json(found))
        return 0 if found.fine else 3
    _print(session, found)
    if found.fine and (found.past is None or found.past.state is None):
        click.echo("there is no baseline yet; next: supasync setup")
    return 0 if found.fine else 3


@click.command(cls=VerdictCommand)
@click.option(
    "--from",
    "start",
    metavar="beginning|now|TIMESTAMP",
    help="Where the first sync begins to read. Default: beginning. With now or a timestamp, NEW must already "
    "hold all rows up to then.",
)
@_JSON
@click.pass_obj
def setup(session: Session, start: str | None, *, as_json: bool) -> int:
    """Check both projects and write the baseline into NEW.

    It is safe to repeat this. Exits with 0 where the baseline is there and a sync may begin: that leaves out
    each table that has a problem, and says so.
    """
    settings = session.settings
    with lock.locked(settings.folder), session.migration() as migration:
        instant = _instant(start)
        found = preflight(migration, _print_progress)
        if not as_json:
            _print(session, found, setup=True)
        if not found.ready:
            if not as_json:
                _print_next(found)
            raise StateError(
                "the baseline was not written", hint="fix the problems above, then run supasync setup again"
            )
        if found.past and found.past.state:
            if start:
                raise StateError(
                    "the baseline exists already, so --from has no effect",
                    hint="to read a table from its beginning again: supasync state reset TABLE",
                )
            message = "the baseline exists already; nothing was changed"
        else:
            message = _write_baseline(migration, instant)
    if as_json:
        outcome = {"baseline": True, "message": message, "next": [asdict(step) for step in steps(found)]}
        output.print_json({**_as_json(found), **outcome})
    else:
        click.echo(message)
        _print_next(found)
    return 0


def _print_next(found: Preflight) -> None:
    """The commands that are left to do, as they can be typed."""
    click.echo("next, in this order:")
    coming = steps(found)
    width = max(len(step.command) for step in coming)
    for step in coming:
        output.line(f"  {step.command:{width}}  # {step.why}")


def _print_progress(name: str) -> None:
    output.line(f"looking at {name} ...", err=True)


def _print(session: Session, found: Preflight, *, setup: bool = False) -> None:
    click.echo(f"OLD: {session.settings.source.ref}\nNEW: {session.settings.sink.ref}\n")
    output.table(
        ("table", "rows in OLD", "rows in NEW"), [tuple(asdict(row).values()) for row in found.tables]
    )
    output.findings(found.findings)
    status = "failed" if not found.ready else "ok" if found.fine else "warning"
    status_line("", _verdict(found, setup=setup), "", status)


def _verdict(found: Preflight, *, setup: bool) -> str:
    if setup and found.ready and not found.fine:
        return "a sync may begin; it leaves out each table that has a problem"
    if not found.fine:
        return "not ready"
    if any(each.kind == "made" for each in found.findings):
        return "a sync may begin; decide first on the rows that NEW has of its own: supasync reconcile clear"
    return "everything is in place"


def _as_json(found: Preflight) -> dict[str, object]:
    return {
        "fine": found.fine,
        "baseline": bool(found.past and found.past.state),
        "findings": [asdict(finding) for finding in found.findings],
        "tables": [asdict(row) for row in found.tables],
        "undecided": by_name(found.undecided),
    }


def _instant(start: str | None) -> str | None:
    """The timestamp to begin at; ``now`` stays as it is, for OLD's clock to say."""
    if start in (None, "beginning", "now"):
        return None if start == "beginning" else start
    try:
        return timestamps.to_text(timestamps.parse(str(start)))
    except ValueError as err:
        raise ConfigError(
            [f"--from {start}: not beginning, now or a timestamp such as 2026-11-23T10:00:00Z"]
        ) from err


def _write_baseline(migration: Migration, start: str | None) -> str:
    if start == "now":
        now = migration.source_now()
        if now is None:
            raise StateError("OLD does not report its time", hint="name a timestamp instead: --from 2026-...")
        start = timestamps.to_text(now)
    lease = Lease.take(migration, "setup", baseline=True)
    state = lease.state if lease.run.state else replace(lease.state, schema_seen_at=lease.run.now)
    if start:
        for table in migration.settings.tables:
            state = state.with_table(table.name, migration.strategy(table).baseline(table, start))
    lease.release("baseline", state, horizon=start)
    return f"baseline written: the first sync reads from {start or 'the beginning'}"
