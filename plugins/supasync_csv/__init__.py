r"""The backend `csv`: a folder of ``<table>.csv`` files, or one such file, as source, sink and state store.

The files are RFC 4180 as ``psql`` writes them by ``\copy ... csv header``: NULL is empty without quotes, an
empty text is ``""``. DuckDB reads and writes them; it is imported when a folder is opened, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from supasync_core import hookimpl
from supasync_core.api.registration import Backend, imported, path_backend
from supasync_core.api.registry import Registry

if TYPE_CHECKING:
    from supasync_core.api.backend import Sink, Source
    from supasync_core.api.state_store import StateStore

HOOKS = 1
_place = imported("supasync_core.staging.csv.folder", "stem_of")


@hookimpl
def supasync_register_sources(registry: Registry[Backend[Source]]) -> None:
    """Files that are only read."""
    opened = imported("supasync_csv.source", "CsvSource")
    registry.add("csv", path_backend("csv", opened, place=_place))


@hookimpl
def supasync_register_sinks(registry: Registry[Backend[Sink]]) -> None:
    """Files that are written, and created where there are none."""
    opened = imported("supasync_csv.sink", "CsvSink")
    registry.add("csv", path_backend("csv", opened, fenced=True, place=_place))


@hookimpl
def supasync_register_state_stores(registry: Registry[Backend[StateStore]]) -> None:
    """The file ``.supasync-state.json`` beside the files that are written."""
    opened = imported("supasync_csv.store", "CsvStore")
    registry.add("csv", path_backend("csv", opened))
