"""What a Supabase project has beside rows: the accounts of its Auth, the files of its Storage.

Everything is imported when a command of it runs, or a run takes its step, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from supasync_core import hookimpl
from supasync_core.api.registration import Configured, Setting, imported

if TYPE_CHECKING:
    import click

    from supasync_core.api.registry import Registry
    from supasync_core.api.run_step import RunStep
    from supasync_core.model.transform import Transform

HOOKS = 1
_STEP = "supasync_account.auth.auth_step"
_STORAGE = "supasync_account.storage.storage_step"
_WANTED = "supasync_account.storage.storage_settings"


@hookimpl
def supasync_register_steps(registry: Registry[RunStep]) -> None:
    """``auth: {}``: accounts come before the rows that refer to them; ``storage: {}``: files behind them."""
    from supasync_core.api.run_step import RunStep  # noqa: PLC0415 - it is small, and --help needs it

    registry.add(
        "auth",
        RunStep(
            what="accounts of Supabase Auth",
            fills=(("auth", "users"), ("auth", "identities")),
            run=imported(_STEP, "run"),
            plan=imported(_STEP, "plan"),
            check=imported(_STEP, "check"),
            prove=imported(_STEP, "prove"),
            finish=imported(_STEP, "finish"),
            propose=imported(_STEP, "propose"),
            script=imported("supasync_account.auth.account_scripts", "asked"),
            script_help="For NEW: the function by which accounts are copied without a connection string, for "
            "the secret key alone; with --old, that of OLD, which only reads.",
            settings={
                "deletes": Setting(required=False, check=imported(_STEP, "deletes_problem")),
                "mfa": Setting(required=False, check=imported(_STEP, "extra_problem")),
                "passkeys": Setting(required=False, check=imported(_STEP, "extra_problem")),
                "every": Setting(required=False, check=imported(_STEP, "every_problem")),
                "flag": Setting(required=False, check=imported(_STEP, "flag_problem")),
                "triggers": Setting(required=False, check=imported(_STEP, "triggers_problem")),
            },
        ),
    )
    registry.add(
        "storage",
        RunStep(
            what="files of Supabase Storage",
            after=True,
            run=imported(_STORAGE, "run"),
            plan=imported(_STORAGE, "plan"),
            check=imported(_STORAGE, "check"),
            prove=imported(_STORAGE, "prove"),
            propose=imported(_STORAGE, "propose"),
            script=imported("supasync_account.storage.old_answers", "script"),
            script_help="With --old: an optional function that only reads, by which an hour without a change "
            "of files costs one request.",
            settings={
                "buckets": Setting(required=False, several=True),
                "exclude": Setting(required=False, several=True),
                "max_per_run": Setting(required=False, check=imported(_WANTED, "size_problem")),
                "deletes": Setting(required=False, several=True, check=imported(_WANTED, "deletes_problem")),
            },
        ),
    )


@hookimpl
def supasync_register_transforms(registry: Registry[Transform | Configured[Transform]]) -> None:
    """``transform: replace_storage_url``: rows refer to NEW's files."""
    replacing = imported("supasync_account.replace_storage_url", "replacing")
    registry.add("replace_storage_url", Configured(replacing))


@hookimpl
def supasync_register_commands(cli: click.Group) -> None:
    """``supasync auth``, ``supasync storage`` and ``supasync account``."""
    from supasync_account.auth.auth_command import auth  # noqa: PLC0415 - only the command line needs it
    from supasync_account.inventory.account_command import account  # noqa: PLC0415 - the same
    from supasync_account.storage.storage_command import storage  # noqa: PLC0415 - the same

    cli.add_command(auth)
    cli.add_command(storage)
    cli.add_command(account)
