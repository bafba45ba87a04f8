"""The backend `duckdb`: the tables of one DuckDB file as source, sink and state store.

DuckDB itself is imported when a file is opened, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from supasync_core import hookimpl
from supasync_core.api.registration import Backend, imported, path_backend
from supasync_core.api.registry import Registry

if TYPE_CHECKING:
    import click

    from supasync_core.api.backend import Sink, Source
    from supasync_core.api.state_store import StateStore
    from supasync_core.model.table import Table

HOOKS = 1


@hookimpl
def supasync_register_sources(registry: Registry[Backend[Source]]) -> None:
    """A file that is only read."""
    opened = imported("supasync_duckdb.source", "DuckdbSource")
    registry.add("duckdb", path_backend("duckdb", opened, place=_place))


@hookimpl
def supasync_register_sinks(registry: Registry[Backend[Sink]]) -> None:
    """A file that is written to, and created where there is none."""
    opened = imported("supasync_duckdb.sink", "DuckdbSink")
    registry.add("duckdb", path_backend("duckdb", opened, fenced=True, place=_place))


@hookimpl
def supasync_register_state_stores(registry: Registry[Backend[StateStore]]) -> None:
    """The table ``sync_metadata`` of the file that is written to."""
    opened = imported("supasync_duckdb.store", "DuckdbStore")
    registry.add("duckdb", path_backend("duckdb", opened))


@hookimpl
def supasync_register_commands(cli: click.Group) -> None:
    """Add ``supasync demo``."""
    from supasync_duckdb.demo import demo  # noqa: PLC0415 - wanted by the command line alone

    cli.add_command(demo)


def _place(table: Table) -> str:
    """DuckDB's own default schema stands for PostgreSQL's."""
    import json  # noqa: PLC0415 - --help names no table

    return f"{json.dumps('main' if table.schema == 'public' else table.schema)}.{table.relation}"
