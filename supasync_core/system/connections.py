"""Connections: verified TLS, no retries, no redirects, and a deadline for each answer."""

import http.client
import io
import os
import re
import socket
import ssl
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
import urllib3
from urllib3.connectionpool import HTTPConnectionPool

from supasync_core.model.errors import ConfigError, RefusedError
from supasync_core.system.addresses import is_loopback

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

NEVER = urllib3.Retry(total=False, redirect=False)
"""urllib3 repeats requests, and follows redirects with the key to another host, unless it is told not to."""

DEADLINE = 180.0
"""Seconds for a whole answer, from the end of its request to its last byte, however steadily bytes come."""

_CERTIFICATES = "name a file of PEM certificates, or a folder of them, or unset the variable"


def pool(url: str, timeout: urllib3.Timeout, most: int = 1) -> HTTPConnectionPool:
    """Up to so many connections to the origin of an address, for any thread; who needs another one waits.

    They use the proxy that the environment names, unless the address stays on this machine. Errors are those
    of urllib3, and ConfigError for a proxy whose address cannot be used.
    """
    parts = urlsplit(url)
    settings: dict[str, Any] = {"maxsize": most, "block": True, "timeout": timeout, "retries": NEVER}
    if parts.scheme == "https":
        settings["ssl_context"] = certificates()
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    proxy = proxy_for(url)
    if proxy is None:
        return _ending(urllib3.connection_from_url(origin, **settings))
    login = urllib3.make_headers(proxy_basic_auth=user(proxy))
    return _ending(urllib3.ProxyManager(proxy, proxy_headers=login, **settings).connection_from_url(origin))


def certificates() -> ssl.SSLContext:
    """What servers' certificates are verified by; RefusedError where ``SSL_CERT_...`` cannot be used."""
    return _context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for the address; None on this machine.

    ConfigError where its address cannot be used.
    """
    parts = urlsplit(url)
    return None if is_loopback(url) else _proxy(parts.scheme, parts.hostname or "")


class _Bytes(io.RawIOBase):
    """The bytes of a socket until the deadline; the socket's own timeout starts again with each byte."""

    def __init__(self, connection: socket.socket, raw: io.RawIOBase) -> None:
        self._connection, self._raw = connection, raw
        self._most = connection.gettimeout() or DEADLINE
        self._end = time.monotonic() + DEADLINE

    def readable(self) -> bool:
        """As a file."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int | None:
        """As a file; TimeoutError behind the deadline."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"more than {DEADLINE:.0f} s")
        self._connection.settimeout(min(self._most, left))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """As a file."""
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """A response that is read until the deadline, also a proxy's response to CONNECT."""

    fp: io.BufferedReader

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        raw: Any = self.fp.detach()
        self.fp = io.BufferedReader(_Bytes(sock, raw))


def _ending(pool: HTTPConnectionPool) -> HTTPConnectionPool:
    """The pool, whose connections read answers until the deadline."""
    kind: Any = pool.ConnectionCls
    pool.ConnectionCls = type(kind.__name__, (kind,), {"response_class": _Answer})
    return pool


def user(url: str) -> str | None:
    """The ``user:password`` that an address names, or None."""
    parts = urlsplit(url)
    if parts.username is None:
        return None
    return f"{unquote(parts.username)}:{unquote(parts.password or '')}"


@cache
def _context(file: str | None, folder: str | None) -> ssl.SSLContext:
    """By the certificates of ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` where one is set, else by certifi's.

    To read these takes 14 ms of a processor (measured): once for OLD and NEW.
    """
    if folder and not Path(folder).is_dir():
        raise RefusedError(f"SSL_CERT_DIR names {folder}, which is not a folder", hint=_CERTIFICATES)
    named = f"SSL_CERT_FILE names {file}" if file else "certifi's certificates"
    if not file and not folder:
        file = certifi.where()
    try:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    except OSError as err:  # which ssl's own are too
        why = "it holds no certificates" if isinstance(err, ssl.SSLError) else err.strerror
        raise RefusedError(f"{named}: cannot be used: {why}", hint=_CERTIFICATES) from err


def _proxy(scheme: str, host: str) -> str | None:
    """What ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, or the system's settings, say."""
    known = getproxies()
    found = known.get(scheme) or known.get("all")
    if not found or proxy_bypass(host):
        return None
    address = found if "://" in found else f"http://{found}"
    # Without user and password, nor what stands in the place of a port and may be a password.
    shown = re.split(r"[/?#]|:(?=[^\d:])", address.partition("://")[2].rpartition("@")[2])[0]
    try:
        urllib3.util.parse_url(address)
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and parts.port != 0 and bool(parts.hostname)
        usable &= not parts.netloc.endswith(":")  # http:/HOST, whose host would be http
        (parts.hostname or "").encode("idna")
    except ValueError:
        usable = False
    if not usable:  # raised here, because the ValueError shows the password
        raise ConfigError(
            [f"the proxy {shown} cannot be used: only addresses of http:// and https:// are supported"],
            hint=f"set HTTPS_PROXY or ALL_PROXY to http://HOST:PORT, or NO_PROXY to {host}",
        )
    return address
