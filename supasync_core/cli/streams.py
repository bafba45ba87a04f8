"""The two streams to people: no key, nothing that moves a terminal, and no error where nobody takes it."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from supasync_core.printable import visible

_OURS = "\n\t"


class _Forgiving:
    """A stream that writes to nowhere once writing has failed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or give up for good."""
        try:
            return self._stream.write(text)
        except OSError:
            self._give_up()
            return len(text)

    def flush(self) -> None:
        """Flush, or give up for good."""
        try:
            self._stream.flush()
        except OSError:
            self._give_up()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._stream, name)

    def _give_up(self) -> None:
        """Put the null device in the place of what does not take anything, also for the flush at exit."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


class _Guarded(_Forgiving):
    """The wrapper that every text passes, whoever prints it; `bare` is the way around it."""

    def __init__(self, stream: TextIO, redact: Callable[[str], str]) -> None:
        super().__init__(stream)
        self._redact = redact
        self.bare: TextIO = stream

    def write(self, text: str) -> int:
        """Write the text without keys, control characters and bidi marks as JSON escapes them."""
        self._stream.write(visible(self._redact(text), _OURS))
        return len(text)


def forgiving(stream: TextIO) -> Any:  # noqa: ANN401 - it stands for a stream
    """The stream, never raising OSError."""
    return _Forgiving(stream)


def guarded(stream: TextIO, redact: Callable[[str], str]) -> Any:  # noqa: ANN401 - it stands for a stream
    """The stream, through which no key passes and nothing that moves a terminal."""
    return _Guarded(stream, redact)


def bare(stream: TextIO) -> TextIO:
    """The stream without that guard: for rich's own styling, and for formats that machines read.

    Who writes to it has made every text `visible` and redacted it before.
    """
    found: TextIO = getattr(stream, "bare", stream)
    return found


@contextmanager
def reguarded(redact: Callable[[str], str]) -> Iterator[None]:
    """Guard the streams that rich has put in the place of ours while something moves on the terminal."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (guarded(stream, redact) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
