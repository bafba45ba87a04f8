"""`supasync storage`: buckets and objects of Supabase Storage, copied and proven."""

from collections.abc import Sequence
from functools import partial

import click

from supasync_account.storage import ACCEPTED, POLICIES, Deletes
from supasync_core.cli.common_options import LongCommand, VerdictCommand
from supasync_core.project.session import Session

SHOWN = 20
_LIMIT = partial(
    click.option,
    "--limit",
    type=click.IntRange(min=0),
    default=SHOWN,
    show_default=True,
    metavar="N",
    help="How many objects to name.",
)
_BUCKETS = partial(
    click.option,
    "--bucket",
    "buckets",
    multiple=True,
    metavar="B",
    help="Only this bucket; repeatable. By default as storage: in tables.yaml says, or all.",
)


@click.group()
def storage() -> None:
    """Copy and prove the files of Supabase Storage."""


@storage.command(cls=LongCommand)
@_BUCKETS()
@click.option("--dry-run", is_flag=True, help="Count what would be copied, and what it costs; write nothing.")
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    type=click.Choice(ACCEPTED),
    help="newer: OLD's objects and settings replace what changed in NEW since, or was there before.",
)
@click.option(
    "--deletes",
    type=click.Choice(POLICIES),
    help="What to do about objects that OLD deleted: nothing, count them, or delete them in NEW too. By "
    "default as storage: in tables.yaml says, or report.",
)
@click.option(
    "--max-per-run", metavar="SIZE", help="Copy at most so much, such as 200MB; the rest next time."
)
@click.option(
    "--undo", is_flag=True, help="Put back the objects that the newest removal took from NEW; copy nothing."
)
@_LIMIT()
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_obj
def sync(  # noqa: PLR0913 - the options
    session: Session,
    buckets: Sequence[str],
    accepted: Sequence[str],
    deletes: Deletes | None,
    max_per_run: str | None,
    *,
    limit: int,
    dry_run: bool,
    undo: bool,
    as_json: bool,
) -> int:
    """Copy buckets and their objects from OLD to NEW.

    OLD is only read. What the copy costs of OLD's egress is said before the first object. An object that
    changed in NEW since it was copied is named and left alone. A run that was killed continues where it was.
    Exits with 3 where an object could not be copied, with 0 where all of them are there.
    """
    from supasync_account.storage import storage_runs  # noqa: PLC0415 - --help opens nothing

    if undo:
        return storage_runs.undone(session, as_json=as_json)
    wanted = storage_runs.wanted(session, buckets, deletes, max_per_run)
    newer = "newer" in accepted
    if dry_run:
        return storage_runs.planned(session, wanted, limit, accept_newer=newer, as_json=as_json)
    return storage_runs.copied(session, wanted, limit, accept_newer=newer, as_json=as_json)


@storage.command(cls=VerdictCommand)
@_BUCKETS()
@click.option(
    "--exact", is_flag=True, help="Read every object on both sides: costs OLD's egress once more, all of it."
)
@_LIMIT()
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_obj
def verify(session: Session, /, buckets: Sequence[str], limit: int, *, exact: bool, as_json: bool) -> int:
    """Compare the buckets and objects of OLD and NEW.

    Says how many objects were proven by which method: by MD5, by size alone, or by all bytes. Nothing is
    written to either project; the next storage sync looks again at what differs. Exits with 0 where nothing
    that was compared differs, with 1 where anything does, with 2 where it could not be determined.
    """
    from supasync_account.storage import storage_runs  # noqa: PLC0415 - --help opens nothing

    wanted = storage_runs.wanted(session, buckets, None, None)
    return storage_runs.verified(session, wanted, limit, exact=exact, as_json=as_json)
