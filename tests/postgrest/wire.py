"""HTTP/1.1 on a socket: reading requests, writing responses."""

from __future__ import annotations

import gzip
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from .messages import Request, Response

if TYPE_CHECKING:
    from io import BufferedIOBase

GZIP_FROM = 1024
MAX_LINE = 65536
PHRASES = {status.value: status.phrase for status in HTTPStatus}


class ClosedError(Exception):
    """The client closed the connection, or sent no HTTP."""


def read_head(stream: BufferedIOBase) -> Request:
    """Read one request, but for its body; a closed connection raises ClosedError."""
    line = stream.readline(MAX_LINE).decode("latin-1").split()
    if len(line) != 3:
        raise ClosedError
    headers = read_headers(stream)
    if line[2] == "HTTP/1.0":
        headers.setdefault("connection", "close")
    target = line[1]
    if "://" in target.partition("?")[0]:
        target = "/" + target.split("/", 3)[-1]
    path, _, raw_query = target.partition("?")
    text = unquote_to_bytes(path).decode("utf-8", "replace")
    return Request(line[0], text, raw_query, headers, target=target)


def read_headers(stream: BufferedIOBase) -> dict[str, str]:
    """Read header lines; equal names are joined by commas."""
    headers: dict[str, str] = {}
    while line := stream.readline(MAX_LINE).strip(b"\r\n"):
        name, _, value = line.decode("latin-1").partition(":")
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def read_body(stream: BufferedIOBase, headers: dict[str, str]) -> bytes:
    """Read a body of known length or in chunks."""
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return read_whole(stream, int(headers.get("content-length", "0")))
    pieces = []
    while size := int(stream.readline(MAX_LINE).partition(b";")[0], 16):
        pieces.append(read_whole(stream, size))
        stream.readline(MAX_LINE)
    read_headers(stream)
    return b"".join(pieces)


def read_whole(stream: BufferedIOBase, length: int) -> bytes:
    """Read so many bytes; a body that was broken off raises ClosedError."""
    body = stream.read(length) if length else b""
    if len(body) < length:
        raise ClosedError
    return body


def compressed(request: Request, response: Response) -> Response:
    """Return the response in gzip when the client takes it and it is worth it; a file goes out as it is."""
    if any(name == "Accept-Ranges" for name, _ in response.headers):
        return response
    if "gzip" not in request.headers.get("accept-encoding", "") or len(response.body) < GZIP_FROM:
        return response
    body = gzip.compress(response.body, 1)
    headers = [*response.headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
    return Response(response.status, headers, body)


def serialized(response: Response, *, date: str | None, close: bool) -> tuple[bytes, bytes]:
    """Return head and body as they go out."""
    status = response.status
    lines = [f"HTTP/1.1 {status} {PHRASES.get(status, 'Unknown')}"]
    if date is not None:
        lines.append(f"Date: {date}")
    lines += [f"{name}: {value}" for name, value in response.headers]
    body = response.body
    if response.chunked:
        lines.append("Transfer-Encoding: chunked")
        body = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    elif not response.no_length:
        length = len(body) if response.length is None else response.length
        lines.append(f"Content-Length: {length}")
    if close:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace"), body


def http_date(offset: float) -> str:
    """Return the time of the server's clock for the Date header."""
    return formatdate(time.time() + offset, usegmt=True)
