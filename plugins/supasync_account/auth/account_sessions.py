"""Sessions on both databases, and which way accounts are copied by."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from supasync_core.api.sql_session import SqlSession
from supasync_core.model.errors import ConfigError
from supasync_core.project.same_database import refuse_one
from supasync_core.project.sql_sessions import VARIABLES

Door = Callable[[str], AbstractContextManager[SqlSession | None]]
"""Opens a session on OLD or NEW; None where that has no connection string."""


@contextmanager
def both_sessions(sql: Door) -> Iterator[tuple[SqlSession, SqlSession]]:
    """OLD's, which is read-only, and NEW's.

    ConfigError that names the connection string that is missing, StateError where both are one database.
    """
    with sql("OLD") as old, sql("NEW") as new:
        if old is None or new is None:
            missing = [VARIABLES[side] for side, found in (("OLD", old), ("NEW", new)) if found is None]
            verb = "is" if len(missing) == 1 else "are"
            raise ConfigError(
                [f"accounts are copied by SQL, and {' and '.join(missing)} {verb} not set"],
                hint="put the connection string into .env (Dashboard -> Connect -> Session pooler); it needs "
                'psycopg: pip install "supasync[postgres]"',
            )
        refuse_one(old, new)
        yield old, new
