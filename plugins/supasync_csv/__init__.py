r"""The backend `csv`: a folder of ``<table>.csv`` files, or one such file, as source, sink and state store.

The files are RFC 4180 as ``psql`` writes them by ``\copy ... csv header``: NULL is empty without quotes, an
empty text is ``""``. DuckDB reads and writes them; it is imported when a folder is opened, not before.
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
    from supasync_core.api.backend import Sink, Source
    from supasync_core.api.state_store import StateStore

SETTINGS = {"path": Setting()}


@hookimpl
def supasync_register_sources(registry: Registry[Backend[Source]]) -> None:
    """Files that are only read."""
    registry.add("csv", Backend("csv", _open_source, SETTINGS, _ref))


@hookimpl
def supasync_register_sinks(registry: Registry[Backend[Sink]]) -> None:
    """Files that are written, and created where there are none."""
    registry.add("csv", Backend("csv", _open_sink, SETTINGS, _ref))


@hookimpl
def supasync_register_state_stores(registry: Registry[Backend[StateStore]]) -> None:
    """The file ``.supasync-state.json`` beside the files that are written."""
    registry.add("csv", Backend("csv", _open_store, SETTINGS, _ref))


def _named(context: Context) -> Path:
    return context.folder / Path(context.settings["path"]).expanduser()


def _path(context: Context) -> Path:
    return real(_named(context))


def _ref(context: Context) -> str:
    return f"csv:{name_of(_named(context).resolve())}"


def _open_source(context: Context) -> Source:
    from supasync_csv.source import CsvSource  # noqa: PLC0415 - DuckDB is large

    return CsvSource(_path(context))


def _open_sink(context: Context) -> Sink:
    from supasync_csv.sink import CsvSink  # noqa: PLC0415 - DuckDB is large

    return CsvSink(_path(context), context.fence)


def _open_store(context: Context) -> StateStore:
    from supasync_csv.store import CsvStore  # noqa: PLC0415 - wanted by writing commands only

    return CsvStore(_path(context))
