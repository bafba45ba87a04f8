"""`supasync help`: the help of a command by its name."""

import click


@click.command("help")
@click.argument("names", nargs=-1, metavar="[COMMAND] [SUBCOMMAND]")
@click.pass_context
def help_(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Show the help of a command."""
    shown = ctx.find_root()
    rest = list(names)
    while rest and isinstance(shown.command, click.Group):
        name, command, rest = shown.command.resolve_command(shown, rest)
        if command is not None:
            shown = click.Context(command, info_name=name, parent=shown, obj=ctx.obj)
    click.echo(shown.get_help())
