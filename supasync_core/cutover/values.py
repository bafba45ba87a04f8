"""Before a switch, the values of tables whose updates no run sees: compared, or a reason not to switch."""

from collections.abc import Sequence

from supasync_core.cutover.checklist import Outcome, failed, ok
from supasync_core.project import Project
from supasync_core.tables import Table
from supasync_core.unseen import UPDATES, reading
from supasync_core.verification import Verification
from supasync_core.wording import counted

_SEEN = "runs see the updates of every table"
_LOOK = (
    "compare them: supasync cutover without --no-exact, or with --exact; where you know that no row of them "
    "was updated: --accept values"
)
_GONE = "where you know that no row of them was updated since it was copied: --accept values"


def planned(project: Project) -> str:
    """What the switch will do, without asking anybody."""
    names = ", ".join(table.name for table in _blind(project))
    if not names:
        return _SEEN
    return f"no run sees updates of {names}: the switch compares them by value, or fails this check"


def judged(project: Project, verified: Verification | None, *, after_gap: bool) -> Outcome:
    """Fails where such a table was compared by keys and timestamps alone, or not at all."""
    blind = _blind(project)
    if not blind:
        return ok(_SEEN)
    names = ", ".join(table.name for table in blind)
    if after_gap or verified is None:
        return failed(f"not possible without OLD, and no run has seen updates of {names}", _GONE)
    verdicts = {verdict.name: verdict for verdict in verified.tables}
    proof = {
        table.name: {
            "why": reading(project.plugin(table), table),
            "method": verdicts[table.name].method,
            "compared": verdicts[table.name].compared,
            "values_compared": not verdicts[table.name].blind,
        }
        for table in blind
    }
    open_still = [table.name for table in blind if verdicts[table.name].blind]
    if open_still:
        told = f"no run sees updates of {', '.join(open_still)}, and their values were not compared"
        return failed(told, _LOOK, tables=proof)
    rows = sum(verdicts[table.name].compared for table in blind)
    return ok(f"{names}: {counted(rows, 'row', 'rows')} compared by value", tables=proof)


def _blind(project: Project) -> Sequence[Table]:
    return [table for table in project.settings.tables if UPDATES in project.unseen(table)]
