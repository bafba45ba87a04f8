"""Whatever plugins fail, wherever they do: all others are called, and each fault names its own plugin."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from supasync_core import hookimpl
from supasync_core.api.plugin_host import Host
from supasync_core.model.errors import PluginError

ERRORS = (ValueError, SystemExit, PluginError, asyncio.CancelledError, GeneratorExit, RecursionError)
WHERE = ("nowhere", "transforms", "sinks", "wrong kind", "call", "generator", "no hook")
ENDED: dict[str, Any] = {"report": "report", "exit_code": 0, "folder": None, "environment": {}}
BEHAVIOURS = st.lists(st.tuples(st.sampled_from(WHERE), st.sampled_from(ERRORS)), max_size=6)


def module(name: str, where: str, error: type[BaseException]) -> ModuleType:
    """A plugin that registers a transform and counts reports, and raises the error in one place."""
    made: Any = ModuleType(name)

    @hookimpl
    def supasync_register_transforms(registry: Any) -> None:
        registry.add(name, "text" if where == "wrong kind" else str)
        if where == "transforms":
            raise error("a message")

    @hookimpl
    def supasync_register_sinks(registry: Any) -> None:
        del registry
        if where == "sinks":
            raise error("a message")

    @hookimpl
    def supasync_run_finished(report: Any) -> Any:
        if where == "call":
            raise error("a message")
        return each(report) if where == "generator" else report

    def each(report: Any) -> Iterator[Any]:
        yield report
        raise error("a message")

    if where != "no hook":
        made.supasync_register_transforms = supasync_register_transforms
        made.supasync_register_sinks = supasync_register_sinks
        made.supasync_run_finished = supasync_run_finished
    found: ModuleType = made
    return found


@contextmanager
def loaded(behaviours: list[tuple[str, type[BaseException]]]) -> Iterator[Host]:
    """A host with these plugins, ``p0`` and so on."""
    names = [f"p{number}" for number in range(len(behaviours))]
    sys.modules |= {name: module(name, *behaviour) for name, behaviour in zip(names, behaviours, strict=True)}
    host = Host()
    try:
        host.load_installed([EntryPoint(name, name, "supasync") for name in names])
        yield host
    finally:
        for name in names:
            del sys.modules[name]


@given(BEHAVIOURS)
def test_each_plugin_is_apart(behaviours: list[tuple[str, type[BaseException]]]) -> None:
    with loaded(behaviours) as host:
        answers = {each.plugin.name: each for each in host.call("supasync_run_finished", **ENDED)}
        failed = {fault.plugin.name for fault in host.faults}
    for number, (where, error) in enumerate(behaviours):
        name = f"p{number}"
        registers = where in ("nowhere", "call", "generator")
        assert (name in host.transforms) == registers
        assert (name in answers) == registers
        assert (name in failed) == (where not in ("nowhere", "no hook"))
        if where == "nowhere":
            assert (answers[name].value, answers[name].fault) == (ENDED["report"], None)
        if where in ("call", "generator"):
            fault = answers[name].fault
            assert fault is not None
            assert fault.plugin.name == name
            assert fault.reason.removeprefix(f"{error.__name__}: ") == "a message"
            assert __file__ in str(fault.place)


@given(BEHAVIOURS)
def test_arguments_with_keys_leave_the_message_out(behaviours: list[tuple[str, type[BaseException]]]) -> None:
    with loaded(behaviours) as host:
        answers = host.call("supasync_run_finished", shows_message=False, **ENDED)
    assert all("a message" not in each.fault.sentence for each in answers if each.fault)
