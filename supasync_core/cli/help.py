"""`supasync help`: the help of a command by its name."""

import click

from supasync_core.cli.reconcile import SIDES, Sides


@click.command("help")
@click.argument("names", nargs=-1, metavar="[COMMAND] [SUBCOMMAND]")
@click.pass_context
def help_(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Show the help of a command."""
    shown = root = ctx.find_root()
    rest = list(names)
    while rest and isinstance(shown.command, click.Group):
        if shown is root:
            name, command, rest = shown.command.resolve_command(shown, rest)
        else:
            name, command, rest = _subcommand(shown, shown.command, rest)
        if command is not None:
            shown = click.Context(command, info_name=name, parent=shown, obj=ctx.obj)
    if rest and not isinstance(shown.command, Sides):
        raise click.UsageError(f"{shown.command_path} has no command {rest[0]}")
    click.echo(shown.get_help())


def _subcommand(
    ctx: click.Context, group: click.Group, args: list[str]
) -> tuple[str | None, click.Command | None, list[str]]:
    """As click finds it; a usage error names the commands that the group has."""
    commands = group.list_commands(ctx)
    unknown = click.UsageError(f"{group.name} has no command {args[0]}: it has {', '.join(commands)}")
    try:
        found = group.resolve_command(ctx, args)
    except click.UsageError as err:
        raise unknown from err
    if isinstance(found[1], Sides) and len(args) != len(SIDES.split()):
        raise unknown
    return found
