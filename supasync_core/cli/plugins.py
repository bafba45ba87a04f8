"""`supasync plugins`: what is loaded, from where, and what failed."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from supasync_core.cli import output
from supasync_core.model.errors import ConfigError, ExitCode
from supasync_core.project.session import Session


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def plugins(session: Session, *, as_json: bool) -> int:
    """List the plugins and what they provide.

    Also shows where each plugin comes from, and why any failed to load.

    Exits with 2 where a plugin failed.
    """
    host = session.host
    if Path(session.config).exists():
        with suppress(ConfigError):  # what it says of plugins is in the list, the rest is for other commands
            _ = session.settings
    rows: list[dict[str, Any]] = [
        {
            "name": plugin.name,
            "origin": plugin.origin,
            "provides": {
                kind: names
                for kind, registry in host.registries.items()
                if (names := registry.provided_by(plugin.name))
            },
            "error": plugin.error,
        }
        for plugin in host.loaded
    ]
    if as_json:
        click.echo(session.redact(json.dumps(rows, indent=2)))
    else:
        output.table(
            ("plugin", "from", "provides"),
            [(row["name"], row["origin"], session.redact(_provides(row))) for row in rows],
        )
    return ExitCode.SETTINGS if any(row["error"] for row in rows) else ExitCode.DONE


def _provides(row: dict[str, Any]) -> str:
    if row["error"]:
        return f"FAILED: {row['error']}"
    provides = row["provides"]
    if not isinstance(provides, dict) or not provides:
        return "-"
    return "; ".join(f"{kind.replace('_', ' ')}: {', '.join(names)}" for kind, names in provides.items())
