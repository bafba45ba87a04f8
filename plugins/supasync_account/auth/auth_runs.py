"""What the commands of `supasync auth` do: open both sides, work, print."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

import click

from supasync_account.auth import Deletes
from supasync_account.auth.account_extras import chosen_tables
from supasync_account.auth.account_report import AccountReport
from supasync_account.auth.account_verdict import AccountVerdict
from supasync_account.auth.account_way import Choices, Copying, Way
from supasync_account.auth.auth_step import policy
from supasync_account.auth.chosen_way import chosen
from supasync_core.cli import output
from supasync_core.cli.styles import status_line
from supasync_core.cli.sync import interruptible
from supasync_core.model import timestamps
from supasync_core.model.errors import DiffCode, ExitCode
from supasync_core.model.settings import Part
from supasync_core.project.lease import leased
from supasync_core.project.migration import Migration
from supasync_core.project.project_steps import context_of
from supasync_core.project.session import Session
from supasync_core.system import lock
from supasync_core.usage.meter import metered_step

Options = Mapping[str, bool | None]
"""What options say of each extra by its setting; None where they say nothing."""


def checked(session: Session, *, extras: Options, as_json: bool) -> int:
    """What both sides have; the exit code."""
    with session.migration() as migration, _chosen(session, migration) as way:
        found = way.inspect(_choices(session, extras=extras))
    if as_json:
        output.print_json(found.as_json())
    else:
        for line in found.lines:
            output.line(line)
        output.findings(found.findings)
    return found.exit_code


def copied(  # noqa: PLR0913 - the options
    session: Session,
    accepted: Sequence[str],
    deletes: Deletes | None,
    limit: int,
    *,
    extras: Options,
    as_json: bool,
) -> int:
    """Copy accounts under the lease; the exit code."""
    with (
        lock.locked(session.settings.folder),
        session.migration() as migration,
        _chosen(session, migration) as way,
    ):
        copy = way.copying(_choices(session, accepted, deletes, extras=extras))
        copy.refuse_early()
        report = _recorded(session, migration, copy)
    if as_json:
        output.print_json(report.as_json())
    else:
        _show(report, limit)
    return report.exit_code


def verified(session: Session, limit: int, *, extras: Options, as_json: bool) -> int:
    """Compare the accounts of both sides; the exit code."""
    session.error_code = DiffCode.TROUBLE
    with session.migration() as migration, _chosen(session, migration) as way:
        found = way.compare(_choices(session, extras=extras))
    if as_json:
        output.print_json(found.as_json())
    else:
        _show_verdict(found, limit)
    return found.exit_code


def _section(session: Session) -> Mapping[str, str]:
    """The settings under ``auth:`` in tables.yaml; none without it."""
    return next((part.settings for part in session.settings.steps if part.name == "auth"), {})


def _choices(
    session: Session, accepted: Sequence[str] = (), deletes: Deletes | None = None, *, extras: Options
) -> Choices:
    """The options, and what auth: in tables.yaml says where there is none."""
    section = _section(session)
    tables = chosen_tables(section, extras)
    return Choices(accepted=accepted, deletes=deletes or policy(section), extras=tables)


def _chosen(session: Session, migration: Migration) -> AbstractContextManager[Way]:
    return chosen(context_of(migration, Part("auth", _section(session))))


def _recorded(session: Session, migration: Migration, copy: Copying) -> AccountReport:
    """Copy under the lease, with a record of it among the runs; names and e-mails are not kept there."""
    with leased(migration, "auth sync") as lease, interruptible(session.settings.max_runtime) as asked:
        meter = metered_step(migration, timestamps.parse(lease.run.now))

        def go_on() -> bool:
            lease.renew()
            if meter:
                meter.check()
            return not asked()

        report = copy.run(lease.beside, go_on)
        whole = not (report.refused or report.withheld or report.interrupted)
        counts = {name: value for name, value in report.as_json().items() if name != "named"}
        lease.release(
            "success" if whole else "interrupted" if report.interrupted else "partial",
            records=report.created + report.updated,
            details={"accounts": counts},
        )
    return report


def planned(session: Session, accepted: Sequence[str], *, extras: Options, as_json: bool) -> int:
    """Count what would be copied; the exit code."""
    with session.migration() as migration, _chosen(session, migration) as way:
        made = way.copying(_choices(session, accepted, extras=extras)).planned()
    counts = {
        "old": made.old,
        "new": made.new_total,
        "to_create": len(made.new),
        "to_update": len(made.changed),
        "changed_in_new": len(made.newer),
        "deleted_in_old": len(made.gone),
        "own": len(made.own),
    }
    if as_json:
        output.print_json(counts)
    else:
        click.echo(f"accounts: OLD {made.old:,}, NEW {made.new_total:,}")
        click.echo(f"{made.sentence}; nothing was written")
    return ExitCode.DONE


def _show(report: AccountReport, limit: int) -> None:
    for each in report.named[:limit]:
        if each.refused:
            output.error(f"not copied: {each.sentence}")
        else:
            output.line(f"note: {each.sentence}", err=True)
    if len(report.named) > limit:
        output.line(f"... and {len(report.named) - limit:,} more (--limit, --json)", err=True)
    refused = any(each.refused for each in report.named)
    status_line("accounts: ", report.sentence, "", "incomplete" if refused or report.interrupted else "ok")
    for remark in report.remarks:
        click.echo(f"  {remark}")
    if report.interrupted:
        click.echo("interrupted: what was copied is kept; supasync auth sync continues from there", err=True)


def _show_verdict(found: AccountVerdict, limit: int) -> None:
    click.echo(f"accounts: OLD {found.old:,}, NEW {found.new:,}; compared {found.by}")
    lists = (
        ("missing in NEW", [found.who(each) for each in found.missing]),
        ("in NEW and not in OLD", [found.who(each) for each in found.extra]),
        ("different", [f"{found.who(each)}: {', '.join(what)}" for each, what in found.changed.items()]),
    )
    for what, names in lists:
        if names:
            click.echo(f"  {what}: {len(names):,}")
        for name in names[:limit]:
            output.line(f"    {name}")
        if len(names) > limit:
            click.echo("    ... (--limit, --json)")
    for sentence in found.uncompared:
        output.line(f"  not compared: {sentence}")
    if found.equal:
        status_line("", "equal", "", "equal")
    else:
        status_line("", "different: run supasync auth sync, then supasync auth verify", "", "different")
