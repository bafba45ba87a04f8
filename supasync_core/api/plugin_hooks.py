"""The hooks in a plugin's module: for which version they are made, and whether each will be called."""

import re
from collections.abc import Iterator
from inspect import CO_COROUTINE
from typing import Any, Final

from supasync_core.api import hookspecs
from supasync_core.api.registry import did_you_mean
from supasync_core.model.errors import PluginError

KNOWN: Final = frozenset(name for name in vars(hookspecs) if name.startswith("supasync_"))
"""The names of all hooks."""
_UNDECLARED: Final = 1
"""The version of a plugin that declares none: the first one."""
_DECLARED: Final = re.compile(r"^HOOKS *(?::[^=\n]*)?= *(\d+)", re.MULTILINE)
_REMEDY: Final = "mark a function such as supasync_run_finished with @hookimpl"


def check_hooks(plugin: object) -> list[str]:
    """What its author should know; PluginError for a hook that would never be called, or not as meant."""
    check_version(getattr(plugin, "HOOKS", _UNDECLARED))
    found = 0
    for name, function, options in _functions(plugin):
        if options is None:
            _refuse_unmarked(name)
            continue
        found += 1
        hook = options.get("specname") or name
        if hook in hookspecs.REMOVED:
            raise PluginError(f"the hook {hook} was removed: {hookspecs.REMOVED[hook]}")
        if hook not in KNOWN:
            raise PluginError(f"unknown hook {hook}{did_you_mean(hook, KNOWN)}")
        if options.get("wrapper") or options.get("hookwrapper"):
            raise PluginError(
                f"the hook {hook} is a wrapper: each plugin is called by itself, so mark it @hookimpl"
            )
        _check_parameters(hook, function)
    return [] if found else [f"it has no hook and does nothing: {_REMEDY}"]


def check_version(declared: object) -> None:
    """PluginError for a plugin that is made for other hooks than these."""
    ours = hookspecs.HOOKS
    if type(declared) is not int:
        raise PluginError(f"HOOKS must be a whole number such as {ours}, not {declared!r}")
    if declared != ours:
        remedy = "upgrade supasync" if declared > ours else "upgrade the plugin"
        has = f"{ours}: {remedy}"
        raise PluginError(
            f"it is made for version {declared} of the hooks, and this supasync has version " + has
        )


def check_text(text: str) -> None:
    """The same for the text of a module that could not even be imported: the reason may be its version."""
    if declared := _DECLARED.search(text):
        check_version(int(declared[1]))


def _functions(plugin: object) -> Iterator[tuple[str, Any, dict[str, Any] | None]]:
    """All functions of the plugin by name, each with the options of its mark."""
    for name in dir(plugin):
        value = getattr(plugin, name, None)
        if callable(value) and not isinstance(value, type):
            options = getattr(value, "supasync_impl", None)
            yield name, value, options if isinstance(options, dict) else None


def _refuse_unmarked(name: str) -> None:
    """PluginError for a function that looks like a hook: without the mark it is never called."""
    if name in hookspecs.REMOVED:
        raise PluginError(f"the hook {name} was removed: {hookspecs.REMOVED[name]}")
    if name in KNOWN:
        raise PluginError(
            f"the hook {name} is not marked with @hookimpl (from supasync_core import hookimpl)"
        )
    if not name.startswith("supasync"):
        return
    from difflib import get_close_matches  # noqa: PLC0415 - few functions have such a name

    if name.startswith("supasync_register_") or get_close_matches(name, KNOWN, n=1, cutoff=0.8):
        raise PluginError(f"unknown hook {name}{did_you_mean(name, KNOWN)}")


def _check_parameters(hook: str, function: Any) -> None:  # noqa: ANN401 - whatever can be called
    """PluginError for a parameter that the hook does not have."""
    code, known = getattr(function, "__code__", None), getattr(hookspecs, hook).__code__
    if code is None:
        return  # pluggy says what it is
    if code.co_flags & CO_COROUTINE:
        raise PluginError(f"the hook {hook} is async, and nothing would await it: call asyncio.run inside it")
    allowed = known.co_varnames[: known.co_argcount]
    optional = len(getattr(function, "__defaults__", None) or ())
    wanted = [name for name in code.co_varnames[: code.co_argcount - optional] if name != "self"]
    if more := [name for name in wanted if name not in allowed]:
        raise PluginError(f"the hook {hook} has no parameter {', '.join(more)}; it has {', '.join(allowed)}")
    named = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    if alone := [name for name in named if name not in (function.__kwdefaults__ or {})]:
        raise PluginError(f"the hook {hook} takes {', '.join(alone)} by its name alone: remove the *")
