"""Reading what a request says, with the words of Go's decoder for what does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import golang
from .errors import AuthError, bad_json

if TYPE_CHECKING:
    from tests.postgrest.messages import Request

MOST = 1 << 20  # bytes of a body
OBJECT = "map[string]interface {}"
USER = {
    "id": "string",
    "aud": "string",
    "role": "string",
    "email": "string",
    "phone": "string",
    "password": "string",
    "password_hash": "string",
    "email_confirm": "bool",
    "phone_confirm": "bool",
    "user_metadata": OBJECT,
    "app_metadata": OBJECT,
    "ban_duration": "string",
}
"""The fields that say what a user is to be, with their types in Go."""
DELETION = {"should_soft_delete": "bool"}
KINDS = {"string": str, "bool": bool, OBJECT: dict}
NAMES = {str: "string", bool: "bool", dict: "object", list: "array", float: "number"}


@dataclass(frozen=True)
class Struct:
    """A type of Go that a body is read into."""

    name: str
    fields: dict[str, str]
    whole: str
    """Its name where the body as a whole does not fit."""


PARAMETERS = Struct("AdminUserParams", USER, "api.AdminUserParams")
DELETING = Struct("adminUserDeleteParams", DELETION, "api.adminUserDeleteParams")
GRANT = Struct(
    "PasswordGrantParams",
    dict.fromkeys(("email", "phone", "password", "refresh_token"), "string"),
    "api.PasswordGrantParams",
)


def fields(request: Request, struct: Struct) -> dict[str, Any]:
    """The fields of a body; names in any case, what is unknown or null left out."""
    if len(request.body) > MOST:
        raise AuthError(413, "request_entity_too_large", f"Request body too large (max {MOST} bytes)")
    told = _object(request, struct)
    known = {name.lower(): value for name, value in told.items()}
    return {
        name: _typed(struct, name, kind, known[name])
        for name, kind in struct.fields.items()
        if known.get(name) is not None
    }


def _object(request: Request, struct: Struct) -> dict[str, Any]:
    text = request.body.decode("utf-8", "replace")
    if "form-urlencoded" in request.headers.get("content-type", ""):
        text = ""
    try:
        value = golang.parsed(text)
    except OverflowError as error:
        where = f"{struct.name}.user_metadata of type float64"
        raise bad_json(f"json: cannot unmarshal number {error} into Go struct field {where}") from None
    except ValueError as error:
        raise bad_json(_syntax(text, getattr(error, "pos", len(text)))) from None
    if not isinstance(value, dict):
        raise bad_json(f"json: cannot unmarshal {NAMES[type(value)]} into Go value of type {struct.whole}")
    return value


def _syntax(text: str, position: int) -> str:
    if position >= len(text.rstrip()):
        return "unexpected end of JSON input"
    return f"invalid character '{text[position]}' looking for beginning of value"


def _typed(struct: Struct, name: str, kind: str, value: Any) -> Any:
    if not isinstance(value, KINDS[kind]):
        told = (
            f"cannot unmarshal {NAMES[type(value)]} into Go struct field {struct.name}.{name} of type {kind}"
        )
        raise bad_json(f"json: {told}")
    return value
