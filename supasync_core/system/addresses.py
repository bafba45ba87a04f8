"""URLs to which a key or a row may be sent."""

from urllib.parse import urlsplit

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_loopback(url: str) -> bool:
    """Whether the URL is on this machine; ValueError for what is not a URL."""
    return urlsplit(url).hostname in _LOOPBACK


def is_safe(url: str) -> bool:
    """Whether the URL is encrypted or on this machine; False for what is not a URL."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
        )
    except ValueError:
        return False
