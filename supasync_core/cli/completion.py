"""`supasync completion`: what makes a shell complete commands, options and tables."""

import click
from click.shell_completion import get_completion_class

VARIABLE = "_SUPASYNC_COMPLETE"
"""What click names it: the shell sets it when it asks for completions."""
_LINES = {
    "bash": ("~/.bashrc", 'eval "$(supasync completion bash)"'),
    "zsh": ("~/.zshrc", 'eval "$(supasync completion zsh)"'),
    "fish": ("~/.config/fish/config.fish", "supasync completion fish | source"),
}
"""The file that a shell reads at its start, and the line to put into it."""


@click.command()
@click.argument("shell", type=click.Choice(list(_LINES)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Print what a shell needs to complete commands.

    Put one line into the file that the shell reads at its start, for example
    eval "$(supasync completion bash)" into ~/.bashrc; for fish: supasync completion fish | source.
    After that, a tab completes commands, options, and the tables of the tables.yaml in the folder.
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"the installed click has no completion for {shell}", ctx)
    click.echo(found(ctx.find_root().command, {}, "supasync", VARIABLE).source())
    place, line = _LINES[shell]
    click.echo(f"to have it in every shell, put this line into {place}: {line}", err=True)
    return 0
