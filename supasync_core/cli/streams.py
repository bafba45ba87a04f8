"""Output that nobody takes any more: a closed pipe or a full disk must not end a run in its middle."""

import os
from typing import Any, TextIO


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


def forgiving(stream: TextIO) -> Any:  # noqa: ANN401 - it stands for a stream
    """The stream, never raising OSError."""
    return _Forgiving(stream)
