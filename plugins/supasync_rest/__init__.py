"""The backend `rest`: a Supabase project through its REST interface, as source, sink and state store.

Everything heavy (urllib3, tenacity) is imported when a project is opened, not before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from supasync_core import hookimpl
from supasync_core.api.registration import Backend, Context, Setting, imported
from supasync_core.api.registry import Registry
from supasync_core.system.addresses import host_of
from supasync_rest.url_and_key import key_problem, switch_problem, url_problem

if TYPE_CHECKING:
    from supasync_core.api.backend import Sink, Source
    from supasync_core.api.state_store import StateStore
    from supasync_core.api.switch import Ends, Switch

HOOKS = 1
SETTINGS = {
    "url": Setting(check=url_problem),
    "key": Setting(secret=True, check=key_problem),
}


@hookimpl
def supasync_register_sources(registry: Registry[Backend[Source]]) -> None:
    """A project that is only read."""
    settings = {**SETTINGS, "horizon": Setting(required=False, check=switch_problem)}
    registry.add("rest", _backend("supasync_rest.source", "RestSource", settings))


@hookimpl
def supasync_register_sinks(registry: Registry[Backend[Sink]]) -> None:
    """A project that is written to."""
    registry.add("rest", _backend("supasync_rest.sink", "RestSink", SETTINGS))


@hookimpl
def supasync_register_state_stores(registry: Registry[Backend[StateStore]]) -> None:
    """The table ``sync_metadata`` of the project that is written to."""
    registry.add("rest", Backend("rest", imported("supasync_rest.store", "RestStore"), SETTINGS, _ref))


@hookimpl
def supasync_register_switches(registry: Registry[Callable[[Ends], Switch]]) -> None:
    """The variables, keys, sequences and manual steps of a Supabase project."""
    registry.add("rest", imported("supasync_rest.switch", "RestSwitch"))


def _backend(module: str, name: str, settings: Mapping[str, Setting]) -> Backend[Any]:
    """An end whose requests may be sent side by side."""
    return Backend("rest", imported(module, name), settings, _ref, parallel=True, types="postgresql")


def _ref(context: Context) -> str:
    return host_of(context.settings["url"])
