"""The backend `sqlite`: the tables of one SQLite file as source, sink and state store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supasync_core import hookimpl
from supasync_core.api.registration import Backend, imported, path_backend

if TYPE_CHECKING:
    from collections.abc import Callable

    from supasync_core.api.backend import Sink, Source
    from supasync_core.api.registry import Registry
    from supasync_core.api.state_store import StateStore
    from supasync_core.api.switch import Ends, Switch

HOOKS = 1


@hookimpl
def supasync_register_sources(registry: Registry[Backend[Source]]) -> None:
    """A file that is only read."""
    registry.add("sqlite", path_backend("sqlite", imported("supasync_sqlite.backend", "SqliteSource")))


@hookimpl
def supasync_register_sinks(registry: Registry[Backend[Sink]]) -> None:
    """A file that is written to, and created where there is none."""
    opened = imported("supasync_sqlite.backend", "SqliteSink")
    registry.add("sqlite", path_backend("sqlite", opened, fenced=True))


@hookimpl
def supasync_register_state_stores(registry: Registry[Backend[StateStore]]) -> None:
    """The table ``sync_metadata`` of that file."""
    registry.add("sqlite", path_backend("sqlite", imported("supasync_sqlite.backend", "SqliteStore")))


@hookimpl
def supasync_register_switches(registry: Registry[Callable[[Ends], Switch]]) -> None:
    """An app whose ``.env`` names the file."""
    registry.add("sqlite", imported("supasync_core.api.base_switch", "BaseSwitch"))
