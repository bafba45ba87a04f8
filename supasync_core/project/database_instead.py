"""OLD's database in the place of its API, where that answers 402 (the organisation is over its quota).

The state is the same for both, so a run goes on where the last one stopped.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Final

from supasync_core.api.sql_session import SqlSpeaking
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.errors import ConfigError, RefusedError, TableError
from supasync_core.model.printable import command
from supasync_core.project.live_source import live
from supasync_core.project.migration import CountedStore, Migration
from supasync_core.project.proven_database import refuse_other_old
from supasync_core.project.sql_sessions import VARIABLES, database_of, is_named, opened_database

NAME: Final = VARIABLES["OLD"]
_SAME: Final = "each transaction is READ ONLY, and the cursors are the same"
_ONE_ROW: Final = Window((Span(Keyset(None)),), limit=1)
_FILTER: Final = (
    "write it as SQL in a copy of tables.yaml whose source is {{backend: postgres, url: "
    '"${{{name}}}"}}, and read the table again, once: {command}'
)


@contextmanager
def database_instead(migration: Migration, say: Callable[[str], None]) -> Iterator[Migration]:
    """The migration; with OLD's database as its source if the API answers 402 and there is OLD_DATABASE_URL.

    The API is asked for one row, and only where there is that variable. ConfigError where a table has a
    ``where:``, which the database could not read; RefusedError for the database of another project,
    StateError for one that has none of the rows that were copied last.
    """
    database = None if isinstance(migration.source, SqlSpeaking) else database_of(migration, "OLD")
    if database is None or not _is_restricted(migration):
        yield migration
        return
    _refuse_filters(migration)
    with closing(opened_database(migration, "OLD", database)) as opened:
        if not is_named(migration, "OLD", database):
            refuse_other_old(migration, opened, NAME, strict=True)
        say(f"OLD's API answers 402, so its database is read instead, by {NAME}: {_SAME}")
        source, store = live(opened, migration.settings.tables), migration.store
        if isinstance(store, CountedStore):
            store = replace(store, source=source)
        settings = replace(migration.settings, source=database)
        yield replace(migration, settings=settings, source=source, store=store)


def _is_restricted(migration: Migration) -> bool:
    """Whether OLD refuses everything because of its quota; what else is wrong, the run itself will say."""
    try:
        migration.source.read(migration.settings.tables[0].whole(), _ONE_ROW)
    except RefusedError as err:
        return err.reason == "quota"
    except TableError:
        return False
    return False


def _refuse_filters(migration: Migration) -> None:
    filtered = [table.name for table in migration.settings.tables if table.where]
    if filtered:
        options = [part for name in filtered for part in ("--full", name)]
        raise ConfigError(
            [f"OLD's API answers 402, and its database does not know the where: of {', '.join(filtered)}"],
            hint=_FILTER.format(name=NAME, command=command("--config", "COPY", "sync", *options)),
        )
