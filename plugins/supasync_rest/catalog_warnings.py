"""What NEW's catalog tells and its API does not, in sentences: what a copy would meet there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from supasync_core.api.backend import Remark
from supasync_core.model.table import Table

GUARD: Final = (
    "supasync schema sql --triggers guard prints the SQL after which they fire for everything but what "
    "supasync writes"
)
_ROUNDS: Final = ("numeric", "timestamp", "time", "interval")
_PASTE: Final = "paste into NEW's SQL editor what supasync schema sql prints"
_OLDER: Final = Remark(
    kind="unknown",
    level="warning",
    table=None,
    text="NEW does not tell its triggers, child tables and the precision of its types: its functions are old",
    hint=_PASTE,
)
Parts = Mapping[str, Sequence[Mapping[str, Any]]]


def of_catalog(tables: Sequence[Table], parts: Parts | None) -> list[Remark]:
    """All remarks; one that NEW cannot tell where its functions are not there or older."""
    if parts is None or "triggers" not in parts:
        return [_OLDER]
    names = {table.address: table for table in tables}
    found = list(_accounts(parts))
    for place, table in names.items():
        own = {
            part: [row for row in rows if (row["schema"], row["table"]) == place]
            for part, rows in parts.items()
        }
        found += _triggers(table, own["triggers"])
        found += _children(table, own["children"], names)
        found += _precision(table, own["modifiers"])
        found += _identity(table, own.get("identity", ()))
    return found


def _accounts(parts: Parts) -> Iterator[Remark]:
    """Triggers on auth.users: no row that is copied fires them, but each account that comes into NEW."""
    if "accounts" not in parts:
        yield Remark(
            kind="accounts",
            level="note",
            table=None,
            text="NEW does not tell the triggers on auth.users: its functions are those of an older supasync",
            hint=_PASTE,
        )
    for name, function in sorted({(row["name"], row["function"]) for row in parts.get("accounts", ())}):
        yield Remark(
            kind="accounts",
            level="warning",
            table=None,
            text=f"the trigger {name} on auth.users, which calls {function}, acts on each account that comes "
            "into NEW",
            hint=f"where it makes rows of the tables that are copied, drop {function} until the switch, as "
            "the guide to users of Supabase Auth says",
        )


def _triggers(table: Table, rows: Sequence[Mapping[str, Any]]) -> Iterator[Remark]:
    rows = [row for row in rows if table.deletes == "mirror" or set(row["events"]) - {"delete"}]
    changing = [row for row in rows if row["moment"] == "before" and row["row"]]
    acting = [row for row in rows if row not in changing]
    for told, what in ((changing, "may change each row that is copied"), (acting, "acts on what is copied")):
        if told:
            shown = ", ".join(f"{row['name']} ({row['moment']} {' or '.join(row['events'])})" for row in told)
            word = "the trigger" if len(told) == 1 else "the triggers"
            text = f"{table.name}: {word} {shown} of NEW {what if len(told) == 1 else _plural(what)}"
            yield Remark(kind="trigger", level="warning", table=table.name, text=text, hint=GUARD)


def _plural(what: str) -> str:
    return what.replace("acts", "act")


def _children(
    table: Table, rows: Sequence[Mapping[str, Any]], declared: Mapping[tuple[str, str], Table]
) -> Iterator[Remark]:
    heirs = [row["child"] for row in rows if not row["partition"]]
    if heirs:
        yield inherited(table, heirs, "NEW")
    partitions = [
        row["child"] for row in rows if row["partition"] and (row["child_schema"], row["child"]) in declared
    ]
    if partitions:
        names = ", ".join(partitions)
        yield Remark(
            kind="inheritance",
            level="problem",
            table=table.name,
            text=f"{table.name} and its partitions {names} are all to be copied: each row would go twice",
            hint=f"take {table.name} or its partitions out of tables.yaml",
        )


def inherited(table: Table, heirs: Sequence[str], project: str) -> Remark:
    """The remark on a table that shows the rows of tables which inherit from it."""
    names = ", ".join(heirs)
    return Remark(
        kind="inheritance",
        level="problem",
        table=table.name,
        text=f"{table.name}: {project} shows rows of {names} in it too (INHERITS): they would go twice",
        hint=f"take {table.name} out of tables.yaml and copy {names}; what {table.name} holds itself (its "
        "rows by ONLY) is carried over by hand",
    )


def perhaps_partitions(table: Table, heirs: Sequence[str]) -> Remark:
    """The remark on a table that shows the rows of tables which are not copied themselves."""
    names = ", ".join(heirs)
    return Remark(
        kind="inheritance",
        level="warning",
        table=table.name,
        text=f"{table.name}: OLD shows rows of {names} in it too, and they are copied as its own",
        hint=f"that is right for partitions; where {names} inherit from it (INHERITS), copy those instead",
    )


def _identity(table: Table, rows: Sequence[Mapping[str, Any]]) -> Iterator[Remark]:
    """Columns that number themselves, and would refuse each row that brings a number."""
    columns = [row["column"] for row in rows if row["column"] not in table.exclude]
    if columns:
        yield Remark(
            kind="identity",
            level="warning",
            table=table.name,
            text=f"{table.name}: NEW numbers {', '.join(columns)} itself (generated always as identity), and "
            "takes no number from OLD",
            hint="supasync schema sql --identity prints the SQL after which it does, until the switch",
        )


def _precision(table: Table, rows: Sequence[Mapping[str, Any]]) -> Iterator[Remark]:
    """What may round; that OLD's own type holds as little cannot be seen."""
    told = [
        f"{row['column']} as {row['type']}"
        for row in rows
        if row["type"].startswith(_ROUNDS) and row["column"] not in table.exclude
    ]
    if told:
        yield Remark(
            kind="precision",
            level="note",
            table=table.name,
            text=f"{table.name}: NEW holds {', '.join(told)}, and rounds what has more digits; OLD does not "
            "show its own precision",
            hint="compare it with OLD's: a run that reads rows back finds values that were rounded",
        )
