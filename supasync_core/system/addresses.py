"""URLs to which a key or a row may be sent, and the project that one names."""

from urllib.parse import SplitResult, urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Hosts that are this machine."""
_PORTS = {"https": 443, "http": 80}


def is_loopback(url: str) -> bool:
    """Whether the URL is on this machine; ValueError for what is not a URL."""
    return urlsplit(url).hostname in LOOPBACK


def is_safe(url: str) -> bool:
    """Whether the URL is encrypted or on this machine; False for what is not a URL."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
        )
    except ValueError:
        return False


def host_of(url: str) -> str:
    """``host`` or ``host:port`` in lower case, the same for every spelling of one project."""
    return netloc_of(urlsplit(url.strip()))


def netloc_of(parts: SplitResult) -> str:
    """The same of a URL in its parts."""
    name = (parts.hostname or "").rstrip(".")
    name = f"[{name}]" if ":" in name else name
    return name if parts.port in (None, _PORTS.get(parts.scheme)) else f"{name}:{parts.port}"
