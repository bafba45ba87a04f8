"""Finding plugins and filling the registries; one broken plugin is named and the others work."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from supasync_core.api import hookspecs
from supasync_core.api.registry import Registry, did_you_mean
from supasync_core.model.errors import PluginError
from supasync_core.model.printable import argument
from supasync_core.system import descriptors

if TYPE_CHECKING:
    import click

    from supasync_core.api.backend import Sink, Source
    from supasync_core.api.registration import Backend, Configured
    from supasync_core.api.state_store import StateStore
    from supasync_core.api.strategy import Strategy
    from supasync_core.api.switch import Ends, Switch
    from supasync_core.model.transform import Transform

GROUP = "supasync"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin that was found: where it comes from, and why it failed if it did."""

    name: str
    found: EntryPoint | Path
    error: str | None = None

    @property
    def origin(self) -> str:
        """The package and its version, or the file."""
        if isinstance(self.found, Path):
            return str(self.found)
        package = self.found.dist
        return f"{package.name} {package.version}" if package else self.found.value


class Host:
    """The plugins that are installed, and all that they have registered."""

    def __init__(self) -> None:
        self.sources: Registry[Backend[Source]] = Registry("source backend")
        self.sinks: Registry[Backend[Sink]] = Registry("sink backend")
        self.state_stores: Registry[Backend[StateStore]] = Registry("state store")
        self.strategies: Registry[Callable[[], Strategy] | Configured[Strategy]] = Registry("strategy")
        self.transforms: Registry[Transform | Configured[Transform]] = Registry("transform")
        self.switches: Registry[Callable[[Ends], Switch]] = Registry("switch")
        self.folder = Path()
        """The folder of tables.yaml, once that is read."""
        self.made: dict[tuple[str, str], tuple[object, object]] = {}
        """What was made for a table by now: see `supasync_core.api.table_plugins`."""
        self.loaded: list[Loaded] = []
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
        }

    def load_installed(self, found: Iterable[EntryPoint] | None = None) -> None:
        """Load every entry point of the group ``supasync``; ``loaded`` keeps the reason for what fails."""
        for point in entry_points(group=GROUP) if found is None else found:
            try:
                self._take(point.name, point.load())
            except (Exception, SystemExit) as err:  # noqa: BLE001 - in any way, and the others still work
                self.loaded.append(Loaded(point.name, point, f"{type(err).__name__}: {err}"))
            else:
                self.loaded.append(Loaded(point.name, point))

    def load_file(self, path: Path, folder: Path | None = None) -> None:
        """Load a local plugin file; PluginError with the reason where that fails.

        It must be in the ``folder``, where one is given, and nobody else may write to it.
        """
        if folder is not None:
            _check_place(path.resolve(), folder.resolve())
        try:
            self._take(path.stem, _import(path))
        except (Exception, SystemExit) as err:
            reason = str(err) if isinstance(err, PluginError) else f"{type(err).__name__}: {err}"
            self.loaded.append(Loaded(path.stem, path, reason))
            raise PluginError(f"{path}: cannot be loaded: {reason}") from err
        self.loaded.append(Loaded(path.stem, path))

    def add_commands(self, cli: click.Group) -> None:
        """Let every plugin add its commands."""
        self.hooks.hook.supasync_register_commands(cli=cli)

    def _take(self, name: str, plugin: ModuleType) -> None:
        """Register the plugin and what it brings, or nothing of it."""
        if self.hooks.has_plugin(name):
            raise PluginError(f"the plugin name {name} is taken")
        _refuse_unknown_hooks(plugin)
        self.hooks.register(plugin, name)
        try:
            self.hooks.check_pending()
            self._register(name, plugin)
        except (Exception, SystemExit):
            self.hooks.unregister(name=name)
            for registry in self.registries.values():
                registry.withdraw(name)
            raise

    def _register(self, name: str, plugin: ModuleType) -> None:
        others = [other for other in self.hooks.get_plugins() if other is not plugin]
        for kind, registry in self.registries.items():
            registry.plugin = name
            hook = self.hooks.subset_hook_caller(f"supasync_register_{kind}", remove_plugins=others)
            hook(registry=registry)


def _refuse_unknown_hooks(plugin: ModuleType) -> None:
    """PluginError for a function that looks like a hook but is not one: pluggy would ignore it."""
    known = {name for name in vars(hookspecs) if name.startswith("supasync_")}
    for name, value in vars(plugin).items():
        if name in hookspecs.REMOVED:
            raise PluginError(f"the hook {name} was removed: {hookspecs.REMOVED[name]}")
        if name.startswith("supasync_register_") and name not in known:
            raise PluginError(f"there is no hook {name}{did_you_mean(name, known)}")
        if name in known and not hasattr(value, "supasync_impl"):
            raise PluginError(
                f"the hook {name} is not marked with @hookimpl (from supasync_core import hookimpl)"
            )


def _check_place(path: Path, folder: Path) -> None:
    """PluginError for a file outside of the folder, or one that others may write to: it is code."""
    if not path.is_relative_to(folder):
        raise PluginError(f"{path}: is not in {folder}: put the plugin beside tables.yaml")
    between = [each for each in path.parents if each.is_relative_to(folder)]
    for place in (path, *between):
        if place.exists() and (flaw := descriptors.others_may_write(place, folder)):
            raise PluginError(f"{place}: {flaw}, and it is code: chmod go-w {argument(str(place))}")


class _Source(SourceFileLoader):
    """Runs the file that people read: bytecode that lies beside it may be another program."""

    def get_code(self, fullname: str) -> CodeType:
        """Of the text, each time."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _import(path: Path) -> ModuleType:
    if not path.is_file():
        raise PluginError("no such file")
    name = f"supasync_local_{path.stem}"
    loader = _Source(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None or path.suffix != ".py":
        raise PluginError("it is not a Python file")
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
