"""A database on a real server, owned by a role without superuser rights, and what the tests do with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from supasync_core.api.registration import Context, Fence
from supasync_core.model.cost import Ledger
from supasync_core.schema import scripts
from supasync_postgres.sink import PostgresSink
from supasync_postgres.source import PostgresSource
from supasync_postgres.store import PostgresStore
from tests.e2e.workspace import Workspace
from tests.servers.hosted import OWNER, Hosted, hosted
from tests.servers.postgres import Cluster

READY = scripts.ready()
HASTY = "import supasync_postgres.database as database; database.FIRST_WAIT = 0.01"
"""What makes the waits between attempts short."""


@dataclass
class Place:
    """One database, its ledger, and the waits that were asked for."""

    hosted: Hosted
    user: str = OWNER
    settings: dict[str, str] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    waits: list[float] = field(default_factory=list)
    opened: ExitStack = field(default_factory=ExitStack)
    fence: Fence = field(default_factory=Fence)
    notes: dict[str, None] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Its connection string."""
        return self.hosted.cluster.url(self.hosted.database, self.user)

    def context(self, project: str = "NEW") -> Context:
        """What a backend is opened with."""
        settings = {"url": self.url, **self.settings}
        return Context(settings, Path(), self.ledger, project, self.fence, self.notes.setdefault)

    def source(self) -> PostgresSource:
        """The database as OLD."""
        return self.opened.enter_context(closing(PostgresSource(self.context("OLD"), self.waits.append)))

    def sink(self) -> PostgresSink:
        """The database as NEW."""
        return self.opened.enter_context(closing(PostgresSink(self.context(), self.waits.append)))

    def store(self) -> PostgresStore:
        """Its state store."""
        return self.opened.enter_context(closing(PostgresStore(self.context(), self.waits.append)))

    def run(self, text: str) -> list[tuple[Any, ...]]:
        """Run SQL as the owner; the rows of its last statement."""
        return self.hosted.paste(text)


@contextmanager
def place(cluster: Cluster, statements: str) -> Iterator[Place]:
    """A fresh database that was made by these statements."""
    with hosted(cluster, statements) as found:
        opened = Place(found)
        with opened.opened:
            yield opened


def die_at_statements(workspace: Workspace, dying: str, step: int) -> None:
    """Let run after run die at a later statement, while OLD changes, until one comes to its end."""
    before, number, died = workspace.before, 3, 0
    while True:
        workspace.before = f"{before}\n{dying.format(number=number)}"
        code = workspace.supasync("sync").code
        if code == 0:
            break
        assert code == 9
        died += 1
        number += step
        workspace.old.run("update jobs set payload = '[1.50]', updated_at = now() where id % 50 = 1")
    workspace.before = before
    assert died > 3
