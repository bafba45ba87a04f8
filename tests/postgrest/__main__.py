"""`python -m tests.postgrest`: serve a database until told to stop."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading

from .control import Control
from .server import Server
from .settings import SECRET, VERSION, Settings


def arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.postgrest", description=__doc__)
    add = parser.add_argument
    add("--database-url", required=True)
    add("--port", type=int, default=0)
    add("--prefix", default="")
    add("--api-key", action="append", default=[], metavar="KEY=ROLE")
    add("--max-rows", type=int, default=1000, help="0: no limit")
    add("--schemas", default="public")
    add("--anon-role", default="anon")
    add("--jwt-secret", default=SECRET)
    add("--version", default=VERSION, help="the PostgREST to answer as: 14.10 or 13.0.8")
    add("--until-eof", action="store_true", help="stop when stdin ends, however the parent died")
    return parser.parse_args()


def settings(given: argparse.Namespace) -> Settings:
    """Return the settings that the command line asks for."""
    pairs = [text.rpartition("=")[::2] for text in given.api_key]
    return Settings(
        database_url=given.database_url,
        schemas=tuple(given.schemas.split(",")),
        prefix=given.prefix.rstrip("/"),
        keys=dict(pairs),
        max_rows=given.max_rows or None,
        anon_role=given.anon_role,
        jwt_secret=given.jwt_secret,
        version=given.version,
    )


def follow_stdin(ended: threading.Event) -> None:
    """Set `ended` when stdin ends."""
    sys.stdin.read()
    ended.set()


def main() -> None:
    """Serve, say where, and wait."""
    given = arguments()
    server = Server(settings(given), given.port)
    control = Control(server)
    server.start()
    control.start()
    sys.stdout.write(json.dumps({"url": server.url, "control": control.port}) + "\n")
    sys.stdout.flush()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    if given.until_eof:
        threading.Thread(target=follow_stdin, args=(ended,), daemon=True).start()
    ended.wait()
    server.stop()


if __name__ == "__main__":
    main()
