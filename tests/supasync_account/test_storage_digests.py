"""The ETag of a file that was sent in parts proves its bytes, if the parts have a usual size."""

from hashlib import md5

import pytest

from supasync_account.storage.body_digest import BodyDigest
from supasync_account.storage.object_listing import StoredObject

MB = 1024 * 1024
BODY = bytes(range(256)) * (11 * MB // 256) + b"7"


def sent_in(parts: int, body: bytes = BODY) -> StoredObject:
    """As S3 lists what was sent in parts of that size."""
    pieces = [body[at : at + parts] for at in range(0, len(body), parts)] or [b""]
    digests = b"".join(md5(each, usedforsecurity=False).digest() for each in pieces)
    etag = f"{md5(digests, usedforsecurity=False).hexdigest()}-{len(pieces)}"
    return StoredObject("a", len(body), etag, "", "", "")


def has_etag(listed: StoredObject, body: bytes, piece: int = 65_536) -> bool:
    """Whether these bytes are those of the ETag."""
    digest = BodyDigest(listed)
    for at in range(0, len(body), piece):
        digest.update(body[at : at + piece])
    assert digest.md5 == md5(body, usedforsecurity=False).hexdigest()
    return digest.has_etag_of_parts


@pytest.mark.parametrize("parts", [5 * MB, 16 * MB])
def test_bytes_in_parts_of_a_usual_size_are_proven(parts: int) -> None:
    assert has_etag(sent_in(parts), BODY)
    assert has_etag(sent_in(parts, BODY[: 10 * MB]), BODY[: 10 * MB], piece=3 * MB + 1)
    assert not has_etag(sent_in(parts), BODY[:-1] + b"8")
    assert has_etag(sent_in(parts, b""), b"")


def test_of_other_parts_nothing_is_known() -> None:
    assert not has_etag(sent_in(7 * MB), BODY)
    assert not has_etag(StoredObject("a", len(BODY), "x-2", "", "", ""), BODY)
    assert not has_etag(StoredObject("a", len(BODY), "", "", "", ""), BODY)
