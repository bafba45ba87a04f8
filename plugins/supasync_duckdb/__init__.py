"""The backend `duckdb`: the tables of one DuckDB file as source, sink and state store.

DuckDB itself is imported when a file is opened, not before.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from supasync_core import hookimpl
from supasync_core.api.registration import Backend, Context, Setting
from supasync_core.api.registry import Registry
from supasync_core.system.files import name_of
from supasync_core.system.links import real

if TYPE_CHECKING:
    import click

    from supasync_core.api.backend import Sink, Source
    from supasync_core.api.state_store import StateStore

SETTINGS = {"path": Setting()}


@hookimpl
def supasync_register_sources(registry: Registry[Backend[Source]]) -> None:
    """A file that is only read."""
    registry.add("duckdb", Backend("duckdb", _open_source, SETTINGS, _ref))


@hookimpl
def supasync_register_sinks(registry: Registry[Backend[Sink]]) -> None:
    """A file that is written to, and created where there is none."""
    registry.add("duckdb", Backend("duckdb", _open_sink, SETTINGS, _ref))


@hookimpl
def supasync_register_state_stores(registry: Registry[Backend[StateStore]]) -> None:
    """The table ``sync_metadata`` of the file that is written to."""
    registry.add("duckdb", Backend("duckdb", _open_store, SETTINGS, _ref))


@hookimpl
def supasync_register_commands(cli: click.Group) -> None:
    """Add ``supasync demo``."""
    from supasync_duckdb.demo import demo  # noqa: PLC0415 - wanted by the command line alone

    cli.add_command(demo)


def _named(context: Context) -> Path:
    return context.folder / Path(context.settings["path"]).expanduser()


def _path(context: Context) -> Path:
    return real(_named(context))


def _ref(context: Context) -> str:
    return f"duckdb:{name_of(_named(context).resolve())}"


def _open_source(context: Context) -> Source:
    from supasync_duckdb.source import DuckdbSource  # noqa: PLC0415 - DuckDB is large

    return DuckdbSource(_path(context))


def _open_sink(context: Context) -> Sink:
    from supasync_duckdb.sink import DuckdbSink  # noqa: PLC0415 - DuckDB is large

    return DuckdbSink(_path(context), context.fence)


def _open_store(context: Context) -> StateStore:
    from supasync_duckdb.store import DuckdbStore  # noqa: PLC0415 - DuckDB is large

    return DuckdbStore(_path(context))
