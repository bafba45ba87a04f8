"""Sending recorded requests, and comparing what comes back with what was recorded."""

from __future__ import annotations

import base64
import json
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .auth import FAR_AWAY, sign
from .left_out import LEFT_OUT
from .settings import SECRET

RECORDINGS = Path(__file__).parents[1] / "recordings"
COMPARED_HEADERS = (
    "Content-Type",
    "Content-Range",
    "Location",
    "Content-Location",
    "Preference-Applied",
    "Proxy-Status",
    "WWW-Authenticate",
    "Retry-After",
    "Allow",
    "Content-Length",
)
SHOWN = 200  # characters of a difference

Exchange = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """One answer: status, headers, and every byte that followed them."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Counts:
    """What a replay found."""

    version: str
    equal: int = 0
    left_out: list[str] = field(default_factory=list)
    unequal: dict[str, list[str]] = field(default_factory=dict)
    needlessly_left_out: list[str] = field(default_factory=list)

    def add(self, exchange: Exchange, answer: Answer) -> None:
        """Compare one answer and count it."""
        name = exchange["id"]
        found = differences(exchange, answer)
        if name in LEFT_OUT:
            self.left_out.append(name)
            if not found:
                self.needlessly_left_out.append(name)
        elif found:
            self.unequal[name] = found
        else:
            self.equal += 1

    def line(self) -> str:
        """Return the counts for people."""
        return (
            f"PostgREST {self.version}: {self.equal} equal, {len(self.left_out)} left out,"
            f" {len(self.unequal)} unequal"
        )


def exchanges(version: str) -> list[Exchange]:
    """Return the recorded exchanges of a version, in order."""
    lines = (RECORDINGS / f"exchanges-{version}.jsonl").read_text("utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def send(url: str, exchange: Exchange) -> Answer:
    """Send a recorded request on a connection of its own and read until the server closes it."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname or "", address.port or 80)) as connection:
        connection.sendall(request_bytes(exchange))
        with connection.makefile("rb") as stream:
            return parsed(stream.read())


def request_bytes(exchange: Exchange) -> bytes:
    """Return a recorded request as it goes out."""
    body = exchange.get("body")
    data = base64.b64decode(exchange["body_base64"]) if "body_base64" in exchange else (body or "").encode()
    lines = [
        f"{exchange['method']} {exchange['path']} HTTP/1.1",
        "Host: rest.example.test",
        "Connection: close",
    ]
    lines += [f"{name}: {value}" for name, value in exchange["headers"].items()]
    if exchange["role"] != "none":
        lines.append(f"Authorization: Bearer {token(exchange)}")
    if body is not None or "body_base64" in exchange:
        lines.append(f"Content-Length: {len(data)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + data


def token(exchange: Exchange) -> str:
    """Return the token that a recorded request carried."""
    if exchange["role"] != "bad":
        return sign({"role": exchange["role"], "exp": FAR_AWAY}, SECRET)
    bad = exchange["bad_token"]
    if "raw" in bad:
        return str(bad["raw"])
    signed_by = {"the right one": SECRET}.get(bad["secret"], bad["secret"])
    return sign(bad["claims"], signed_by, bad.get("alg", "HS256"))


def parsed(data: bytes) -> Answer:
    """Take an answer apart; Content-Length is not obeyed, because it may lie."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        size, _, rest = body.partition(b"\r\n")
        body = rest[: int(size, 16)]
    return Answer(int(first.split()[1]), headers, body)


def differences(exchange: Exchange, answer: Answer) -> list[str]:
    """Return what is not as recorded, except what is marked volatile."""
    volatile = exchange["volatile"]
    found = []
    if answer.status != exchange["status"]:
        found.append(f"status: {exchange['status']} expected, {answer.status} found")
    for name in COMPARED_HEADERS:
        expected, actual = exchange["response_headers"].get(name), answer.headers.get(name.lower())
        if expected != actual and f"header:{name}" not in volatile:
            found.append(f"{name}: {expected!r} expected, {actual!r} found")
    if "response" not in volatile:
        found += body_differences(
            exchange["response"] or "", answer.body.decode("utf-8", "replace"), volatile
        )
    return found


def body_differences(expected: str, actual: str, volatile: list[str]) -> list[str]:
    """Compare bodies exactly, or parsed where a part of them is volatile."""
    marks = [mark.removeprefix("response:") for mark in volatile if mark.startswith("response:")]
    if expected == actual or (marks and without(expected, marks) == without(actual, marks)):
        return []
    start = next((i for i, pair in enumerate(zip(expected, actual, strict=False)) if pair[0] != pair[1]), 0)
    here = slice(max(0, start - SHOWN // 4), start + SHOWN)
    return [f"body from character {start}:\n  {expected[here]!r} expected,\n  {actual[here]!r} found"]


def without(text: str, marks: list[str]) -> object:
    """Return a JSON body without its volatile members; what is no JSON stays text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    for mark in marks:
        if mark.startswith("/"):
            remove(value, mark.split("/")[1:])
    return value


def remove(value: Any, steps: list[str]) -> None:
    """Remove the member at a JSON pointer."""
    *path, last = steps
    for step in path:
        value = value[step]
    value.pop(last, None)
