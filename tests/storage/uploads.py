"""Writing an object in one request: raw, or as a form."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Any

from . import buckets, objects
from .buckets import PLACEHOLDER, Bucket
from .files import Kept
from .objects import Written

if TYPE_CHECKING:
    from tests.postgrest.messages import Request

    from .app import Session

OCTETS = "application/octet-stream"
NO_CACHE = "no-cache"


@dataclass(frozen=True)
class Sent:
    """What a request brings."""

    body: bytes
    mimetype: str
    cache_control: str
    user_metadata: Any
    checked: bool = True
    """Its length was told before: what comes in chunks passes the bucket's limit."""


def uploaded(session: Session, request: Request, bucket: str, key: str, *, upsert: bool) -> dict[str, str]:
    """Write an object as the request says."""
    name = objects.checked(key)
    home = buckets.found(session, bucket)
    sent = _sent(request)
    check(session, home, name, sent)
    robots = request.headers.get("x-robots-tag")
    kept = Kept(session.files.etag(sent.body), len(sent.body), sent.mimetype, sent.cache_control, robots)
    version = session.files.write(bucket, name, sent.body, kept)
    written = Written(bucket, name, version, kept, sent.user_metadata)
    row = objects.save(session, written, upsert=upsert)
    return {"Key": f"{bucket}/{name}", "Id": str(row)}


def check(session: Session, home: Bucket, name: str, sent: Sent) -> None:
    """StorageError for what the bucket or the project does not take."""
    if name.rpartition("/")[2] == PLACEHOLDER:
        Bucket(home.key, home.public, 0, None).check_size(len(sent.body), session.limit)
        return
    home.check_type(sent.mimetype)
    limits = home if sent.checked else Bucket(home.key, home.public, None, None)
    limits.check_size(len(sent.body), session.limit)


def wants_upsert(request: Request) -> bool:
    """Tell whether the object may be there: exactly `true`."""
    return request.headers.get("x-upsert") == "true"


def _sent(request: Request) -> Sent:
    headers = request.headers
    mimetype = headers.get("content-type", OCTETS)
    if mimetype.startswith("multipart/form-data"):
        return _form(mimetype, request.body)
    told = user_metadata(headers.get("x-metadata"))
    chunked = "transfer-encoding" in headers
    return Sent(request.body, mimetype, headers.get("cache-control", NO_CACHE), told, not chunked)


def user_metadata(text: str | None) -> Any:
    """What a header says of the user's own; what is not JSON in base64 is dropped."""
    try:
        return json.loads(base64.b64decode(text or "", validate=True))
    except (binascii.Error, ValueError):
        return {}


def _form(mimetype: str, body: bytes) -> Sent:
    """What a form brings: fields that come after the file are not seen."""
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + mimetype.encode() + b"\r\n\r\n" + body)
    fields: dict[str, str] = {}
    for each in message.iter_parts():
        content = bytes(each.get_payload(decode=True))
        if each.get_filename() is None:
            name = each.get_param("name", header="content-disposition")
            fields[str(name)] = content.decode("utf-8", "replace")
            continue
        age = fields.get("cacheControl")
        kind = fields.get("contentType") or each.get_content_type()
        return Sent(content, kind, f"max-age={age}" if age else NO_CACHE, _parsed(fields.get("metadata")))
    return Sent(b"", OCTETS, NO_CACHE, {})


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return {}
