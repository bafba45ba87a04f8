"""Errors as the server words them: SQLSTATE to status, PGRST codes, and the JSON body."""

from __future__ import annotations

import json
from http import HTTPStatus

import psycopg

EXACT_STATUS = {
    "23503": 409,
    "23505": 409,
    "25006": 405,
    "53400": 500,
    "57P01": 503,
    "P0001": 400,
    "42883": 404,
    "42P01": 404,
    "42P17": 500,
}
CLASS_STATUS = {
    "08": 503,
    "09": 500,
    "0L": 403,
    "0P": 403,
    "21": 500,
    "25": 500,
    "28": 403,
    "2D": 500,
    "38": 500,
    "39": 500,
    "3B": 500,
    "40": 500,
    "53": 503,
    "54": 500,
    "55": 500,
    "57": 500,
    "58": 500,
    "F0": 500,
    "HV": 500,
    "P0": 500,
    "XX": 500,
}


class ApiError(Exception):
    """An error that has a status and a JSON body."""

    def __init__(  # noqa: PLR0913 - the four body fields, the status and the headers
        self,
        status: int,
        code: str,
        message: str,
        details: str | None = None,
        hint: str | None = None,
        *,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.hint = hint
        self.headers = headers

    def body(self) -> bytes:
        """Return the JSON body, keys in the server's order."""
        fields = {"code": self.code, "details": self.details, "hint": self.hint, "message": self.message}
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")

    def all_headers(self) -> list[tuple[str, str]]:
        """Return the headers that come with this error."""
        headers = [
            ("Content-Type", "application/json; charset=utf-8"),
            ("Proxy-Status", f"PostgREST; error={self.code}"),
        ]
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers.append(("Retry-After", "0"))
        return [*headers, *self.headers]


def from_postgres(error: psycopg.Error, *, is_anon: bool) -> ApiError:
    """Turn an error of PostgreSQL into the answer a client sees."""
    diagnosis = error.diag
    code = error.sqlstate or ""
    if not code:
        message = "Database connection error. Retrying the connection."
        return ApiError(503, "PGRST001", message, str(error).strip() or None)
    message = diagnosis.message_primary or ""
    status = status_of(code, message, is_anon=is_anon)
    headers = (("WWW-Authenticate", "Bearer"),) if status == HTTPStatus.UNAUTHORIZED else ()
    return ApiError(status, code, message, diagnosis.message_detail, diagnosis.message_hint, headers=headers)


def status_of(code: str, message: str, *, is_anon: bool) -> int:
    """Return the HTTP status of a SQLSTATE."""
    if code.startswith("PT") and code[2:].isdigit():
        return int(code[2:])
    if code == "42501":
        return 401 if is_anon else 403
    if code == "22023" and message.startswith("role ") and message.endswith(" does not exist"):
        return 401
    if code == "21000" and message.endswith("requires a WHERE clause"):
        return 400
    return EXACT_STATUS.get(code) or CLASS_STATUS.get(code[:2]) or 400


def parse_error(where: str, text: str, details: str = "") -> ApiError:
    """Return the error of a query string that cannot be read; the real parser's own words differ."""
    return ApiError(
        400, "PGRST100", f'"failed to parse {where} ({text})" (line 1, column 1)', details or None
    )


def body_error(message: str) -> ApiError:
    """Return the error of a body that cannot be read."""
    return ApiError(400, "PGRST102", message)


def range_error(details: str) -> ApiError:
    """Return the error of a range that cannot be served."""
    return ApiError(416, "PGRST103", "Requested range not satisfiable", details)


def missing_column(column: str, table: str) -> ApiError:
    """Return the error of a payload column that the table lacks."""
    message = f"Could not find the '{column}' column of '{table}' in the schema cache"
    return ApiError(400, "PGRST204", message)
