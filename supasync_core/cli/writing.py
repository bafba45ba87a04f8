"""The lease for commands that write to NEW's state outside of a sync."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from supasync_core import lock
from supasync_core.backend import Claim, Entry, Run
from supasync_core.cli.session import Session
from supasync_core.errors import LockedError, StateError
from supasync_core.journal import NO_BASELINE
from supasync_core.progress import LEASE
from supasync_core.project import Project
from supasync_core.state import State


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write, and the state as it was when it was granted."""

    project: Project
    run: Run
    state: State

    def save(self, state: State, status: str, **details: object) -> None:
        """Store the state with a record of this status, and let go of the lease."""
        entry = Entry(
            status=status,
            state=state,
            details=details,
            retention=self.project.settings.retention.days,
        )
        if not self.project.store.save(self.run.id, entry):
            raise LockedError("another run has taken over the lease; nothing was changed")


@contextmanager
def leased(session: Session, command: str) -> Iterator[Lease]:
    """Hold this machine's lock and the lease in NEW; StateError without a baseline."""
    folder = session.settings.folder
    with lock.locked(folder), session.project() as project:
        claim = Claim(holder=lock.holder(folder), source=project.source_ref, command=command, lease=LEASE)
        run = project.store.begin(claim)
        if run.state is None:
            raise StateError(NO_BASELINE, hint="run: supasync setup")
        try:
            yield Lease(project, run, run.state)
        except BaseException:
            project.store.save(run.id, Entry(status="failed", state=run.state))
            raise
