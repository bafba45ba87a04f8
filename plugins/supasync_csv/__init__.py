r"""The backend `csv`: a folder of ``<table>.csv`` files, or one such file, as source, sink and state store.

The files are RFC 4180 as ``psql`` writes them by ``\copy ... csv header``: NULL is empty without quotes, an
empty text is ``""``. DuckDB reads and writes them; it is imported when a folder is opened, not before.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from supasync_core import hookimpl
from supasync_core.api.registration import Backend, Fence, path_backend
from supasync_core.api.registry import Registry

if TYPE_CHECKING:
    from supasync_core.api.backend import Sink, Source
    from supasync_core.api.state_store import StateStore


@hookimpl
def supasync_register_sources(registry: Registry[Backend[Source]]) -> None:
    """Files that are only read."""
    registry.add("csv", path_backend("csv", _open_source))


@hookimpl
def supasync_register_sinks(registry: Registry[Backend[Sink]]) -> None:
    """Files that are written, and created where there are none."""
    registry.add("csv", path_backend("csv", _open_sink))


@hookimpl
def supasync_register_state_stores(registry: Registry[Backend[StateStore]]) -> None:
    """The file ``.supasync-state.json`` beside the files that are written."""
    registry.add("csv", path_backend("csv", _open_store))


def _open_source(path: Path, _fence: Fence) -> Source:
    from supasync_csv.source import CsvSource  # noqa: PLC0415 - DuckDB is large

    return CsvSource(path)


def _open_sink(path: Path, fence: Fence) -> Sink:
    from supasync_csv.sink import CsvSink  # noqa: PLC0415 - DuckDB is large

    return CsvSink(path, fence)


def _open_store(path: Path, _fence: Fence) -> StateStore:
    from supasync_csv.store import CsvStore  # noqa: PLC0415 - wanted by writing commands only

    return CsvStore(path)
