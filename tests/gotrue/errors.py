"""Errors as Auth words them, with and without the version that its clients ask for."""

from __future__ import annotations

import json
from uuid import uuid4

import psycopg

VERSION = "2024-01-01"
"""The value of `x-supabase-api-version` from which on errors are `{code, message}`."""
UNEXPECTED = "unexpected_failure"
UNFORESEEN = "Unexpected failure, please check server logs for more information"
SHOWN = ("23", "P0001")
"""What SQLSTATEs begin with whose own words go out."""


class AuthError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, code: str, message: str, *, named: bool = True) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.named = named
        """Whether the header `x-sb-error-code` names the code."""

    def body(self, version: str | None) -> bytes:
        """The JSON of it."""
        if version == VERSION:
            return compact({"code": self.code, "message": self.message})
        told: dict[str, object] = {"code": self.status, "error_code": self.code, "msg": self.message}
        if self.status >= 500 and self.named:
            told["error_id"] = str(uuid4())
        return compact(told)


class DatabaseError(AuthError):
    """An error of PostgreSQL: its own words, which the newer version hides."""

    def __init__(self, error: psycopg.Error, message: str) -> None:
        super().__init__(500, UNEXPECTED, message)
        self.error = error

    def body(self, version: str | None) -> bytes:
        """The JSON of it."""
        code = self.error.sqlstate or ""
        if version == VERSION or not code.startswith(SHOWN):
            return super().body(version)
        told = {"code": code, "message": self.error.diag.message_primary or ""}
        detail = self.error.diag.message_detail
        return compact(told if detail is None else {**told, "detail": detail})


def compact(value: object) -> bytes:
    """JSON without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def invalid(message: str, status: int = 400) -> AuthError:
    """A request that says something wrong."""
    return AuthError(status, "validation_failed", message)


def bad_json(why: str) -> AuthError:
    """A body that cannot be read."""
    return AuthError(400, "bad_json", f"Could not parse request body as JSON: {why}")


def crashed(message: str = "Internal Server Error") -> AuthError:
    """A failure that the server itself did not foresee."""
    return AuthError(500, UNEXPECTED, message, named=False)
