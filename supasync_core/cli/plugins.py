"""`supasync plugins`: what is loaded, from where, what failed, and what makes every start slow."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click

from supasync_core.api.plugin_fault import Plugin
from supasync_core.api.plugin_host import Host
from supasync_core.cli import output
from supasync_core.cli.commands import COMMANDS, builtin, plugin_commands
from supasync_core.cli.plugins_check import check
from supasync_core.cli.plugins_new import new
from supasync_core.model.errors import ExitCode, SupasyncError
from supasync_core.project.session import Session

_CALLED: Final = ("supasync_check_environment", "supasync_run_finished")
"""The hooks that register nothing."""
SLOW: Final = 0.25
"""Seconds of an import that a person notices at every start; our own take 10 ms each."""


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def plugins(context: click.Context, *, as_json: bool) -> int:
    """List the plugins and what they provide; write and check one.

    Also shows where each plugin comes from, why any failed, and which are slow to import.

    Exits with 2 where a plugin failed.
    """
    if context.invoked_subcommand:
        return ExitCode.DONE
    session: Session = context.obj
    host = session.host
    session.note = lambda _text: None  # the list has what it says of plugins
    if Path(session.config).exists():
        with suppress(SupasyncError):
            _ = session.settings
    added = plugin_commands(context)
    for name in added.commands.keys() & COMMANDS.keys():
        added.join(name, builtin(name))  # what a built-in group refuses is kept with the plugin
    rows = [_row(host, plugin, added.of(plugin)) for plugin in host.loaded]
    if as_json:
        output.print_json(rows)
    else:
        output.table(
            ("plugin", "from", "provides"),
            [(row["name"], row["origin"], _provides(row)) for row in rows],
        )
        for row in rows:
            for note in row["notes"]:
                output.line(f"note: {row['name']}: {note}", err=True)
    for fault in host.faults:
        output.trace(fault.traceback)
    return ExitCode.SETTINGS if any(row["error"] for row in rows) else ExitCode.DONE


plugins.add_command(new)
plugins.add_command(check)


def _row(host: Host, plugin: Plugin, commands: list[str]) -> dict[str, Any]:
    provides = {kind: registry.provided_by(plugin.name) for kind, registry in host.registries.items()}
    provides |= {"commands": commands, "hooks": [name for name in _CALLED if host.has_hook(plugin, name)]}
    return {
        "name": plugin.name,
        "origin": plugin.origin,
        "provides": {kind: names for kind, names in provides.items() if names and plugin.module is not None},
        "error": plugin.error,
        "notes": list(_notes(plugin)),
        "seconds": round(plugin.seconds, 3),
    }


def _notes(plugin: Plugin) -> Iterator[str]:
    yield from plugin.notes
    if plugin.seconds > SLOW:
        yield (
            f"loading it took {plugin.seconds:.2f} s, and every command waits for that: "
            "import what is slow inside the function that uses it"
        )


def _provides(row: dict[str, Any]) -> str:
    provides = "; ".join(
        f"{kind.replace('_', ' ')}: {', '.join(names)}" for kind, names in row["provides"].items()
    )
    return "; ".join(filter(None, (provides, f"FAILED: {row['error']}" if row["error"] else ""))) or "-"
