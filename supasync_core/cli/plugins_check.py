"""`supasync plugins check`: whether a plugin keeps what its kind promises."""

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import click

from supasync_core.api.registry import did_you_mean
from supasync_core.cli import output
from supasync_core.model.errors import ExitCode, PluginError, SupasyncError
from supasync_core.plugins.check_plugin import check as checks
from supasync_core.project.session import Session


@click.command()
@click.argument("name")
@click.option(
    "--tests",
    type=click.Path(exists=True, path_type=Path),
    help="Its tests.  [default: tests in the project of the plugin, or in this folder]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def check(session: Session, name: str, tests: Path | None, *, as_json: bool) -> int:
    """Check a plugin: protocol, settings, contract, import time.

    Runs the tests of the plugin, which need pytest. NAME is that of the plugin, as in the list.

    Exits with 3 where something does not hold or could not be checked, with 2 where the plugin does not exist
    or cannot be loaded.
    """
    host = session.host
    if Path(session.config).exists():
        with suppress(SupasyncError):  # a plugin file is named in there; what else is wrong is not asked
            _ = session.settings
    known = {plugin.name: plugin for plugin in host.loaded}
    if name not in known:
        raise PluginError(f"unknown plugin {name}{did_you_mean(name, known)}", hint="supasync plugins")
    plugin = known[name]
    found = []
    for each in checks(host, plugin, tests):
        found.append(each)
        if not as_json:
            output.line(f"{each.result:<9} {each.name}: {each.text}")
            output.hint(each.hint)
    if as_json:
        rows = [asdict(each) for each in found]
        output.print_json({"plugin": name, "origin": plugin.origin, "checks": rows})
    if plugin.module is None:
        return ExitCode.SETTINGS
    return ExitCode.DONE if all(each.result == "ok" for each in found) else ExitCode.PERSON
