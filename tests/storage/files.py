"""The bytes: one file for each version of an object, and beside it what it was sent with."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from .errors import StorageError, crashed

MOST = 50 << 20
"""Bytes of one file: what a free project takes."""
PART = 16 << 20
"""Bytes: what S3 is sent at once. The ETag of a larger object is made of those of its parts."""


@dataclass(frozen=True)
class Kept:
    """What a file was sent with, as a download tells it."""

    etag: str
    size: int
    mimetype: str
    cache_control: str
    robots: str | None = None

    def metadata(self) -> dict[str, Any]:
        """The column of this name."""
        told: dict[str, Any] = {
            "eTag": self.etag,
            "size": self.size,
            "mimetype": self.mimetype,
            "cacheControl": self.cache_control,
            "lastModified": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "contentLength": self.size,
            "httpStatusCode": 200,
        }
        return {**told, "xRobotsTag": self.robots} if self.robots else told


@dataclass(frozen=True)
class Files:
    """A folder of them; `s3` answers as that backend does, where it differs from files."""

    folder: Path
    s3: bool = False

    def path(self, bucket: str, key: str, version: str) -> Path:
        """Where the bytes are; StorageError for a name that the backend does not take."""
        if ".." in key.split("/") and not self.s3:
            told = f"Invalid key: stub/stub/{bucket}/{key}/{version} contains dot path segment"
            raise StorageError(400, "InvalidKey", "InvalidKey", told)
        if self.s3:
            return self.folder / bucket / hashlib.sha256(key.encode()).hexdigest() / version
        return self.folder / bucket / key.strip("/") / version

    def write(self, bucket: str, key: str, body: bytes, kept: Kept, version: str = "") -> str:
        """Write a version and return its name."""
        version = version or str(uuid4())
        path = self.path(bucket, key, version)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
            path.with_suffix(".json").write_text(json.dumps(asdict(kept)))
        except OSError:
            raise crashed() from None
        return version

    def read(self, bucket: str, key: str, version: str | None) -> tuple[Path, Kept]:
        """Where a version is, and what it was sent with; StorageError where the file is gone."""
        path = self.path(bucket, key, version or "none")
        try:
            return path, Kept(**json.loads(path.with_suffix(".json").read_text()))
        except OSError:
            if self.s3:
                raise StorageError(404, "NoSuchKey", "Not found", "The resource was not found") from None
            raise crashed() from None

    def remove(self, bucket: str, key: str, version: str | None) -> None:
        """Remove a version; a missing one is no error."""
        if version is None:
            return
        path = self.path(bucket, key, version)
        for each in (path, path.with_suffix(".json")):
            with suppress(OSError):
                each.unlink()
        with suppress(OSError):
            path.parent.rmdir()

    def etag(self, body: bytes, pieces: list[int] | None = None) -> str:
        """The ETag of an upload; `pieces` are the lengths that TUS was sent in."""
        if not self.s3 or (pieces is None and len(body) <= PART):
            return plain_etag(body)
        if pieces is None:
            pieces = [min(PART, len(body) - start) for start in range(0, len(body), PART)]
        digests, start = b"", 0
        for length in pieces:
            digests += hashlib.md5(body[start : start + length], usedforsecurity=False).digest()
            start += length
        return f'"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(pieces)}"'


def plain_etag(body: bytes) -> str:
    """The ETag of what was written at once."""
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def part(path: Path, start: int, length: int) -> bytes:
    """Some bytes of a file."""
    with path.open("rb") as stream:
        stream.seek(start, os.SEEK_SET)
        return stream.read(length)
