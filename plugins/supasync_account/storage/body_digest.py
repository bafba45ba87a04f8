"""The digests of an object's bytes on their way: the MD5, and the ETags that S3 makes of parts.

Such an ETag is the MD5 of the parts' MD5, and their number; how large they were, it does not say. So usual
sizes are tried that make as many parts. One that fits proves the bytes; where none fits, nothing is known.
"""

import re
from dataclasses import dataclass, field
from hashlib import md5
from typing import TYPE_CHECKING, Final

from supasync_account.storage.object_listing import StoredObject

if TYPE_CHECKING:
    from hashlib import _Hash as HASH

_MB: Final = 1024 * 1024
_USUAL: Final = tuple(each * _MB for each in (5, 6, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128))
"""Bytes of a part: of Storage's own clients and servers, and of S3's."""
_MOST: Final = 4
"""Sizes that are tried at once: each hashes all bytes once more."""
_OF_PARTS: Final = re.compile(r"[0-9a-f]{32}-(\d{1,5})")


class BodyDigest:
    """Of the bytes that `update` is given, in their order."""

    def __init__(self, listed: StoredObject) -> None:
        self._etag = listed.etag
        self._whole = md5(usedforsecurity=False)
        self._parts = [_Parts(size) for size in part_sizes(listed)]

    def update(self, piece: bytes) -> None:
        """Add what comes next."""
        self._whole.update(piece)
        for each in self._parts:
            each.update(memoryview(piece))

    @property
    def md5(self) -> str:
        """The MD5 of all of them."""
        return self._whole.hexdigest()

    @property
    def has_etag_of_parts(self) -> bool:
        """Whether these are the bytes that OLD's ETag was made of."""
        return any(each.etag == self._etag for each in self._parts)


def part_sizes(listed: StoredObject) -> list[int]:
    """The sizes of parts that may have been; none where the ETag is not of parts."""
    found = _OF_PARTS.fullmatch(listed.etag)
    if found is None:
        return []
    fitting = [size for size in _USUAL if max(1, -(-listed.size // size)) == int(found[1])]
    return fitting[: 1 if found[1] == "1" else _MOST]  # a single part is the same of any size


@dataclass
class _Parts:
    """The ETag of parts of one size."""

    size: int
    _current: "HASH" = field(default_factory=lambda: md5(usedforsecurity=False))
    _filled: int = 0
    _digests: list[bytes] = field(default_factory=list)

    def update(self, piece: memoryview) -> None:
        while len(piece):
            if self._filled == self.size:
                self._digests.append(self._current.digest())
                self._current, self._filled = md5(usedforsecurity=False), 0
            taken = piece[: self.size - self._filled]
            self._current.update(taken)
            self._filled += len(taken)
            piece = piece[len(taken) :]

    @property
    def etag(self) -> str:
        digests = [*self._digests, self._current.digest()]
        return f"{md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"
