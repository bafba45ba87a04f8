"""What the commands of `supasync storage` do: open both sides, work, print."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import click

from supasync_account.storage import Deletes, doubted_copies
from supasync_account.storage import storage_step as step
from supasync_account.storage.kept_objects import KeptObjects
from supasync_account.storage.storage_progress import StorageProgress
from supasync_account.storage.storage_report import StorageReport
from supasync_account.storage.storage_settings import StorageSettings, policies, size_problem
from supasync_account.storage.storage_sides import both_storages, pair_of
from supasync_account.storage.storage_verdict import StorageVerdict, compare
from supasync_core.api.run_step import StepContext
from supasync_core.cli import output
from supasync_core.cli.styles import status_line
from supasync_core.cli.sync import interruptible
from supasync_core.model import timestamps
from supasync_core.model.errors import ConfigError, DiffCode, ExitCode, LockedError
from supasync_core.model.quantities import parse_size
from supasync_core.model.settings import Part
from supasync_core.model.wording import counted
from supasync_core.project.lease import Lease, leased
from supasync_core.project.migration import Migration
from supasync_core.project.project_steps import context_of
from supasync_core.project.session import Session
from supasync_core.system import lock
from supasync_core.usage.listing_limit import within_limits
from supasync_core.usage.meter import metered_step

_UNDER_WAY: Final = (
    "a run is under way, so the next copy is not told what differs: verify once more when it has ended"
)


def wanted(
    session: Session, buckets: Sequence[str], deletes: Deletes | None, max_per_run: str | None
) -> StorageSettings:
    """The section of tables.yaml with what the options say; ConfigError for a size that is none."""
    settings = StorageSettings.of(_section(session))
    if max_per_run is not None and (flaw := size_problem(max_per_run)):
        raise ConfigError([f"--max-per-run {flaw}"])
    return replace(
        settings,
        buckets=tuple(buckets) or settings.buckets,
        deletes=policies(deletes) if deletes else settings.deletes,
        max_per_run=parse_size(max_per_run) if max_per_run else settings.max_per_run,
    )


def copied(
    session: Session, settings: StorageSettings, limit: int, *, accept_newer: bool, as_json: bool
) -> int:
    """Copy objects under the lease, with a record of it among the runs; the exit code."""
    with (
        lock.locked(session.settings.folder),
        session.migration() as migration,
        leased(migration, "storage sync") as lease,
        interruptible(session.settings.max_runtime) as asked,
    ):
        context = _under_lease(session, migration, lease, lambda: not asked())
        report = step.copied(context, settings, accept_newer=accept_newer, by_hand=True)
        whole = not (report.unfinished or report.interrupted)
        lease.release(
            "success" if whole else "interrupted" if report.interrupted else "partial",
            records=report.copied,
            details={"storage": report.counts},
        )
    if as_json:
        output.print_json(report.as_json())
    else:
        _show(report, limit)
    return report.exit_code


def planned(
    session: Session, settings: StorageSettings, limit: int, *, accept_newer: bool, as_json: bool
) -> int:
    """Count what would be copied; the exit code."""
    with session.migration() as migration:
        context = context_of(migration, _part(session), go_on=within_limits(migration))
        sentence, report = step.planned(context, settings, accept_newer=accept_newer)
    if as_json:
        counts = {"objects": report.objects, "bytes": report.bytes, "buckets": report.buckets}
        counts |= {"to_copy": report.left, "to_copy_bytes": report.left_bytes}
        named = [each.sentence for each in report.named]
        output.print_json({"dry_run": True, **counts, "named": named, "notes": report.notes})
    else:
        _name(report, limit)
        output.line(f"storage: {sentence}; nothing was written")
    return ExitCode.DONE


def verified(session: Session, settings: StorageSettings, limit: int, *, exact: bool, as_json: bool) -> int:
    """Compare both sides; the exit code."""
    session.error_code = DiffCode.TROUBLE
    with session.migration() as migration:
        context = context_of(migration, _part(session), go_on=within_limits(migration))
        with (
            both_storages(context) as (old, new),
            StorageProgress.looking(context.staging, pair_of(old, new)) as progress,
        ):
            meter = metered_step(migration, timestamps.now()) if exact else None
            afford = meter.afford if meter else context.afford
            found = compare(
                old, new, progress, settings, exact=exact, sql=context.sql, afford=afford, go_on=context.go_on
            )
            _remember_doubts(session, progress, found)
    if as_json:
        output.print_json(found.as_json())
    else:
        _show_verdict(found, limit)
    return found.exit_code


def _remember_doubts(session: Session, seen: StorageProgress, found: StorageVerdict) -> None:
    """Let the next copy look again at what differs, unless a run is under way."""
    if not found.doubts:
        return
    try:
        with (
            lock.locked(session.settings.folder),
            StorageProgress.writing(session.settings.staging, seen.pair) as progress,
        ):
            doubted_copies.remember(seen, progress, found.doubts)
    except LockedError:
        output.line(f"note: {_UNDER_WAY}", err=True)


def undone(session: Session, *, as_json: bool) -> int:
    """Put back what the newest removal took; the exit code."""
    with (
        lock.locked(session.settings.folder),
        session.migration() as migration,
        leased(migration, "storage undo") as lease,
    ):
        context = _under_lease(session, migration, lease, lambda: True)
        with (
            both_storages(context) as (old, new),
            StorageProgress.writing(session.settings.staging, pair_of(old, new)) as progress,
        ):
            number, flaws = KeptObjects(progress, new, context.fence).undo()
        lease.release("partial" if flaws else "success", records=number)
    if as_json:
        output.print_json({"put_back": number, "refused": list(flaws)})
    else:
        for flaw in flaws:
            output.error(f"not put back: {flaw}")
        click.echo(f"storage: {counted(number, 'object', 'objects')} put back")
    return ExitCode.PERSON if flaws else ExitCode.DONE


def _under_lease(
    session: Session, migration: Migration, lease: Lease, goes_on: Callable[[], bool]
) -> StepContext:
    meter = metered_step(migration, timestamps.parse(lease.run.now))

    def go_on() -> bool:
        lease.renew()
        if meter:
            meter.check()
        return goes_on()

    return context_of(
        migration,
        _part(session),
        fence=lease.beside,
        go_on=go_on,
        afford=meter.afford if meter else lambda _project, _bytes: None,
        say=partial(output.line, err=True),
    )


def _part(session: Session) -> Part:
    return Part("storage", _section(session))


def _section(session: Session) -> Mapping[str, str]:
    """The settings under ``storage:`` in tables.yaml; none without it."""
    return next((part.settings for part in session.settings.steps if part.name == "storage"), {})


def _name(report: StorageReport, limit: int) -> None:
    for each in report.named[:limit]:
        if each.weight == "note":
            output.line(f"note: {each.sentence}", err=True)
        else:
            output.error(f"not copied: {each.sentence}")
    if len(report.named) > limit:
        output.line(f"... and {len(report.named) - limit:,} more (--limit, --json)", err=True)


def _show(report: StorageReport, limit: int) -> None:
    _name(report, limit)
    status = "incomplete" if report.refused or report.interrupted else "ok"
    status_line("storage: ", report.sentence, "", status)
    for remark in report.remarks:
        output.line(f"  {remark}")
    if report.interrupted:
        click.echo(
            "interrupted: what was copied is kept; supasync storage sync continues from there", err=True
        )


def _show_verdict(found: StorageVerdict, limit: int) -> None:
    click.echo(f"storage: OLD has {counted(found.old, 'object', 'objects')}, NEW {found.new:,}")
    lists = (
        ("missing in NEW", found.missing),
        ("in NEW and not in OLD", found.extra),
        ("different", [f"{name}: {', '.join(what)}" for name, what in found.changed.items()]),
    )
    for what, names in lists:
        if names:
            click.echo(f"  {what}: {len(names):,}")
        for name in names[:limit]:
            output.line(f"    {name}")
        if len(names) > limit:
            click.echo("    ... (--limit, --json)")
    click.echo(f"  compared: {found.methods_shown}")
    for sentence in found.remarks:
        output.line(f"  note: {sentence}")
    if found.differences:
        status_line("", "different: run supasync storage sync, then verify again", "", "different")
    else:
        status_line("", "equal, as far as was compared", "", "equal")
