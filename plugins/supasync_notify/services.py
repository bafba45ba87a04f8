"""The services that Apprise knows, each message by a process of its own.

Apprise starts its timeout again with each byte of an answer, and takes answers of any size: the process ends
at the deadline, and reads no more than `_LARGEST` bytes.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from supasync_notify.bounded import Delivery, late

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from apprise import NotifyBase

_LARGEST = 1 << 18
"""Bytes that the servers of one message may answer, all together."""
_LACKING = 'needs one more package: pip install "supasync[notify]"'


def by_services(value: str, text: str, seconds: float) -> Delivery:
    """Send a text to each of the addresses; those that do not answer in so many seconds are named."""
    command = [sys.executable, "-P", "-m", __name__]
    words = json.dumps({"value": value, "text": text, "seconds": seconds}).encode()
    try:
        out = subprocess.run(  # noqa: S603 - this module
            command,
            input=words,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        ).stdout
    except subprocess.TimeoutExpired as err:
        out = err.stdout or b""
    except OSError as err:
        return Delivery(accepted=False, words=f"cannot be sent ({type(err).__name__})")
    names, *done = [json.loads(line) for line in out.splitlines(keepends=True) if line.endswith(b"\n")] or [
        None
    ]
    if not isinstance(names, list):
        return Delivery(accepted=False, words=names or late())
    ended = dict(done)
    failed = [name for place, name in enumerate(names) if ended.get(place) is False]
    silent = [name for place, name in enumerate(names) if place not in ended]
    said = [f"was not accepted by {', '.join(failed)}"] if failed else []
    said += [f"{late()} ({', '.join(silent)})"] if silent else []
    return Delivery(not said, "; ".join(said) or "was accepted")


def flaw_of_services(value: str) -> str | None:
    """What is wrong with the addresses; None where all can be used. Nothing is sent."""
    try:
        _, refused = _services(value)
    except ImportError:
        return _LACKING
    which = ", ".join(map(str, refused))
    return (
        f"Apprise does not know address {which} of it: its list says how each is written" if refused else None
    )


def _services(value: str) -> tuple[list[tuple[str, NotifyBase]], list[int]]:
    """Apprise's services, each with its name, and the places of the addresses that it does not know.

    A redirect, which would take the message and its keys elsewhere, is followed where an address says so.
    """
    import logging  # noqa: PLC0415 - wanted by few

    import apprise  # noqa: PLC0415 - an extra, and slow to import

    logging.getLogger("apprise").disabled = True  # what it logs may hold an address
    try:
        asset = apprise.AppriseAsset(http_redirects=False)
    except AttributeError as err:  # before Apprise 2.0
        raise ImportError(str(err)) from err
    made = [apprise.Apprise.instantiate(each, asset=asset) for each in value.split()]
    refused = [place for place, service in enumerate(made, 1) if service is None]
    known = [(str(each.service_name), each) for each in made if isinstance(each, apprise.NotifyBase)]
    return known, refused


def _serve() -> None:
    """The process: a line with the services' names or what is wrong, then a line for each that is done."""
    out, sys.stdout = sys.stdout, sys.stderr
    asked = json.load(sys.stdin)
    if hasattr(signal, "setitimer"):  # also where nobody is left to end it; Windows has none
        signal.setitimer(signal.ITIMER_REAL, asked["seconds"])
    _limit_answers()
    flaw = flaw_of_services(asked["value"])
    services = [] if flaw else _services(asked["value"])[0]
    _say(out, flaw or [name for name, _ in services])
    with ThreadPoolExecutor(max(1, len(services))) as threads:
        for place, (_, service) in enumerate(services):
            done = threads.submit(service.notify, body=asked["text"])
            done.add_done_callback(partial(_ended, out, place))
    os._exit(0)


def _ended(out: IO[str], place: int, done: Future[bool | None]) -> None:
    _say(out, [place, done.exception() is None and bool(done.result())])


def _say(out: IO[str], words: object) -> None:
    out.write(json.dumps(words) + "\n")
    out.flush()


def _limit_answers() -> None:
    """Let this process read so much, by whichever library: all of them read a socket as a file."""
    read: Any = socket.SocketIO.readinto
    left = _LARGEST

    def readinto(self: socket.SocketIO, b: WriteableBuffer) -> int | None:
        nonlocal left
        if left <= 0:
            raise OSError("an answer that is too large")
        size: int | None = read(self, b)
        left -= size or 0
        return size

    socket.SocketIO.readinto = readinto  # type: ignore[method-assign]


if __name__ == "__main__":
    _serve()
