"""The check of values in tables whose updates no run sees: they were compared, or it fails."""

from collections.abc import Mapping

from supasync_core.api.blind_spots import UPDATES, how_it_is_read
from supasync_core.cutover.checklist import Outcome, failed, ok
from supasync_core.model.wording import counted
from supasync_core.project.migration import Migration
from supasync_core.status.check_table import standing_still
from supasync_core.verify import TableVerdict, Verification

_SEEN = "runs see the updates of every table"
_COMPARE = (
    "compare them: supasync cutover without --no-exact, or with --exact; if you know that none of their rows "
    "was updated: --accept values"
)
_ACCEPT = "if you know that none of their rows was updated since it was copied: --accept values"


def planned(migration: Migration) -> str:
    """What the switch will do, without a request."""
    names = ", ".join(unseen(migration))
    if not names:
        return _SEEN
    return f"no run sees updates of {names}: the switch compares them by value, or fails this check"


def unseen(migration: Migration) -> dict[str, str]:
    """The tables whose updates no run sees, each with the reason, without a request."""
    return {
        table.name: how_it_is_read(migration.strategy(table), table)
        for table in migration.settings.tables
        if UPDATES in migration.unseen(table)
    }


def doubtful(migration: Migration) -> dict[str, str]:
    """These, and the tables of which a page of rows shows that nothing moves their timestamp."""
    still = {table.name: standing_still(migration, table) for table in migration.settings.tables}
    return unseen(migration) | {name: why for name, why in still.items() if why}


def outcome(migration: Migration, verified: Verification | None, *, after_gap: bool) -> Outcome:
    """Fails where such a table was compared by keys and timestamps alone, or not at all."""
    known = unseen(migration)
    if after_gap or verified is None:
        if not known:
            return ok(_SEEN)
        return failed(f"not possible without OLD, and no run has seen updates of {', '.join(known)}", _ACCEPT)
    why = known if verified.values_compared else doubtful(migration)
    if not why:
        return ok(_SEEN)
    verdicts = {verdict.name: verdict for verdict in verified.tables}
    proof = {name: _proof(verdicts[name], reason) for name, reason in why.items()}
    left = [name for name, evidence in proof.items() if not evidence["values_compared"]]
    if left:
        text = f"no run sees updates of {', '.join(left)}, and their values were not compared"
        return failed(text, _COMPARE, tables=proof)
    rows = sum(verdicts[name].compared for name in why)
    return ok(f"{', '.join(why)}: {counted(rows, 'row', 'rows')} compared by value", tables=proof)


def _proof(verdict: TableVerdict, why: str) -> Mapping[str, object]:
    """Why its updates are not seen, and how it was compared; an empty table has no values to compare."""
    empty = verdict.error is None and not verdict.compared
    evidence = {"why": why, "method": verdict.method, "compared": verdict.compared}
    return {**evidence, "values_compared": verdict.values_compared or empty}
