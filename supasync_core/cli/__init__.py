"""The command line: parse, call, print, exit. Results go to stdout, progress and errors to stderr.

Next to nothing is imported here, so that a signal ends even the start with the documented code.
"""

import os
import sys

from supasync_core.cli import signals, streams
from supasync_core.model.errors import ExitCode


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit with the documented code; never a traceback, never a key."""
    signals.leave_at_once()
    output = streams.prepared()
    from supasync_core.cli.commands import run  # noqa: PLC0415 - a signal is heard from here on

    signals.interrupt()
    session, code = run(sys.argv[1:] if args is None else args)
    code = output.ended(code, session.trouble)
    signals.leave_at_once(code)
    if session.impatient or code == ExitCode.INTERRUPTED:
        os._exit(code)  # where a signal met code that is made at run time, Python would end by SIGINT instead
    sys.exit(code)
