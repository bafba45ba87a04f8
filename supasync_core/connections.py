"""Connections to other machines: certificates verified, nothing repeated, no redirect followed."""

import os
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
import urllib3
from urllib3.connectionpool import HTTPConnectionPool

from supasync_core.addresses import is_loopback
from supasync_core.errors import RefusedError

NEVER = urllib3.Retry(total=False, redirect=False)
"""urllib3 repeats requests, and follows redirects with the key to another host, unless it is told not to."""

_CERTIFICATES = "name a file of PEM certificates, or a folder of them, or unset the variable"


def pool(url: str, timeout: urllib3.Timeout, most: int = 1) -> HTTPConnectionPool:
    """Up to so many connections to the origin of an address, for any thread; who needs another one waits.

    They use the proxy that the environment names, unless the address stays on this machine. Errors are those
    of urllib3, and RefusedError for a proxy of a kind that it does not speak.
    """
    parts = urlsplit(url)
    settings: dict[str, Any] = {"maxsize": most, "block": True, "timeout": timeout, "retries": NEVER}
    if parts.scheme == "https":
        settings["ssl_context"] = _context()
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    proxy = None if is_loopback(url) else _proxy(parts.scheme, parts.hostname or "")
    if proxy is None:
        return urllib3.connection_from_url(origin, **settings)
    login = urllib3.make_headers(proxy_basic_auth=user(proxy))
    return urllib3.ProxyManager(proxy, proxy_headers=login, **settings).connection_from_url(origin)


def user(url: str) -> str | None:
    """The ``user:password`` that an address names, or None."""
    parts = urlsplit(url)
    if parts.username is None:
        return None
    return f"{unquote(parts.username)}:{unquote(parts.password or '')}"


def _context() -> ssl.SSLContext:
    """By the certificates of ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` where one is set, else by certifi's."""
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
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
    try:
        parts = urlsplit(address)
        kind, _ = parts.scheme, parts.port
    except ValueError as err:
        raise RefusedError(
            "the environment names a proxy whose address cannot be read",
            hint="correct HTTPS_PROXY or ALL_PROXY",
        ) from err
    if kind not in ("http", "https"):
        raise RefusedError(
            f"the environment names a proxy {kind}://, and only http:// and https:// can be used",
            hint=f"set HTTPS_PROXY to such a one, or NO_PROXY to {host}",
        )
    return address
