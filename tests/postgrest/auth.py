"""Who asks: API keys as the gateway checks them, and JWTs as the server itself does."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import ApiError

if TYPE_CHECKING:
    from .settings import Settings

LEEWAY = 30  # seconds of clock skew that the server forgives
PARTS = 3
FAR_AWAY = 4102444800  # 2100-01-01


@dataclass(frozen=True)
class Caller:
    """The role to run as and the claims to show to the database."""

    role: str
    claims: str


class KeyRefusedError(Exception):
    """The gateway knows no such API key."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.body = json.dumps({"message": message, "hint": hint}).encode()


def sign(claims: dict[str, Any], secret: str, algorithm: str = "HS256") -> str:
    """Return a JWT; the algorithm `none` leaves it unsigned."""
    head = encoded(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    text = f"{head}.{encoded(json.dumps(claims).encode())}"
    return f"{text}." if algorithm == "none" else f"{text}.{encoded(digest(text, secret))}"


def encoded(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def digest(text: str, secret: str) -> bytes:
    """Return the HS256 signature."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()


def refused(code: str, message: str, details: str | None = None) -> ApiError:
    """Return the 401 of a bad token."""
    value = f'Bearer error="invalid_token", error_description="{message}"'
    return ApiError(401, code, message, details, headers=(("WWW-Authenticate", value),))


def decoded(part: str) -> bytes:
    """Undo base64url."""
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        raise refused("PGRST301", "JWT cryptographic operation failed") from None


def members(part: str) -> dict[str, Any]:
    """Return a part of a token that must be a JSON object."""
    try:
        value = json.loads(decoded(part))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise refused("PGRST301", "JWT cryptographic operation failed")
    return value


def verify(token: str, secret: str) -> dict[str, Any]:
    """Return the claims of a good token."""
    if not token:
        raise refused("PGRST301", "Empty JWT is sent in Authorization header")
    parts = token.split(".")
    if len(parts) != PARTS:
        raise refused("PGRST301", f"Expected 3 parts in JWT; got {len(parts)}")
    if members(parts[0]).get("alg") == "none":
        details = "JWT is unsecured but expected 'alg' was not 'none'"
        raise refused("PGRST301", "Wrong or unsupported encoding algorithm", details)
    if not hmac.compare_digest(decoded(parts[2]), digest(f"{parts[0]}.{parts[1]}", secret)):
        message = "No suitable key or wrong key type"
        raise refused("PGRST301", message, "None of the keys was able to decode the JWT")
    claims = members(parts[1])
    now = time.time()
    if "exp" in claims and now > claims["exp"] + LEEWAY:
        raise refused("PGRST303", "JWT expired")
    if "nbf" in claims and now < claims["nbf"] - LEEWAY:
        raise refused("PGRST303", "JWT not yet valid")
    return claims


def caller(headers: dict[str, str], settings: Settings) -> Caller:
    """Return who asks, or raise what the gateway or the server answers."""
    token = bearer(headers)
    if settings.keys:
        role = key_role(headers, settings)
        if token is None or token == headers.get("apikey"):
            return Caller(role, json.dumps({"role": role}))
    if token is None:
        return Caller(settings.anon_role, json.dumps({"role": settings.anon_role}))
    claims = verify(token, settings.jwt_secret)
    role = str(claims.setdefault("role", settings.anon_role))
    return Caller(role, json.dumps(claims))


def bearer(headers: dict[str, str]) -> str | None:
    """Return the token of the Authorization header."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def key_role(headers: dict[str, str], settings: Settings) -> str:
    """Return the role of an API key: a listed one, or a legacy JWT that the secret signed."""
    key = headers.get("apikey")
    if key is None:
        raise KeyRefusedError(
            "No API key found in request", "No `apikey` request header or url param was found."
        )
    if key.startswith("sb_secret_") and "Mozilla" in headers.get("user-agent", ""):
        hint = "Secret API keys can only be used in a protected environment and never in a browser."
        raise KeyRefusedError("Forbidden use of secret API key in browser", hint)
    if key in settings.keys:
        return settings.keys[key]
    try:
        return str(verify(key, settings.jwt_secret)["role"])
    except (ApiError, ValueError, KeyError):
        hint = "Double check your Supabase `anon` or `service_role` API key."
        raise KeyRefusedError("Invalid API key", hint) from None
