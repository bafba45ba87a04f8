"""An SQL session on either project, whatever copies its rows: of its own side, or by a connection string.

``OLD_DATABASE_URL`` and ``NEW_DATABASE_URL`` hold that. ``DATABASE_URL`` is the app's own, and never read.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any, Final, Literal

from supasync_core.api.registration import Backend, Context
from supasync_core.api.registry import Registry
from supasync_core.api.sql_session import SqlSession, SqlSpeaking
from supasync_core.model.errors import ConfigError
from supasync_core.model.secret import Secret, Values
from supasync_core.model.settings import Endpoint
from supasync_core.project.migration import Migration
from supasync_core.project.same_database import refuse_one, refuse_other

VARIABLES: Final = {"OLD": "OLD_DATABASE_URL", "NEW": "NEW_DATABASE_URL"}


@contextmanager
def sql_session(migration: Migration, project: Literal["OLD", "NEW"]) -> Iterator[SqlSession | None]:
    """A session, read-only on OLD; None where that side has no database that can be asked.

    RefusedError where the connection string names the database of another project, ConfigError where it is
    not a connection string.
    """
    side: Any = migration.source if project == "OLD" else migration.sink
    with ExitStack() as stack:
        if not isinstance(side, SqlSpeaking):
            database = database_of(migration, project)
            side = database and stack.enter_context(closing(opened_database(migration, project, database)))
        yield stack.enter_context(closing(side.sql())) if isinstance(side, SqlSpeaking) else None


@contextmanager
def session_on_new(migration: Migration) -> Iterator[SqlSession]:
    """A session that may change NEW.

    ConfigError without a connection string, StateError where it leads to OLD, or to another database than
    NEW's API as far as can be seen.
    """
    with sql_session(migration, "OLD") as old, sql_session(migration, "NEW") as new:
        if new is None:
            line = f"{VARIABLES['NEW']}=postgresql://..."
            raise ConfigError([f"there is no connection string of NEW: write {line} into .env"])
        if old is not None:
            refuse_one(old, new)
        refuse_other(migration, new)
        yield new


def database_of(migration: Migration, project: Literal["OLD", "NEW"]) -> Endpoint | None:
    """The project's database as its connection string names it; None without one.

    ConfigError for what is not a connection string.
    """
    settings, name = migration.settings, VARIABLES[project]
    url = settings.environment.get(name, "")
    registry = _registry(migration, project)
    backend = next((name for name in registry if registry.get(name).sql), None)
    if not url or backend is None:
        return None
    if flaw := registry.get(backend).settings["url"].check(url):
        raise ConfigError([f"{name} {flaw}"])
    end = settings.source if project == "OLD" else settings.sink
    values: dict[str, str | Secret] = {"url": Secret(url)}
    if "://" in (address := end.values.get("url", "")):
        values["project"] = address
    return Endpoint(backend, Values(values), end.ref)


def opened_database(migration: Migration, project: Literal["OLD", "NEW"], database: Endpoint) -> Any:  # noqa: ANN401 - a side
    """The side of that database; RefusedError where it is of another project than the API."""
    folder, ledger, fence = migration.settings.folder, migration.ledger, migration.fence
    context = Context(database.values, folder, ledger, project, fence)
    return migration.host.open(_registry(migration, project), database.backend, context)


def _registry(migration: Migration, project: Literal["OLD", "NEW"]) -> Registry[Backend[Any]]:
    return migration.host.sources if project == "OLD" else migration.host.sinks
