"""Requests and responses, and what their headers say about media types, ranges and preferences."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from .errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

JSON = "application/json"
CSV = "text/csv"
OPENAPI = "application/openapi+json"
OBJECT = "application/vnd.pgrst.object+json"
PRODUCED = (
    JSON,
    CSV,
    OBJECT,
    f"{OBJECT};nulls=stripped",
    "application/vnd.pgrst.array+json;nulls=stripped",
    "application/vnd.pgrst.array+json",
)


FRESH = re.compile(r"[?&](?:columns|fresh)=(n[0-9a-f]{12})\Z")
"""What supasync adds to the address of a question, so that no cache can answer it."""


@dataclass
class Request:
    """One HTTP request; `path` is percent-decoded and without prefix, header names are in lower case."""

    method: str
    path: str
    raw_query: str
    headers: dict[str, str]
    body: bytes = b""
    target: str = ""
    max_rows: int | None = None

    @property
    def asked(self) -> str:
        """Return the target without the word that no cache can know."""
        return FRESH.sub("", self.target)

    @property
    def word(self) -> str:
        """Return that word, empty where there is none."""
        found = FRESH.search(self.target)
        return found[1] if found else ""

    @property
    def is_read(self) -> bool:
        """Tell whether this asks only."""
        return self.method in {"GET", "HEAD"}


@dataclass
class Response:
    """One HTTP response; `length` overrides Content-Length, and `no_length` leaves it out."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    length: int | None = None
    no_length: bool = False
    chunked: bool = False


def accepted(header: str | None, produced: tuple[str, ...] = PRODUCED) -> str:
    """Return the media type to answer with."""
    if not header:
        return produced[0]
    wanted = []
    for item in header.split(","):
        media = ";".join(part.strip() for part in item.split(";") if not is_parameter(part))
        quality = re.search(r";\s*q=([\d.]+)", item)
        wanted.append((float(quality[1]) if quality else 1.0, media))
    for _, media in sorted(wanted, key=lambda pair: -pair[0]):
        if media in {"*/*", "application/*"}:
            return produced[0]
        if media in produced:
            return media
    asked = ", ".join(shown(media) for _, media in wanted)
    raise ApiError(406, "PGRST107", f"None of these media types are available: {asked}")


def shown(media: str) -> str:
    """Return a media type as the refusal names it: plans say of what they would be."""
    return f'{media}; for="{JSON}"' if media.startswith("application/vnd.pgrst.plan") else media


def is_parameter(part: str) -> bool:
    """Tell whether a part of a media type is only quality or charset."""
    return part.strip().startswith(("q=", "charset="))


def content_type(media: str) -> tuple[str, str]:
    """Return the header of a media type."""
    media = JSON if media == "application/vnd.pgrst.array+json" else media
    return ("Content-Type", f"{media}; charset=utf-8")


def content_location(path: str, pairs: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """Return the canonical address: parameters sorted, equal names joined by commas, bytes escaped twice."""
    merged: dict[str, list[str]] = {}
    for name, value in sorted(pairs, key=lambda pair: pair[0]):
        merged.setdefault(escaped(name), []).append(escaped(value))
    query = "&".join(f"{name}={','.join(values)}" for name, values in merged.items())
    shown = path.replace("\r", "%0D").replace("\n", "%0A")  # no header holds them
    return ("Content-Location", latin(shown) + (f"?{query}" if query else ""))


def latin(text: str) -> str:
    """Return UTF-8 bytes seen as Latin-1, which is how headers go out."""
    return text.encode().decode("latin-1")


def unlatin(text: str) -> str:
    """Return what UTF-8 bytes are that came as Latin-1, which is how headers come in."""
    return text.encode("latin-1").decode(errors="replace")


def escaped(text: str) -> str:
    """Percent-encode as the real server does: each byte as if it were a character."""
    return quote(latin(text), safe="")


def content_range(lower: int, rows: int, total: int | None) -> tuple[str, str]:
    """Return the header of a page."""
    upper = lower + rows - 1
    span = f"{lower}-{upper}" if total != 0 and lower <= upper else "*"
    return ("Content-Range", f"{span}/{'*' if total is None else total}")


def range_status(lower: int, rows: int, total: int | None) -> int:
    """Return 200, 206 or 416 for a page."""
    if total is None:
        return 200
    if lower > total:
        return 416
    return 206 if rows < total else 200


def header_range(text: str | None) -> tuple[int, int | None] | None:
    """Read `Range: 0-9`; what is no range is ignored."""
    match = re.match(r"(\d+)-(\d*)$", text or "")
    if not match:
        return None
    return int(match[1]), int(match[2]) if match[2] else None
