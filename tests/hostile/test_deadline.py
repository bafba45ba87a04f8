"""Whoever answers byte by byte, for ever, is let go: each request ends."""

import itertools
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import urllib3
from urllib3.exceptions import HTTPError

from supasync_core.model.errors import TransientError
from supasync_core.system import connections
from tests.hostile.server import answer, serving
from tests.hostile.test_answers import CHUNKED, FIRST, ROW, TABLE, source

SOUND = answer(ROW)
HEAD = b"HTTP/1.1 200 OK\r\n"
DRIPS = {
    "the first line": (b"HTTP/1.1 200 ", b"O"),
    "a header": (HEAD + b"X: ", b"y"),
    "headers": (HEAD, b"X: y\r\n"),
    "other answers before it": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body": (answer(b"", length=False), b" "),
    "a chunk": (answer(b"ffff\r\n", CHUNKED, length=False), b" "),
    "the size of a chunk": (answer(b"", CHUNKED, length=False), b"0"),
    "trailers": (answer(b"0\r\n", CHUNKED, length=False), b"X: y\r\n"),
    "gzip without content": (
        answer(b"", "Content-Encoding: gzip", length=False),
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    ),
}
"""What comes at first, and what comes again and again."""


def dripping(first: bytes, drop: bytes) -> Iterator[bytes]:
    yield first
    for piece in itertools.repeat(drop, 400):
        time.sleep(0.02)
        yield piece


@pytest.mark.parametrize("name", DRIPS)
def test_an_answer_that_drips_ends(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "DEADLINE", 0.3)
    began = time.monotonic()
    with (
        serving(lambda _: dripping(*DRIPS[name])) as url,
        closing(source(url, tmp_path)) as old,
        pytest.raises(TransientError, match=r"did not answer|cannot be reached"),
    ):
        old.read(TABLE, FIRST)
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("piece", [1, 7])
def test_an_answer_that_drips_and_is_whole_in_time_is_read(piece: int, tmp_path: Path) -> None:
    drops = [SOUND[at : at + piece] for at in range(0, len(SOUND), piece)]
    with serving(lambda _: drops) as url, closing(source(url, tmp_path)) as old:
        assert old.read(TABLE, FIRST).count == 1


def test_a_tls_handshake_that_drips_ends() -> None:
    record = b"\x16\x03\x03\x40\x00"
    began = time.monotonic()
    with serving(lambda _: dripping(record, b"\x00"), until=b"") as url:
        secure = url.replace("http:", "https:")
        wait = urllib3.Timeout(connect=0.3, read=0.3)
        with closing(connections.pool(secure, wait)) as pool, pytest.raises(HTTPError):
            pool.urlopen("GET", "/", redirect=False)
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("first", [b"HTTP/1.1 ", HEAD])
def test_a_proxys_answer_that_drips_ends(first: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "DEADLINE", 0.3)
    began = time.monotonic()
    with serving(lambda _: dripping(first, b"X: y\r\n"[: 1 if first != HEAD else None])) as url:
        monkeypatch.setenv("https_proxy", url)
        wait = urllib3.Timeout(connect=10, read=10)
        with (
            closing(connections.pool("https://abcdefgh.example.test", wait)) as pool,
            pytest.raises(HTTPError),
        ):
            pool.urlopen("GET", "/", redirect=False)
    assert time.monotonic() - began < 4
