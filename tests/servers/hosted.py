"""A database with the roles and owners of a hosted project: whoever pastes SQL there is not a superuser.

``hosted_postgres`` stands for the dashboard's ``postgres``: it owns the database and the tables of
``public``, may create roles and see all sessions, passes row level security, and owns nothing of ``auth``
(Supabase documentation, "Roles, superuser access and unsupported operations").
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from psycopg import sql

from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

OWNER = "hosted_postgres"
HOSTED = ROLES + (Path(__file__).parent / "hosted.sql").read_text()
STORAGE = (Path(__file__).parent / "storage.sql").read_text()
"""What a project with files has besides."""


@dataclass(frozen=True)
class Hosted:
    """One such database."""

    cluster: Cluster
    database: str

    def paste(self, text: str, role: str = OWNER) -> list[tuple[Any, ...]]:
        """Run a script as the SQL editor does, in one go; the rows of its last statement."""
        with self.cluster.connected(self.database, role) as connection:
            found: list[tuple[Any, ...]] = []
            done = connection.execute(text.encode())
            while True:
                found = done.fetchall() if done.description else []
                if not done.nextset():
                    break
        self.cluster.renew(text)
        return found

    def one(self, query: str, role: str = OWNER) -> Any:
        """The only value of a query."""
        [(value,)] = self.paste(query, role)
        return value


@contextmanager
def hosted(cluster: Cluster, statements: str) -> Iterator[Hosted]:
    """A fresh database whose owner has run these statements."""
    database = f"hosted_{uuid4().hex[:8]}"
    cluster.copy(database, HOSTED)
    names = (sql.Identifier(database), sql.Identifier(OWNER))
    cluster.execute("postgres", sql.SQL("alter database {} owner to {}").format(*names))
    project = Hosted(cluster, database)
    try:
        project.paste(statements)
        yield project
    finally:
        cluster.drop(database)
