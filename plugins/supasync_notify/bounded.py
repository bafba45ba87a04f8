"""Sends that end: one deadline for all of a command, whatever their servers do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread

SECONDS = 15.0
"""For all messages and pings of a command together."""
_GRACE = 0.5
"""More seconds for a process that is ended at the deadline to say what it knows."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Whether it was accepted, and in words what happened."""

    accepted: bool
    words: str


Send = Callable[[float], Delivery]
"""Sends one text; it gets the seconds that are left."""


def late() -> str:
    """What is said of a server that the deadline ended."""
    return f"did not answer in {SECONDS:g} s"


def deliver(channels: Mapping[str, Iterable[Send]]) -> dict[str, list[Delivery]]:
    """What became of each channel's sends, which go out side by side, those of a channel in turn.

    What is not over at the deadline did not answer: nobody waits for it, nor does the end of the process.
    """
    end = time.monotonic() + SECONDS
    pending = {name: [(send, Future[Delivery]()) for send in sends] for name, sends in channels.items()}
    for sends in pending.values():
        Thread(target=_in_turn, args=(sends, end), daemon=True).start()
    return {name: [_result(future, end) for _, future in sends] for name, sends in pending.items()}


def _in_turn(sends: Iterable[tuple[Send, Future[Delivery]]], end: float) -> None:
    for send, future in sends:
        left = end - time.monotonic()
        if left <= 0:
            return
        try:
            future.set_result(send(left))
        except Exception as err:  # noqa: BLE001 - raised again where the result is wanted
            future.set_exception(err)


def _result(future: Future[Delivery], end: float) -> Delivery:
    try:
        return future.result(max(0.0, end + _GRACE - time.monotonic()))
    except TimeoutError:
        return Delivery(accepted=False, words=late())
