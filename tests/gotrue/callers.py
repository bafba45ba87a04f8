"""Who asks: the gateway's keys, and the tokens that the server itself checks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.postgrest import auth
from tests.postgrest.errors import ApiError

from .errors import AuthError

if TYPE_CHECKING:
    from tests.postgrest.messages import Request
    from tests.postgrest.settings import Settings

ADMINS = ("service_role", "supabase_admin")
SEGMENTS = 3


class UnknownKeyError(Exception):
    """The gateway does not know the key."""


def claims(request: Request, settings: Settings) -> dict[str, Any]:
    """The claims of the caller; AuthError where there are none, or no good ones."""
    key = request.headers.get("apikey", "")
    token = auth.bearer(request.headers)
    if key.startswith("sb_") and key not in settings.keys:
        raise UnknownKeyError
    if token is None:
        if "authorization" not in request.headers and key in settings.keys:
            return {"role": settings.keys[key]}
        raise AuthError(401, "no_authorization", "This endpoint requires a valid Bearer token")
    if token in settings.keys:
        return {"role": settings.keys[token]}
    return verified(token, settings.jwt_secret)


def verified(token: str, secret: str) -> dict[str, Any]:
    """The claims of a token that this project signed."""
    parts = token.split(".")
    if len(parts) != SEGMENTS:
        raise _bad("token is malformed: token contains an invalid number of segments")
    try:
        head, told = auth.members(parts[0]), auth.members(parts[1])
        signed = auth.decoded(parts[2]) == auth.digest(f"{parts[0]}.{parts[1]}", secret)
    except ApiError:
        raise _bad("token is malformed") from None
    if head.get("alg") == "none":
        raise _bad("token signature is invalid: signing method none is invalid")
    if not signed:
        raise _bad("token signature is invalid: signature is invalid")
    if told.get("exp", time.time() + 1) < time.time():
        raise _bad("token has invalid claims: token is expired")
    return told


def _bad(why: str) -> AuthError:
    return AuthError(403, "bad_jwt", f"invalid JWT: unable to parse or verify signature, {why}")


def administrator(request: Request, settings: Settings) -> None:
    """Return for a caller who may do everything; AuthError for others."""
    if claims(request, settings).get("role") not in ADMINS:
        raise AuthError(403, "not_admin", "User not allowed")
