"""A real PostgREST behind the gateway, started with the settings of the stand-in."""

from __future__ import annotations

import http.client
import os
import queue
import signal
import socket
import subprocess
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from . import auth
from .messages import Response

if TYPE_CHECKING:
    from .messages import Request
    from .settings import Settings

OWN: Final = {"connection", "content-length", "date", "server", "transfer-encoding", "keep-alive"}
"""Headers of an answer that each server on the way writes itself."""
NO_CONTENT: Final = 204
NOT_PASSED: Final = {"accept-encoding", "apikey", "connection", "content-length", "host", "transfer-encoding"}


class Upstream:
    """The API over one database, answered by a program."""

    def __init__(self, settings: Settings, program: str) -> None:
        self.settings = settings
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        given = replace(settings, port=self.port).environment()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PGRST_")}
        self.process = subprocess.Popen([program], env=kept | given, stdin=subprocess.DEVNULL)
        self.idle: queue.LifoQueue[http.client.HTTPConnection] = queue.LifoQueue()
        try:
            self.wait_until_ready()
        except RuntimeError:
            self.close()
            raise

    def wait_until_ready(self, seconds: float = 30) -> None:
        """Return when the program answers with a schema cache; raise when it never does."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                if self.send("HEAD", "/", {}, b"").status not in {502, 503}:
                    return
            except OSError:
                time.sleep(0.03)
        raise RuntimeError(f"{self.process.args!r} did not start")

    def early(self, request: Request) -> Response | None:
        """Every body is read."""

    def handle(self, request: Request) -> Response:
        """Pass a request on, with the role of its API key."""
        headers = {name: value for name, value in request.headers.items() if name not in NOT_PASSED}
        if self.settings.keys:
            try:
                role = auth.key_role(request.headers, self.settings)
            except auth.KeyRefusedError as error:
                return Response(401, [("Content-Type", "application/json; charset=utf-8")], error.body)
            if auth.bearer(request.headers) in {None, request.headers.get("apikey")}:
                token = auth.sign({"role": role, "exp": auth.FAR_AWAY}, self.settings.jwt_secret)
                headers["authorization"] = f"Bearer {token}"
        address = urlsplit(request.target)
        target = address.path[len(self.settings.prefix) :] or "/"
        return self.send(
            request.method, target + (f"?{address.query}" if address.query else ""), headers, request.body
        )

    def send(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Response:
        """Send a request on an idle connection, or on a new one."""
        try:
            connection = self.idle.get_nowait()
        except queue.Empty:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, target, body or None, headers)
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        self.idle.put(connection)
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in OWN]
        length = int(answer.headers.get("Content-Length", -1))
        if method == "HEAD" and length >= 0:
            return Response(answer.status, kept, length=length)
        return Response(answer.status, kept, data, no_length=method == "HEAD" or answer.status == NO_CONTENT)

    def reload(self) -> None:
        """Make the program read its schema cache again, and give it time to: it does not tell when it has."""
        self.process.send_signal(signal.SIGUSR1)
        time.sleep(0.3)

    def reconnect(self) -> None:
        """Make the program open new database connections."""
        self.process.send_signal(signal.SIGHUP)

    def close(self) -> None:
        """End the program."""
        while not self.idle.empty():
            self.idle.get().close()
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
