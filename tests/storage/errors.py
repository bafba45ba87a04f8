"""What Storage answers when it refuses: nearly always HTTP 400, with the true code as a text in the body."""

from __future__ import annotations

import json
from typing import Any

import psycopg

BAD_REQUEST = 400
INTERNAL = 500


class StorageError(Exception):
    """A refusal; `status` is the true code, `http` the one that is sent."""

    def __init__(self, status: int, code: str, error: str, message: str, *, http: int = BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.error = error
        self.message = message
        self.http = http

    def headers(self) -> list[tuple[str, str]]:
        """What is told beside it."""
        if self.error == "Not Found":
            return [("Content-Type", "application/json")]
        kept = [("Cache-Control", "no-store")] if self.error == "Not found" else []
        return [("Content-Type", "application/json; charset=utf-8"), *kept]

    def body(self) -> bytes:
        """The answer."""
        told = {
            "statusCode": str(self.status),
            "error": self.error,
            "message": self.message,
            "code": self.code,
        }
        return compact(told)


def compact(value: Any) -> bytes:
    """JSON as JavaScript writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def no_such_bucket() -> StorageError:
    """No bucket, or none that the caller may know of."""
    return StorageError(404, "NoSuchBucket", "Bucket not found", "Bucket not found")


def no_such_key() -> StorageError:
    """No object, or none that the caller may know of."""
    return StorageError(404, "NoSuchKey", "not_found", "Object not found")


def exists(code: str) -> StorageError:
    """Something has that name."""
    return StorageError(409, code, "Duplicate", "The resource already exists")


def too_large() -> StorageError:
    """Above the limit of the bucket or the project."""
    return StorageError(
        413, "EntityTooLarge", "Payload too large", "The object exceeded the maximum allowed size"
    )


def unsupported(mime: str) -> StorageError:
    """A content type that is none, or that the bucket does not take."""
    return StorageError(415, "InvalidMimeType", "invalid_mime_type", f"mime type {mime} is not supported")


def denied(message: str) -> StorageError:
    """The token, or a policy, does not allow it."""
    return StorageError(403, "AccessDenied", "Unauthorized", message)


def invalid_key(key: str) -> StorageError:
    """A name that no object may have."""
    return StorageError(400, "InvalidKey", "InvalidKey", f"Invalid key: {key}")


def invalid(message: str, error: str = "Error") -> StorageError:
    """A request of the wrong form."""
    return StorageError(400, "InvalidRequest", error, message)


def bad_range() -> StorageError:
    """No byte of the object is in the range."""
    return StorageError(416, "InvalidRange", "invalid_range", "invalid range provided", http=416)


def crashed() -> StorageError:
    """What Storage does not foresee."""
    return StorageError(INTERNAL, "InternalError", "Internal", "Internal Server Error", http=INTERNAL)


def of_database(error: psycopg.Error, duplicate: str) -> StorageError:
    """What an error of PostgreSQL becomes."""
    match error:
        case psycopg.errors.UniqueViolation():
            return exists(duplicate)
        case psycopg.errors.ForeignKeyViolation():
            return no_such_bucket()
        case psycopg.errors.InsufficientPrivilege():
            return denied("new row violates row-level security policy")
    return crashed()
