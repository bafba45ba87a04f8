"""What NEW's catalog shows and its API does not, in sentences: what a copy would meet there."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from supasync_core.api.backend import Remark
from supasync_core.model.table import Table
from supasync_core.schema.catalog_parts import Parts

GUARD: Final = (
    "supasync schema sql --triggers guard prints SQL after which they fire for everything except what "
    "supasync writes"
)
_ROUNDS: Final = ("numeric", "timestamp", "time", "interval")
_PASTE: Final = "paste into NEW's SQL editor what supasync schema sql prints"


def refused_identity(table: Table, rows: Sequence[Mapping[str, Any]]) -> Iterator[Remark]:
    """Columns that number themselves, and would refuse each row that brings a number."""
    columns = [row["column"] for row in rows if row["column"] not in table.exclude]
    if columns:
        text = (
            f"{table.name}: NEW numbers {', '.join(columns)} itself (generated always as identity) and "
            "accepts no number from OLD"
        )
        hint = "supasync schema sql --identity prints SQL after which it does, until the switch"
        yield Remark(kind="identity", level="warning", table=table.name, text=text, hint=hint)


def inserted_identity(table: Table, rows: Sequence[Mapping[str, Any]]) -> Iterator[Remark]:
    """Columns beside the key that take OLD's number of a new row alone, and none that changes later."""
    columns = [row["column"] for row in rows if row["column"] not in (*table.exclude, *table.key)]
    if columns:
        text = (
            f"{table.name}: NEW numbers {', '.join(columns)} itself (generated always as identity) and takes "
            "OLD's number of a new row, but none that changes later"
        )
        hint = (
            "every row that is sent is compared, and one that differs stops the table; supasync schema sql "
            "--identity prints SQL after which NEW takes these too, until the switch"
        )
        yield Remark(kind="identity", level="warning", table=table.name, text=text, hint=hint)


def of_catalog(
    tables: Sequence[Table],
    parts: Parts | None,
    identity: Callable[[Table, Sequence[Mapping[str, Any]]], Iterator[Remark]] = refused_identity,
) -> list[Remark]:
    """All remarks; a single one where NEW does not have the functions that would tell, or older ones.

    ``identity`` says what becomes of numbers for a column that is generated always.
    """
    if parts is None or "triggers" not in parts:
        text = (
            "NEW does not show its triggers, child tables and the precision of its types: its functions are "
            "missing or old"
        )
        return [Remark(kind="unknown", level="warning", table=None, text=text, hint=_PASTE)]
    names = {table.address: table for table in tables}
    found = [*_accounts(parts), *_callers(parts)]
    for place, table in names.items():
        own = {
            part: [row for row in rows if (row.get("schema"), row.get("table")) == place]
            for part, rows in parts.items()
        }
        found += _triggers(table, own["triggers"])
        found += _children(table, own["children"], names)
        found += _precision(table, own["modifiers"])
        found += identity(table, own.get("identity", ()))
        found += _computed(table, own.get("computed", ()))
    return found


def _accounts(parts: Parts) -> Iterator[Remark]:
    """Triggers on auth.users: no copied row fires them, but each account that is created in NEW does."""
    if "accounts" not in parts:
        text = "NEW does not show the triggers on auth.users: its functions are those of an older supasync"
        yield Remark(kind="accounts", level="note", table=None, text=text, hint=_PASTE)
    for name, function in sorted({(row["name"], row["function"]) for row in parts.get("accounts", ())}):
        yield Remark(
            kind="accounts",
            level="warning",
            table=None,
            text=f"the trigger {name} on auth.users, which calls {function}, fires for each account that is "
            "created in NEW",
            hint="if it makes rows in the tables that are copied, guard it: supasync schema sql --triggers "
            f"guard; or drop {function} until the switch",
        )


def _callers(parts: Parts) -> Iterator[Remark]:
    """Roles that may call supasync's functions, which are for the secret key alone."""
    for name, role in sorted({(row["name"], row["role"]) for row in parts.get("callers", ())}):
        yield Remark(
            kind="callers",
            level="warning",
            table=None,
            text=f"{role} may call {name} of NEW, which is for the secret key alone",
            hint=f"{_PASTE}, and the optional scripts that you have pasted",
        )


def _triggers(table: Table, rows: Sequence[Mapping[str, Any]]) -> Iterator[Remark]:
    rows = [row for row in rows if table.deletes == "mirror" or set(row["events"]) - {"delete"}]
    changing = [row for row in rows if row["moment"] == "before" and row["row"]]
    acting = [row for row in rows if row not in changing]
    for those, what in ((changing, "may change each row that is copied"), (acting, "act on copied rows")):
        if those:
            names = (f"{row['name']} ({row['moment']} {' or '.join(row['events'])})" for row in those)
            text = f"{table.name}: triggers of NEW {what}: {', '.join(names)}"
            yield Remark(kind="trigger", level="warning", table=table.name, text=text, hint=GUARD)


def _children(
    table: Table, rows: Sequence[Mapping[str, Any]], declared: Mapping[tuple[str, str], Table]
) -> Iterator[Remark]:
    if children := [row["child"] for row in rows if not row["partition"]]:
        yield inherited(table, children, "NEW")
    partitions = [
        row["child"] for row in rows if row["partition"] and (row["child_schema"], row["child"]) in declared
    ]
    if partitions:
        text = (
            f"{table.name} and its partitions {', '.join(partitions)} are all declared: each row would be "
            "copied twice"
        )
        hint = f"take {table.name} or its partitions out of tables.yaml"
        yield Remark(kind="inheritance", level="problem", table=table.name, text=text, hint=hint)


def inherited(table: Table, children: Sequence[str], project: str) -> Remark:
    """The remark on a table that shows the rows of tables which inherit from it."""
    names = ", ".join(children)
    return Remark(
        kind="inheritance",
        level="problem",
        table=table.name,
        text=f"{table.name}: {project} shows rows of {names} in it too (INHERITS): copied twice",
        hint=f"take {table.name} out of tables.yaml and copy {names}; copy the rows that {table.name} "
        "holds itself by SQL, with ONLY",
    )


def perhaps_partitions(table: Table, children: Sequence[str]) -> Remark:
    """The remark on a table that shows the rows of tables which are not copied themselves."""
    names = ", ".join(children)
    return Remark(
        kind="inheritance",
        level="warning",
        table=table.name,
        text=f"{table.name}: OLD shows rows of {names} in it too, and they are copied as its own",
        hint=f"that is right for partitions; if {names} inherit from it (INHERITS), copy those instead",
    )


def _computed(table: Table, rows: Sequence[Mapping[str, Any]]) -> Iterator[Remark]:
    """Columns that NEW computes: whether OLD does, and how, only both catalogs tell."""
    sent = [row["column"] for row in rows if not table.columns or row["column"] in table.columns]
    columns = ", ".join(name for name in sent if name not in table.exclude)
    if columns:
        text = f"{table.name}: NEW computes {columns} itself; OLD's expression is not known"
        hint = (
            "every row that is sent is compared, and one that differs stops the table; exclude: keeps NEW's "
            "values and saves that; OLD_DATABASE_URL and NEW_DATABASE_URL in .env show both expressions"
        )
        yield Remark(kind="computed", level="warning", table=table.name, text=text, hint=hint)


_DIGITS = re.compile(r"^(?:numeric|time|interval)[^(]*\((?:\d+,)?(\d+)\)")
"""The last number of ``numeric(12,1)``, ``timestamp(0) with time zone`` or ``interval(0)``."""


def _precision(table: Table, rows: Sequence[Mapping[str, Any]]) -> Iterator[Remark]:
    """What may round; whether OLD's own type holds as little cannot be seen."""
    types = [
        f"{row['column']} as {row['type']}"
        for row in rows
        if row["type"].startswith(_ROUNDS) and row["column"] not in table.exclude
    ]
    if types:
        text = (
            f"{table.name}: NEW stores {', '.join(types)}, and rounds values with more digits; OLD does not "
            "show its own precision"
        )
        hint = "compare it with OLD's: a run that reads rows back finds values that were rounded"
        digits = {row["column"]: int(found[1]) for row in rows if (found := _DIGITS.search(row["type"]))}
        yield Remark(kind="precision", level="note", table=table.name, text=text, hint=hint, digits=digits)
