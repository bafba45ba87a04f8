"""Copying and moving an object without sending its bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.json import Jsonb

from . import buckets, errors, objects, uploads
from .errors import exists
from .files import plain_etag
from .objects import Row, Written

if TYPE_CHECKING:
    from tests.postgrest.messages import Request

    from .app import Session
    from .files import Kept

Fields = dict[str, Any]


def copied(session: Session, request: Request, fields: Fields) -> str:
    """Copy: with what the object was sent with, or with what the request says."""
    row, bucket, name = _ends(session, fields)
    body, kept = _read(session, row)
    user = row.user_metadata
    if fields.get("copyMetadata") is False:
        asked = fields.get("metadata") or {}
        kind, control = asked.get("mimetype", kept.mimetype), asked.get("cacheControl", kept.cache_control)
        kept = replace(kept, mimetype=kind, cache_control=control)
        user = uploads.user_metadata(request.headers.get("x-metadata"))
    version = session.files.write(bucket, name, body, kept)
    written = Written(bucket, name, version, kept, user)
    text = objects.whole(session, objects.save(session, written, upsert=uploads.wants_upsert(request)))
    key = session.one("select to_json($1::text)::text", f"{bucket}/{name}")
    head = f'"Key":{key[0] if key else ""},"Id":"{objects.found(session, bucket, name).key}"'
    return f"{{{head},{text.strip().removeprefix('{')}"


def moved(session: Session, fields: Fields) -> Fields:
    """Move: the row keeps its id and its times, and has a new version."""
    row, bucket, name = _ends(session, fields)
    body, kept = _read(session, row)
    session.become_caller()
    if objects.find(session, bucket, name) is not None:
        raise exists("ResourceAlreadyExists")
    version = session.files.write(bucket, name, body, kept)
    statement = (
        "update storage.objects set bucket_id = $2, name = $3, version = $4, metadata = $5 where id = $1"
    )
    try:
        session.execute(statement, row.key, bucket, name, version, Jsonb(kept.metadata()))
    except psycopg.Error as error:
        raise errors.of_database(error, "ResourceAlreadyExists") from None
    session.gone.append((row.bucket, row.name, row.version))
    return {"message": "Successfully moved"}


def _ends(session: Session, fields: Fields) -> tuple[Row, str, str]:
    """What is there, and where it is to be."""
    source, bucket = fields["bucketId"], fields.get("destinationBucket") or fields["bucketId"]
    name = objects.checked(fields["destinationKey"])
    buckets.found(session, bucket)
    session.become_caller()
    row = objects.found(session, source, objects.checked(fields["sourceKey"]))
    session.become_owner()
    return row, bucket, name


def _read(session: Session, row: Row) -> tuple[bytes, Kept]:
    path, kept = session.files.read(row.bucket, row.name, row.version)
    body = path.read_bytes()
    return body, replace(kept, etag=plain_etag(body))
