"""Start an Auth server in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.postgrest.launch import ROOT, Server, started
from tests.postgrest.settings import SECRET, Settings
from tests.servers.fork_server import ForkServer

if TYPE_CHECKING:
    from collections.abc import Mapping

FORKS = ForkServer("tests.gotrue.__main__:main", ("tests.gotrue.__main__",), ROOT)


def serve(
    database_url: str,
    *,
    keys: Mapping[str, str],
    jwt_secret: str = SECRET,
    prefix: str = "/auth/v1",
    port: int = 0,
) -> Server:
    """Start a server and return once it answers; it ends with this process, however that dies.

    `database_url` names the role `supabase_auth_admin` and a database with the schema of
    `tests/servers/hosted.sql`; `keys` says which API key is which role.
    """
    settings = Settings(database_url, prefix=prefix, keys=dict(keys), jwt_secret=jwt_secret, port=port)
    return started(FORKS, ["gotrue"], settings)
