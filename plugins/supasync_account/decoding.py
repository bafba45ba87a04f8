"""JSON that others answer, decoded in one place: nothing of it is an internal error.

Anybody who is signed in to an app may nest metadata thousands of levels deep, which no decoder here takes.
"""

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final, TypeVar

import msgspec

DEEPEST: Final = 256
"""Levels of a value that is decoded. Python's decoders take about 900, fewer the deeper they are called."""
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)
"""Texts, whose brackets count for nothing, and brackets."""
_TOO_DEEP: Final = b'"nested too deeply: '
Kind = TypeVar("Kind")


class UndecodableError(ValueError):
    """It is not JSON, not of that kind, or nested too deeply."""


def decoded(text: bytes, kind: type[Kind]) -> Kind:
    """What it says; UndecodableError where nobody can tell."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError) as err:
        raise UndecodableError from err


def same_values(one: object, other: object) -> bool:
    """Whether two decoded values are the same JSON: to Python, ``True`` is 1."""
    encoded = (msgspec.json.encode(each, order="sorted") for each in (one, other))
    return next(encoded) == next(encoded)


def nests_too_deeply(text: bytes) -> bool:
    """Whether it has more levels than are decoded."""
    return shallow(text, 0) != text


def is_too_deep(text: bytes) -> bool:
    """Whether it is what `shallow` put in the place of a value."""
    return text.startswith(_TOO_DEEP)


def shallow(text: bytes, level: int) -> bytes:
    """The text, with a digest in the place of each value that begins at this level and is nested too deeply.

    A value at level 0 is the text itself. Equal values have equal digests.
    """
    if text.count(b"[") + text.count(b"{") <= DEEPEST:
        return text
    pieces, at = [], 0
    for start, end in _deep(text, level):
        digest = blake2b(text[start:end], digest_size=16).hexdigest().encode()
        pieces += [text[at:start], _TOO_DEEP, digest, b'"']
        at = end
    return b"".join([*pieces, text[at:]])


def _deep(text: bytes, level: int) -> Iterator[tuple[int, int]]:
    """Where such values begin and end."""
    depth = deepest = start = 0
    for token in _TOKEN.finditer(text):
        sign = token[0][:1]
        if sign in b"[{":
            if depth == level:
                start, deepest = token.start(), 0
            depth += 1
            deepest = max(deepest, depth - level)
        elif sign in b"]}":
            depth -= 1
            if depth == level and deepest > DEEPEST:
                yield start, token.end()
