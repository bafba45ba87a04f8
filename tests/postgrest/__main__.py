"""`python -m tests.postgrest [FILE]`: serve a database as `postgrest` does, until SIGTERM.

PGRST_... variables and the file say which and how. Options add what a hosted project has in front of it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

from .app import App
from .control import Control
from .server import Server
from .settings import VERSION, Settings, read
from .upstream import Upstream


def arguments(program: str = "python -m tests.postgrest", says: str | None = __doc__) -> argparse.Namespace:
    """Return the command line."""
    return parser(program, says).parse_args()


def parser(program: str, says: str | None) -> argparse.ArgumentParser:
    """Return what reads the command line."""
    made = argparse.ArgumentParser(prog=program, description=says)
    add = made.add_argument
    add("file", nargs="?", type=Path, help="a configuration file of PostgREST")
    add("--prefix", default="", help="the path before every table, such as /rest/v1")
    add("--api-key", action="append", default=[], metavar="KEY=ROLE", help="let only these keys pass")
    add("--version", default=VERSION, help="the PostgREST to answer as: 14.10 or 13.0.8")
    add("--program", help="a real postgrest to start and to pass requests to, with the same settings")
    add("--control", action="store_true", help="listen to commands, print where as a line of JSON")
    return made


def settings(options: argparse.Namespace) -> Settings:
    """Return the settings that the environment, the file and the command line ask for."""
    pairs = [text.rpartition("=")[::2] for text in options.api_key]
    return replace(
        read(os.environ, options.file),
        prefix=options.prefix.rstrip("/"),
        keys=dict(pairs),
        version=options.version,
    )


def main() -> None:
    """Serve, say where, and wait."""
    options = arguments()
    chosen = settings(options)
    served(Server(chosen, Upstream(chosen, options.program) if options.program else App(chosen)), options)


def served(server: Server, options: argparse.Namespace) -> None:
    """Serve until a signal ends it; with `--control`, say where as a line of JSON."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    for number, work in ((signal.SIGUSR1, server.reload), (signal.SIGHUP, server.reconnect)):
        signal.signal(number, lambda *_, work=work: threading.Thread(target=work).start())
    server.start()
    if options.control:
        control = Control(server)
        control.start()
        sys.stdout.write(json.dumps({"url": server.url, "control": control.port}) + "\n")
        sys.stdout.flush()
    else:
        sys.stderr.write(f"Listening on {server.url}\n")
    ended.wait()
    if options.program:
        server.stop()
    os._exit(0)  # PostgreSQL ends what is under way; waiting for threads would be all that is left


if __name__ == "__main__":
    main()
