"""A plugin, and what it did wrong: one call of its code, apart from all others."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Final, TypeVar

from supasync_core.api.installed import OURS, OwnPoint, module_of, origin_of, package_of
from supasync_core.model.errors import SupasyncError
from supasync_core.system.descriptors import undisturbed

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")

LOCAL: Final = "supasync_local_"
"""What the module of a plugin file is called, before the file's name."""
_LENT: Final = ("api", "model", "system", "staging", "testing")
"""The rooms of the core whose functions plugins call."""
_WRAPPERS: Final = 5
"""So many decorators and partials a function is taken out of."""
_NOT_THEIRS: Final = ("supasync_core", "pluggy", "importlib", "_frozen_importlib")
"""Modules whose lines are not the plugin's, where it has none of its own in a traceback."""


@dataclass(slots=True, eq=False)
class Plugin:
    """A plugin that was found: where it comes from, and what it did wrong so far."""

    name: str
    found: EntryPoint | OwnPoint | Path
    module: object = None
    seconds: float = 0.0
    """How long it took to import it and to let it register what it brings."""
    faults: list[PluginFault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What its author should know; it works nevertheless."""

    @property
    def origin(self) -> str:
        """The package and its version, or the file."""
        if isinstance(self.found, Path):
            return str(self.found)
        return origin_of(self.found)

    @property
    def ours(self) -> bool:
        """Whether it comes with supasync."""
        return not isinstance(self.found, Path) and package_of(self.found) == OURS

    @property
    def error(self) -> str | None:
        """What it did wrong, in one sentence or several; None if nothing."""
        return "; ".join(dict.fromkeys(fault.short for fault in self.faults)) or None

    def at(self, place: str | None) -> str:
        """Its name, package and version, and the file and line."""
        places = [self.origin, *([place] if place else [])]
        if isinstance(self.found, Path) and place and place.startswith(f"{self.found}:"):
            places = [place]
        return f"the plugin {self.name} ({', '.join(places)})"

    @property
    def package(self) -> str:
        """The first part of its modules' names."""
        if isinstance(self.found, Path):
            return f"{LOCAL}{self.found.stem}"
        return module_of(self.found).partition(".")[0]


@dataclass(frozen=True, slots=True)
class PluginFault:
    """What a plugin did wrong in one call. ``place`` is its file and line, where they are known."""

    plugin: Plugin
    doing: str
    """What failed: ``supasync_run_finished``, ``cannot be loaded``."""
    reason: str
    error: BaseException
    place: str | None = None

    @property
    def traceback(self) -> str:
        """Where it comes from, for SUPASYNC_DEBUG."""
        return "".join(traceback.format_exception(self.error))

    @property
    def short(self) -> str:
        """What and where, for a reader who sees the plugin's name already."""
        where = f" ({self.place})" if self.place else ""
        return f"{self.doing}{where}: {self.reason}"

    @property
    def sentence(self) -> str:
        """Which plugin, of which package and version, in which line, and why."""
        return f"{self.plugin.at(self.place)} {self.doing}: {self.reason}"


def attempt(
    plugin: Plugin,
    doing: str,
    call: Callable[[], T],
    *,
    shows_message: bool = True,
    passes: tuple[type[BaseException], ...] = (),
) -> T | PluginFault:
    """The call's answer, or what the plugin did wrong in it; the plugin keeps its fault, nobody else does.

    Everything is caught but Ctrl-C: also SystemExit, and errors such as asyncio's that are no Exception.
    With ``shows_message=False`` the reason is the error's kind alone, for calls that are handed keys. Errors
    that are an answer are named in ``passes``, and raised.
    """
    try:
        return call()
    except BaseException as err:
        if isinstance(err, (KeyboardInterrupt, *passes)):
            raise
        return blamed(plugin, doing, err, shows_message=shows_message)


def apart(
    plugin: Plugin, doing: str, call: Callable[[], T], *, shows_message: bool = True
) -> T | PluginFault:
    """An `attempt` of its own, beside the engine: what it prints goes to stderr, and nothing else is moved.

    For the main thread while no other works.
    """
    with undisturbed():
        return attempt(plugin, doing, call, shows_message=shows_message)


def blamed(
    plugin: Plugin, doing: str, err: BaseException, *, place: str | None = None, shows_message: bool = True
) -> PluginFault:
    """The error as a fault of the plugin, which keeps it."""
    reason = _reason(err) if shows_message else type(err).__name__
    fault = PluginFault(plugin, doing, reason, err, place or place_of(plugin, err))
    plugin.faults.append(fault)
    return fault


def whose(plugins: Sequence[Plugin], err: BaseException) -> Plugin | None:
    """The plugin whose code failed; None where it is supasync's own.

    A core room that plugins call does not count: what calls it with nonsense is the cause.
    """
    return _of_frames(plugins, reversed([frame for frame, _ in traceback.walk_tb(err.__traceback__)]))


def at_work(plugins: Sequence[Plugin]) -> Plugin | None:
    """The plugin whose code the main thread runs now; None where it is supasync's own."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001 - no other thread can ask
    return _of_frames(plugins, (each for each, _ in traceback.walk_stack(frame)))


def _of_frames(plugins: Sequence[Plugin], frames: Iterable[FrameType]) -> Plugin | None:
    """The plugin of the innermost frame that is a plugin's, or of a core room that does not serve plugins."""
    for frame in frames:
        package, _, rest = str(frame.f_globals.get("__name__")).partition(".")
        if package == "supasync_core" and rest.partition(".")[0] not in _LENT:
            return None
        if found := next((each for each in plugins if each.package == package), None):
            return None if found.ours else found
    return None


def line_of(function: object) -> str | None:
    """The file and line where a plugin's function begins; None where it is not written in Python."""
    for _ in range(_WRAPPERS):
        function = getattr(function, "__wrapped__", None) or getattr(function, "func", None) or function
    code = getattr(function, "__code__", None)
    is_ours = str(getattr(function, "__module__", "")).startswith("supasync_core.")
    return f"{code.co_filename}:{code.co_firstlineno}" if isinstance(code, CodeType) and not is_ours else None


def place_of(plugin: Plugin, err: BaseException) -> str | None:
    """The plugin's innermost line in the error's traceback; without one, that of a library it uses."""
    if isinstance(err, SyntaxError) and err.filename:
        return f"{err.filename}:{err.lineno}"
    frames = [(frame, line) for frame, line in traceback.walk_tb(err.__traceback__)]
    named = [(str(frame.f_globals.get("__name__")).partition(".")[0], frame, line) for frame, line in frames]
    own = [each for each in named if each[0] == plugin.package or _is_beside(plugin, each[1].f_code)]
    theirs = own or [each for each in named if each[0] not in _NOT_THEIRS]
    return f"{theirs[-1][1].f_code.co_filename}:{theirs[-1][2]}" if theirs else None


def _is_beside(plugin: Plugin, code: CodeType) -> bool:
    """Whether the code is in a file beside a plugin file, which that one has imported."""
    path = Path(code.co_filename)
    return (
        isinstance(plugin.found, Path)
        and path.is_relative_to(plugin.found.parent.absolute())
        and "site-packages" not in path.parts
    )


def _reason(err: BaseException) -> str:
    """The error's kind and message; our own errors are a sentence already."""
    if isinstance(err, SupasyncError):
        return err.message
    try:
        text = " ".join(str(err).split())
    except Exception:  # noqa: BLE001 - it is the plugin's own class
        text = ""
    return f"{type(err).__name__}: {text}" if text else type(err).__name__
