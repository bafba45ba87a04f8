"""The setting `url`: a connection string, what is wrong with it, and how it is connected to.

Hosts and ports of Supabase: its documentation, "Connect to your database". The direct host has no address but
an IPv6 one on the free plan; the pooler's user is ``postgres.<ref>``; port 6543 pools by transaction, so that
nothing may be set for a whole session.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from supasync_core.api.registration import Context
from supasync_core.model.secret import Secret
from supasync_core.system.addresses import LOOPBACK, host_of

_FORM: Final = (
    "must be a connection string: postgresql://postgres.<ref>@<region>.pooler.supabase.com:5432/postgres "
    "(Dashboard -> Connect -> Session pooler)"
)
_PROJECT: Final = "must be the project's address, like https://abcdefgh.supabase.co"
_UNREADABLE: Final = (
    "cannot be read as an address: encode special characters of the password: # as %23, / as %2F, @ as %40"
)
_PORT: Final = 5432
OF_SUPABASE: Final = ".supabase.co"
POOLER: Final = ".pooler.supabase.com"
_DIRECT: Final = re.compile(r"db\.([a-z0-9]+)\.supabase\.co")
_ENCRYPTED: Final = ("require", "verify-ca", "verify-full")
_TAKEN: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout")
_OF_OTHERS: Final = ("pgbouncer", "connection_limit", "pool_timeout", "supa")
"""Parameters that the dashboard adds for other programs, and libpq does not know."""


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A connection string in its parts; ``password`` is shown by no repr."""

    host: str
    port: int
    database: str
    user: str
    _password: Secret
    parameters: Mapping[str, str]

    @property
    def project(self) -> str | None:
        """The address of the Supabase project whose database this is; None for any other database."""
        found = _DIRECT.fullmatch(self.host)
        if found:
            return f"{found[1]}.supabase.co"
        ref = self.user.partition(".")[2]
        return f"{ref}.supabase.co" if self.host.endswith(POOLER) and ref else None

    @property
    def is_direct(self) -> bool:
        """Whether it names the database's own host, not the pooler's."""
        return _DIRECT.fullmatch(self.host) is not None

    @property
    def shown(self) -> str:
        """The place for messages and records, without user and password."""
        port = "" if self.port == _PORT else f":{self.port}"
        return f"{self.host}{port}/{self.database}"

    @property
    def tls(self) -> str:
        """The mode of TLS: in full with a root certificate, encrypted without, optional on this machine."""
        given = self.parameters.get("sslmode")
        if given:
            return given
        if self.parameters.get("sslrootcert"):
            return "verify-full"
        return "prefer" if self.host in LOOPBACK else "require"

    @property
    def password(self) -> str:
        """As it is meant, to be written into another connection string; never shown."""
        return self._password.reveal()

    @property
    def passwords(self) -> Sequence[str]:
        """As it is meant, and as a URL has it; none where there is none."""
        text = self._password.reveal()
        return [text, quote(text, safe="")] if text else []

    def _exchange(self) -> dict[str, str]:
        """Where the server is not verified, the password is used in an exchange that does not show it."""
        if self.tls == "verify-full" or self.host in LOOPBACK:
            return {}
        return {"require_auth": "scram-sha-256"}

    def arguments(self, folder: Path) -> dict[str, str | int]:
        """What libpq connects with; the path of a certificate is relative to ``folder``."""
        root = self.parameters.get("sslrootcert")
        given: dict[str, str | int] = dict(self.parameters)
        if root and root != "system":
            given["sslrootcert"] = str(folder / Path(root).expanduser())
        return {
            "connect_timeout": 15,
            **given,
            "host": self.host,
            "port": self.port,
            "dbname": self.database,
            "user": self.user,
            "password": self._password.reveal(),
            "sslmode": self.tls,
            **self._exchange(),
            "gssencmode": "disable",  # poolers take it for a broken startup packet
            "application_name": "supasync",
            "client_encoding": "UTF8",
            "keepalives": 1,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 60_000,
        }


def parse(url: str) -> DatabaseUrl:
    """The parts of a connection string; ValueError with a sentence on what is wrong with it."""
    parts = _split(url)
    host = (parts.hostname or "").rstrip(".")
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in _OF_OTHERS:
        parameters.pop(name, None)
    found = DatabaseUrl(
        host,
        parts.port or _PORT,
        unquote(parts.path[1:]) or "postgres",
        unquote(parts.username or ""),
        Secret(unquote(parts.password or "")),
        parameters,
    )
    if flaw := _flaw(found):
        raise ValueError(flaw)
    return found


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError:  # whose text may hold half of a password
        raise ValueError(_UNREADABLE) from None
    if parts.scheme not in ("postgresql", "postgres") or not parts.hostname or "," in parts.netloc:
        raise ValueError(_FORM)
    if parts.fragment or "/" in parts.path[1:]:
        raise ValueError(_UNREADABLE)
    return parts


def _flaw(found: DatabaseUrl) -> str | None:
    if not found.user:
        return "names no user: postgresql://USER@HOST:PORT/DATABASE"
    if found.host.endswith(POOLER) and not found.project:
        return f"has the user {found.user}: the pooler knows a project by it, as {found.user}.<ref>"
    if unknown := sorted(found.parameters.keys() - set(_TAKEN)):
        return f"has the parameter {unknown[0]}; available: {', '.join(_TAKEN)}"
    if found.tls not in _ENCRYPTED and found.host not in LOOPBACK:
        return f"has sslmode={found.tls}: rows and password would travel unencrypted; write sslmode=require"
    return None


def url_problem(value: str) -> str | None:
    """What is wrong with a connection string, or None."""
    try:
        parse(value)
    except ValueError as err:
        return str(err)
    return None


def passwords(value: str) -> Sequence[str]:
    """The password in a connection string, as it is written and as it is meant; none where there is none."""
    try:
        password = urlsplit(value.strip()).password
    except ValueError:
        return [value]  # what cannot be read may hold one
    return [password, unquote(password)] if password else []


def project_problem(value: str) -> str | None:
    """What is wrong with the address of the REST interface, or None."""
    try:
        parts = urlsplit(value.strip())
        _ = parts.port
    except ValueError:
        return _PROJECT
    known = parts.scheme in ("http", "https") and parts.hostname and not parts.username
    return None if known else _PROJECT


def ref(context: Context) -> str:
    """The project's address where that is known, as `rest` names it; else the database's place."""
    address, project = parse(context.settings["url"]), context.settings.get("project")
    return (host_of(project) if project else None) or address.project or address.shown
