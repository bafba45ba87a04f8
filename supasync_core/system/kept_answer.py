"""Answers that a cache has kept: they say what was true when the cache asked."""

from collections.abc import Mapping
from typing import Final

ASK_THE_SERVER: Final[Mapping[str, str]] = {"cache-control": "no-cache"}
"""The header by which a request asks every cache on its way not to answer by itself (RFC 9111, 5.2.1.4)."""


def kept_by_a_cache(headers: Mapping[str, str]) -> str | None:
    """The sentence for an answer that a cache has kept, which says so by ``Age``; None for a server's own.

    Names of headers are in small letters.
    """
    age = headers.get("age", "").strip()
    if age.strip("0") == "":
        return None
    return f"a cache answers in its place (Age: {age[:20]})"
