"""The hooks. A plugin implements those that it needs; each is handed a registry or an object to act on."""

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import click

    from supasync_core.api.backend import Sink, Source
    from supasync_core.api.notifier import Notifier
    from supasync_core.api.project_check import ProjectCheck
    from supasync_core.api.registration import Backend, Configured
    from supasync_core.api.registry import Registry
    from supasync_core.api.run_step import RunStep
    from supasync_core.api.state_store import StateStore
    from supasync_core.api.strategy import Strategy
    from supasync_core.api.switch import Ends, Switch
    from supasync_core.model.finding import Finding
    from supasync_core.model.report import Report
    from supasync_core.model.transform import Transform

hookspec = pluggy.HookspecMarker("supasync")
hookimpl = pluggy.HookimplMarker("supasync")

HOOKS = 1
"""The version of the hooks: a plugin that declares another one is refused. docs/reference/hooks.md says what
raises it."""

REMOVED: "Mapping[str, str]" = {
    f"supasync_register_{what}": "supasync reads CSV and DuckDB files itself; delete the function"
    for what in ("exports", "stagings", "engines", "files")
} | {"supasync_register_table_plugins": "call the function supasync_register_strategies"}
"""Hooks of earlier versions, each with the sentence that says what to do instead."""


@hookspec
def supasync_register_sources(registry: "Registry[Backend[Source]]") -> None:
    """Add backends that rows can come from."""


@hookspec
def supasync_register_sinks(registry: "Registry[Backend[Sink]]") -> None:
    """Add backends that rows can go to."""


@hookspec
def supasync_register_state_stores(registry: "Registry[Backend[StateStore]]") -> None:
    """Add state stores, each under the name of the sink that it stands beside."""


@hookspec
def supasync_register_strategies(registry: "Registry[Callable[[], Strategy] | Configured[Strategy]]") -> None:
    """Add ways to read a table."""


@hookspec
def supasync_register_transforms(registry: "Registry[Transform | Configured[Transform]]") -> None:
    """Add functions that change or leave out rows on their way."""


@hookspec
def supasync_register_switches(registry: "Registry[Callable[[Ends], Switch]]") -> None:
    """Add what the switch of an app to a project needs, under the name of the sink's backend."""


@hookspec
def supasync_register_checks(registry: "Registry[ProjectCheck]") -> None:
    """Add checks of both projects; tables.yaml names them under ``checks``."""


@hookspec
def supasync_register_notifiers(registry: "Registry[Notifier]") -> None:
    """Add notifiers, which hear how runs end; tables.yaml names them under ``notify``."""


@hookspec
def supasync_register_steps(registry: "Registry[RunStep]") -> None:
    """Add steps that a run takes before its tables; each is a section of tables.yaml."""


@hookspec
def supasync_register_commands(cli: "click.Group") -> None:
    """Add commands to the command line."""


@hookspec
def supasync_check_environment(  # type: ignore[empty-body]
    environment: "Mapping[str, str]", folder: "Path"
) -> "Iterable[Finding]":
    """Say what is wrong with the variables that this plugin reads; `check` and `setup` print it.

    ``environment`` and ``folder`` are those of `supasync_run_finished`. Nothing is sent or written.
    """


@hookspec
def supasync_run_finished(
    report: "Report", exit_code: int, folder: "Path", environment: "Mapping[str, str]"
) -> None:
    """Look at the report of a sync that has ended, or that never began.

    ``folder`` is that of tables.yaml; ``environment`` holds the process's variables and those of .env.
    """
