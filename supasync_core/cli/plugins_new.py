"""`supasync plugins new`: the first files of a package with a plugin."""

from pathlib import Path

import click

from supasync_core.cli import output
from supasync_core.model.printable import argument, command
from supasync_core.plugins.new_plugin import KINDS, write


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where to write it.  [default: this folder]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def new(kind: str, name: str, folder: Path, *, as_json: bool) -> None:
    """Write a package with a plugin that works.

    It has an entry point, tests that keep the contract of its kind, and a README. Nothing is overwritten. A
    backend is a source and a sink, and a sink comes with its state store.
    """
    files = write(kind, name, folder)
    place = files[0].parent
    if as_json:
        output.print_json({"folder": str(place), "files": [str(file.relative_to(place)) for file in files]})
        return
    for file in files:
        output.line(str(file))
    output.line("next:")
    output.line(f"  pip install -e {argument(f'{place}[dev]')}   # beside supasync")
    output.line(f"  {command('plugins', 'check', name)}")
