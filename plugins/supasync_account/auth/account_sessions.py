"""Sessions on both databases, and which way accounts are copied by."""

from collections.abc import Iterator
from contextlib import contextmanager

from supasync_core.api.sql_session import SqlSession
from supasync_core.model.errors import ConfigError
from supasync_core.project.migration import Migration
from supasync_core.project.same_database import refuse_one
from supasync_core.project.sql_sessions import VARIABLES, sql_session


@contextmanager
def both_sessions(migration: Migration) -> Iterator[tuple[SqlSession, SqlSession]]:
    """OLD's, which is read-only, and NEW's.

    ConfigError that names the connection string that is missing, StateError where both are one database.
    """
    with sql_session(migration, "OLD") as old, sql_session(migration, "NEW") as new:
        if old is None or new is None:
            missing = [VARIABLES[side] for side, found in (("OLD", old), ("NEW", new)) if found is None]
            raise ConfigError(
                [f"accounts are copied by SQL, and {' and '.join(missing)} is not set"],
                hint="put the connection string into .env (Dashboard -> Connect -> Session pooler); it needs "
                'psycopg: pip install "supasync[postgres]"',
            )
        refuse_one(old, new)
        yield old, new
