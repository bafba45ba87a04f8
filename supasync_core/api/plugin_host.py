"""Finding plugins, filling the registries and calling hooks: each plugin apart from all others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from supasync_core.api import hookspecs
from supasync_core.api.installed import OURS, OwnPoint, file_of, installed, module_of
from supasync_core.api.plugin_fault import Plugin, PluginFault, apart, blamed, line_of, place_of, whose
from supasync_core.api.plugin_hooks import check_hooks, check_text
from supasync_core.api.registration import (
    backend_flaw,
    function_flaw,
    imported,
    made_flaw,
    strategy_flaw,
    transform_flaw,
)
from supasync_core.api.registry import Registry
from supasync_core.model.errors import PluginError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from supasync_core.api.backend import Sink, Source
    from supasync_core.api.notifier import Notifier
    from supasync_core.api.project_check import ProjectCheck
    from supasync_core.api.registration import Backend, Configured, Context
    from supasync_core.api.run_step import RunStep
    from supasync_core.api.state_store import StateStore
    from supasync_core.api.strategy import Strategy
    from supasync_core.api.switch import Ends, Switch
    from supasync_core.model.transform import Transform

T = TypeVar("T")

_LOADING = "cannot be loaded"
_CHECK_FLAW = imported("supasync_core.api.project_check", "check_flaw")
_NOTIFIER_FLAW = imported("supasync_core.api.notifier", "notifier_flaw")
_STEP_FLAW = imported("supasync_core.api.run_step", "step_flaw")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one plugin's hook returned, or its fault."""

    plugin: Plugin
    value: Any = None
    fault: PluginFault | None = None


class Host:
    """The plugins that are installed, and all that they have registered.

    `call` is the one way to call a hook. Each plugin is called by itself: where it fails, its answer is a
    `PluginFault` that names it, and the others are called nevertheless.
    """

    def __init__(self) -> None:
        self.sources: Registry[Backend[Source]] = Registry("source backend", backend_flaw)
        self.sinks: Registry[Backend[Sink]] = Registry("sink backend", backend_flaw)
        self.state_stores: Registry[Backend[StateStore]] = Registry("state store", backend_flaw)
        self.strategies: Registry[Callable[[], Strategy] | Configured[Strategy]]
        self.strategies = Registry("strategy", strategy_flaw)
        self.transforms: Registry[Transform | Configured[Transform]] = Registry("transform", transform_flaw)
        self.switches: Registry[Callable[[Ends], Switch]] = Registry("switch", function_flaw)
        self.checks: Registry[ProjectCheck] = Registry("check", _CHECK_FLAW)
        self.notifiers: Registry[Notifier] = Registry("notifier", _NOTIFIER_FLAW)
        self.steps: Registry[RunStep] = Registry("step", _STEP_FLAW)
        self.folder = Path()
        """The folder of tables.yaml, once that is read."""
        self.made: dict[tuple[str, str], tuple[object, object]] = {}
        """What was made for a table by now: see `supasync_core.api.table_plugins`."""
        self.loaded: list[Plugin] = []
        self.hooks = pluggy.PluginManager("supasync")
        self.hooks.add_hookspecs(hookspecs)

    @property
    def registries(self) -> dict[str, Registry[Any]]:
        """The registries by the last word of the hook that fills them."""
        return {
            "sources": self.sources,
            "sinks": self.sinks,
            "state_stores": self.state_stores,
            "strategies": self.strategies,
            "transforms": self.transforms,
            "switches": self.switches,
            "checks": self.checks,
            "notifiers": self.notifiers,
            "steps": self.steps,
        }

    @property
    def faults(self) -> list[PluginFault]:
        """What plugins did wrong so far."""
        return [fault for plugin in self.loaded for fault in plugin.faults]

    @property
    def local(self) -> list[Plugin]:
        """The plugin files of tables.yaml."""
        return [plugin for plugin in self.loaded if isinstance(plugin.found, Path)]

    def load_installed(self, found: Iterable[EntryPoint | OwnPoint] | None = None) -> None:
        """Load every entry point of the group ``supasync``, our own first; each plugin keeps its fault."""
        points, damaged = (found, []) if found is not None else installed()
        for point in points:
            self._load(Plugin(point.name, point), point.load)
        for point in damaged:
            self.loaded.append(plugin := Plugin(point.name, point))
            blamed(plugin, _LOADING, PluginError("its entry_points.txt is damaged: install it again"))

    def load_file(self, path: Path, folder: Path | None = None) -> None:
        """Load a local plugin file; PluginError with the reason where that fails.

        It must be in the ``folder``, where one is given, and nobody else may write to it.
        """
        from supasync_core.api.plugin_file import check_place, imported_file  # noqa: PLC0415 - few have any

        if folder is not None:
            check_place(path.resolve(), folder.resolve())
        fault = self._load(Plugin(path.stem, path), partial(imported_file, path))
        if fault is not None:
            place = fault.place or str(path)
            where = place if place.startswith(str(path)) else f"{path} (from {place})"
            raise PluginError(f"{where}: {_LOADING}: {fault.reason}")

    def call(self, hook: str, *, shows_message: bool = True, **arguments: object) -> list[Answer]:
        """Call a hook of every plugin that has it, one after the other; an answer for each.

        An answer that is a generator is read to its end here: that is where its code runs. What a plugin
        prints goes to stderr. ``shows_message=False`` keeps the message of an error out of its fault, where
        the arguments hold keys.
        """
        return [
            self.ask(plugin, hook, shows_message=shows_message, **arguments)
            for plugin in self.loaded
            if self.has_hook(plugin, hook)
        ]

    def ask(self, plugin: Plugin, hook: str, *, shows_message: bool = True, **arguments: object) -> Answer:
        """Call the hook of one plugin, apart from all else."""
        call = partial(self._call_one, plugin, hook, arguments)
        value = apart(plugin, f"failed in {hook}", call, shows_message=shows_message)
        return Answer(plugin, fault=value) if isinstance(value, PluginFault) else Answer(plugin, value)

    def has_hook(self, plugin: Plugin, hook: str) -> bool:
        """Whether the plugin works and implements this hook."""
        found = getattr(self.hooks.hook, hook).get_hookimpls() if plugin.module is not None else ()
        return any(each.plugin is plugin.module for each in found)

    def owner(self, registry: Registry[Any], name: str) -> Plugin:
        """The plugin that registered this name; what no plugin registered is supasync's own."""
        owner = registry.owner(name)
        for plugin in self.loaded:
            if plugin.name == owner and plugin.module is not None:
                return plugin
        return Plugin(OURS, OwnPoint(OURS, "supasync_core"))

    def open(self, registry: Registry[Backend[T]], name: str, context: Context) -> T:
        """What a backend opens; PluginError where that lacks a method of its protocol.

        What a plugin's source or sink answers is checked from then on.
        """
        backend, plugin = registry.get(name), self.owner(registry, name)
        opened = backend.open(context)
        if flaw := made_flaw(registry.kind, opened):
            where = plugin.at(line_of(backend.open))
            raise PluginError(f"{where} opened no {registry.kind.partition(' ')[0]}: {flaw}")
        if plugin.ours:
            return opened
        from supasync_core.api.answers import checked  # noqa: PLC0415 - it loads msgspec, which --help needs not

        return checked(plugin, opened)

    def whose(self, err: BaseException) -> str:
        """Whose code failed, for a message: a plugin with its version, file and line, or supasync itself."""
        plugin = whose(self.loaded, err)
        return plugin.at(place_of(plugin, err)) if plugin else OURS

    def _call_one(self, plugin: Plugin, hook: str, arguments: dict[str, object]) -> Any:  # noqa: ANN401 - the hook's
        others = [other for other in self.hooks.get_plugins() if other is not plugin.module]
        answers = self.hooks.subset_hook_caller(hook, remove_plugins=others)(**arguments)
        value = answers[0] if answers else None
        return list(value) if isinstance(value, Iterator) else value

    def _load(self, plugin: Plugin, imported: Callable[[], object]) -> PluginFault | None:
        """Import the plugin and register what it brings, or nothing of it."""
        self.loaded.append(plugin)
        begun = perf_counter()
        fault = apart(plugin, _LOADING, partial(self._take, plugin, imported))
        plugin.seconds = perf_counter() - begun
        return fault

    def _take(self, plugin: Plugin, imported: Callable[[], object]) -> None:
        if self.hooks.has_plugin(plugin.name):
            raise PluginError(f"the plugin name {plugin.name} is taken")
        module = _imported(plugin, imported)
        if twin := next((each for each in self.loaded if each.module is module), None):
            raise PluginError(f"it is the plugin {twin.name} again: keep one of the two entry points")
        plugin.notes += check_hooks(module)
        self.hooks.register(module, plugin.name)
        plugin.module = module
        try:
            self.hooks.check_pending()
            for kind, registry in self.registries.items():
                registry.plugin = plugin.name
                if self.has_hook(plugin, hook := f"supasync_register_{kind}"):
                    self._call_one(plugin, hook, {"registry": registry})
        except BaseException:
            plugin.module = None
            self.hooks.unregister(name=plugin.name)
            for registry in self.registries.values():
                registry.withdraw(plugin.name)
            raise


def _imported(plugin: Plugin, imported: Callable[[], object]) -> object:
    """The plugin's module; PluginError where its text says that it is made for other hooks."""
    try:
        return imported()
    except Exception:
        path = plugin.found if isinstance(plugin.found, Path) else file_of(module_of(plugin.found))
        if path is not None and path.is_file():
            check_text(path.read_text("utf-8", "replace"))
        raise
