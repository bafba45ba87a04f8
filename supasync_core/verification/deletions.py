"""Rows that OLD has no more: found by keys alone, confirmed one by one."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from supasync_core.errors import SchemaError
from supasync_core.evidence import Evidence, Key
from supasync_core.project import Project
from supasync_core.state import State
from supasync_core.tables import Table
from supasync_core.verification.findings import KEYS
from supasync_core.verification.flight import flight_of
from supasync_core.verification.looking import Look
from supasync_core.verification.measure import measure
from supasync_core.verification.walking import Walk


@dataclass(frozen=True, slots=True)
class Deletions:
    """Rows of NEW that OLD does not have, ``more`` of them not confirmed one by one.

    ``missing`` rows of OLD are not in NEW, though sync should have brought them; not looked for where a
    transform may leave rows out.
    """

    keys: tuple[Key, ...]
    more: int
    missing: tuple[Key, ...]


def deletions(
    project: Project, table: Table, state: State, evidence: Evidence, progress: Callable[[int], None]
) -> Deletions:
    """Compare the keys of both sides; rows that OLD still has, but leaves out on their way, do not count.

    SchemaError where OLD shows no row at all: that is what a wrong key looks like.
    """
    how = measure(project, table, state, exact=False)
    how = replace(how, method=KEYS, bare=True, versioned=False)
    walk = Walk(how, evidence, progress)
    walk.conduct()
    if walk.extra and not walk.compared and not walk.missing:
        raise SchemaError(
            f"{table.name}: OLD shows no row, and NEW has some: deletes are not judged by that",
            table=table.name,
            hint="is the key still the right one? If the table was emptied on purpose, empty it in NEW too",
        )
    if table.transform:  # which of them it leaves out could only be told by every row's values
        walk.missing.clear()
    look = Look(how, flight_of(how), walk)
    look.conduct(())
    evidence.keep_sighted(project.source_ref, table)
    gone = tuple(key for key in look.extra if key not in look.filtered)
    return Deletions(gone, look.unlooked, tuple(look.missing))
