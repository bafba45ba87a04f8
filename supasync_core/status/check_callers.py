"""Who may call the functions that somebody has pasted into OLD, which are for the secret key alone."""

from collections.abc import Iterator

from supasync_core.api.function_rights import callers_of_all
from supasync_core.model.errors import SupasyncError
from supasync_core.model.finding import Finding, warning
from supasync_core.model.printable import visible
from supasync_core.project.migration import Migration
from supasync_core.project.sql_sessions import sql_session

_PASTE = "paste the script that made it into OLD's SQL editor again, as supasync schema sql prints it"


def callers_in_old(migration: Migration) -> Iterator[Finding]:
    """A warning for each role; none where OLD has no database that can be asked."""
    try:
        with sql_session(migration, "OLD") as session:
            rows = session.query(callers_of_all(), purpose="schema") if session else []
    except SupasyncError as err:
        yield warning(str(err), hint=err.hint)
        return
    for name, role in sorted(rows):
        text = f"{visible(role)} may call {visible(name)} of OLD, which is for the secret key alone"
        yield warning(text, hint=_PASTE, kind="callers")
