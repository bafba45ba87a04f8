"""Buckets: make, show, change, remove, and the rules that they set."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import psycopg

from . import errors
from .errors import StorageError, invalid

if TYPE_CHECKING:
    from .app import Session

Fields = dict[str, Any]
NAME = re.compile(r"[A-Za-z0-9_!.*'() &$=@;:+,?-]{1,100}\Z")
MIME = re.compile(r"([A-Za-z0-9_+.-]+|\*)/([A-Za-z0-9_+.;=\s-]+|\*)\Z")
SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([gmk]?)b\Z", re.IGNORECASE)
UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3}
SORTED_BY = ("id", "name", "created_at", "updated_at")
RULES = ("public", "file_size_limit", "allowed_mime_types")
NOTHING_TO_CHANGE = [f"body must have required property '{name}'" for name in RULES]
TIME = """to_char({0} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
SHOWN = f"""json_build_object('id', id, 'name', name, 'owner', coalesce(owner::text, ''),
  'public', public{{type}}, 'file_size_limit', file_size_limit, 'allowed_mime_types', allowed_mime_types,
  'created_at', {TIME.format("created_at")}, 'updated_at', {TIME.format("updated_at")})"""
ONE = SHOWN.format(type="")
LISTED = SHOWN.format(type=", 'type', type")
PLACEHOLDER = ".emptyFolderPlaceholder"


@dataclass(frozen=True)
class Bucket:
    """What uploads and downloads ask of a bucket."""

    key: str
    public: bool
    limit: int | None
    mimes: list[str] | None

    def check_size(self, size: int, project: int) -> None:
        """StorageError for more bytes than the bucket or the project takes."""
        if size > (project if self.limit is None else min(self.limit, project)):
            raise errors.too_large()

    def check_type(self, mime: str) -> None:
        """StorageError for a content type that is not on the list; a `text/*` is for any of them."""
        if self.mimes and not any(_fits(mime, allowed) for allowed in self.mimes):
            raise errors.unsupported(mime)


def _fits(mime: str, allowed: str) -> bool:
    kind, _, rest = allowed.partition("/")
    return allowed in (mime, "*/*") or (rest == "*" and mime.partition("/")[0] == kind)


def found(session: Session, key: str) -> Bucket:
    """The bucket, whoever asks."""
    query = "select id, public, file_size_limit, allowed_mime_types from storage.buckets where id = $1"
    row = session.one(query, key)
    if row is None:
        raise errors.no_such_bucket()
    return Bucket(*row)


def listed(session: Session, raw_query: str) -> str:
    """The buckets that the caller sees."""
    asked = dict(parse_qsl(raw_query))
    if int(asked.get("limit", "1")) < 1:
        raise invalid("querystring/limit must be >= 1")
    where, values = "", []
    if "search" in asked:
        where, values = "where name ilike $1", [f"%{asked['search']}%"]
    order = ""
    if (column := asked.get("sortColumn")) in SORTED_BY:
        order = f'order by {column} collate "C"' if column in ("id", "name") else f"order by {column}"
        order += " desc" if asked.get("sortOrder") == "desc" else ""
    limit = int(asked.get("limit", "0")) or "all"
    session.become_caller()
    (text,) = session.one(
        f"select coalesce(json_agg({LISTED}), '[]')::text from (select * from storage.buckets "  # noqa: S608
        f"{where} {order} limit {limit} offset {int(asked.get('offset', '0'))}) b",
        *values,
    ) or ("[]",)
    return str(text)


def shown(session: Session, key: str) -> str:
    """One bucket."""
    session.become_caller()
    row = session.one(f"select {ONE}::text from storage.buckets where id = $1", key)  # noqa: S608
    if row is None:
        raise errors.no_such_bucket()
    return str(row[0])


def created(session: Session, fields: Fields) -> Fields:
    """Make a bucket."""
    if not isinstance(fields.get("name"), str):
        raise invalid("body must have required property 'name'")
    name = fields["name"]
    key = fields.get("id") or name
    if not all(NAME.match(each) and each == each.strip() for each in (name, key)):
        raise StorageError(400, "InvalidBucketName", "Invalid Input", "Bucket name invalid")
    limit, mimes = _rules(fields, session.limit)
    session.become_caller()
    if fields.get("type") == "ANALYTICS":
        session.execute("insert into storage.buckets_analytics (name) values ($1)", name)
        return {"name": name}
    try:
        session.execute(
            "insert into storage.buckets"
            " (id, name, owner, owner_id, public, file_size_limit, allowed_mime_types)"
            " values ($1, $2, $3, $4, $5, $6, $7)",
            *(key, name, session.caller.owner, session.caller.owner_id),
            *(bool(fields.get("public", False)), limit, mimes),
        )
    except psycopg.Error as error:
        raise errors.of_database(error, "BucketAlreadyExists") from None
    return {"name": name}


def changed(session: Session, key: str, fields: Fields) -> Fields:
    """Change what is named, and nothing else."""
    named = [name for name in RULES if name in fields]
    if not named:
        raise invalid(", ".join([*NOTHING_TO_CHANGE, "body must match a schema in anyOf"]))
    limit, mimes = _rules(fields, session.limit)
    values = {"public": fields.get("public"), "file_size_limit": limit, "allowed_mime_types": mimes}
    changes = ", ".join(f"{name} = ${number}" for number, name in enumerate(named, 2))
    session.become_caller()
    statement = f"update storage.buckets set {changes} where id = $1"  # noqa: S608 - columns that are named above
    if not session.execute(statement, key, *(values[name] for name in named)):
        raise errors.no_such_bucket()
    return {"message": "Successfully updated"}


def removed(session: Session, key: str) -> Fields:
    """Remove an empty bucket."""
    shown(session, key)
    session.become_owner()
    if session.one("select 1 from storage.objects where bucket_id = $1 limit 1", key):
        message = "The bucket you tried to delete is not empty"
        raise StorageError(409, "ResourceNotEmpty", "ResourceNotEmpty", message)
    session.become_caller()
    session.allow_deletes()
    if not session.execute("delete from storage.buckets where id = $1", key):
        raise errors.no_such_bucket()
    return {"message": "Successfully deleted"}


def _rules(fields: Fields, project: int) -> tuple[int | None, list[str] | None]:
    mimes = fields.get("allowed_mime_types")
    for mime in mimes or ():
        if not MIME.match(mime):
            raise errors.unsupported(mime)
    limit = _limit(fields.get("file_size_limit"))
    if limit is not None and limit > project:
        raise errors.too_large()
    return limit, mimes


def _limit(asked: int | str | None) -> int | None:
    if asked is None or isinstance(asked, int):
        return asked
    match = SIZE.match(asked)
    if match is None:
        at = "body/file_size_limit must"
        raise invalid(
            f'{at} be integer, {at} pass "finite" keyword validation, {at} match pattern '
            '"^[0-9]+(?:\\.[0-9]+)?(?:[gG][bB]|[mM][bB]|[kK][bB]|[bB])$", '
            f"{at} match a schema in anyOf"
        )
    return int(float(match[1]) * UNITS[match[2].lower()])
