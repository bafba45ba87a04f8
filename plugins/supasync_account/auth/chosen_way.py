"""Which way accounts are copied by: the first one of which both projects have what it needs."""

from collections.abc import Iterator
from contextlib import contextmanager

from supasync_account.auth.account_way import Way
from supasync_account.auth.functions_way import functions_way
from supasync_account.auth.keys_way import keys_way
from supasync_account.auth.sql_way import SqlWay
from supasync_core.api.run_step import StepContext
from supasync_core.model.errors import ConfigError
from supasync_core.project.same_database import refuse_one
from supasync_core.project.sql_sessions import VARIABLES


@contextmanager
def chosen(context: StepContext) -> Iterator[Way]:
    """The way, opened on both projects.

    ConfigError where one connection string is given and the other is not, or nothing at all; StateError where
    both are one project.
    """
    with context.sql("OLD") as old, context.sql("NEW") as new:
        by_functions = functions_way(context, old, new) if old is None or new is None else None
        if by_functions:
            yield by_functions
            return
        if old is None and new is None and (by_keys := keys_way(context)):
            with by_keys as way:
                yield way
            return
        if old is None or new is None:
            missing = [VARIABLES[side] for side, found in (("OLD", old), ("NEW", new)) if found is None]
            verb = "is" if len(missing) == 1 else "are"
            raise ConfigError(
                [f"accounts are copied by SQL, and {' and '.join(missing)} {verb} not set"],
                hint="put the connection string into .env (Dashboard -> Connect -> Session pooler); it needs "
                'psycopg: pip install "supasync[postgres]"',
            )
        refuse_one(old, new)
        yield SqlWay(old, new)
