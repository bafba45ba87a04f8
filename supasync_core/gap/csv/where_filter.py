"""A table's ``where`` applied to staged rows, as far as its words are simple and its types are known."""

import re
from dataclasses import dataclass

from supasync_core.model import timestamps
from supasync_core.model.opaque_keys import foreign
from supasync_core.model.pg_types import MOMENTS, WHOLE, is_document, type_of
from supasync_core.model.table import Shape, Table
from supasync_core.model.wording import counted
from supasync_core.staging.csv.export_finding import WARNING, ExportFinding
from supasync_core.staging.duckdb_tables import Kinds, Tables, qualified
from supasync_core.staging.equality import normal
from supasync_core.staging.staged_tables import ready
from supasync_core.staging.staging_file import Staging
from supasync_core.staging.values import VARCHAR, identifier, instant, literal, plain

COMPARED = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_WORDS = ("null", "true", "false", "unknown")


@dataclass(frozen=True, slots=True)
class Condition:
    """One of PostgREST's filters: a column, ``is`` or a comparison, and what it is compared with."""

    column: str
    operator: str
    value: str
    negated: bool


def conditions(where: str) -> list[Condition] | None:
    """All conditions of a filter; None where one is not simple."""
    found = []
    for part in where.split("&"):
        match = re.fullmatch(r"(\w+)=(not\.)?(eq|neq|gt|gte|lt|lte|is)\.(.*)", part)
        if not match or "%" in match[4] or "+" in match[4]:
            return None
        if match[3] == "is" and match[4].lower() not in _WORDS:
            return None
        found.append(Condition(match[1], match[3], match[4], negated=bool(match[2])))
    return found


def leave_out(staging: Staging, table: Table, shape: Shape, language: str) -> list[ExportFinding]:
    """Take staged rows out that ``where`` does not let through; what was done, or could not be."""
    kinds = Tables(staging.connection).kinds(ready(table))
    if not table.where or not kinds:
        return []
    filters = conditions(table.where) if language == "rest" else None
    parts = [_sql(each, shape, kinds) for each in filters] if filters is not None else [None]
    if None in parts:
        text = "is not applied to files: rows that it excludes are imported too"
        return _said(table, f"where: {table.where} {text}")
    kept = " AND ".join(part for part in parts if part)
    return _left_out(staging, table, f"NOT coalesce({kept}, false)", f"excluded by where: {table.where}")


def leave_marked_out(staging: Staging, table: Table) -> list[ExportFinding]:
    """Take staged rows out that ``soft_delete`` marks as deleted; what was done, or could not be."""
    mark, kinds = table.soft_delete, Tables(staging.connection).kinds(ready(table))
    if mark is None or not kinds:
        return []
    if mark not in kinds:
        text = f"the files have no column {mark}: rows that are marked as deleted are imported too"
        return _said(table, f"soft_delete: {text}")
    cell = plain(f"r.{identifier(mark)}", kinds[mark])
    marked = f"coalesce({cell}, '') NOT IN ('', 'null')"  # NULL, as the exports of the dashboard print it
    what = f"marked as deleted by {mark}, and not imported; rows of NEW are not removed"
    return _left_out(staging, table, marked, what)


def _left_out(staging: Staging, table: Table, condition: str, what: str) -> list[ExportFinding]:
    """Take these staged rows out; how many they are."""
    rows_there = f"FROM {qualified(ready(table))} AS r WHERE {condition}"
    rows = staging.fetch(f"SELECT count(*) {rows_there}")[0][0]
    if not rows:
        return []
    staging.fetch(f"DELETE {rows_there}")
    return _said(table, f"{counted(rows, 'row of the files is', 'rows of the files are')} {what}")


def _said(table: Table, text: str) -> list[ExportFinding]:
    return [ExportFinding(kind="where", table=table.name, text=text, level=WARNING)]


def _sql(condition: Condition, shape: Shape, kinds: Kinds) -> str | None:
    """The condition on a staged row ``r``; None where DuckDB may see it otherwise than PostgreSQL."""
    name = condition.column
    if name not in kinds:
        return None
    text = plain(f"r.{identifier(name)}", kinds[name])
    word = condition.value.lower()
    if condition.operator != "is":
        found = _compared(condition, shape, text)
    elif word in ("null", "unknown"):
        found = f"({text} IS NULL)"
    else:
        found = f"coalesce({normal('boolean', text)} = '{word}', false)"
    return f"(NOT {found})" if found and condition.negated else found


def _compared(condition: Condition, shape: Shape, text: str) -> str | None:
    kind, sign = type_of(shape, condition.column), COMPARED[condition.operator]
    value = literal(condition.value)
    if kind in WHOLE and re.fullmatch(r"-?\d{1,19}", condition.value):
        return f"(TRY_CAST({text} AS HUGEINT) {sign} {condition.value})"
    is_moment = timestamps.parse_or_none(condition.value) is not None and condition.value[:4].isdigit()
    if kind in MOMENTS and is_moment:
        mine, other = instant(text, VARCHAR), instant(value, VARCHAR)
        return f"(CASE WHEN {text} IS NOT NULL AND {mine} IS NULL THEN true ELSE {mine} {sign} {other} END)"
    unsure = not kind or is_document(kind) or foreign(shape, [condition.column])
    if unsure or condition.operator not in ("eq", "neq"):
        return None
    return f"({normal(kind, text)} {sign} {normal(kind, value)})"
