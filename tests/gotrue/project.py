"""REST and Auth of one project on one address, as a hosted project has them; run to serve a database so."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.postgrest.__main__ import arguments, served, settings
from tests.postgrest.app import App as Rest
from tests.postgrest.launch import ROOT, Server, started
from tests.postgrest.messages import Request, Response
from tests.postgrest.server import Server as Gateway
from tests.postgrest.server import made_up_404
from tests.postgrest.settings import Settings
from tests.servers.fork_server import ForkServer

from .app import App as Auth

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.postgrest.server import Api
    from tests.servers.postgres import Cluster

FORKS = ForkServer("tests.gotrue.project:main", ("tests.gotrue.project",), ROOT)
_ROLES = {"/rest/v1": "authenticator", "/auth/v1": "supabase_auth_admin"}


class Project:
    """Both services, told apart by their prefixes."""

    def __init__(self, chosen: Settings) -> None:
        as_auth = chosen.database_url.replace("//authenticator@", f"//{_ROLES['/auth/v1']}@")
        self.services: dict[str, Api] = {
            "/rest/v1": Rest(chosen),
            "/auth/v1": Auth(replace(chosen, database_url=as_auth)),
        }

    def early(self, request: Request) -> Response | None:
        """Every body is read."""

    def handle(self, request: Request) -> Response:
        """Answer a request; outside of the prefixes there is nothing."""
        for prefix, service in self.services.items():
            if request.path.startswith(f"{prefix}/"):
                return service.handle(replace(request, path=request.path[len(prefix) :]))
        return made_up_404()

    def reload(self) -> None:
        """Read the schema cache again."""
        for service in self.services.values():
            service.reload()

    def reconnect(self) -> None:
        """Open new database connections."""
        for service in self.services.values():
            service.reconnect()

    def close(self) -> None:
        """Let go of the database."""
        for service in self.services.values():
            service.close()


def main() -> None:
    """Serve, say where, and wait."""
    options = arguments("python -m tests.gotrue.project", __doc__)
    chosen = settings(options)
    served(Gateway(chosen, Project(chosen)), options)


@contextmanager
def project(cluster: Cluster, database: str, keys: Mapping[str, str]) -> Iterator[Server]:
    """A running project over a database with the schema of `tests/servers/hosted.sql`."""
    chosen = Settings(cluster.url(database, _ROLES["/rest/v1"]), keys=dict(keys))
    with started(FORKS, ["project"], chosen) as server:
        yield server
