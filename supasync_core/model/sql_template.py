"""Templates of SQL, filled in one pass: what was put in is never looked at again.

A name of a column or a value may hold the marker of another part. Where markers are replaced one after the
other, the part goes in there too, and ends the quotes around the name.
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Final

_COLON: Final = re.compile(r"(?<![:\w]):([a-z_]+)\b")
_BRACES: Final = re.compile(r"\{([a-z_]+)\}")


def with_parts(text: str, parts: Mapping[str, str]) -> str:
    """The text with ``:name`` replaced by the part of this name; other names stay, and so do casts."""
    return _COLON.sub(partial(_part, parts), text)


def with_fragments(text: str, parts: Mapping[str, str]) -> str:
    """The text with ``{name}`` replaced by the part of this name; other names stay."""
    return _BRACES.sub(partial(_part, parts), text)


def _part(parts: Mapping[str, str], found: re.Match[str]) -> str:
    return parts.get(found[1], found[0])
