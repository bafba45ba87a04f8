"""Writing an object in pieces: the TUS protocol, with true statuses and texts instead of JSON."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.postgrest.messages import Request, Response

from . import buckets, objects, uploads
from .buckets import Bucket
from .errors import StorageError
from .files import Kept
from .objects import Written
from .uploads import NO_CACHE, OCTETS

if TYPE_CHECKING:
    from .app import Session

VERSION = ("Tus-Resumable", "1.0.0")
TEXT = ("Content-Type", "text/plain;charset=UTF-8")
ORIGIN = ("Access-Control-Allow-Origin", "*")
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,termination,expiration"
GONE = "The file for this url was not found\n"
CREATED = 201
NO_CONTENT = 204


@dataclass
class Upload:
    """One that is under way."""

    key: str
    bucket: str
    name: str
    version: str
    length: int | None
    told: dict[str, str]
    body: bytearray = field(default_factory=bytearray)
    pieces: list[int] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Tell whether all of it is there."""
        return self.length == len(self.body)

    @property
    def cache_control(self) -> str:
        """What is kept of it: seconds alone are understood."""
        age = self.told.get("cacheControl", "")
        return f"max-age={age}" if age.isdigit() else NO_CACHE

    def shown(self) -> str:
        """The header of what was told, with what was made of it."""
        told = self.told
        if "cacheControl" in told:
            told = {**told, "cacheControl": self.cache_control}
        return ",".join(f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in told.items())


Uploads = dict[str, Upload]


def capabilities(limit: int) -> Response:
    """What the server can do, and the most bytes of one file: said to anybody."""
    headers = [
        ORIGIN,
        ("Access-Control-Allow-Methods", "POST, HEAD, PATCH, OPTIONS, DELETE"),
        ("Access-Control-Max-Age", "86400"),
        ("Tus-Extension", EXTENSIONS),
        ("Tus-Max-Size", str(limit)),
        VERSION,
        ("Tus-Version", "1.0.0"),
    ]
    return Response(NO_CONTENT, headers, no_length=True)


def answered(session: Session, request: Request, known: Uploads, key: str) -> Response:
    """Answer a request of the protocol."""
    if "tus-resumable" not in request.headers:
        return _text(412, "Tus-Resumable Required\n")
    try:
        if request.method == "POST":
            return _created(session, request, known)
        return _of_one(session, request, known, key)
    except StorageError as error:
        text = "Maximum size exceeded\n" if error.code == "EntityTooLarge" else error.message
        return _text(error.status, text)


def _of_one(session: Session, request: Request, known: Uploads, key: str) -> Response:
    if key not in known:
        return _text(404, GONE)
    if request.method == "HEAD":
        return _shown(known[key])
    if request.method == "DELETE":
        del known[key]
        return Response(NO_CONTENT, [ORIGIN, VERSION], no_length=True)
    return _patched(session, request, known[key])


def _created(session: Session, request: Request, known: Uploads) -> Response:
    headers = request.headers
    if "upload-metadata" not in headers:
        return _text(400, "Metadata header is required")
    pairs = (each.strip().partition(" ") for each in headers["upload-metadata"].split(","))
    told = {name: base64.b64decode(text).decode() for name, _, text in pairs}
    bucket, name = told["bucketName"], objects.checked(told["objectName"])
    home = buckets.found(session, bucket)
    length = int(headers["upload-length"]) if "upload-length" in headers else None
    home.check_type(told.get("contentType", OCTETS))
    limits = Bucket(home.key, home.public, home.limit or None, None)  # here 0 is no limit
    limits.check_size(length or 0, session.limit)
    objects.permitted(session, bucket, name, upsert=uploads.wants_upsert(request))
    version = str(uuid4())
    key = base64.urlsafe_b64encode(f"{bucket}/{name}/{version}".encode()).decode().rstrip("=")
    upload = known[key] = Upload(key, bucket, name, version, length, told)
    location = f"http://{headers.get('host', '')}{request.target.partition('?')[0]}/{key}"
    answer = [ORIGIN, TEXT, ("Location", location), VERSION]
    if request.body:
        _take(upload, request.body)
        answer.append(("Upload-Offset", str(len(upload.body))))
    if upload.complete:
        _finish(session, request, upload)
        answer.append(("Tus-Complete", "1"))
    return Response(CREATED, answer)


def _patched(session: Session, request: Request, upload: Upload) -> Response:
    if int(request.headers.get("upload-offset", "-1")) != len(upload.body):
        return _text(409, "Upload-Offset conflict\n")
    objects.permitted(session, upload.bucket, upload.name, upsert=uploads.wants_upsert(request))
    if upload.length is None and "upload-length" in request.headers:
        upload.length = int(request.headers["upload-length"])
    if upload.length is not None and len(upload.body) + len(request.body) > upload.length:
        return _text(413, "Maximum size exceeded\n")
    _take(upload, request.body)
    answer = [ORIGIN, VERSION, ("Upload-Offset", str(len(upload.body)))]
    if upload.complete:
        _finish(session, request, upload)
        answer.append(("Tus-Complete", "1"))
    return Response(NO_CONTENT, answer, no_length=True)


def _take(upload: Upload, piece: bytes) -> None:
    upload.body += piece
    upload.pieces.append(len(piece))


def _shown(upload: Upload) -> Response:
    length = [] if upload.length is None else [("Upload-Length", str(upload.length))]
    told = [("Upload-Metadata", upload.shown()), ("Upload-Offset", str(len(upload.body)))]
    return Response(200, [ORIGIN, ("Cache-Control", "no-store"), TEXT, VERSION, *length, *told])


def _finish(session: Session, request: Request, upload: Upload) -> None:
    """The object appears."""
    body = bytes(upload.body)
    etag = session.files.etag(body, upload.pieces or [0])
    kind = upload.told.get("contentType", OCTETS)
    kept = Kept(etag, len(body), kind, upload.cache_control)
    session.files.write(upload.bucket, upload.name, body, kept, upload.version)
    written = Written(upload.bucket, upload.name, upload.version, kept, _parsed(upload.told.get("metadata")))
    objects.save(session, written, upsert=uploads.wants_upsert(request))


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except ValueError:
        return None


def _text(status: int, text: str) -> Response:
    return Response(status, [ORIGIN, TEXT, VERSION], text.encode())
