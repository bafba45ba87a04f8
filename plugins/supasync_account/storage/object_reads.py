"""What an answer with an object's bytes must say of itself, before a byte of it is passed on."""

import httpx

from supasync_account.storage.guarded_transport import PACKED
from supasync_account.storage.object_listing import StoredObject, plain_etag
from supasync_account.storage.storage_errors import ChangedError, ObjectError


def refuse_other(
    shown: str,
    listed: StoredObject,
    response: httpx.Response,
    part: range | None = None,
    project: str = "OLD",
) -> None:
    """ChangedError where the answer is of another object than was listed, ObjectError for other bytes of it.

    All of it comes with 200, a ``part`` with 206 and exactly the range and the total that were asked for.
    """
    headers = response.headers
    if response.extensions.get(PACKED) or headers.get("content-encoding", "identity") != "identity":
        raise ObjectError("refused", f"{project}: {shown} came compressed, not as it is stored")
    if lacking := [name for name in ("ETag", "Content-Length") if name not in headers]:
        raise ObjectError("refused", f"{project}: {shown} came without {' and '.join(lacking)}")
    if plain_etag(headers["etag"]) != listed.etag:
        raise ChangedError(shown, project)
    size = listed.size if part is None else len(part)
    if headers.get("content-length") != str(size):
        raise ChangedError(shown, project)
    asked = None if part is None else f"bytes {part.start}-{part.stop - 1}/{listed.size}"
    status = 200 if part is None else 206
    if (response.status_code, headers.get("content-range")) != (status, asked):
        raise ObjectError("busy", f"{project}: {shown} came with other bytes than were asked for")
