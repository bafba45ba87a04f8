"""The settings `url` and `key`, checked before the first request is sent."""

from typing import Any
from urllib.parse import urlsplit

from supasync_core.system.addresses import host_of, is_safe, netloc_of

_SCHEMES = ("https", "http")
_TAKE_THE_KEY = "take the secret key (sb_secret_...) or service_role from Project Settings -> API keys"
_BLIND = "row level security would hide rows from it, as if they did not exist"


def url_problem(value: str) -> str | None:
    """What is wrong with a project's address, or None."""
    try:
        parts = urlsplit(value.strip())
        _ = parts.port
    except ValueError as err:
        return f"is not an address: {err}"
    if parts.scheme not in _SCHEMES or not parts.hostname:
        return (
            "must be the project's address, like https://abcdefgh.supabase.co (Project Settings -> Data API)"
        )
    if not is_safe(value.strip()):
        return "must begin with https://, or the key would travel unencrypted"
    if parts.username or parts.password:
        return "must not contain a user or password: the key belongs in key:"
    if parts.path.rstrip("/") not in ("", "/rest/v1") or parts.query or parts.fragment:
        return f"must end after the host: {parts.scheme}://{parts.netloc}"
    return None


def switch_problem(value: str) -> str | None:
    """What is wrong with a setting that is on or off, or None."""
    return None if value in ("true", "false") else "must be true or false"


def key_problem(value: str) -> str | None:
    """What is wrong with a key, or None; the key itself is never repeated."""
    if value.startswith("sb_secret_") and _is_one_word(value):
        return None
    claims = _claims(value)
    role = None if claims is None else str(claims.get("role") or "")
    return None if role == "service_role" else f"{_described(value, role)}; {_TAKE_THE_KEY}"


def pair_problem(url: str, key: str) -> str | None:
    """What is wrong with a key and an address together: a legacy key names its project."""
    ref = str((_claims(key) or {}).get("ref") or "")
    place, _, rest = host_of(url).partition(".")
    if rest != "supabase.co" or not ref or ref == place:
        return None
    return f"the key belongs to the project {ref[:40]}, the address to {place}"


def _described(value: str, role: str | None) -> str:
    if not value.strip():
        return "is empty"
    if not _is_one_word(value):
        return "contains blanks or other characters that no key has"
    if value.startswith("sb_publishable_"):
        return f"is the publishable key: {_BLIND}"
    if value.startswith("sbp_"):
        return "is a personal access token of the Management API"
    if role is None:
        return "is neither a secret key nor a service_role key"
    return f"is the key of the role {role[:40] or 'anon'}, not service_role: {_BLIND}"


def _is_one_word(value: str) -> bool:
    return value.isascii() and value.isprintable() and " " not in value


def origin(url: str) -> str:
    """The plain origin of a project's address: no path, no trailing slash, no default port."""
    parts = urlsplit(url.strip())
    return f"{parts.scheme}://{netloc_of(parts)}"


def _claims(token: str) -> dict[str, Any] | None:
    """What a JSON Web Token claims, unverified; None for anything else."""
    import json  # noqa: PLC0415 - --help reads no key
    from base64 import urlsafe_b64decode  # noqa: PLC0415 - the same

    parts = token.split(".")
    if len(parts) != 3 or not _is_one_word(token):  # noqa: PLR2004 - RFC 7519: header, payload, signature
        return None
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):  # also what base64 raises
        return None
    return claims if isinstance(claims, dict) else None
