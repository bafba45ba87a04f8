"""A large object in pieces of 6 MB (TUS): an upload that was cut goes on where NEW has it.

Its cache control is a number of seconds and nothing else; another one is written afterwards, by a copy onto
itself without bytes (recorded). The address of an upload is kept, so a killed run continues it, too.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Protocol

from supasync_account.storage.body_digest import BodyDigest
from supasync_account.storage.header_values import encoded, encoded_json
from supasync_account.storage.object_listing import StoredObject
from supasync_account.storage.object_reads import refuse_other
from supasync_account.storage.read_allowance import Share
from supasync_account.storage.storage_client import Answer, StorageClient, path_of
from supasync_account.storage.storage_errors import ObjectError
from supasync_core.api.registration import Fence

LARGE: Final = 6 * 1024 * 1024
"""Bytes of a piece, and of an object from which on one is worth it."""
_PIECE: Final = 65_536
_PLACE: Final = "upload/resumable"
"""The path of uploads; servers behind a gateway may leave out what is before it, or say it wrongly."""
_ADDRESS: Final = re.compile(rf".*?/{_PLACE}/([!\"$->@-~]{{1,4000}})(?:[?#].*)?")
"""Of an upload: printable ASCII without ``?`` and ``#``; a name of 1,024 bytes takes 1,600 of it."""
_VERSION: Final = {"Tus-Resumable": "1.0.0"}
_SECONDS: Final = re.compile(r"max-age=(\d{1,10})")
_KEPT: Final = "no-cache"
"""What is stored where no number was given."""


class Uploads(Protocol):
    """Who remembers where an upload goes on."""

    def begun(self, bucket: str, listed: StoredObject) -> bool:
        """Whether an upload of this very object has begun, in whatever way."""
        ...

    def place(self, bucket: str, listed: StoredObject, told: str) -> str | None:
        """The path of one in pieces that began with the same headers."""
        ...

    def begin(self, bucket: str, listed: StoredObject, path: str, told: str = "") -> None:
        """Remember it. ``told``: what NEW was told of the object; without a path, the MD5 of what came."""
        ...


@dataclass(frozen=True, slots=True)
class ResumableUpload:
    """From OLD by ranges, to NEW by pieces."""

    old: StorageClient
    new: StorageClient
    fence: Fence
    uploads: Uploads
    share: Share
    """What may be read of OLD."""

    def send(
        self,
        bucket: str,
        listed: StoredObject,
        metadata: Any,  # noqa: ANN401 - JSON
        *,
        replaces: bool,
    ) -> BodyDigest | None:
        """Send what NEW does not have yet; the digest where all of it went through here."""
        told = _told(bucket, listed, metadata)
        path = self.uploads.place(bucket, listed, _mark(listed, told))
        at = self._offset(path) if path else None
        if path is None or at is None or at > listed.size:
            path, at = self._created(bucket, listed, told, replaces=replaces), 0
        digest = BodyDigest(listed) if at == 0 else None
        while at < listed.size:
            end = min(at + LARGE, listed.size)
            at = self._piece(bucket, listed, path, range(at, end), digest, replaces=replaces)
        self._finish(bucket, listed, metadata)
        return digest

    def _created(self, bucket: str, listed: StoredObject, told: str, *, replaces: bool) -> str:
        headers = {
            **_VERSION,
            "Upload-Length": str(listed.size),
            "Upload-Metadata": told,
            "x-upsert": "true" if replaces else "false",
        }
        self.fence.ask()
        answer = self.new.once("POST", _PLACE, headers=headers)
        place = _ADDRESS.fullmatch(str(answer.headers.get("location", "")))
        if place is None or {".", ".."} & set(place[1].split("/")):
            raise ObjectError("refused", "NEW: the address of a resumable upload is not understood")
        path = f"{_PLACE}/{place[1]}"  # never to another host, whatever the address says
        self.uploads.begin(bucket, listed, path, _mark(listed, told))
        return path

    def _offset(self, path: str) -> int | None:
        """How far it is; None where NEW does not know it any more, as after a day."""
        try:
            return _offset_in(self.new.send("HEAD", path, headers=_VERSION))
        except ObjectError as err:
            if err.kind == "busy":
                raise
            return None

    def _piece(  # noqa: PLR0913 - what a piece is
        self,
        bucket: str,
        listed: StoredObject,
        path: str,
        part: range,
        digest: BodyDigest | None,
        *,
        replaces: bool,
    ) -> int:
        """Send one; how far it is then."""
        wanted = {"Range": f"bytes={part.start}-{part.stop - 1}"}
        source = path_of("object", "authenticated", bucket, key=listed.name)
        headers = {
            **_VERSION,
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(len(part)),
            "Upload-Offset": str(part.start),
            "x-upsert": "true" if replaces else "false",
        }
        with self.share.stream(self.old, source, len(part), wanted) as response:
            refuse_other(f"{bucket}/{listed.name}", listed, response, part)

            def body() -> Iterator[bytes]:
                for each in response.iter_raw(_PIECE):
                    if digest:
                        digest.update(each)
                    yield each

            self.fence.ask()
            try:
                at = _offset_in(self.new.once("PATCH", path, headers=headers, content=body()))
            except ObjectError as err:
                if err.kind not in ("exists", "missing"):
                    raise
                # The upload is elsewhere by now, or has ended: NEW is asked again where it goes on.
                raise ObjectError("busy", f"{err.message} in the middle of an upload") from None
        if at != part.stop:
            raise ObjectError(
                "busy", f"NEW took {at or 0:,} bytes of {bucket}/{listed.name}, not {part.stop:,}"
            )
        return at

    def _finish(self, bucket: str, listed: StoredObject, metadata: Any) -> None:  # noqa: ANN401 - JSON
        """Write the cache control that an upload in pieces cannot say."""
        if listed.cache == _KEPT or _SECONDS.fullmatch(listed.cache):
            return
        body = {
            "bucketId": bucket,
            "sourceKey": listed.name,
            "destinationKey": listed.name,
            "metadata": {"cacheControl": listed.cache, "mimetype": listed.mimetype},
            "copyMetadata": False,
        }
        headers = {
            "Content-Type": "application/json",
            "x-upsert": "true",
            **({"x-metadata": encoded_json(metadata)} if metadata else {}),
        }
        self.fence.ask()
        self.new.send("POST", "object/copy", headers=headers, body=json.dumps(body).encode())


def _told(bucket: str, listed: StoredObject, metadata: Any) -> str:  # noqa: ANN401 - JSON
    """What an upload in pieces says of the object when it begins, and not again."""
    seconds = _SECONDS.fullmatch(listed.cache)
    told = {
        "bucketName": encoded(bucket),
        "objectName": encoded(listed.name),
        "contentType": encoded(listed.mimetype),
        **({"cacheControl": encoded(seconds[1])} if seconds else {}),
        **({"metadata": encoded_json(metadata)} if metadata else {}),
    }
    return ",".join(f"{name} {value}" for name, value in told.items())


def _mark(listed: StoredObject, told: str) -> str:
    """All that an upload is of; one that began with anything else does not go on."""
    return sha256("\n".join([str(listed.size), listed.etag, listed.cache, told]).encode()).hexdigest()


def _offset_in(answer: Answer) -> int | None:
    found = answer.headers.get("upload-offset", "")
    return int(found) if found.isdecimal() and len(found) < 20 else None  # noqa: PLR2004 - digits of 64 bits
