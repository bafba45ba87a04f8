"""A server of its own making: it answers each request with bytes, over a real socket, as long as it likes."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

Said = Callable[[bytes], Iterable[bytes]]


def answer(body: bytes = b"", *headers: str, status: str = "200 OK", length: bool = True) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", "Connection: close", *headers]
    lines += [f"Content-Length: {len(body)}"] if length else []
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def serving(said: Said, until: bytes = b"\r\n\r\n") -> Iterator[str]:
    """The address of a server that says this to every request, read until these bytes; at once for none."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_accept, args=(listener, said, until), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _accept(listener: socket.socket, said: Said, until: bytes) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_speak, args=(connection, said, until), daemon=True).start()


def _speak(connection: socket.socket, said: Said, until: bytes) -> None:
    with connection, suppress(OSError):
        request = b""
        while until not in request:
            piece = connection.recv(65_536)
            if not piece:
                return
            request += piece
        for piece in said(request):
            connection.sendall(piece)
