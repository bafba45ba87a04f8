"""Whether OLD and NEW are one database under two names: an address and an alias, an API and its database.

Names are compared when tables.yaml is read. Here the databases themselves are asked, before a row is written.
"""

from collections.abc import Callable
from contextlib import closing
from secrets import randbits
from typing import TYPE_CHECKING

from supasync_core.api.backend import Source
from supasync_core.api.sql_session import SqlSession, SqlSpeaking
from supasync_core.model.errors import RefusedError, SchemaError, StateError
from supasync_core.model.table import Table

if TYPE_CHECKING:
    from supasync_core.project.migration import Migration

_LOCK = "select pg_advisory_xact_lock(%s)"
_SEEN = """
select 1 from pg_locks l join pg_database d on d.oid = l.database and d.datname = current_database()
where l.locktype = 'advisory' and l.objsubid = 1 and l.classid::bigint = %s and l.objid::bigint = %s
"""
_RECORD = "select 1 from public.sync_metadata m where m.run_id::text = %s"
_RECORDS = Table(name="sync_metadata", key=("run_id",), columns=("run_id",))
_POSTGRESQL = "postgresql"
"""What backends of one kind of server call their column types."""
_PURPOSE = "state"


def refuse_same(migration: "Migration") -> None:
    """StateError where both sides speak SQL and OLD sees a lock that is taken in NEW; nothing is written."""
    source, sink = migration.source, migration.sink
    if not (isinstance(source, SqlSpeaking) and isinstance(sink, SqlSpeaking)):
        return
    with closing(sink.sql()) as new, closing(source.sql()) as old:
        refuse_one(old, new)


def refuse_one(old: SqlSession, new: SqlSession) -> None:
    """StateError where both sessions are of one database: a lock that is taken in NEW is seen in OLD."""
    number = randbits(62)
    with new.transaction():
        new.query(_LOCK, [number], purpose=_PURPOSE)
        if old.query(_SEEN, [number >> 32, number & 0xFFFFFFFF], purpose=_PURPOSE):
            raise _same()


def refuse_other(migration: "Migration", new: SqlSession) -> bool:
    """StateError where NEW's newest record is not in the database of this session, which is another one.

    Names tell it for Supabase's own hosts alone. False where NEW has no record that could tell.
    """
    if isinstance(migration.sink, SqlSpeaking):
        return True
    try:
        records = migration.store.past(1).records
    except StateError:
        return False  # NEW is not set up yet: there is nothing to know it by
    known = [record for record in records if record.id]
    if known and not _unless_refused(lambda: _has_record(new, known[0].id), otherwise=True):
        raise StateError(
            "NEW's connection string leads to another database than its API: it lacks NEW's newest record",
            hint="take both from the same project",
        )
    return bool(known)


def _unless_refused(look: Callable[[], bool], *, otherwise: bool) -> bool:
    """What is seen; ``otherwise`` where there is a table of that name that this user may not read."""
    try:
        return look()
    except RefusedError as err:
        if err.reason:
            raise
        return otherwise


def _has_record(session: SqlSession, run_id: str) -> bool:
    try:
        return bool(session.query(_RECORD, [run_id], purpose=_PURPOSE))
    except (SchemaError, StateError):
        return False  # it has no such table


def refuse_own_record(migration: "Migration", run_id: str, *, baseline: bool) -> None:
    """StateError where OLD has the record that was just made in NEW; `refuse_same` asks where both speak SQL.

    An API is asked before a ``baseline`` alone: without one, a NEW under a second name gets no run.
    """
    source = migration.source
    speaks = isinstance(source, SqlSpeaking)
    if speaks and isinstance(migration.sink, SqlSpeaking):
        return
    if not speaks and not (baseline and _is_postgresql(migration)):
        return
    if _unless_refused(lambda: _in_source(source, run_id), otherwise=False):
        raise _same()


def _is_postgresql(migration: "Migration") -> bool:
    return migration.host.sources.get(migration.settings.source.backend).types == _POSTGRESQL


def _in_source(source: Source, run_id: str) -> bool:
    if isinstance(source, SqlSpeaking):
        with closing(source.sql()) as old:
            return _has_record(old, run_id)
    try:
        return any(batch.count for batch in source.rows(_RECORDS, _RECORDS.key, [(run_id,)]))
    except SchemaError:
        return False  # it has no such table


def _same() -> StateError:
    return StateError(
        "OLD and NEW are the same database under two names: nothing is copied",
        hint="take the address of the new project for the sink",
    )
