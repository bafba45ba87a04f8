"""`supasync account`: what both projects hold besides rows."""

import click

from supasync_core.project.session import Session


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_obj
def account(session: Session, /, *, as_json: bool) -> int:
    """Say what OLD and NEW hold besides rows.

    Counts accounts, buckets and objects. With SUPABASE_ACCESS_TOKEN in .env, also lists edge functions, the
    names of their secrets, and settings that differ. Says what supasync copies, and what is left to you, with
    the command or page for each. Nothing is written to either project; status and cutover show it later.
    """
    from supasync_account.inventory.account_inventory import AccountInventory  # noqa: PLC0415 - --help opens nothing
    from supasync_core.cli import output  # noqa: PLC0415 - the same
    from supasync_core.model.settings import Part  # noqa: PLC0415 - the same
    from supasync_core.project import last_inventory  # noqa: PLC0415 - the same
    from supasync_core.project.project_steps import context_of  # noqa: PLC0415 - the same
    from supasync_core.usage.listing_limit import within_limits  # noqa: PLC0415 - the same

    with session.migration() as migration:
        found = AccountInventory.of(
            context_of(migration, Part("account", {}), go_on=within_limits(migration))
        )
    if found.seen:
        last_inventory.remember(session.settings, found.seen)
    if as_json:
        output.print_json(found.as_json())
        return 0
    output.table(
        ("what", "OLD", "NEW", "by"),
        [(each.what, each.old, each.new, "supasync" if each.copied else "you") for each in found.items],
    )
    for each in found.items:
        if each.way:
            output.line(f"{each.what}: {each.way}")
    for flaw in found.flaws:
        output.line(f"not seen: {flaw}", err=True)
    return 0
