"""By what a value is known to name a project's database.

That takes less than to read the value: its scheme, parameters and form may be any.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from supasync_core.model.settings import Endpoint
from supasync_core.system.addresses import LOOPBACK
from supasync_postgres.database_url import POOLER, DatabaseUrl, parse

_SHORTEST: Final = 8
"""Characters of a project's ref that may be looked for in any text."""
_HOSTED: Final = ("supabase.co", "supabase.in", "supabase.red")


@dataclass(frozen=True)
class Marks:
    """What tells one project's database from all others."""

    own: DatabaseUrl | None
    project: str | None
    """The project's API address, as far as it is known."""

    @classmethod
    def of(cls, end: Endpoint) -> "Marks":
        own = _parsed(end.values.get("url", ""))
        return cls(own, None if own and end.ref == own.shown else end.ref)

    @property
    def ref(self) -> str | None:
        """What tells the project in any text."""
        label, _, domain = (self.project or "").partition(".")
        return label if domain in _HOSTED and len(label) >= _SHORTEST else self.project

    def in_text(self, text: str) -> bool:
        """Whether the project's ref is in it."""
        return bool(self.ref) and str(self.ref).lower() in text.lower()

    def is_place(self, parts: Mapping[str, str], *, shared: bool) -> bool:
        """Whether these parts are that database's; ``shared``: its host has databases of others too.

        A part that is not there may be anything, unless it is all that tells the databases of a host apart.
        """
        if any(self.in_text(text) for text in parts.values()):
            return True
        own = self.own
        if own is None or not any(same_host(parts.get(role), own.host) for role in ("host", "address")):
            return False
        if own.host.endswith(POOLER):
            return "user" not in parts or parts["user"] == own.user
        known = {"port", "database"} & parts.keys()
        return (
            parts.get("database", own.database) == own.database
            and (not shared or parts.get("port", str(own.port)) == str(own.port))
            and (not shared or bool(known))
        )

    def is_mentioned(self, text: str, *, shared: bool) -> bool:
        """Whether its host occurs in a text of another form; of a shared one only with port or database."""
        own = self.own
        if own is None or own.host.endswith(POOLER):
            return False
        behind = rf"(:{own.port}(?![0-9])|.*\b{re.escape(own.database)}\b)" if shared else ""
        hosts = LOOPBACK if own.host in LOOPBACK else (own.host,)
        return any(
            re.search(rf"(?<![\w.-]){re.escape(host)}(?![\w.-]){behind}", text, re.IGNORECASE | re.DOTALL)
            for host in hosts
        )


def same_host(host: str | None, other: str) -> bool:
    """Whether both name one machine."""
    return host is not None and (
        host.lower().rstrip(".") == other.lower() or (host in LOOPBACK and other in LOOPBACK)
    )


def _parsed(value: str) -> DatabaseUrl | None:
    try:
        return parse(value)
    except ValueError:
        return None
