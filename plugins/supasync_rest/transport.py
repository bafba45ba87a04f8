"""HTTP as the client needs it: one request out, one response in, every byte counted."""

from collections.abc import Iterator, Mapping
from http.client import BadStatusLine, RemoteDisconnected, UnknownProtocol
from io import BytesIO
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InvalidChunkLength,
    NewConnectionError,
    ProtocolError,
    ProxyError,
)

from supasync_core.model.cost import Cost
from supasync_core.system import connections
from supasync_rest.messages import LARGEST_SHOWN, Request, Response

ROOT = "/rest/v1"
UNSENT = (NewConnectionError, ConnectTimeoutError, ProxyError)
"""Nothing of the request has left, so it cannot take effect."""

_CONNECTIONS = 8
_TIMEOUT = urllib3.Timeout(connect=10, read=60)
"""Seconds to connect, and again for each piece that is sent; seconds without a byte of the answer."""
_REPEATING = (BadStatusLine, UnknownProtocol, InvalidChunkLength)
_PIECE = 65_536
_UNPACKED = 4 * _PIECE
"""Bytes that are unpacked at once: urllib3 takes its own time for each."""
_LINE = 20
"""Bytes of a request's or an answer's first line, without the address."""


class Transport:
    """Connections to one project, kept open between requests and shared by threads."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._pool = connections.pool(url, _TIMEOUT, _CONNECTIONS)
        self.headers = {"Host": urlsplit(url).netloc, "Accept-Encoding": "gzip", **headers}

    def send(self, request: Request, cost: Cost) -> Response:
        """The response, of any status, cut off behind ``most`` bytes; urllib3's HTTPError without one.

        ``cost`` gets the bytes that travelled, also when the connection breaks. What is cut off never
        travels: the connection is closed.
        """
        path = ROOT + request.path
        headers = {**self.headers, **request.profile, **request.headers}
        if request.body is not None:
            headers["Content-Length"] = str(len(request.body))
        cost.sent = _size(headers) + len(path) + len(request.body or b"")
        response = None
        try:
            response = self._pool.urlopen(
                request.method,
                path,
                body=_pieces(request.body),
                headers=headers,
                redirect=False,
                preload_content=False,
            )
            body, cut = _body(response, request)
        except UNSENT:
            cost.sent = 0
            raise
        finally:
            if response is not None:
                cost.received = _size(response.headers) + response.tell()
                response.close()
                response.release_conn()  # one that was cut off has not gone back by itself
        lowered = {name.lower(): value for name, value in response.headers.items()}
        return Response(response.status, lowered, body, cut)

    def close(self) -> None:
        self._pool.close()


def root_cause(error: HTTPError) -> BaseException:
    """What is behind an error of urllib3: it has the shorter text."""
    inner = (each for each in error.args if isinstance(each, BaseException))
    return error.__cause__ or next(inner, error)


def describe(cause: BaseException) -> str:
    """The kind of error, and its text unless that repeats the answer, which may be rows."""
    name = type(cause).__name__
    if isinstance(cause, _REPEATING) and not isinstance(cause, RemoteDisconnected):
        return name
    return f"{name}: {cause}"


def _pieces(body: bytes | None) -> Iterator[bytes] | None:
    """The body in pieces: the time limit holds for each, not for a megabyte on a slow line."""
    return None if body is None else (body[at : at + _PIECE] for at in range(0, len(body), _PIECE))


def _body(response: urllib3.BaseHTTPResponse, request: Request) -> tuple[bytes, bool]:
    """The unpacked body; of a longer one as much as was wanted, and True.

    What is larger than any real answer is an error, and what is not a success is cut off early.
    """
    succeeded = 200 <= response.status < 300  # noqa: PLR2004 - success
    most = request.most if succeeded else LARGEST_SHOWN
    limit = request.largest if most is None else most
    whole = BytesIO()  # which grows in place, and hands its bytes over without a copy
    while whole.tell() <= limit:
        piece = response.read1(min(_UNPACKED, limit + 1 - whole.tell()))
        if not piece:
            return whole.getvalue(), False
        whole.write(piece)
    if most is None:
        raise ProtocolError("the answer is too large", ValueError(f"more than {limit:,} bytes"))
    return whole.getvalue(), True


def _size(headers: Mapping[str, str]) -> int:
    """The bytes of a header block on the wire, with its first line."""
    return sum(len(name) + len(value) + 4 for name, value in headers.items()) + _LINE
