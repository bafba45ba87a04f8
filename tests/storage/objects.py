"""Rows of objects, and what each may be called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.json import Jsonb

from . import errors
from .buckets import TIME

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from .app import Session
    from .files import Kept

KEY = re.compile(r"[A-Za-z0-9_/!.*'() &$=@;:+,?-]+\Z")
COLUMNS = "id, name, bucket_id, version, metadata, user_metadata, created_at, updated_at"
TIMES = ", ".join(
    f"'{name}', {TIME.format(name)}" for name in ("updated_at", "created_at", "last_accessed_at")
)
WHOLE = f"""json_build_object('name', name, 'bucket_id', bucket_id, 'owner', coalesce(owner::text, ''),
  'owner_id', coalesce(owner_id, ''), 'version', coalesce(version, ''), 'id', id, {TIMES},
  'metadata', metadata, 'user_metadata', user_metadata)"""
UPSERT = """on conflict (bucket_id, name) do update set version = excluded.version,
  metadata = excluded.metadata, user_metadata = excluded.user_metadata,
  owner = coalesce(excluded.owner, objects.owner),
  owner_id = coalesce(excluded.owner_id, objects.owner_id)"""


@dataclass(frozen=True)
class Row:
    """What is read of one."""

    key: UUID
    name: str
    bucket: str
    version: str | None
    metadata: dict[str, Any] | None
    user_metadata: Any
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Written:
    """A new version, before its row is."""

    bucket: str
    name: str
    version: str
    kept: Kept
    user_metadata: Any


def checked(key: str) -> str:
    """The name of an object; StorageError for one that none may have."""
    if KEY.match(key) is None:
        raise errors.invalid_key(key)
    return key


def find(session: Session, bucket: str, name: str) -> Row | None:
    """The object of that name, where the session's role sees it."""
    query = f"select {COLUMNS} from storage.objects where bucket_id = $1 and name = $2"  # noqa: S608
    row = session.one(query, bucket, name)
    return Row(*row) if row else None


def found(session: Session, bucket: str, name: str) -> Row:
    """The object of that name; StorageError where the session's role sees none."""
    row = find(session, bucket, name)
    if row is None:
        raise errors.no_such_key()
    return row


def save(session: Session, written: Written, *, upsert: bool) -> UUID:
    """Write the row of a new version as the caller, and drop the file of the former one."""
    former = find(session, written.bucket, written.name)
    session.become_caller()
    statement = (
        "insert into storage.objects (bucket_id, name, owner, owner_id, version, metadata, user_metadata)"  # noqa: S608
        f" values ($1, $2, $3, $4, $5, $6, $7) {UPSERT if upsert else ''} returning id"
    )
    user = written.user_metadata
    try:
        (key,) = session.one(
            statement,
            *(written.bucket, written.name, session.caller.owner, session.caller.owner_id),
            *(written.version, Jsonb(written.kept.metadata()), None if user is None else Jsonb(user)),
        ) or (None,)
    except psycopg.Error as error:
        session.files.remove(written.bucket, written.name, written.version)
        raise errors.of_database(error, "KeyAlreadyExists") from None
    if former is not None:
        session.gone.append((written.bucket, written.name, former.version))
    found_key: UUID = key
    return found_key


def permitted(session: Session, bucket: str, name: str, *, upsert: bool) -> None:
    """StorageError where the caller may not write the object, or it is there; nothing is written."""
    statement = "insert into storage.objects (bucket_id, name, owner, owner_id) values ($1, $2, $3, $4) "
    statement += UPSERT if upsert else ""
    caller = session.caller
    try:
        with session.connection.transaction(force_rollback=True):
            session.become_caller()
            session.execute(statement, bucket, name, caller.owner, caller.owner_id)
    except psycopg.Error as error:
        raise errors.of_database(error, "KeyAlreadyExists") from None


def whole(session: Session, key: UUID) -> str:
    """All of a row, as JSON."""
    row = session.one(f"select {WHOLE}::text from storage.objects where id = $1", key)  # noqa: S608
    return str(row[0]) if row else "null"


def removed(session: Session, bucket: str, names: list[str]) -> str:
    """Remove the objects that are there and that the caller may remove; their rows as JSON."""
    session.become_caller()
    session.allow_deletes()
    rows = session.rows(
        "delete from storage.objects where bucket_id = $1 and name = any($2)"  # noqa: S608
        f" returning name, version, {WHOLE}::text",
        *(bucket, names),
    )
    session.gone += [(bucket, name, version) for name, version, _ in rows]
    return "[" + ",".join(text for _, _, text in rows) + "]"
