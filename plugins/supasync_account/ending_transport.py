"""Connections for clients of supabase-py, with one deadline for each whole answer, held at the socket.

httpx's own read timeout begins again with each byte. The rule is that of `supasync_core.system.connections`.
"""

import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from threading import local
from typing import Any, Final

import httpcore
import httpx

from supasync_core.system import connections

LONGER: Final = "supasync_longer"
"""The extension of a request that names the seconds which its answer may take beside the usual ones."""


class EndingTransport(httpx.HTTPTransport):
    """httpx's transport to an address, over connections that read each answer until its deadline.

    A deadline that has passed is httpx's ReadTimeout. ConfigError for a proxy that cannot be used.
    """

    def __init__(self, url: str, most: int) -> None:
        """Up to ``most`` connections."""
        encrypted = url.startswith("https")
        # Without TLS no certificates are read: the context trusts nobody.
        secure = connections.certificates() if encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        proxy = connections.proxy_for(url)
        super().__init__(verify=secure, trust_env=False)
        self._of_thread = local()
        settings: dict[str, Any] = {
            "ssl_context": secure,
            "max_connections": most,
            "keepalive_expiry": 5.0,
            "network_backend": _Network(self._of_thread),
        }
        self._pool = _through(proxy, settings) if proxy else httpcore.ConnectionPool(**settings)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer of any status; its headers have come within the deadline."""
        self._of_thread.longer = float(request.extensions.get(LONGER, 0.0))
        return super().handle_request(request)


def _through(proxy: str, settings: dict[str, Any]) -> httpcore.HTTPProxy:
    """Connections through a proxy, with the user and password that its address names."""
    parts = httpx.Proxy(proxy)
    url = httpcore.URL(
        scheme=parts.url.raw_scheme, host=parts.url.raw_host, port=parts.url.port, target=parts.url.raw_path
    )
    return httpcore.HTTPProxy(url, proxy_auth=parts.raw_auth, **settings)


class _Network(httpcore.SyncBackend):
    """Sockets whose answers end; ``of_thread.longer`` is what the request under way may take beside."""

    def __init__(self, of_thread: local) -> None:
        self._of_thread = of_thread

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        opened = super().connect_tcp(host, port, timeout, local_address, socket_options)
        return _Stream(opened, self._of_thread)


@dataclass
class _Stream(httpcore.NetworkStream):
    """A connection. An answer begins with the first read behind a write."""

    inner: httpcore.NetworkStream
    of_thread: local
    seconds: float = 0.0
    end: float | None = None

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self.end is None:
            self.end = time.monotonic() + self.seconds
        left = max(0.001, self.end - time.monotonic())  # of 0 a socket does not wait, and says so otherwise
        try:
            found = self.inner.read(max_bytes, left if timeout is None else min(timeout, left))
        except httpcore.ReadTimeout:
            if time.monotonic() < self.end:
                raise
            found = None
        if found is None or time.monotonic() > self.end:
            raise httpcore.ReadTimeout(f"the answer took more than {self.seconds:.0f} s")
        return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # Only here the thread is surely that of the request: an answer may be read in another one.
        self.seconds, self.end = connections.DEADLINE + getattr(self.of_thread, "longer", 0.0), None
        self.inner.write(buffer, timeout)

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self.inner.start_tls(ssl_context, server_hostname, timeout), self.of_thread)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's
        return self.inner.get_extra_info(info)
