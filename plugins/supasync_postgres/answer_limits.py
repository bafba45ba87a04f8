"""What a server may take, and send, before the connection to it ends: its own limits are but its word."""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import psycopg

from supasync_postgres.transaction import Connection

LARGEST: Final = 256_000_000
"""Bytes of one answer, as over REST: a page ends behind four million, and a row alone may have more."""
_OFTEN: Final = 0.05
"""Seconds between two looks at what has come."""
_RECEIVED: Final = slice(128, 136)
"""Where Linux tells the bytes that a connection has received (linux/tcp.h, ``tcpi_bytes_received``)."""


@contextmanager
def limited(connection: Connection, seconds: float) -> Iterator[None]:
    """The connection ends where the block takes longer, or where more comes than `LARGEST`.

    ProgramLimitExceeded for too many bytes: libpq holds an answer whole, and asks nobody how large it may
    get. The bytes are those that the system has received, which Linux alone tells; elsewhere, and through a
    local socket, the time is the only limit.
    """
    try:
        shared = socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM)
    except (OSError, psycopg.Error):  # it is closed already, as the block will find
        yield
        return
    done, flooded = threading.Event(), threading.Event()
    watch = threading.Thread(target=_watch, args=(shared, seconds, done, flooded), daemon=True)
    watch.start()
    try:
        yield
    except psycopg.Error:
        if flooded.is_set():
            text = f"the answer was cut off behind {LARGEST:,} bytes"
            raise psycopg.errors.ProgramLimitExceeded(text) from None
        raise
    finally:
        done.set()
        watch.join()
        shared.close()


def _watch(shared: socket.socket, seconds: float, done: threading.Event, flooded: threading.Event) -> None:
    before, until = _received(shared), time.monotonic() + seconds
    step = seconds if before is None else _OFTEN
    while not done.wait(max(0.0, min(step, until - time.monotonic()))):
        if before is not None and (_received(shared) or 0) - before > LARGEST:
            flooded.set()
        if flooded.is_set() or time.monotonic() >= until:
            with suppress(OSError):
                shared.shutdown(socket.SHUT_RDWR)
            return


def _received(shared: socket.socket) -> int | None:
    """The bytes that have come over a connection since it began; None where the system does not tell."""
    if sys.platform != "linux":
        return None
    try:
        told = shared.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED.stop)
    except OSError:
        return None
    return int.from_bytes(told[_RECEIVED], sys.byteorder) if len(told) == _RECEIVED.stop else None
