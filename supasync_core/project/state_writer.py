"""The lease for commands that write to NEW's state outside of a sync."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from supasync_core.api.state_store import Claim, Entry, Run
from supasync_core.model.state import State
from supasync_core.project.lease import LEASE, Lease
from supasync_core.project.migration import Migration
from supasync_core.project.session import Session
from supasync_core.system import lock


@dataclass(frozen=True, slots=True)
class Leased:
    """The right to write, and the state as it was when it was granted."""

    migration: Migration
    lease: Lease
    state: State

    @property
    def run(self) -> Run:
        """The run that was granted."""
        return self.lease.run

    def save(self, state: State, status: str, **details: object) -> None:
        """Store the state with a record of this status, and let go of the lease."""
        self.lease.save(
            Entry(
                status=status,
                state=state,
                details=details,
                retention=self.migration.settings.retention.days,
            )
        )


@contextmanager
def leased(session: Session, command: str) -> Iterator[Leased]:
    """Hold this machine's lock and the lease in NEW; StateError without a baseline."""
    folder = session.settings.folder
    with lock.locked(folder), session.migration() as migration:
        claim = Claim(holder=lock.holder(folder), source=migration.source_ref, command=command, lease=LEASE)
        lease = Lease.taken(migration, claim)
        try:
            yield Leased(migration, lease, lease.state)
        except BaseException:
            lease.fail()
            raise
