"""An SQL session on either project, whatever copies its rows: of its own side, or by a connection string.

``OLD_DATABASE_URL`` and ``NEW_DATABASE_URL`` hold that. ``DATABASE_URL`` is the app's own, and never read.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any, Final, Literal

from supasync_core.api.registration import Backend, Context
from supasync_core.api.registry import Registry
from supasync_core.api.sql_session import SqlSession, SqlSpeaking
from supasync_core.model.secret import Secret, Values
from supasync_core.project.migration import Migration

VARIABLES: Final = {"OLD": "OLD_DATABASE_URL", "NEW": "NEW_DATABASE_URL"}


@contextmanager
def sql_session(migration: Migration, project: Literal["OLD", "NEW"]) -> Iterator[SqlSession | None]:
    """A session, read-only on OLD; None where that side has no database that can be asked.

    RefusedError where the connection string names the database of another project.
    """
    side: Any = migration.source if project == "OLD" else migration.sink
    with ExitStack() as stack:
        if not isinstance(side, SqlSpeaking):
            side = _opened(migration, project)
            if side is not None:
                stack.enter_context(closing(side))
        yield stack.enter_context(closing(side.sql())) if isinstance(side, SqlSpeaking) else None


def _opened(migration: Migration, project: Literal["OLD", "NEW"]) -> Any:  # noqa: ANN401 - a side
    settings, host = migration.settings, migration.host
    url = settings.environment.get(VARIABLES[project], "")
    registry: Registry[Backend[Any]] = host.sources if project == "OLD" else host.sinks
    name = next((name for name in registry if registry.get(name).sql), None)
    if not url or name is None:
        return None
    end = settings.source if project == "OLD" else settings.sink
    values: dict[str, str | Secret] = {"url": Secret(url)}
    if "://" in (address := end.values.get("url", "")):
        values["project"] = address
    context = Context(Values(values), settings.folder, migration.ledger, project, migration.fence)
    return host.open(registry, name, context)
