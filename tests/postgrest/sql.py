"""SQL text from parsed queries: identifiers, conditions, order and the JSON that comes out."""

# ruff: noqa: S608 - statements are built from quoted names and bound values, see sql.py

from __future__ import annotations

from dataclasses import dataclass, field

from .query import IS_WORDS, OPERATORS, Field, Filter, Ordering, Query, Selected, Tree

SOURCE = "pgrst_source"
NULLS = {"": "", "nullsfirst": " nulls first", "nullslast": " nulls last"}
ROWS = "_postgrest_t"


@dataclass(frozen=True)
class Raw:
    """Bytes for a json parameter, passed on as they came."""

    data: bytes


@dataclass
class Parameters:
    """The values of a statement, in the order of their numbers."""

    values: list[str | Raw] = field(default_factory=list)

    def bind(self, value: str | Raw) -> str:
        """Add a value and return its placeholder; like the real server, a text ends at its first NUL."""
        self.values.append(value.partition("\0")[0] if isinstance(value, str) else value)
        return f"${len(self.values)}"


def ident(*parts: str) -> str:
    """Quote a name."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def literal(text: str) -> str:
    """Quote a constant."""
    return "'" + text.replace("'", "''") + "'"


def array_literal(items: tuple[str, ...]) -> str:
    """Return the text of an array; the list of one empty string counts as an empty list."""
    if items == ("",):
        return "{}"
    return "{" + ",".join('"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in items) + "}"


def column(table: str, wanted: Field) -> str:
    """Return the expression of a field of `table` (already quoted)."""
    if wanted.name == "*":
        return f"{table}.*"
    text = f"{table}.{ident(wanted.name)}"
    if not wanted.path:
        return text
    steps = "".join(arrow + (key if key.isdigit() else literal(key)) for arrow, key in wanted.path)
    return f"to_jsonb({text}){steps}"


def selected(table: str, item: Selected) -> str:
    """Return one item of the select list."""
    text = column(table, item.field)
    if item.cast:
        text = f"cast({text} as {item.cast})"
    alias = item.alias
    if alias is None and (item.field.path or item.cast):
        alias = item.field.path[-1][1] if item.field.path else item.field.name
    return f"{text} as {ident(alias)}" if alias else text


def select_list(table: str, query: Query) -> str:
    """Return the whole select list."""
    return ", ".join(selected(table, item) for item in query.select)


def condition(table: str, node: Filter | Tree, parameters: Parameters) -> str:
    """Return one condition."""
    negation = "not " if node.negated else ""
    if isinstance(node, Tree):
        inside = f" {node.operator} ".join(condition(table, branch, parameters) for branch in node.branches)
        return f"{negation}({inside})"
    return f"{negation}{column(table, node.field)} {comparison(node, parameters)}"


def comparison(node: Filter, parameters: Parameters) -> str:
    """Return operator and value of a filter."""
    if isinstance(node.value, tuple):
        return f"= any ({parameters.bind(array_literal(node.value))})"
    if node.operator == "is":
        return f"is {IS_WORDS[node.value.lower()]}"
    value = node.value.replace("*", "%") if node.operator in {"like", "ilike"} else node.value
    placeholder = parameters.bind(value)
    if node.quantifier:
        placeholder = f"{node.quantifier} ({placeholder})"
    return f"{OPERATORS[node.operator]} {placeholder}"


def where(table: str, nodes: list[Tree | Filter], parameters: Parameters) -> str:
    """Return the WHERE clause, or nothing."""
    texts = [condition(table, node, parameters) for node in nodes]
    return f" where {' and '.join(texts)}" if texts else ""


def order_by(table: str, items: tuple[Ordering, ...]) -> str:
    """Return the ORDER BY clause, or nothing."""
    texts = [f"{column(table, item.field)} {item.direction}{NULLS[item.nulls]}" for item in items]
    return f" order by {', '.join(texts)}" if texts else ""


def page(limit: int | None, offset: int, parameters: Parameters) -> str:
    """Return LIMIT and OFFSET as parameters, so that one prepared statement serves all pages."""
    if limit is None and offset == 0:
        return ""
    count = "all" if limit is None else parameters.bind(str(limit))
    return f" limit {count} offset {parameters.bind(str(offset))}"


def csv(rows: str) -> str:
    """Return the aggregate that makes CSV of `rows`: unquoted names, then the composite texts."""
    return (
        "(select coalesce(string_agg(a.k, ','), '') from (select json_object_keys(r)::text as k from"
        f" (select row_to_json(hh) as r from ({rows}) as hh limit 1) s) a) || e'\\n' || "
        f"coalesce(string_agg(substring({ROWS}::text, 2, length({ROWS}::text) - 2), e'\\n'), '')"
    )


def body(media: str, rows: str, *, scalar: bool = False, single: bool = False) -> str:
    """Return the aggregate that makes the body of a media type from `rows`."""
    row = f"{ROWS}.pgrst_scalar" if scalar else ROWS
    if media == "text/csv":
        return csv(rows)
    if media.endswith("nulls=stripped"):
        array = f"array_to_json(array_agg(json_strip_nulls(row_to_json({ROWS}))))"
    else:
        array = f"json_agg({row})"
    if single or ".object+json" in media:
        return f"coalesce(({array}->0)::text, 'null')"
    return f"coalesce({array}::text, '[]')"
