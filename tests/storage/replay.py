"""Sending recorded requests, and comparing what comes back with what was recorded."""

from __future__ import annotations

import http.client
import json
import re
import time
from base64 import b64decode
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.postgrest.auth import FAR_AWAY, sign
from tests.postgrest.settings import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

Exchange = dict[str, Any]
RECORDINGS = Path(__file__).parents[1] / "recordings" / "storage"
COMPARED_HEADERS = (
    *("accept-ranges", "cache-control", "content-disposition", "content-range", "content-type", "etag"),
    *("x-robots-tag", "tus-complete", "tus-extension", "tus-max-size", "tus-resumable", "tus-version"),
    *("upload-length", "upload-metadata", "upload-offset"),
)
SECRET_KEY = "sb_secret_for_tests"
KEYS = {SECRET_KEY: "service_role"}
OF_XS = re.compile(r"([\d,]+) bytes of x")
PIECE = re.compile(r"(\d+) bytes(?: from (\d+))?")
FORM = "------invented\r\n{head}\r\n\r\n{body}\r\n------invented--\r\n"
FORM_HEAD = 'Content-Disposition: form-data; name="file"; filename="d.txt"\r\nContent-Type: text/plain'
VARIES = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(Z|\+00)|[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}"
)
LOCATION = re.compile(r"/storage/v1/upload/resumable/[\w-]+")


def exchanges() -> list[Exchange]:
    """Everything that was recorded, in order."""
    lines = (RECORDINGS / "exchanges.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def steps(size: int, start: int = 0) -> bytes:
    """Bytes that the recordings describe: 0, 7, 14 and so on, in a circle."""
    circle = bytes(number * 7 % 256 for number in range(256))
    return (circle * ((start + size) // 256 + 1))[start : start + size]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, as JSON."""
        return json.loads(self.body)


def send(url: str, exchange: Exchange) -> Answer:
    """Send a recorded request; what stands for a key or a token becomes one of this server."""
    asked = exchange["request"]
    headers = {name: _keyed(value) for name, value in asked["headers"].items()}
    body = _body(asked)
    chunked = "transfer" in asked
    sent = [body[:1000], body[1000:]] if body and chunked else body
    return request(url, asked["method"], asked["path"], headers, sent, chunked=chunked)


def request(  # noqa: PLR0913 - the parts of a request
    url: str, method: str, path: str, headers: dict[str, str], body: Any = None, *, chunked: bool = False
) -> Answer:
    """Send a request with exactly this path."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request(method, path, body, headers, encode_chunked=chunked)
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, told, answer.read())
    finally:
        connection.close()


def _body(asked: Exchange) -> bytes | None:
    if "body_json" in asked:
        return json.dumps(asked["body_json"]).encode()
    if "body_b64" in asked:
        return b64decode(asked["body_b64"])
    if "body" not in asked:
        return str(asked["body_text"]).encode() if "body_text" in asked else None
    described = asked["body"]
    if (xs := OF_XS.search(described)) is not None:
        text = "x" * int(xs[1].replace(",", ""))
        return (FORM.format(head=FORM_HEAD, body=text) if "multipart" in described else text).encode()
    if "repeated" in described:
        return bytes(range(256)) * 24576 + b"\x01"
    piece = PIECE.match(described)
    assert piece is not None, described
    return steps(int(piece[1]), int(piece[2] or 0))


def _keyed(text: str) -> str:
    for mark, value in tokens():
        text = text.replace(mark, value)
    return text


def tokens() -> Iterator[tuple[str, str]]:
    """What stands in a recording for a key or a token, with one of this server's."""
    yield "<secret key>", SECRET_KEY
    yield "<unknown secret key>", "sb_secret_unknown"
    service = {"role": "service_role", "exp": FAR_AWAY}
    yield "<service_role>", sign(service, SECRET)
    yield "<anon>", sign({"role": "anon", "exp": FAR_AWAY}, SECRET)
    yield "<service_role, expired an hour ago>", sign({**service, "exp": int(time.time()) - 3600}, SECRET)
    yield "<service_role with a broken signature>", sign(service, SECRET[::-1])
    for name in ("0b6d1c52-7a0e-4c1b-9a55-2f30c1f4e001", "auth0|invented-7"):
        token = sign({"role": "authenticated", "sub": name, "exp": FAR_AWAY}, SECRET)
        yield f"<user jwt, sub={name}>", token


def differences(exchange: Exchange, answer: Answer) -> list[str]:
    """What is not as recorded, but for times and ids that the server made."""
    recorded = exchange["response"]
    found = []
    if answer.status != recorded["status"]:
        found.append(f"status {recorded['status']} expected, {answer.status} found: {answer.body[:300]!r}")
    names = [*COMPARED_HEADERS, *([] if "body_json" in recorded else ["content-length"])]
    for name in names:
        expected, actual = recorded["headers"].get(name), answer.headers.get(name)
        if expected != actual and not _untold(name, recorded, expected):
            found.append(f"{name}: {expected!r} expected, {actual!r} found")
    return found + _of_body(recorded, answer)


def _untold(name: str, recorded: Exchange, expected: str | None) -> bool:
    """Tell whether a length was not recorded, or is that of JSON that was cut, or of chunks."""
    return name == "content-length" and (expected is None or "body_json_cut" in recorded)


def _of_body(recorded: Exchange, answer: Answer) -> list[str]:
    if "body_json" in recorded or "body_json_cut" in recorded:
        wanted = recorded.get("body_json", recorded.get("body_json_cut"))
        expected, actual = steady(wanted), steady(cut(wanted, answer.json))
    elif "body" in recorded:
        expected, actual = (
            recorded["body"].rpartition(" ")[2],
            md5(answer.body, usedforsecurity=False).hexdigest(),
        )
    elif "body_b64" in recorded:
        expected, actual = repr(b64decode(recorded["body_b64"])), repr(answer.body)
    else:
        expected, actual = recorded.get("body_text", ""), answer.body.decode()
    return [] if expected == actual else [f"body: {expected} expected,\n {actual} found"]


def cut(expected: Any, actual: Any) -> Any:
    """An answer with its long lists told as the recording tells them."""
    if (
        isinstance(expected, dict)
        and set(expected) == {"count", "first", "last"}
        and isinstance(actual, list)
    ):
        return {"count": len(actual), "first": actual[:2], "last": actual[-2:]}
    if isinstance(expected, dict) and isinstance(actual, dict):
        return {name: cut(expected.get(name), value) for name, value in actual.items()}
    return actual


def steady(value: Any) -> str:
    """JSON, in the order of its members, with marks in the place of times and ids."""
    return VARIES.sub("<varies>", json.dumps(value, ensure_ascii=False))
