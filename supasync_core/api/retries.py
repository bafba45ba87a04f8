"""The door by which a plugin says that it waits: whoever watches sees why nothing moves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wait:
    """Why nothing happens for so many seconds; waits of several threads that say ``what`` are one."""

    what: str
    seconds: float
    leads_to_retry: bool = True

    @property
    def sentence(self) -> str:
        """``OLD answered 503; retry 2 of 4 in 4 s``."""
        length = f"{self.seconds:.1f} s" if 0 < self.seconds < 1 else f"{self.seconds:.0f} s"
        return f"{self.what} in {length}" if self.leads_to_retry else f"{self.what}: waiting {length}"


_listeners: list[Callable[[Wait], None]] = []


def retrying(what: str, *, retry: int, retries: int, seconds: float) -> None:
    """Say before a wait of so many seconds that a request is sent again, and why.

    ``what`` is short: ``OLD answered 503``. Any thread may call it. Keys are taken out of the text before it
    is shown.
    """
    _say(Wait(f"{what}; retry {retry} of {retries}", seconds))


def waiting(what: str, seconds: float) -> None:
    """Say what another wait of so many seconds is for."""
    _say(Wait(what, seconds, leads_to_retry=False))


@contextmanager
def heard_by(listener: Callable[[Wait], None]) -> Iterator[None]:
    """Call the listener before each wait, in the thread that waits."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def _say(wait: Wait) -> None:
    for listener in tuple(_listeners):
        listener(wait)
