"""What a server tells of all tables at once, without any function installed: the horizon, and each extent.

The statements are those of the optional function of `rest` (``horizon.sql`` there), so that an extent which
one of the two backends has stored means the same to the other.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from supasync_core.api.backend import Survey
from supasync_core.model import timestamps
from supasync_core.model.errors import SchemaError, TransientError
from supasync_core.model.state import Extent
from supasync_core.model.table import Table
from supasync_postgres.catalog import PgColumn, Tables
from supasync_postgres.database import Database
from supasync_postgres.page_query import in_json, name_of, relation, text_of
from supasync_postgres.transaction import Statement, literal

Asked = Sequence[tuple[Table, Sequence[str]]]

_HORIZON: Final = """
select json_build_object(
    'now', moment, 'size', pg_database_size(current_database()),
    'sees', pg_has_role(current_user, 'pg_read_all_stats', 'usage')
        and current_setting('track_activities') = 'on' and not pg_is_in_recovery()
        and not exists (select from pg_prepared_xacts p where p.database = current_database()),
    'oldest', (select json_build_object('pid', a.pid, 'state', a.state, 'application', a.application_name,
            'since', a.xact_start)
        from pg_stat_activity a
        where a.datname = current_database() and a.pid <> pg_backend_pid() and a.xact_start is not null
            and a.backend_type <> 'autovacuum worker'
        order by a.xact_start limit 1))
from (select clock_timestamp() as moment offset 0) as before
"""
"""The clock is read before the sessions are looked at; vacuum stamps no rows, every other transaction may."""
_LONGEST: Final = 30
"""Seconds that the look at a table may take, which reads all of it."""
_SECOND: Final = 1_000_000
_UNSEEN: Final = (
    "this server does not show every transaction to this user (it needs pg_monitor, as Supabase's postgres "
    "has; a replica or a prepared transaction hides some)"
)


def survey(database: Database, catalog: Tables, asked: Asked) -> tuple[Survey, int | None]:
    """The survey, and the size of the database; one with the problem where the server shows too little."""
    told = json.loads(database.one(Statement(_HORIZON, purpose="survey")).text())
    if not told["sees"]:
        return Survey(problem=f"{database.project}: {_UNSEEN}"), told["size"]
    now = timestamps.parse(told["now"])
    oldest = told["oldest"]
    began = min(now, timestamps.parse(oldest["since"])) if oldest else now
    extents: dict[str, Extent] = {}
    unindexed: dict[str, tuple[str, ...]] = {}
    for table, columns, found in _extents(database, catalog, asked):
        extents[table.name] = Extent(found["rows"], found["newest"], found["version"])
        unindexed[table.name] = tuple(name for name in columns if name not in found["indexed"])
    return Survey(
        horizon=began - _SECOND,
        now=now,
        held=oldest and Survey.session(oldest["pid"], oldest["state"], oldest["application"]),
        extents=extents,
        unindexed=unindexed,
    ), told["size"]


def _extents(
    database: Database, catalog: Tables, asked: Asked
) -> Iterator[tuple[Table, Sequence[str], dict[str, Any]]]:
    """What each table tells; one that cannot, or takes too long, is read as usual."""
    for table, columns in asked:
        try:
            known = catalog.table(table)
            if not known.stored or not known.named.keys() >= {*columns}:
                continue
            text = _extent(table, [known.named[name] for name in columns])
            statement = Statement(text, purpose="survey", table=table, seconds=_LONGEST)
            found = database.one(statement).text()
        except (SchemaError, TransientError) as err:
            err.raise_if_of_the_project()
            continue
        yield table, columns, json.loads(found)


def _extent(table: Table, columns: Sequence[PgColumn]) -> str:
    """The number of rows, the largest value of each column as text, and what any write changes.

    The sum is that of the function of `rest`, which adds numerics: PostgreSQL adds bigints to a numeric, too,
    in less time.
    """
    place = literal(relation(table))
    newest = ", ".join(
        f"{text_of(column.name)}, {in_json(column, f'max(t.{name_of(column.name)})')}" for column in columns
    )
    return f"""
select json_build_object('rows', count(*), 'newest', json_build_object({newest}),
    'version', md5(concat_ws(' ', count(*), sum(hashtextextended(t.xmin::text, 0)),
        {place}::regclass::oid, (select string_agg(a.attname || ' ' || a.atttypid, ',' order by a.attnum)
         from pg_attribute a where a.attrelid = {place}::regclass and a.attnum > 0 and not a.attisdropped))),
    'indexed', (select coalesce(json_agg(a.attname), '[]') from pg_index i
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
        where i.indrelid = {place}::regclass and i.indisvalid))
from {relation(table)} t"""  # noqa: S608 - names are quoted
