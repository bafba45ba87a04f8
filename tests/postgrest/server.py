"""The gateway: one thread a connection, the API behind it, and the faults in between."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import socketserver
import struct
import threading
import time
from dataclasses import asdict, dataclass, replace
from io import BufferedReader
from typing import TYPE_CHECKING, Any, Protocol, cast

from . import wire
from .faults import Faults
from .messages import Request, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .faults import Rule
    from .settings import Settings

HTML = {"Content-Type": "text/html; charset=utf-8"}


class Api(Protocol):
    """What is behind the gateway."""

    def early(self, request: Request) -> Response | None:
        """Refuse a request by its head alone, before its body is read."""

    def handle(self, request: Request) -> Response:
        """Answer a request; every error becomes a response."""

    def reload(self) -> None:
        """Read the schema cache again."""

    def reconnect(self) -> None:
        """Open new database connections."""

    def close(self) -> None:
        """Let go of the database."""


class BrokenOffError(Exception):
    """A fault ended the connection."""


@dataclass(frozen=True)
class Entry:
    """One finished request, for the client's own counts; `word` has made its address a new one."""

    method: str
    path: str
    status: int
    bytes_in: int
    bytes_out: int
    word: str = ""


LISTS = re.compile(r"/storage/v1/object/list-v2/[^/?]+")
"""What is read by POST."""
APP = "x-app"
"""A header of requests that a test sends in the place of a project's own app."""


class Log:
    """The requests since the last reset; and what has asked for a change, ever since the start."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.changes: list[str] = []

    def add(self, request: Request, status: int, size: int) -> None:
        """Note one request; status 0 means that no answer was given."""
        reads = request.is_read or (request.method == "POST" and LISTS.fullmatch(request.asked))
        if not reads and APP not in request.headers:
            self.changes.append(f"{request.method} {request.target}")
        sizes = len(request.body), size
        self.entries.append(Entry(request.method, request.asked, status, *sizes, request.word))

    def dump(self) -> list[dict[str, Any]]:
        """Return the entries as JSON."""
        return [asdict(entry) for entry in list(self.entries)]


class Server(socketserver.ThreadingTCPServer):
    """Listens on loopback; `start` returns at once."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, settings: Settings, api: Api, beside: Mapping[str, Api] | None = None) -> None:
        """`beside` are the other APIs of a project, by their prefixes."""
        super().__init__(("127.0.0.1", settings.port), Connection)
        self.settings = settings
        self.apis = {settings.prefix: api, **(beside or {})}
        self.closing = threading.Event()
        self.faults = Faults()
        self.log = Log()
        self.refusing = False

    @property
    def url(self) -> str:
        """Return the address with the prefix."""
        return f"http://127.0.0.1:{self.server_address[1]}{self.settings.prefix}"

    def start(self) -> None:
        """Serve in a thread."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def refuse(self) -> None:
        """Refuse new connections, and break off the open ones at their next request."""
        if self.refusing:
            return
        self.refusing = True
        self.shutdown()
        self.socket.close()

    def accept(self) -> None:
        """Listen again, on the same port."""
        if not self.refusing:
            return
        self.refusing = False
        self.socket = socket.socket(self.address_family, self.socket_type)
        self.server_bind()
        self.server_activate()
        self.start()

    def stop(self) -> None:
        """Stop serving and let go of the database."""
        self.closing.set()
        self.faults.clear()
        self.shutdown()
        self.server_close()
        for api in self.apis.values():
            api.close()

    def api_of(self, request: Request) -> tuple[Api | None, str]:
        """The API that a request is for, and its path there."""
        for prefix, api in self.apis.items():
            if request.path.startswith(prefix + "/") or request.path == prefix:
                return api, request.path[len(prefix) :] or "/"
        return None, request.path

    def early(self, request: Request) -> Response | None:
        """Refuse a request by its head alone."""
        api, path = self.api_of(request)
        return None if api is None else api.early(replace(request, path=path))

    def reload(self) -> None:
        """Read the schema caches again."""
        for api in self.apis.values():
            api.reload()

    def reconnect(self) -> None:
        """Open new database connections."""
        for api in self.apis.values():
            api.reconnect()


class Connection(socketserver.BaseRequestHandler):
    """One client connection, kept alive."""

    server: Server

    def handle(self) -> None:
        """Answer requests until the client or a fault ends the connection."""
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = cast("BufferedReader", self.request.makefile("rb", 65536))
        with stream, contextlib.suppress(wire.ClosedError, BrokenOffError, ConnectionError):
            while self.answer(self.whole(stream)):
                pass

    def whole(self, stream: BufferedReader) -> Request:
        """Read a request; one that is refused by its head is answered, and ends the connection."""
        request = wire.read_head(stream)
        refusal = self.server.early(request)
        if refusal is None:
            request.body = wire.read_body(stream, request.headers)
            return request
        head, body = wire.serialized(refusal, date=wire.http_date(0), close=True)
        self.server.log.add(request, refusal.status, len(body))
        self.request.sendall(head + body)
        self.request.shutdown(socket.SHUT_WR)
        while stream.read1(65536):  # else the rest of the body would take the answer away from its reader
            pass
        raise wire.ClosedError

    def answer(self, request: Request) -> bool:
        """Answer one request and tell whether the connection goes on."""
        if self.server.refusing:
            self.break_off()
        due = self.server.faults.due(request)
        try:
            self.before(due)
            response = self.respond(request, due)
            self.after(due)
        except BrokenOffError:
            self.server.log.add(request, 0, 0)
            raise
        close = request.headers.get("connection", "").lower() == "close"
        head, body = wire.serialized(response, date=self.date(due), close=close)
        self.server.log.add(request, response.status, len(body))
        self.send(head, body, due)
        return not close

    def before(self, due: dict[str, Rule]) -> None:
        """Do what goes wrong before the database sees anything."""
        if "hold-before" in due:
            self.server.faults.hold()
        if "delay" in due:
            time.sleep(due["delay"].seconds)
        if "hang" in due:
            self.hang(due["hang"])
        if "reset" in due:
            self.break_off()

    def after(self, due: dict[str, Rule]) -> None:
        """Do what goes wrong when the database has committed."""
        if "hold-after" in due:
            self.server.faults.hold()
        if "hang-after" in due:
            self.hang(due["hang-after"])
        if "reset-after" in due:
            self.break_off()

    def hang(self, rule: Rule) -> None:
        """Say nothing for a while, then close."""
        deadline = time.monotonic() + rule.seconds
        while time.monotonic() < deadline and not self.server.closing.is_set():
            time.sleep(min(0.05, rule.seconds))
        self.break_off()

    def respond(self, request: Request, due: dict[str, Rule]) -> Response:
        """Return the answer, real or made up."""
        if "too-large" in due:
            return made_up(replace(due["too-large"], status=413, headers=HTML, body="<h1>413</h1>"))
        if "redirect" in due:
            return Response(307, [("Location", due["redirect"].location)])
        if "answer" in due:
            return made_up(due["answer"])
        response = self.real(request, due)
        if "answer-after" in due:
            return made_up(due["answer-after"])
        if "truncate" in due:
            response = replace(response, body=response.body[: len(response.body) // 2])
        if "page-total" in due:
            response = replace(response, headers=total_of_page(response))
        if "age" in due:
            response.headers.append(("Age", str(int(due["age"].seconds))))
        return wire.compressed(request, response)

    def real(self, request: Request, due: dict[str, Rule]) -> Response:
        """Return the app's answer; outside of the prefixes there is none."""
        most = due["max-rows"].max_rows if "max-rows" in due else self.server.settings.max_rows
        api, path = self.server.api_of(request)
        return made_up_404() if api is None else api.handle(replace(request, path=path, max_rows=most))

    def date(self, due: dict[str, Rule]) -> str | None:
        """Return the Date header's value."""
        if "no-date" in due:
            return None
        return wire.http_date(due["clock"].seconds if "clock" in due else 0.0)

    def send(self, head: bytes, body: bytes, due: dict[str, Rule]) -> None:
        """Write the answer, perhaps slowly, perhaps not to its end."""
        if "reset-body" in due:
            self.request.sendall(head + body[: len(body) // 2])
            time.sleep(0.05)  # let the client read what came before the reset
            self.break_off()
        if "slow-body" not in due:
            self.request.sendall(head + body)
            return
        self.request.sendall(head)
        size = max(1, -(-len(body) // due["slow-body"].pieces))
        for start in range(0, len(body), size):
            time.sleep(due["slow-body"].seconds)
            self.request.sendall(body[start : start + size])

    def break_off(self) -> None:
        """End the connection with RST, without another word."""
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.request.close()
        raise BrokenOffError


def made_up(rule: Rule) -> Response:
    """Return the answer that a rule spells out."""
    headers = list((rule.headers or {"Content-Type": "application/json; charset=utf-8"}).items())
    return Response(rule.status, headers, rule.body.encode())


def made_up_404() -> Response:
    """Return the gateway's answer to a path that it does not route."""
    body = b'{"message":"no Route matched with those values"}'
    return Response(404, [("Content-Type", "application/json; charset=utf-8")], body)


def total_of_page(response: Response) -> list[tuple[str, str]]:
    """The headers with a total that is the number of rows in the body."""
    rows = len(json.loads(response.body)) if response.body.startswith(b"[") else 0
    return [
        (name, f"{text.partition('/')[0]}/{rows}" if name == "Content-Range" else text)
        for name, text in response.headers
    ]
