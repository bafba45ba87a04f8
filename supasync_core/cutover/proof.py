"""Outcomes of checks with their evidence for the certificate: no value of a row, no key of a project."""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any, Final

from supasync_core.api.blind_spots import UPDATES, how_it_is_read
from supasync_core.api.state_store import Record
from supasync_core.cutover.app_env import AppEnv
from supasync_core.cutover.checklist import Outcome, failed, ok, skipped
from supasync_core.init.undecided import WAY_OUT, UndecidedTables, by_name
from supasync_core.model.settings import Mention
from supasync_core.model.wording import counted
from supasync_core.project.migration import Migration
from supasync_core.status.check_tables import standing_still
from supasync_core.verify import TableVerdict, Verification

_COPYING: Final = ("sync", "gap import", "gap transfer")
_KEPT: Final = (
    "equal",
    "method",
    "values_compared",
    "unseen",
    "old",
    "new",
    "compared",
    "differences",
    "repeated",
    "unmet",
    "in_flight",
    "left_out",
    "newer",
    "until",
    "digest",
    "sees",
    "cannot_see",
    "read_because",
    "notes",
    "error",
)
_SEEN = "runs see the updates of every table"
_COMPARE = (
    "compare them: supasync cutover without --no-exact, or with --exact; if you know that none of their rows "
    "was updated: --accept values"
)
_ACCEPT = "if you know that none of their rows was updated since it was copied: --accept values"


def of_app(app: AppEnv) -> dict[str, Any]:
    """Which variables change in which files, and what is left to a person."""
    return {
        "files": {
            str(each.file.path): {"changed": list(each.done.changed), "given_twice": list(each.done.repeated)}
            for each in app.files
        },
        "left": list(app.naming.left),
    }


def of_verification(found: Verification) -> Outcome:
    """How the tables were compared, and whether nothing at all differs."""
    document = found.as_json()
    tables = {
        name: {key: table[key] for key in _KEPT if table.get(key) is not None}
        for name, table in document["tables"].items()
    }
    proof = {key: document[key] for key in ("values_compared", "at", "requests", "bytes", "notes")}
    proof["tables"] = tables
    methods = ", ".join(dict.fromkeys(table.method for table in found.tables))
    rows = sum(table.compared for table in found.tables)
    if found.settled:
        what = f"{counted(len(tables), 'table', 'tables')}, {counted(rows, 'row', 'rows')}"
        return ok(f"{what} compared by {methods}: {found.claim}", **proof)
    wrong = [
        f"{table.name}: {table.error}"
        if table.error
        else f"{table.name}: {counted(table.differences, 'row differs', 'rows differ')}"
        + (f", {counted(table.in_flight, 'is', 'are')} in flight" if table.in_flight else "")
        for table in found.tables
        if not table.equal or table.in_flight
    ]
    blind = [table.name for table in found.tables if UPDATES in table.unseen and table.changed]
    again = f"; no run copies updates of {', '.join(blind)}: supasync sync --full NAME does" if blind else ""
    return failed("; ".join(wrong), f"list the rows: supasync verify{again}", **proof)


def of_undecided(undecided: UndecidedTables, ignored: Sequence[Mention]) -> Outcome:
    """The tables that are not copied: those that are undecided, and those left out on purpose."""
    names = [each.name for each in ignored]
    found = undecided.tables
    if found:
        hint = f"{WAY_OUT}; or, to switch without them, pass --accept undecided"
        text = "; ".join(each.sentence for each in found)
        return failed(text, hint, tables=by_name(found), ignored=names)
    shown = f"left out on purpose: {', '.join(names)}" if names else "each is copied"
    if not undecided.listed:
        return skipped(f"{shown}, as far as tables.yaml says: OLD's tables were not listed", ignored=names)
    return ok(shown, ignored=names)


def of_gap(records: Sequence[Record], tables: Sequence[str], command: str) -> Outcome:
    """The gap imports since the last run over the API, newest first: every table, each successful."""
    copying = [each for each in records if each.command in _COPYING and each.status != "running"]
    imports = list(takewhile(lambda each: each.command == command, copying))
    if not imports:
        last = f"the last run was {copying[0].command}, {copying[0].created_at}" if copying else "nothing ran"
        return failed(f"there is no gap import: {last}", "run: supasync gap import FOLDER")
    found: dict[str, str] = {}
    files: dict[str, str] = {}
    for each in imports:
        for name, table in each.details.get("tables", {}).items():
            found.setdefault(name, table.get("status", ""))
        files = {**each.details.get("files", {}), **files}
    absent = [name for name in tables if name not in found]
    bad = [name for name in tables if found.get(name, "ok") != "ok"]
    rows = counted(sum(each.records for each in imports), "row", "rows")
    shown = f"gap import of {imports[0].created_at}: {rows} from {counted(len(files), 'file', 'files')}"
    proof: dict[str, Any] = {
        "runs": [each.id for each in imports],
        "at": imports[0].created_at,
        "files": files,
    }
    if not absent and not bad:
        return ok(shown, **proof)
    reasons = [
        f"{words}: {', '.join(names)}"
        for words, names in (("not imported whole", bad), ("no file", absent))
        if names
    ]
    hint = "import them; if a table without a file had no new rows, say --accept gap"
    return failed(f"{shown}; {'; '.join(reasons)}", hint, **proof)


def values_planned(migration: Migration) -> str:
    """What the switch will do about updates that no run sees, without a request."""
    names = ", ".join(updates_unseen(migration))
    if not names:
        return _SEEN
    return f"no run sees updates of {names}: the switch compares them by value, or fails this check"


def updates_unseen(migration: Migration) -> dict[str, str]:
    """The tables whose updates no run sees, each with the reason, without a request."""
    return {
        table.name: how_it_is_read(migration.strategy(table), table)
        for table in migration.settings.tables
        if UPDATES in migration.unseen(table)
    }


def doubtful(migration: Migration) -> dict[str, str]:
    """These, and the tables of which a page of rows shows that nothing moves their timestamp."""
    still = {table.name: standing_still(migration, table) for table in migration.settings.tables}
    return updates_unseen(migration) | {name: why for name, why in still.items() if why}


def of_values(migration: Migration, verified: Verification | None, *, after_gap: bool) -> Outcome:
    """Fails where a table whose updates no run sees was not compared by value."""
    known = updates_unseen(migration)
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
