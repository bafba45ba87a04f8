"""The backend `duckdb`: the tables of one DuckDB file as source, sink and state store.

DuckDB itself is imported when a file is opened, not before.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from supasync_core import hookimpl
from supasync_core.api.registration import Backend, Fence, path_backend
from supasync_core.api.registry import Registry

if TYPE_CHECKING:
    import click

    from supasync_core.api.backend import Sink, Source
    from supasync_core.api.state_store import StateStore


@hookimpl
def supasync_register_sources(registry: Registry[Backend[Source]]) -> None:
    """A file that is only read."""
    registry.add("duckdb", path_backend("duckdb", _open_source))


@hookimpl
def supasync_register_sinks(registry: Registry[Backend[Sink]]) -> None:
    """A file that is written to, and created where there is none."""
    registry.add("duckdb", path_backend("duckdb", _open_sink))


@hookimpl
def supasync_register_state_stores(registry: Registry[Backend[StateStore]]) -> None:
    """The table ``sync_metadata`` of the file that is written to."""
    registry.add("duckdb", path_backend("duckdb", _open_store))


@hookimpl
def supasync_register_commands(cli: click.Group) -> None:
    """Add ``supasync demo``."""
    from supasync_duckdb.demo import demo  # noqa: PLC0415 - wanted by the command line alone

    cli.add_command(demo)


def _open_source(path: Path, _fence: Fence) -> Source:
    from supasync_duckdb.source import DuckdbSource  # noqa: PLC0415 - DuckDB is large

    return DuckdbSource(path)


def _open_sink(path: Path, fence: Fence) -> Sink:
    from supasync_duckdb.sink import DuckdbSink  # noqa: PLC0415 - DuckDB is large

    return DuckdbSink(path, fence)


def _open_store(path: Path, _fence: Fence) -> StateStore:
    from supasync_duckdb.store import DuckdbStore  # noqa: PLC0415 - DuckDB is large

    return DuckdbStore(path)
