"""The command line: parse, call, print, exit. Results go to stdout, progress and errors to stderr.

Next to nothing is imported here, so that a signal ends even the start with the documented code.
"""

import gc
import os
import sys

from supasync_core.cli import signals, streams
from supasync_core.model.errors import ExitCode


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit with the documented code; never a traceback, never a key."""
    signals.exit_on_signal()
    gc.disable()  # until the command is imported: nothing of that is garbage
    output = streams.prepare()
    from supasync_core.cli.commands import run  # noqa: PLC0415 - a signal is heard from here on

    signals.raise_on_signal()
    session, code = run(sys.argv[1:] if args is None else args)
    code = output.exit_code(code, session.error_code)
    signals.exit_on_signal(code)
    if session.interrupted or code == ExitCode.INTERRUPTED:
        os._exit(code)  # where a signal met code that is made at run time, Python would end by SIGINT instead
    gc.freeze()  # what is left ends with the process: Python would look through all of it, for 50 ms
    sys.exit(code)
