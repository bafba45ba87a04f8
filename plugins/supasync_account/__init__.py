"""What a Supabase project has beside rows: the accounts of its Auth.

Everything is imported when a command of it runs, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from supasync_core import hookimpl

if TYPE_CHECKING:
    import click

HOOKS = 1


@hookimpl
def supasync_register_commands(cli: click.Group) -> None:
    """``supasync auth``."""
    from supasync_account.auth.auth_command import auth  # noqa: PLC0415 - only the command line needs it

    cli.add_command(auth)
