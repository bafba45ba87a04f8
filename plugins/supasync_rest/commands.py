"""`supasync schema`: the SQL that NEW needs once."""

from importlib.resources import files

import click


@click.group()
def schema() -> None:
    """What NEW needs before the first sync."""


@schema.command()
def sql() -> None:
    """Print the SQL to paste into NEW's SQL editor; pasting it again is harmless."""
    click.echo(files("supasync_rest").joinpath("schema.sql").read_text("utf-8"), nl=False)
