"""Ctrl-C, SIGTERM and a closed terminal: each ends the command with 130, at any time."""

import os
import signal
from contextlib import suppress
from types import FrameType

from supasync_core.model.errors import ExitCode

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Each of them asks the command to end."""


def not_ignored() -> tuple[signal.Signals, ...]:
    """Those that are not ignored, as SIGHUP is under nohup."""
    return tuple(number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN)


def exit_on_signal(code: int | None = None) -> None:
    """From now on a signal ends the process at once: nothing has begun, or all has ended with ``code``."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        if code is None:
            with suppress(OSError):
                os.write(2, b"interrupted\n")
        os._exit(ExitCode.INTERRUPTED if code is None else code)

    for number in not_ignored():
        signal.signal(number, leave)


def raise_on_signal() -> None:
    """From now on a signal is a KeyboardInterrupt: what was opened is closed, a lease is given back."""
    for number in not_ignored():
        signal.signal(number, signal.default_int_handler)
