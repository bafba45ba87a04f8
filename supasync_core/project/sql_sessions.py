"""An SQL session on either project, whatever copies its rows: of its own side, or by a connection string.

``OLD_DATABASE_URL`` and ``NEW_DATABASE_URL`` hold that. ``DATABASE_URL`` is the app's own, and never read.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

from supasync_core.api.plugin_host import Host
from supasync_core.api.registration import Backend, Context
from supasync_core.api.registry import Registry
from supasync_core.api.sql_session import SqlSession, SqlSpeaking
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import ConfigError, PluginError, TableError
from supasync_core.model.secret import Secret, Values
from supasync_core.model.settings import DATABASE_URLS, Endpoint
from supasync_core.project.migration import Migration
from supasync_core.project.proven_database import refuse_old, refuse_other_old
from supasync_core.project.same_database import refuse_one, refuse_other
from supasync_core.system.addresses import host_of

Project = Literal["OLD", "NEW"]
_OF_SUPABASE: Final = ".supabase.co"
VARIABLES: Final = DATABASE_URLS


@contextmanager
def sql_session(migration: Migration, project: Project) -> Iterator[SqlSession | None]:
    """A session, read-only on OLD; None where that side has no database that can be asked.

    RefusedError where the connection string names the database of another project, StateError where it leads
    to another database as far as can be seen, ConfigError where it is not a connection string.
    """
    side: Any = migration.source if project == "OLD" else migration.sink
    with ExitStack() as stack:
        proven = isinstance(side, SqlSpeaking)
        if not proven:
            database = database_of(migration, project)
            side = database and stack.enter_context(closing(opened_database(migration, project, database)))
            proven = database is None or is_named(migration, project, database)
        if not isinstance(side, SqlSpeaking):
            yield None
            return
        session = stack.enter_context(closing(side.sql()))
        if project == "OLD" and not proven:
            refuse_other_old(migration, side, VARIABLES["OLD"], strict=False)
        elif not proven and not refuse_other(migration, session):
            refuse_old(migration, side, VARIABLES["NEW"])
        yield session


def both_speak_sql(migration: Migration) -> bool:
    """Whether both projects can be asked by SQL, as far as the settings say."""
    sides: tuple[tuple[Project, object], ...] = (("OLD", migration.source), ("NEW", migration.sink))
    told = migration.settings.environment
    return all(isinstance(side, SqlSpeaking) or bool(told.get(VARIABLES[name])) for name, side in sides)


@contextmanager
def session_on_new(migration: Migration) -> Iterator[SqlSession]:
    """A session that may change NEW.

    ConfigError without a connection string, StateError where it leads to OLD, or to another database than
    NEW's API as far as can be seen.
    """
    with sql_session(migration, "NEW") as new:
        if new is None:
            line = f"{VARIABLES['NEW']}=postgresql://..."
            raise ConfigError([f"there is no connection string of NEW: write {line} into .env"])
        with _gone(), sql_session(migration, "OLD") as old:
            if old is not None:
                refuse_one(old, new)
        yield new


def address_of_new(migration: Migration) -> str:
    """The host of NEW's database, for people: where `session_on_new` leads."""
    speaks = isinstance(migration.sink, SqlSpeaking)
    url = (
        migration.settings.sink.values["url"] if speaks else migration.settings.environment[VARIABLES["NEW"]]
    )
    return host_of(url)


@contextmanager
def _gone() -> Iterator[None]:
    """An OLD that is paused or deleted by now is another database than NEW, which answers."""
    try:
        yield
    except TableError as err:
        if err.project != "OLD" or err.reason not in ("unreachable", "paused"):
            raise


def database_of(migration: Migration, project: Project) -> Endpoint | None:
    """The project's database as its connection string names it; None without one.

    ConfigError for what is not a connection string.
    """
    settings = migration.settings
    end = settings.source if project == "OLD" else settings.sink
    found = database_by_name(migration.host, settings.environment, project, end.values.get("url", ""))
    return found and replace(found, ref=end.ref)


def database_by_name(
    host: Host, environment: Mapping[str, str], project: Project, address: str
) -> Endpoint | None:
    """The same from variables, without tables.yaml; ``address`` is that of the project's API."""
    name, registry = VARIABLES[project], _registry(host, project)
    url = environment.get(name, "")
    backend = next((name for name in registry if registry.get(name).sql), None)
    if not url or backend is None:
        return None
    if flaw := registry.get(backend).settings["url"].check(url):
        raise ConfigError([f"{name} {flaw}"])
    values: dict[str, str | Secret] = {"url": Secret(url)}
    if host_of(address).endswith(_OF_SUPABASE):  # a domain of the project's own says nothing of its database
        values["project"] = address
    return Endpoint(backend, Values(values), "")


def opened_database(migration: Migration, project: Project, database: Endpoint) -> Any:  # noqa: ANN401 - a side
    """The side of that database; RefusedError where it is of another project than the API."""
    context = Context(database.values, migration.settings.folder, migration.ledger, project, migration.fence)
    return migration.host.open(_registry(migration.host, project), database.backend, context)


def is_named(migration: Migration, project: Project, database: Endpoint) -> bool:
    """Whether the connection string itself names the project: then it was compared with the API's address."""
    context = Context({"url": database.values["url"]}, migration.settings.folder, migration.ledger, project)
    return _registry(migration.host, project).get(database.backend).ref(context) == database.ref


@contextmanager
def session_on_old(host: Host, database: Endpoint, folder: Path, ledger: Ledger) -> Iterator[SqlSession]:
    """A read-only session, while there is no tables.yaml yet."""
    context = Context(database.values, folder, ledger, "OLD")
    with closing(host.open(host.sources, database.backend, context)) as side:
        if not isinstance(side, SqlSpeaking):
            raise PluginError(
                f"the backend {database.backend} is registered with sql=True and opens no session"
            )
        with closing(side.sql()) as session:
            yield session


def _registry(host: Host, project: Project) -> Registry[Backend[Any]]:
    return host.sources if project == "OLD" else host.sinks
