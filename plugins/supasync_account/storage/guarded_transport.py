"""What OLD may be asked, as one list of exact paths, held below every client; all bytes are counted here.

What is decided by is asked of the server itself: each listing has an address that no cache knows, and an
answer that one has kept is refused.

Storage lists by POST, so the rule is not the method alone: GET and HEAD of what is read, and one POST that
lists. A client of supabase and streamed requests go through the same transport.
"""

import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import httpx

from supasync_core.api.kept_answers import ASK_THE_SERVER, ServerClock, never_asked
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import InternalError

READ: Final = re.compile(
    rb"/storage/v1/bucket(?:/[^/?]+)?"
    rb"|/storage/v1/object/(?:info/)?authenticated/[^/?]+/[^?]+"
)
"""What is read by GET or HEAD."""
LISTED: Final = re.compile(rb"/storage/v1/object/list-v2/[^/?]+")
"""What is listed by POST, which changes nothing."""
Settled = Callable[[int, Callable[[], None]], None]
SETTLED: Final = "supasync_settled"
"""The extension of a request that is called when its answer ends, with its bytes and what counts them."""
PACKED: Final = "supasync_packed"
"""The extension of an answer that says whether it came compressed."""
_BUCKETS: Final = re.compile(rb"/storage/v1/bucket(?![^/?])")
_DESCRIBED: Final = re.compile(rb"/storage/v1/object/info/")
ANSWER: Final = 32_000_000
"""Bytes of an answer that is no object; a page of 1,000 objects takes 0.4 MB (recorded)."""
LIST: Final = "storage list"
_PIECE: Final = 65_536
_LINE: Final = 20
"""Bytes of a first line, without the address."""


def counted_alone(_received: int, count: Callable[[], None]) -> None:
    """Count what has come, and do nothing beside."""
    count()


def may_be_sent(method: str, path: bytes) -> bool:
    """Whether OLD may be sent this; the path is as it travels, with its query."""
    if any(part in (b".", b"..") for part in path.partition(b"?")[0].split(b"/")):
        return False
    if method in ("GET", "HEAD"):
        return READ.fullmatch(path) is not None
    return method == "POST" and LISTED.fullmatch(path) is not None


def anything(_method: str, _path: bytes) -> bool:
    """What NEW may be sent."""
    return True


class GuardedTransport(httpx.BaseTransport):
    """Passes on what ``allowed`` admits and refuses all else before a byte leaves; one origin only.

    An answer is cut off behind as many bytes as it may have, and unpacked no further than that.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        origin: httpx.URL,
        project: str,
        ledger: Ledger,
        allowed: Callable[[str, bytes], bool],
    ) -> None:
        self._inner, self._origin = inner, origin
        self._project, self._ledger, self._allowed = project, ledger, allowed
        self._clock = ServerClock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer of any status; InternalError for what may not be sent."""
        path = request.url.raw_path
        same = (request.url.scheme, request.url.netloc) == (self._origin.scheme, self._origin.netloc)
        if not same or not self._allowed(request.method, path):
            where = "another host" if not same else path.partition(b"?")[0].decode("ascii", "replace")
            raise InternalError(f"{self._project}: {request.method} {where} is not sent: it is not allowed")
        sent = _Counting(request.stream)
        request.stream = sent
        purpose = purpose_of(request.method, path)
        if purpose == LIST:
            request.headers.update(ASK_THE_SERVER)
            request.url = request.url.copy_add_param("fresh", never_asked())
            path = request.url.raw_path
        began = time.monotonic()
        try:
            response = self._inner.handle_request(request)
        except httpx.TransportError:
            self._ledger.add(self._project, purpose, sent=sent.bytes, received=0)
            raise
        out = _size(request.headers) + len(path) + sent.bytes
        counted = self._counted(request, response, purpose, out)
        kept = self._clock.kept(response.headers, began, time.monotonic())
        if kept and purpose == LIST:
            counted.close()
            raise httpx.ReadError(kept)
        return counted

    def _counted(
        self, request: httpx.Request, response: httpx.Response, purpose: str, out: int
    ) -> httpx.Response:
        packed = response.headers.get("content-encoding", "").lower() == "gzip"
        most = request.extensions.get("most", ANSWER) if response.is_success else ANSWER
        head = _size(response.headers)

        settled: Settled = request.extensions.get(SETTLED, counted_alone)

        def end(received: int) -> None:
            settled(
                received,
                lambda: self._ledger.add(self._project, purpose, sent=out, received=head + received),
            )

        response.extensions[PACKED] = packed
        response.stream = _Answer(response.stream, most, end, packed=packed)
        for name in _PACKED if packed else ():
            response.headers.pop(name, None)
        return response

    def close(self) -> None:
        """Close all connections."""
        self._inner.close()


_PACKED: Final = ("content-encoding", "content-length")


def purpose_of(method: str, path: bytes) -> str:
    """Under which name a request is counted."""
    reads = method in ("GET", "HEAD")
    if _BUCKETS.match(path) or (_DESCRIBED.match(path) if reads else LISTED.fullmatch(path)):
        return LIST
    return "storage read" if reads else "storage write"


class _Counting(httpx.SyncByteStream):
    """A body on its way out."""

    def __init__(self, inner: httpx.SyncByteStream | httpx.AsyncByteStream) -> None:
        if not isinstance(inner, Iterable):
            raise TypeError("the body cannot be read")
        self._inner = inner
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._inner:
            yield piece
            self.bytes += len(piece)


class _Answer(httpx.SyncByteStream):
    """A body on its way in: unpacked, at most so many bytes, and counted as it travelled when it ends."""

    def __init__(
        self,
        inner: httpx.SyncByteStream | httpx.AsyncByteStream,
        most: int,
        end: Callable[[int], None],
        *,
        packed: bool,
    ) -> None:
        if not isinstance(inner, httpx.SyncByteStream):
            raise TypeError("the answer cannot be read")
        self._inner, self._most, self._end, self._packed = inner, most, end, packed
        self._travelled = 0
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        found = 0
        for piece in self._unpacked():
            found += len(piece)
            if found > self._most:
                raise httpx.ReadError(f"the answer has more than {self._most:,} bytes")
            yield piece

    def _pieces(self) -> Iterator[bytes]:
        for piece in self._inner:
            self._travelled += len(piece)
            yield piece

    def _unpacked(self) -> Iterator[bytes]:
        if not self._packed:
            yield from self._pieces()
            return
        unpack = zlib.decompressobj(wbits=31)
        try:
            for piece in self._pieces():
                rest = piece
                while rest:
                    yield unpack.decompress(rest, _PIECE)
                    rest = unpack.unconsumed_tail
            yield unpack.flush()
        except zlib.error as err:
            raise httpx.ReadError("the answer is not gzip") from err

    def close(self) -> None:
        """Count it, however far it was read."""
        if self._open:
            self._open = False
            self._inner.close()
            self._end(self._travelled)


def _size(headers: httpx.Headers) -> int:
    """The bytes of a header block on the wire, with its first line."""
    return sum(len(name) + len(value) + 4 for name, value in headers.raw) + _LINE
