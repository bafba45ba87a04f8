"""A server that is not verified gets no password; one with a certificate of its own is verified in full."""

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import trustme

from supasync_core.api.registration import Context
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import TableError
from supasync_core.model.table import Table
from supasync_postgres.source import PostgresSource

ELSEWHERE = "127.0.0.2"
"""A host of its own, as far as the backend is concerned."""


class Asking:
    """A server that takes TLS and asks for the password in clear text; ``heard`` is what it was sent."""

    def __init__(self, issued: trustme.LeafCert) -> None:
        self.heard: list[bytes] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(self._context)
        self._listening = socket.create_server((ELSEWHERE, 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            try:
                with plain:
                    self._answer(plain)
            except (OSError, ssl.SSLError):
                continue

    def _answer(self, plain: socket.socket) -> None:
        plain.recv(8)  # SSLRequest
        plain.sendall(b"S")
        with self._context.wrap_socket(plain, server_side=True) as secured:
            (length,) = struct.unpack("!I", secured.recv(4))
            secured.recv(length - 4)
            secured.sendall(b"R" + struct.pack("!II", 8, 3))
            self.heard.append(secured.recv(1000))

    def close(self) -> None:
        """Stop listening."""
        self._listening.close()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[Asking]:
    with closing(Asking(authority.issue_cert(ELSEWHERE))) as running:
        yield running


def refused(server: Asking, folder: Path, parameters: str = "") -> str:
    """What a count says; the waits are left out."""
    url = f"postgresql://u:invented-word@{ELSEWHERE}:{server.port}/db{parameters}"
    with (
        closing(PostgresSource(Context({"url": url}, folder, Ledger(), "OLD"), lambda _: None)) as source,
        pytest.raises(TableError) as error,
    ):
        source.count(Table(name="items"))
    assert "invented-word" not in f"{error.value} {error.value.hint}"
    return str(error.value)


def test_a_server_that_is_not_verified_does_not_get_the_password(server: Asking, tmp_path: Path) -> None:
    refused(server, tmp_path)
    assert not [each for each in server.heard if b"invented-word" in each]


def test_a_server_with_another_certificate_is_not_talked_to(server: Asking, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.crt")
    assert "certificate" in refused(server, tmp_path, "?sslrootcert=other.crt")
    assert server.heard == []


def test_a_verified_server_may_ask_for_it(server: Asking, authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(tmp_path / "own.crt")
    refused(server, tmp_path, "?sslrootcert=own.crt")
    assert [each for each in server.heard if b"invented-word" in each]
