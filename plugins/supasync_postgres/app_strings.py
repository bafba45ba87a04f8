"""How an app writes the place of its database, in whatever form: found, and written again for another one.

A form is a list of pieces: text that stays, and the host, port, database, user and password in it. So the
scheme, the parameters and whatever else is written there are kept to the letter.

Forms: URLs of any scheme (``postgresql+asyncpg://``, ``jdbc:postgresql://``), libpq's ``host=... dbname=...``
(PostgreSQL documentation, 34.1.1), and pairs with semicolons, as PDO, Npgsql and ODBC have them.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

DEFAULT_PORT: Final = "5432"
_NAMES: Final = {
    "host": ("host", "server", "hostname", "datasource"),
    "address": ("hostaddr",),
    "port": ("port",),
    "database": ("dbname", "database", "db", "initialcatalog"),
    "user": ("user", "username", "userid", "uid"),
    "password": ("password", "pwd", "pass"),
}
_ROLES: Final = {name: role for role, names in _NAMES.items() for name in names}
_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.:-]*://)(?:(?P<info>[^/?#\s]*)@)?(?P<host>\[[^\]\s]*\]|[^/?#\s:,@]*)"
    r"(?P<port>:[0-9]*)?(?:/(?P<database>[^?#\s/]*))?(?:\?(?P<query>[^#\s]*))?"
)
_SPACED: Final = re.compile(
    r"(?P<name>\s*+\w++)(?P<sign>\s*+=\s*+)(?P<value>'(?:[^'\\]++|\\.)*+'|(?:[^\s'\\;]++|\\.)*+)\s*+"
)
_DIVIDED: Final = re.compile(
    r"(?P<name>[^=;]++)(?P<sign>=)(?P<value>\"(?:[^\"]++|\"\")*\"|'(?:[^']++|'')*'|[^;]*)(?:;|$)"
)
_BEFORE_PAIRS: Final = re.compile(r"[a-z]+:(?=\w+\s*=)")
_BARE: Final = re.compile(r"[^\s'\\;\"]+")


class Piece(NamedTuple):
    """A part of the text; ``role`` is empty where it stays, ``code`` says how a value is written there."""

    text: str
    role: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A value that says where a database is."""

    pieces: Sequence[Piece]
    has_port: bool = True
    """Whether one without a port means the default one."""

    @property
    def parts(self) -> dict[str, str]:
        """What it says, by role: the first of each."""
        found = {each.role: _read(each) for each in reversed(self.pieces) if each.role and each.text}
        return {"port": DEFAULT_PORT, **found} if self.has_port else found

    def to(self, parts: Mapping[str, str]) -> str | None:
        """The same text with other parts; None where that form cannot hold them."""
        text = "".join(
            _written(each, parts[each.role]) if each.role in parts else each.text for each in self.pieces
        )
        again = form_of(text)
        merged = {role: parts.get(role, value) for role, value in self.parts.items()}
        kept = {role: value for role, value in merged.items() if value}
        return text if again and again.parts == kept else None


def form_of(value: str) -> Form | None:
    """The form of a value; None where it does not say where a database is, or says it in another way."""
    value = value.strip()
    url = _URL.fullmatch(value)
    pieces = list(_of_url(url)) if url else _of_pairs(value)
    found = Form(pieces or [])
    return found if {"host", "address"} & found.parts.keys() else None


def _of_url(url: re.Match[str]) -> Iterator[Piece]:
    yield Piece(url["scheme"])
    if url["info"] is not None:
        user, colon, password = url["info"].partition(":")
        yield Piece(user, "user" if user else "", "url")
        yield Piece(colon + password, "password" if colon else "", "secret")
        yield Piece("@")
    if url["host"]:
        yield Piece(url["host"], "host", "host")
        yield Piece(url["port"] or "", "port", "port")
    if url["database"] is not None:
        yield Piece("/")
        yield Piece(url["database"], "database" if url["database"] else "", "url")
    if url["query"] is not None:
        yield Piece("?")
        for at, pair in enumerate(url["query"].split("&")):
            name, sign, text = pair.partition("=")
            yield Piece(("&" if at else "") + name + sign)
            yield Piece(text, _role(name), "url")


def _of_pairs(value: str) -> list[Piece] | None:
    """None where it is not pairs from beginning to end."""
    start = _BEFORE_PAIRS.match(value)
    at = start.end() if start else 0
    for match, code in ((_SPACED.match, "spaced"), (_DIVIDED.match, "divided")):
        pairs = _pairs(value, at, match)
        if pairs is not None:
            pieces = [
                piece
                for pair in pairs
                for piece in (
                    Piece(pair["name"] + pair["sign"]),
                    Piece(pair["value"], _role(pair["name"]), code),
                    Piece(value[pair.end("value") : pair.end()]),
                )
            ]
            return [Piece(value[:at]), *pieces]
    return None


def _pairs(
    value: str, at: int, match: Callable[[str, int], re.Match[str] | None]
) -> list[re.Match[str]] | None:
    found = []
    while at < len(value):
        pair = match(value, at)
        if pair is None:
            return None
        found.append(pair)
        at = pair.end()
    return found


def _role(name: str) -> str:
    return _ROLES.get(re.sub(r"[\s_]", "", name).lower(), "")


def _read(piece: Piece) -> str:
    text = piece.text
    if piece.code in ("url", "secret"):
        return unquote(text.removeprefix(":") if piece.code == "secret" else text)
    if piece.code == "host":
        return text.strip("[]").rstrip(".").lower()
    if piece.code == "port":
        return text[1:] or DEFAULT_PORT
    if piece.code == "spaced":
        return re.sub(r"\\(.)", r"\1", text[1:-1] if text.startswith("'") else text)
    mark = text[:1]
    return text[1:-1].replace(mark * 2, mark) if mark in ("'", '"') and len(text) > 1 else text.strip()


def _written(piece: Piece, value: str) -> str:
    if piece.code in ("url", "secret"):
        return (":" if piece.code == "secret" and value else "") + quote(value, safe="")
    if piece.code == "host":
        return f"[{value}]" if ":" in value else value
    if piece.code == "port":
        return f":{value}" if piece.text or value != DEFAULT_PORT else ""
    if _BARE.fullmatch(value):
        return value
    if piece.code == "spaced":
        return "'" + re.sub(r"(['\\])", r"\\\1", value) + "'"
    return '"' + value.replace('"', '""') + '"'
