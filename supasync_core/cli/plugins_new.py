"""`supasync plugins new`: the first files of a package with a plugin."""

from collections.abc import Iterator
from pathlib import Path

import click

from supasync_core.cli import output
from supasync_core.model.errors import ConfigError
from supasync_core.model.printable import argument, command
from supasync_core.plugins.new_plugin import KINDS, REGISTERED, write
from supasync_core.project.session import Session


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
@click.pass_obj
def new(session: Session, kind: str, name: str, folder: Path, *, as_json: bool) -> None:
    """Write a package with a plugin that works.

    It has an entry point, tests that keep the contract of its kind, and a README. Nothing is overwritten. A
    backend is a source and a sink, and a sink comes with its state store. Exits with 2 where an installed
    plugin or a part of one has that name.
    """
    if problem := next(_taken(session, kind, name), None):
        raise ConfigError([f"{name}: {problem}: use another name"])
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


def _taken(session: Session, kind: str, name: str) -> Iterator[str]:
    """Who has that name: then two plugins of one name, or two parts, would refuse each other."""
    host = session.host
    yield from (f"a plugin has that name ({each.origin})" for each in host.loaded if each.name == name)
    for registry in (host.registries[each] for each in REGISTERED.get(kind, ())):
        if name in registry:
            yield f"a {registry.kind} has that name ({host.owner(registry, name).origin})"
    root = click.get_current_context().find_root()
    words = name.replace("_", "-")
    if kind == "command" and isinstance(root.command, click.Group) and root.command.get_command(root, words):
        yield f"a command has that name (supasync {words})"
