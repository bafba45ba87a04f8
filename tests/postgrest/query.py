"""The query string: select, filters, logic trees, order, limit and offset, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from .errors import ApiError, parse_error

if TYPE_CHECKING:
    from collections.abc import Iterable

RESERVED = {"select", "order", "limit", "offset", "columns", "on_conflict", "and", "or", "not.and", "not.or"}
OPERATORS = {
    "eq": "=",
    "neq": "<>",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "like": "like",
    "ilike": "ilike",
    "match": "~",
    "imatch": "~*",
    "cs": "@>",
    "cd": "<@",
    "ov": "&&",
    "sl": "<<",
    "sr": ">>",
    "nxr": "&<",
    "nxl": "&>",
    "adj": "-|-",
    "isdistinct": "is distinct from",
    "in": "in",
    "is": "is",
}
IS_WORDS = {"null": "null", "not_null": "not null", "true": "true", "false": "false", "unknown": "unknown"}
NAME = re.compile(r"(?:[\w$ ]|-(?!>))+")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
PATH_STEP = re.compile(r'(->>?)("(?:[^"\\]|\\.)*"|(?:[\w$ ]|-(?!>))+)', re.DOTALL)
OPERATOR = re.compile(r"(not\.)?([a-z]+)(?:\((any|all)\))?\.", re.DOTALL)
CAST = re.compile(r"::([A-Za-z0-9_ \"\[\].]+)$")


@dataclass(frozen=True)
class Field:
    """A column, or a place inside a JSON column."""

    name: str
    path: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Selected:
    """One item of `select=`."""

    field: Field
    alias: str | None = None
    cast: str | None = None


@dataclass(frozen=True)
class Filter:
    """One condition on one field."""

    field: Field
    operator: str
    value: str | tuple[str, ...]
    negated: bool = False
    quantifier: str | None = None


@dataclass(frozen=True)
class Tree:
    """Conditions joined by and/or."""

    operator: str
    branches: tuple[Tree | Filter, ...]
    negated: bool = False


@dataclass(frozen=True)
class Ordering:
    """One item of `order=`."""

    field: Field
    direction: str = ""
    nulls: str = ""


@dataclass
class Query:
    """Everything a query string asks for, with the parameters it was read from."""

    select: tuple[Selected, ...] = (Selected(Field("*")),)
    filters: list[Filter] = field(default_factory=list)
    trees: list[Tree] = field(default_factory=list)
    order: tuple[Ordering, ...] = ()
    columns: tuple[str, ...] | None = None
    on_conflict: tuple[str, ...] = ()
    limit: int | None = None
    offset: int = 0
    pairs: tuple[tuple[str, str], ...] = ()

    @property
    def conditions(self) -> list[Tree | Filter]:
        """Return every condition, filters first."""
        return [*self.filters, *self.trees]


def parameters(raw: str) -> list[tuple[str, str]]:
    """Split a raw query string; a plus is a space, and broken UTF-8 raises UnicodeDecodeError."""
    pairs = [piece.partition("=")[::2] for piece in raw.split("&") if piece]
    return [(decoded(name), decoded(value)) for name, value in pairs]


def decoded(text: str) -> str:
    """Undo percent escapes."""
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8")


def parse(pairs: Iterable[tuple[str, str]]) -> Query:
    """Read the parameters of a request on a table."""
    query = Query(pairs=tuple(pairs))
    for name, value in query.pairs:
        if name in RESERVED:
            read_reserved(query, name, value)
        else:
            query.filters.append(parse_filter(name, value))
    return query


def read_reserved(query: Query, name: str, value: str) -> None:
    """Read one parameter whose name is a keyword."""
    if name == "select":
        query.select = parse_select(value)
    elif name == "order":
        query.order = tuple(parse_ordering(item, value) for item in split_top(value))
    elif name == "columns":
        query.columns = names(value, "columns parameter")
    elif name == "on_conflict":
        query.on_conflict = names(value, "on_conflict parameter")
    elif name in {"limit", "offset"}:
        read_range(query, name, value)
    else:
        query.trees.append(parse_tree(name, value))


def read_range(query: Query, name: str, value: str) -> None:
    """Read limit or offset; what is not a number is ignored."""
    if re.fullmatch(r"-?\d+", value):
        if name == "limit":
            query.limit = int(value)
        else:
            query.offset = max(0, int(value))


def names(text: str, where: str) -> tuple[str, ...]:
    """Read a list of column names, keeping the first of equal ones."""
    found = [unquoted(item.strip()) for item in split_top(text)]
    if not all(found):
        raise parse_error(where, text)
    return tuple(dict.fromkeys(found))


def split_top(text: str, separator: str = ",") -> list[str]:
    """Split at separators that are outside of quotes and parentheses."""
    pieces, depth, start, position = [], 0, 0, 0
    while position < len(text):
        character = text[position]
        quoted = QUOTED.match(text, position) if character == '"' else None
        if quoted:
            position = quoted.end()
            continue
        depth += (character == "(") - (character == ")")
        if character == separator and depth == 0:
            pieces.append(text[start:position])
            start = position + 1
        position += 1
    return [*pieces, text[start:]]


def unquoted(text: str) -> str:
    """Return a name without its quotes."""
    match = QUOTED.fullmatch(text)
    return re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL) if match else text


def scan_field(text: str, where: str, whole: str) -> tuple[Field, str]:
    """Read a field at the start of `text` and return it with what follows."""
    quoted = QUOTED.match(text)
    match = quoted or NAME.match(text)
    if not match:
        raise parse_error(where, whole, "expecting field name (* or [a..z0..9_$])")
    name = unquoted(match[0]) if quoted else match[0].strip()
    rest, path = text[match.end() :], []
    while step := PATH_STEP.match(rest):
        path.append((step[1], unquoted(step[2])))
        rest = rest[step.end() :]
    return Field(name, tuple(path)), rest


def parse_select(text: str) -> tuple[Selected, ...]:
    """Read `select=`; an empty one means every column."""
    if not text:
        return (Selected(Field("*")),)
    return tuple(parse_selected(item, text) for item in split_top(text))


def parse_selected(item: str, whole: str) -> Selected:
    """Read one item: `alias:column->path::cast`."""
    if item == "*":
        return Selected(Field("*"))
    if re.search(r"(^|\.)(count|sum|avg|min|max)\(\)", item):
        raise ApiError(400, "PGRST123", "Use of aggregate functions is not allowed")
    where = "select parameter"
    found, rest = scan_field(item, where, whole)
    alias = None
    if rest.startswith(":") and not rest.startswith("::"):
        alias = found.name
        found, rest = scan_field(rest[1:], where, whole)
    cast = CAST.match(rest)
    if rest.startswith(("(", "!")):
        raise ApiError(
            400, "PGRST200", f"Could not find a relationship to '{found.name}' in the schema cache"
        )
    if rest and not cast:
        raise parse_error(where, whole)
    return Selected(found, alias, cast[1] if cast else None)


def parse_ordering(item: str, whole: str) -> Ordering:
    """Read one item of `order=`."""
    found, rest = scan_field(item, "order", whole)
    match = re.fullmatch(r"(?:\.(asc|desc))?(?:\.(nullsfirst|nullslast))?", rest)
    if not match:
        raise parse_error("order", whole, 'expecting "asc", "desc", "nullsfirst" or "nullslast"')
    return Ordering(found, match[1] or "", match[2] or "")


def parse_filter(name: str, value: str) -> Filter:
    """Read a top-level filter; its value is raw to the end."""
    found, rest = scan_field(name, "filter", name)
    if rest.startswith("."):
        hint = f"Verify that '{found.name}' is included in the 'select' query parameter."
        message = f"'{found.name}' is not an embedded resource in this request"
        raise ApiError(400, "PGRST108", message, None, hint)
    operator = OPERATOR.match(value)
    if not operator or operator[2] not in OPERATORS:
        raise parse_error("filter", value, 'expecting "not" or operator (eq, gt, ...)')
    text = value[operator.end() :]
    if operator[2] == "in":
        items, rest = scan_list(text, value)
        return Filter(found, "in", items, bool(operator[1]))
    return finished(found, operator, text, value)


def finished(found: Field, operator: re.Match[str], text: str, whole: str) -> Filter:
    """Return the filter of a single value."""
    if operator[2] == "is" and text.lower() not in IS_WORDS:
        raise parse_error("filter", whole, "expecting isVal: (null, not_null, true, false, unknown)")
    return Filter(found, operator[2], text, bool(operator[1]), operator[3])


def scan_list(text: str, whole: str) -> tuple[tuple[str, ...], str]:
    """Read `(a,"b,c",...)` and return the items with what follows."""
    if not text.startswith("("):
        raise parse_error("filter", whole, 'expecting "("')
    items, rest = [], text[1:]
    while True:
        item, rest = scan_item(rest)
        items.append(item)
        if rest.startswith(")"):
            return tuple(items), rest[1:]
        if not rest:
            raise parse_error("filter", whole, 'unexpected end of input expecting "," or ")"')
        rest = rest[1:]


def scan_item(text: str) -> tuple[str, str]:
    """Read one value up to a comma or a closing parenthesis; quotes protect both."""
    quoted = QUOTED.match(text)
    if quoted and text[quoted.end() : quoted.end() + 1] in {",", ")", ""}:
        return unquoted(quoted[0]), text[quoted.end() :]
    plain = re.match(r"[^,)]*", text)
    end = plain.end() if plain else 0
    return text[:end], text[end:]


def parse_tree(name: str, value: str) -> Tree:
    """Read `and=(...)`, `or=(...)` and their negations."""
    tree, rest = scan_tree(f"{name}{value}", value)
    if rest or not isinstance(tree, Tree):
        raise parse_error("logic tree", value)
    return tree


def scan_tree(text: str, whole: str) -> tuple[Tree | Filter, str]:
    """Read one branch and return it with what follows."""
    text = text.lstrip(" ")
    opening = re.match(r"(not\.)?(and|or)\(", text)
    if not opening:
        return scan_condition(text, whole)
    branches, rest = [], text[opening.end() :]
    while True:
        branch, rest = scan_tree(rest, whole)
        branches.append(branch)
        rest = rest.lstrip(" ")
        if rest.startswith(")"):
            return Tree(opening[2], tuple(branches), bool(opening[1])), rest[1:]
        if not rest.startswith(","):
            raise parse_error("logic tree", whole, 'expecting "," or ")"')
        rest = rest[1:]


def scan_condition(text: str, whole: str) -> tuple[Filter, str]:
    """Read `column.operator.value` inside a tree."""
    found, rest = scan_field(text, "logic tree", whole)
    operator = OPERATOR.match(rest[1:])
    if not rest.startswith(".") or not operator or operator[2] not in OPERATORS:
        raise parse_error("logic tree", whole, "expecting delimiter (.)")
    rest = rest[1 + operator.end() :]
    if operator[2] == "in":
        items, rest = scan_list(rest, whole)
        return Filter(found, "in", items, bool(operator[1])), rest
    array = re.match(r"\{[^{}]*\}(?=[,)])", rest)
    value, rest = (array[0], rest[array.end() :]) if array else scan_item(rest)
    return finished(found, operator, value, whole), rest
