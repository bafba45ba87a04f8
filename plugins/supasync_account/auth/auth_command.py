"""`supasync auth`: the accounts of Supabase Auth, copied, proven and inspected."""

from collections.abc import Callable, Sequence
from functools import partial

import click

from supasync_account.auth import ACCEPTED, POLICIES, Deletes
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
    help="How many accounts to name.",
)


def _extras(command: Callable[..., int]) -> Callable[..., int]:
    """The options for what is copied by consent alone."""
    command = click.option(
        "--passkeys/--no-passkeys",
        default=None,
        help="Copy and compare passkeys, too: they work in NEW only under the same domain. By default as "
        "auth: in tables.yaml says, or not.",
    )(command)
    return click.option(
        "--mfa/--no-mfa",
        default=None,
        help="Copy and compare MFA factors, too: the secrets of authenticator apps. By default as auth: in "
        "tables.yaml says, or not.",
    )(command)


@click.group()
def auth() -> None:
    """Copy, prove and inspect the accounts of Supabase Auth."""


@auth.command(cls=VerdictCommand)
@_extras
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_obj
def check(session: Session, /, *, as_json: bool, **extras: bool | None) -> int:
    """Say how accounts can be copied, and what is in the way.

    Also says what such a copy carries. Nothing is written. Exits with 3 where something has to be fixed
    before a copy.
    """
    from supasync_account.auth import auth_runs  # noqa: PLC0415 - --help opens nothing

    return auth_runs.checked(session, extras=extras, as_json=as_json)


@auth.command(cls=LongCommand)
@click.option("--dry-run", is_flag=True, help="Count what would be copied; write nothing.")
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    type=click.Choice(ACCEPTED),
    help="newer: OLD's values replace what changed in NEW since; triggers: NEW's triggers may fire for what "
    "is copied; cascades: rows may go with an account that OLD deleted. Repeatable.",
)
@click.option(
    "--deletes",
    type=click.Choice(POLICIES),
    help="What to do about accounts that OLD deleted: nothing, name them, or delete them in NEW too. By "
    "default as auth: in tables.yaml says, or report.",
)
@_extras
@_LIMIT()
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_obj
def sync(  # noqa: PLR0913 - the options
    session: Session,
    /,
    accepted: Sequence[str],
    deletes: Deletes | None,
    limit: int,
    *,
    dry_run: bool,
    as_json: bool,
    **extras: bool | None,
) -> int:
    """Copy new and changed accounts from OLD to NEW, under the same ids.

    With both connection strings, passwords and linked logins come along; by the secret keys alone they do
    not, and supasync auth check says who is concerned. OLD is only read. An account that changed in NEW
    since it was copied is named and left alone. Exits with 3 where an account could not be copied, with 4
    where OLD did not hand over all that it lists, with 0 where all of them are there.
    """
    from supasync_account.auth import auth_runs  # noqa: PLC0415 - --help opens nothing

    if dry_run:
        return auth_runs.planned(session, accepted, extras=extras, as_json=as_json)
    return auth_runs.copied(session, accepted, deletes, limit, extras=extras, as_json=as_json)


@auth.command(cls=VerdictCommand)
@_extras
@_LIMIT()
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_obj
def verify(session: Session, /, limit: int, *, as_json: bool, **extras: bool | None) -> int:
    """Compare the accounts of OLD and NEW by digests.

    By SQL, passwords' hashes and linked logins are included; what was not compared is said. Nothing is
    written, and no hash is printed. Exits with 0 where nothing that was compared differs, with 1 where
    accounts differ, with 2 where that could not be determined.
    """
    from supasync_account.auth import auth_runs  # noqa: PLC0415 - --help opens nothing

    return auth_runs.verified(session, limit, extras=extras, as_json=as_json)
