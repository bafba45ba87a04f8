"""The backend `jsonl`: a folder of files ``<table>.jsonl`` with one JSON object a line."""

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
    """Files that are only read."""
    registry.add("jsonl", path_backend("jsonl", imported("supasync_jsonl.backend", "JsonlSource")))


@hookimpl
def supasync_register_sinks(registry: Registry[Backend[Sink]]) -> None:
    """Files that are written, and created where there are none."""
    opened = imported("supasync_jsonl.backend", "JsonlSink")
    registry.add("jsonl", path_backend("jsonl", opened, fenced=True))


@hookimpl
def supasync_register_state_stores(registry: Registry[Backend[StateStore]]) -> None:
    """A file beside them."""
    registry.add("jsonl", path_backend("jsonl", imported("supasync_jsonl.backend", "JsonlStore")))


@hookimpl
def supasync_register_switches(registry: Registry[Callable[[Ends], Switch]]) -> None:
    """An app whose ``.env`` names the folder."""
    registry.add("jsonl", imported("supasync_core.api.base_switch", "BaseSwitch"))
