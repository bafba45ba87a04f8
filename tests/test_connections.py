"""What leaves this machine travels over verified TLS, through the environment's proxy."""

import socket
import ssl
import threading
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import trustme
import urllib3
from urllib3.exceptions import SSLError

from supasync_core.api.registration import Context
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import ConfigError, RefusedError, TableError, TransientError
from supasync_core.model.table import Table
from supasync_core.system import connections
from supasync_rest.retry_policy import RetryPolicy
from supasync_rest.source import RestSource

HOST = "abcdefgh.example.test"
WAIT = urllib3.Timeout(5)
AUTHORITY = trustme.CA()


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args: object) -> None:
        pass


class Tunnel(BaseHTTPRequestHandler):
    """A proxy that leads everything to one place."""

    asked: ClassVar[list[tuple[str, str | None]]] = []
    port: ClassVar[int] = 0

    def do_CONNECT(self) -> None:
        self.asked.append((self.path, self.headers["Proxy-Authorization"]))
        self.send_response(200)
        self.end_headers()
        with socket.create_connection(("127.0.0.1", self.port)) as inner:
            back = threading.Thread(target=_pour, args=(inner, self.connection))
            back.start()
            _pour(self.connection, inner)
            back.join()
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


def _pour(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def served(handler: type[BaseHTTPRequestHandler], *, tls: bool) -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            AUTHORITY.issue_cert(HOST, "127.0.0.1").configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def secure() -> Iterator[int]:
    with served(Answering, tls=True) as port:
        yield port


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


def status_of(url: str) -> int:
    with closing(connections.pool(url, WAIT)) as pool:
        answer = pool.urlopen("GET", "/", redirect=False)
        return answer.status


def test_a_certificate_that_nobody_vouches_for_is_refused(
    secure: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        status_of(f"https://127.0.0.1:{secure}")


@pytest.mark.usefixtures("trusted")
def test_ssl_cert_file_names_who_is_trusted(secure: int) -> None:
    assert status_of(f"https://127.0.0.1:{secure}") == 302


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_another_host_is_refused(secure: int) -> None:
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        status_of(f"https://localhost:{secure}")


@pytest.mark.usefixtures("trusted")
def test_the_environments_proxy_is_used_with_its_password(
    secure: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    Tunnel.asked.clear()
    Tunnel.port = secure
    with served(Tunnel, tls=False) as port:
        monkeypatch.setenv("https_proxy", f"http://me:p%40ss@127.0.0.1:{port}")
        assert status_of(f"https://{HOST}") == 302
    assert Tunnel.asked == [(f"{HOST}:443", "Basic bWU6cEBzcw==")]


@pytest.mark.usefixtures("trusted")
def test_what_stays_on_this_machine_takes_no_proxy(secure: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    assert status_of(f"https://127.0.0.1:{secure}") == 302


def test_a_proxy_of_another_kind_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:1")
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1:1 .* only addresses of http:// "):
        connections.pool(f"https://{HOST}", WAIT)


@pytest.mark.parametrize(
    "place",
    ["ex ample:1", "-bad-..host:1", "..:1", "[::1:1", "127.0.0.1:99999", "h:0", ":1"],
)
@pytest.mark.parametrize(
    "login", ["", "me:TOPSECRET@", "me:TOP SECRET%ZZ@", "me:TOP\\SECRET@", "me:TOP/S@ECRET@"]
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    login: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://{login}{place}")
    with pytest.raises(ConfigError, match="cannot be used") as told:
        connections.pool(f"https://{HOST}", WAIT)
    shown = "".join(traceback.format_exception(told.value))
    assert f"the proxy {place}" in shown
    assert "SECRET" not in shown + str(told.value.hint)


def test_no_proxy_leaves_a_host_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "example.test")
    with closing(connections.pool(f"https://{HOST}", WAIT)) as pool:
        assert pool.proxy is None


@pytest.mark.parametrize("kind", ["absent", "a folder", "garbage", "empty"])
def test_an_ssl_cert_file_that_is_none_is_named(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "ca.pem"
    if kind == "a folder":
        place.mkdir()
    elif kind != "absent":
        place.write_bytes(b"garbage" if kind == "garbage" else b"")
    monkeypatch.setenv("SSL_CERT_FILE", str(place))
    with pytest.raises(
        RefusedError, match=r"SSL_CERT_FILE names .*ca\.pem: cannot be used: (?!None)"
    ) as told:
        connections.pool(f"https://{HOST}", WAIT)
    assert "unset the variable" in str(told.value.hint)


def test_an_ssl_cert_dir_that_is_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(RefusedError, match=r"SSL_CERT_DIR names .*nowhere"):
        connections.pool(f"https://{HOST}", WAIT)


@pytest.mark.parametrize("address", ["http:/proxy.test", "https:/me:TOPSECRET@proxy.test", "http:proxy.test"])
def test_an_address_with_a_slash_too_few_is_no_host_of_that_name(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", address)
    with pytest.raises(ConfigError, match=r"the proxy (https?|proxy\.test) cannot be used") as told:
        connections.pool(f"https://{HOST}", WAIT)
    assert "SECRET" not in "".join(traceback.format_exception(told.value))


def test_a_login_without_a_host_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "me:TOPSECRET")
    with pytest.raises(ConfigError, match="the proxy me cannot be used"):
        connections.pool(f"https://{HOST}", WAIT)


class Gatekeeper(BaseHTTPRequestHandler):
    """A proxy that lets nobody through."""

    status: ClassVar[int] = 407

    def do_CONNECT(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [(407, RefusedError, "user and password into HTTPS_PROXY"), (403, TransientError, "check HTTPS_PROXY")],
)
def test_what_a_proxy_refuses_is_not_told_of_the_project(
    status: int,
    kind: type[TableError],
    hint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Gatekeeper, "status", status)
    context = Context({"url": f"https://{HOST}", "key": "sb_secret_for-tests"}, tmp_path, Ledger(), "OLD")
    with served(Gatekeeper, tls=False) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        with (
            closing(RestSource(context, RetryPolicy(attempts=1))) as source,
            pytest.raises(kind, match=f"the proxy in front of OLD refused the connection .*{status}") as told,
        ):
            source.count(Table(name="jobs"))
    assert hint in str(told.value.hint)
    assert told.value.reason is None
    assert "paused" not in f"{told.value} {told.value.hint}"
