"""What speaks just enough of PostgreSQL's protocol to say what no real server does (documentation, 55.7)."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

SSL_REQUEST = 80877103


def message(kind: bytes, body: bytes = b"") -> bytes:
    """One message: its kind, its length, its body."""
    return kind + struct.pack("!i", len(body) + 4) + body


def described(*names: bytes) -> bytes:
    """The description of columns of type text."""
    columns = b"".join(name + b"\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0) for name in names)
    return message(b"T", struct.pack("!h", len(names)) + columns)


def row(*values: bytes) -> bytes:
    """A row of these values."""
    cells = b"".join(struct.pack("!i", len(value)) + value for value in values)
    return message(b"D", struct.pack("!h", len(values)) + cells)


def error(state: bytes, text: bytes, severity: bytes = b"FATAL") -> bytes:
    """An error with its SQLSTATE."""
    return message(b"E", b"S" + severity + b"\0V" + severity + b"\0C" + state + b"\0M" + text + b"\0\0")


@dataclass
class FalseServer:
    """It answers a login with ``login``, and whatever comes then by ``answer``, which may send for ever."""

    answer: Callable[[Callable[[bytes], None]], None] = lambda _send: None
    version: bytes = b"16.1"
    login: bytes | None = None
    logins: int = 0
    sent: int = 0
    threads: list[threading.Thread] = field(default_factory=list)
    connections: list[socket.socket] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """Its connection string."""
        return f"postgresql://someone@127.0.0.1:{self.port}/postgres"

    def serve(self, listening: socket.socket) -> None:
        """Accept until the socket is closed."""
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                self.connections.append(connection)
                thread = threading.Thread(target=self._speak, args=(connection,), daemon=True)
                self.threads.append(thread)
                thread.start()

    def _speak(self, connection: socket.socket) -> None:
        def send(piece: bytes) -> None:
            connection.sendall(piece)
            self.sent += len(piece)

        with connection, suppress(OSError, EOFError):
            length, code = struct.unpack("!ii", _exactly(connection, 8))
            if code == SSL_REQUEST:
                connection.sendall(b"N")
                length, code = struct.unpack("!ii", _exactly(connection, 8))
            _exactly(connection, length - 8)
            self.logins += 1
            if self.login is not None:
                connection.sendall(self.login)
                return
            settings = {b"server_version": self.version, b"client_encoding": b"UTF8"}
            told = b"".join(message(b"S", name + b"\0" + value + b"\0") for name, value in settings.items())
            connection.sendall(message(b"R", struct.pack("!i", 0)) + told + message(b"Z", b"I"))
            _exactly(connection, 1)
            self.answer(send)


def _exactly(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = connection.recv(size - len(found))
        if not piece:
            raise EOFError
        found += piece
    return found


@contextmanager
def false_server(server: FalseServer) -> Iterator[FalseServer]:
    """The server, listening on this machine; no thread of it is left behind."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.port = listening.getsockname()[1]
        accepting = threading.Thread(target=server.serve, args=(listening,), daemon=True)
        accepting.start()
        yield server
        listening.shutdown(socket.SHUT_RDWR)
    accepting.join(60)
    for connection in server.connections:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    for thread in server.threads:
        thread.join(60)
        assert not thread.is_alive()
