"""Who asks: the gateway's keys, and the tokens that Storage itself checks."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.postgrest import auth
from tests.postgrest.errors import ApiError

from .errors import denied, invalid

if TYPE_CHECKING:
    from tests.postgrest.messages import Request
    from tests.postgrest.settings import Settings

SEGMENTS = 3


class UnknownKeyError(Exception):
    """The gateway does not know the key."""


@dataclass(frozen=True)
class Caller:
    """The role to run as, and who that is."""

    role: str
    owner_id: str | None
    claims: str

    @property
    def owner(self) -> UUID | None:
        """The owner as the older column holds it: only what is a uuid."""
        try:
            return UUID(self.owner_id) if self.owner_id else None
        except ValueError:
            return None

    @classmethod
    def of(cls, claims: dict[str, Any]) -> Caller:
        """The caller of these claims."""
        return cls(str(claims.get("role", "anon")), claims.get("sub"), json.dumps(claims))


def caller(request: Request, settings: Settings) -> Caller:
    """Who asks; StorageError where nobody does, or the token is not good."""
    key = request.headers.get("apikey", "")
    token = auth.bearer(request.headers)
    if key.startswith("sb_") and key not in settings.keys:
        raise UnknownKeyError
    if token is None and key in settings.keys:
        return Caller.of({"role": settings.keys[key]})
    if token is None:
        raise invalid("headers must have required property 'authorization'")
    if token in settings.keys:
        return Caller.of({"role": settings.keys[token]})
    return Caller.of(_verified(token, settings.jwt_secret))


def _verified(token: str, secret: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != SEGMENTS:
        raise denied("Invalid Compact JWS")
    try:
        told = auth.members(parts[1])
        signed = auth.decoded(parts[2]) == auth.digest(f"{parts[0]}.{parts[1]}", secret)
    except ApiError:
        raise denied("Invalid Compact JWS") from None
    if not signed:
        raise denied("signature verification failed")
    if told.get("exp", time.time() + 1) < time.time():
        raise denied('"exp" claim timestamp check failed')
    return told
