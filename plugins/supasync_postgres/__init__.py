"""The backend `postgres`: a PostgreSQL by its connection string, as source, sink and state store.

psycopg is an extra of the package: it is imported when a database is opened, not before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from supasync_core import hookimpl
from supasync_core.api.registration import Backend, Context, Setting, imported
from supasync_core.model.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable

    from supasync_core.api.backend import Sink, Source
    from supasync_core.api.registry import Registry
    from supasync_core.api.state_store import StateStore
    from supasync_core.api.switch import Ends, Switch

HOOKS = 1
URL = "supasync_postgres.database_url"
SETTINGS = {
    "url": Setting(check=imported(URL, "url_problem"), hidden=imported(URL, "passwords")),
    "project": Setting(required=False, check=imported(URL, "project_problem")),
}


@hookimpl
def supasync_register_sources(registry: Registry[Backend[Source]]) -> None:
    """A database that is only read."""
    registry.add("postgres", _backend("supasync_postgres.source", "PostgresSource", parallel=True))


@hookimpl
def supasync_register_sinks(registry: Registry[Backend[Sink]]) -> None:
    """A database that is written to."""
    registry.add("postgres", _backend("supasync_postgres.sink", "PostgresSink", parallel=True))


@hookimpl
def supasync_register_state_stores(registry: Registry[Backend[StateStore]]) -> None:
    """The table ``sync_metadata`` of the database that is written to, the same that `rest` uses."""
    registry.add("postgres", _backend("supasync_postgres.store", "PostgresStore"))


@hookimpl
def supasync_register_switches(registry: Registry[Callable[[Ends], Switch]]) -> None:
    """An app whose ``.env`` names the database."""
    registry.add("postgres", imported("supasync_postgres.switch", "PostgresSwitch"))


def _backend(module: str, name: str, *, parallel: bool = False) -> Backend[Any]:
    opened = imported(module, name)

    def open_it(context: Context) -> Any:  # noqa: ANN401 - what the class is
        try:
            return opened(context)
        except ImportError as err:
            raise PluginError(
                "the backend postgres needs psycopg, which is not installed",
                hint='run: pip install "supasync[postgres]"',
            ) from err

    made = Backend("postgres", open_it, SETTINGS, imported(URL, "ref"), parallel=parallel, sql=parallel)
    return replace(made, types="postgresql")
