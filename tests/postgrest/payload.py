"""Bodies of writes: JSON is passed on unparsed wherever the real server does so."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from .errors import body_error

SPACE = b" \t\r\n"


@dataclass(frozen=True)
class Payload:
    """A JSON text with the columns that it fills."""

    data: bytes
    columns: tuple[str, ...]

    @property
    def is_object(self) -> bool:
        """Tell whether the text is one object; PostgreSQL checks the rest."""
        return self.data.lstrip(SPACE).startswith(b"{")


def read(content_type: str | None, body: bytes, columns: tuple[str, ...] | None) -> Payload:
    """Return the payload of a body."""
    media = (content_type or "application/json").partition(";")[0].strip().lower()
    if media == "text/csv":
        return from_csv(body)
    if media == "application/x-www-form-urlencoded":
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        return Payload(json.dumps(fields).encode(), tuple(sorted(fields)))
    if media not in {
        "application/json",
        "application/vnd.pgrst.object+json",
        "application/vnd.pgrst.array+json",
    }:
        raise body_error(f"Content-Type not acceptable: {media}")
    return from_json(body) if columns is None else Payload(body, columns)


def parsed(body: bytes) -> Any:
    """Return what a JSON body says, numbers as text for speed."""
    try:
        return json.loads(body.decode(), parse_float=str, parse_int=str)
    except ValueError:
        raise body_error("Empty or invalid json") from None


def from_json(body: bytes) -> Payload:
    """Find the columns of a body: all objects must have the same keys, a scalar counts as no rows."""
    value = parsed(body)
    if isinstance(value, dict):
        return Payload(body, tuple(sorted(value)))
    if not isinstance(value, list) or not value:
        return Payload(b"[]", ())
    first = value[0].keys() if isinstance(value[0], dict) else None
    if first is None or any(not isinstance(item, dict) or item.keys() != first for item in value):
        raise body_error("All object keys must match")
    return Payload(body, tuple(sorted(first)))


def from_csv(body: bytes) -> Payload:
    """Turn CSV into JSON: every field a string, the word NULL a null."""
    try:
        rows = [row for row in csv.reader(io.StringIO(body.decode(), newline=""), strict=True) if row]
    except (ValueError, csv.Error) as error:
        raise body_error(str(error)) from None
    if not rows:
        raise body_error('parse error (not enough input) at ""')
    header, *lines = rows
    if len(lines) > 1 and any(len(line) != len(header) for line in lines):
        raise body_error("All lines must have same number of fields")
    objects = [
        {name: None if text == "NULL" else text for name, text in zip(header, line, strict=False)}
        for line in lines
    ]
    return Payload(json.dumps(objects).encode(), tuple(sorted(objects[0] if objects else header)))
