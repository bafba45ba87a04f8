"""The promise of `HOOKS`: what a plugin for version 1 uses is there, under the same names."""

import inspect
from typing import Any

from supasync_core.api import hookspecs
from supasync_core.api.backend import Sink, Source
from supasync_core.api.plugin_hooks import KNOWN
from supasync_core.api.registration import REQUIRED, Backend, Configured, Context, Setting, TableContext
from supasync_core.api.state_store import StateStore
from supasync_core.api.strategy import Strategy

VERSION = 1
HOOKS = {
    "supasync_register_sources": ("registry",),
    "supasync_register_sinks": ("registry",),
    "supasync_register_state_stores": ("registry",),
    "supasync_register_strategies": ("registry",),
    "supasync_register_transforms": ("registry",),
    "supasync_register_switches": ("registry",),
    "supasync_register_commands": ("cli",),
    "supasync_register_checks": ("registry",),
    "supasync_register_notifiers": ("registry",),
    "supasync_register_steps": ("registry",),
    "supasync_check_environment": ("environment", "folder"),
    "supasync_run_finished": ("report", "exit_code", "folder", "environment"),
}
MADE: dict[Any, tuple[str, ...]] = {
    Backend: ("name", "open", "settings", "ref"),
    Setting: (),
    Configured: ("make",),
}
"""What a plugin creates, and the parameters that it has to give."""
GIVEN: dict[Any, tuple[str, ...]] = {
    Context: ("settings", "folder", "ledger", "project", "fence", "note", "tables", "shared"),
    TableContext: ("settings", "folder", "table", "columns", "address"),
}
"""What a plugin is given, and what that has."""
PROTOCOLS: dict[str, Any] = {
    "source backend": Source,
    "sink backend": Sink,
    "state store": StateStore,
    "strategy": Strategy,
}
OPTIONAL = {"unseen"}
CHANGED = "plugins break: keep it, or raise HOOKS, say so in docs/reference/hooks.md, and record it here"


def test_no_hook_and_no_parameter_of_this_version_is_gone() -> None:
    assert hookspecs.HOOKS == VERSION
    for name, parameters in HOOKS.items():
        assert name in KNOWN, CHANGED
        assert set(inspect.signature(getattr(hookspecs, name)).parameters) >= set(parameters), CHANGED


def test_what_a_plugin_has_to_give_did_not_grow() -> None:
    for made, required in MADE.items():
        wanted = [each for each in inspect.signature(made).parameters.values() if each.default is each.empty]
        assert tuple(each.name for each in wanted) == required, CHANGED


def test_what_a_plugin_is_given_did_not_shrink() -> None:
    for given, names in GIVEN.items():
        assert set(inspect.signature(given).parameters) >= set(names), CHANGED


def test_the_methods_that_are_asked_for_are_those_of_the_protocols() -> None:
    for kind, protocol in PROTOCOLS.items():
        methods = {
            name
            for each in protocol.__mro__
            for name, value in vars(each).items()
            if each.__module__.startswith("supasync_core") and callable(value) and not name.startswith("_")
        }
        assert methods - OPTIONAL == set(REQUIRED[kind]), CHANGED
