"""A chat service and a health check on this machine, which keep what they are told."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Listener:
    """What came: pings by their path, messages by their text."""

    url: str = ""
    status: int = 200
    pings: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def take(self) -> tuple[list[str], list[str]]:
        """What came since the last call."""
        found = self.pings, self.texts
        self.pings, self.texts = [], []
        return found


@contextmanager
def listening() -> Iterator[Listener]:
    """A listener on a loopback port."""
    heard = Listener()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.pings.append(self.path)
            self._answer()

        def do_POST(self) -> None:
            body: Any = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert set(body) == {"text"} or "version" in body  # what Apprise sends has more
            heard.texts.append(body["text"] if "text" in body else body["message"])
            self._answer()

        def _answer(self) -> None:
            self.send_response(heard.status)
            self.send_header("Location", f"{heard.url}/elsewhere")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"OK")

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    heard.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()
