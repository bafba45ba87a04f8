"""Two catalogs compared: what differs beyond what the APIs of both projects show."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from supasync_core.model.level import PROBLEM, WARNING, Level
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration
from supasync_core.project.sql_sessions import VARIABLES, sql_session
from supasync_core.schema import type_parts
from supasync_core.schema.both_sides import OWN, Comparison, Difference
from supasync_core.schema.whole_catalog import STILL_HIDDEN, TableFacts, catalog_of

_WAY: Final = f"to compare that too, write {VARIABLES['OLD']} and {VARIABLES['NEW']} into .env"
BETTER_KNOWN: Final = ("unknown", "precision", "computed")
"""Kinds of remarks on what one side does not show, which the catalogs of both do."""
_OF_COLUMNS: Final = ("type", "default", "identity", "generated")
_NAMED: Final = ("trigger", "policy", "rights")
_DEFINED: Final = ("constraint", "foreign key", "index")
"""Told apart by what they say: their names are often made by PostgreSQL."""
_REFUSING: Final = ("constraint", "foreign key")
_GUARD: Final = "supasync_writes()"
Catalog = Mapping[tuple[str, str], TableFacts]
_LIMITS: Final = re.compile(r"(?P<base>[^(]+)\((?P<first>\d+)(?:,(?P<second>-?\d+))?\)(?P<rest>.*)")


def with_catalogs(migration: Migration, found: Comparison) -> Comparison:
    """The comparison with what only the catalogs tell, where both databases can be asked for them.

    Errors of a connection string are raised, as `sql_session` says.
    """
    told = catalog_differences(migration) if migration.alike else None
    if told is None:
        return replace(found, way=_WAY if found.hidden and migration.alike else None)
    known = {(each.table, each.column, each.kind) for each in found.differences}
    columns = {(each.table, each.column) for each in found.differences if each.kind == "reference"}
    more = [
        each
        for each in told
        if (each.table, each.column, each.kind) not in known or each.column is None
        if not any(each.table == name and _refers_by(each, column) for name, column in columns)
    ]
    remarks = tuple(each for each in found.remarks if each.kind not in BETTER_KNOWN)
    return replace(found, differences=(*found.differences, *more), hidden=STILL_HIDDEN, remarks=remarks)


def catalog_differences(migration: Migration) -> list[Difference] | None:
    """Of the tables of both sides, in the schemas of tables.yaml; None without a session on each side."""
    catalogs = both_catalogs(migration)
    if catalogs is None:
        return None
    mine, theirs = catalogs
    declared = {table.address: table for table in migration.settings.tables}
    found: list[Difference] = []
    for place in sorted({*mine} & {*theirs}):
        table = declared.get(place, Table(name=place[1], schema=place[0]))
        differing = of_catalogs(table, mine[place], theirs[place]) if table.name not in OWN else ()
        left_out = set(table.exclude)
        found += (
            each if place in declared and each.column not in left_out else replace(each, level=WARNING)
            for each in differing
        )
    return found


def both_catalogs(migration: Migration) -> tuple[Catalog, Catalog] | None:
    """OLD's and NEW's, of the schemas of tables.yaml; None without a session on each side."""
    schemas = list(dict.fromkeys(table.schema for table in migration.settings.tables))
    with sql_session(migration, "OLD") as old, sql_session(migration, "NEW") as new:
        if old is None or new is None:
            return None
        return catalog_of(old, schemas), catalog_of(new, schemas)


def _refers_by(difference: Difference, column: str | None) -> bool:
    """Whether it is a foreign key of this column alone, which was compared already."""
    text = difference.old or difference.new or ""
    return difference.kind == "foreign key" and text.startswith(f"FOREIGN KEY ({column})")


def of_catalogs(table: Table, old: TableFacts, new: TableFacts) -> Iterator[Difference]:
    """All of one table that both sides have."""
    for kind in _OF_COLUMNS:
        yield from _of_columns(table, kind, old.of(kind), new.of(kind), new.of("type"))
    narrower = {name: types for name, *types in type_parts.narrowed(old, new)}
    for column, (one, other) in narrower.items():
        text = f"{table.name}.{column} holds {one} in OLD, {other} in NEW, which is narrower"
        yield Difference("part", PROBLEM, table.name, text, column, one, other)
    for kind in _DEFINED:
        yield from _of_definitions(table, kind, old.of(kind), new.of(kind))
    for kind in _NAMED:
        yield from _of_names(table, kind, old.of(kind), new.of(kind))
    one, other = (facts.of("row level security").get("", "off") for facts in (old, new))
    if one != other:
        text = f"{table.name}: row level security is {one} in OLD, {other} in NEW"
        if other == "off":
            text += ": whoever has rights on the table sees every row there"
        yield Difference("row level security", WARNING, table.name, text, old=one, new=other)


def _of_columns(
    table: Table, kind: str, old: Mapping[str, str], new: Mapping[str, str], there: Mapping[str, str]
) -> Iterator[Difference]:
    """Of the columns that NEW has: that one is missing is a difference of its own."""
    for column in sorted({*old, *new} & {*there}):
        one, other = old.get(column), new.get(column)
        if one == other or (kind == "type" and one is None):
            continue
        words = {"identity": "an identity column", "generated": "computed", "default": "with the default"}
        text = (
            f"{table.name}.{column} is {_said(kind, words, one)} in OLD, {_said(kind, words, other)} in NEW"
        )
        level: Level = PROBLEM if _loses(kind, one, other) else WARNING
        hint = "NEW writes its own value there: let the column be a plain one until the switch"
        yield Difference(
            kind, level, table.name, text, column, one, other, hint if kind == "generated" and other else None
        )


def _said(kind: str, words: Mapping[str, str], definition: str | None) -> str:
    if kind == "type":
        return str(definition)
    if definition is None:
        return "without a default" if kind == "default" else "a plain column"
    return f"{words[kind]} ({definition})"


def _loses(kind: str, old: str | None, new: str | None) -> bool:
    """Whether values of OLD would not be what NEW then holds."""
    if kind == "generated":
        return new is not None
    return kind == "type" and _narrower(old or "", new or "")


def _narrower(old: str, new: str) -> bool:
    """Whether NEW's type has room for less: ``numeric(12,1)`` where OLD's is ``numeric(12,2)``."""
    theirs = _LIMITS.fullmatch(new)
    if theirs is None:
        return False
    mine = _LIMITS.fullmatch(old)
    if mine is None:
        return old == (theirs["base"] + theirs["rest"])
    if (mine["base"], mine["rest"]) != (theirs["base"], theirs["rest"]):
        return False
    scales = [int(each["second"] or 0) for each in (mine, theirs)]
    whole = [int(each["first"]) - scale for each, scale in zip((mine, theirs), scales, strict=True)]
    return whole[1] < whole[0] or scales[1] < scales[0]


def _of_definitions(
    table: Table, kind: str, old: Mapping[str, str], new: Mapping[str, str]
) -> Iterator[Difference]:
    for definition in sorted({*old.values()} - {*new.values()}):
        text = f"{table.name}: NEW lacks the {kind} {definition}"
        yield Difference(kind, WARNING, table.name, text, old=definition)
    for definition in sorted({*new.values()} - {*old.values()}):
        text = f"{table.name}: only NEW has the {kind} {definition}"
        refuses = kind in _REFUSING or definition.startswith("unique ")
        text += ": it may refuse rows of OLD" if refuses else ""
        yield Difference(kind, WARNING, table.name, text, new=definition)


def _of_names(
    table: Table, kind: str, old: Mapping[str, str], new: Mapping[str, str]
) -> Iterator[Difference]:
    what = "rights of" if kind == "rights" else kind
    for name in sorted({*old, *new}):
        one, other = old.get(name), new.get(name)
        if one == other or (one and other and _GUARD in other):
            continue  # a guarded trigger is OLD's, and gets its own condition back after the switch
        if other is None:
            text = f"{table.name}: NEW lacks the {what} {name}: {one}"
        elif one is None:
            text = f"{table.name}: only NEW has the {what} {name}: {other}"
        else:
            differs = "differ" if kind == "rights" else "differs"
            text = f"{table.name}: the {what} {name} {differs}: {one} in OLD, {other} in NEW"
        yield Difference(kind, WARNING, table.name, text, old=one, new=other)
