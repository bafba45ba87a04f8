"""The evidence of checks for the certificate: no value of a row, no key of a project."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any, Final

from supasync_core.api.blind_spots import UPDATES
from supasync_core.api.state_store import Record
from supasync_core.cutover.app_env import AppEnv
from supasync_core.cutover.checklist import Outcome, failed, ok, skipped
from supasync_core.init.undecided import WAY_OUT, UndecidedTables, by_name
from supasync_core.model.settings import Mention
from supasync_core.model.wording import counted
from supasync_core.verify import Verification

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
    "notes",
    "error",
)


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
    records_in_all = sum(each.records for each in imports)
    shown = f"gap import of {imports[0].created_at}: {records_in_all:,} records out of {len(files)} files"
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
