"""Calls of functions, by GET and by POST."""

# ruff: noqa: S608 - statements are built from quoted names and bound values, see sql.py

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import query as queries
from . import sql
from .database import Row, fetch
from .errors import ApiError
from .payload import from_json
from .read import require_single

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from .messages import Request
    from .query import Query
    from .read import Page
    from .schema import Function, Schema

    Work = Callable[[psycopg.Connection[Any]], Row]

SCALAR = "pgrst_scalar"


@dataclass(frozen=True)
class Call:
    """One function with the arguments that a request gives."""

    function: Function
    given: tuple[str, ...]
    texts: dict[str, str]  # by GET
    data: bytes | None  # by POST
    whole_body: bool

    @property
    def is_scalar(self) -> bool:
        """Tell whether the function returns values rather than rows."""
        return not self.function.returns_rows

    @property
    def is_single(self) -> bool:
        """Tell whether the body is one value rather than an array."""
        return not self.function.returns_set


def resolve(
    request: Request, cache: Schema, target: tuple[str, str], pairs: list[tuple[str, str]], *, is_13: bool
) -> tuple[Call, Query]:
    """Find the overload that takes the arguments of a request; other parameters filter its rows."""
    schema, name = target
    overloads = cache.functions.get((schema, name), [])
    if request.is_read:
        known = {argument.name for function in overloads for argument in function.arguments}
        texts = {key: value for key, value in pairs if key in known}
        unknown = [key for key, _ in pairs if key not in known and key not in queries.RESERVED]
        function = matching(overloads, tuple(texts))
        if function is None:
            raise not_found(schema, name, tuple(sorted([*texts, *unknown])), overloads, is_post=False)
        rest = [pair for pair in pairs if pair[0] not in texts]
        return Call(function, tuple(texts), texts, None, whole_body=False), queries.parse(rest)
    return posted(request, overloads, target, is_13=is_13), queries.parse(pairs)


def posted(request: Request, overloads: list[Function], target: tuple[str, str], *, is_13: bool) -> Call:
    """Find the overload for a JSON body; 13 took any body for a single named JSON argument, and failed."""
    body = request.body or b"{}"
    single = [f for f in overloads if takes_whole_body(f)]
    if single and len(overloads) == 1:
        return Call(single[0], (), {}, body, whole_body=True)
    given = from_json(body).columns
    function = matching(overloads, given)
    if function is None and single:
        return Call(single[0], (), {}, body, whole_body=True)
    if is_13 and function is None and len(overloads) == 1 and takes_json(overloads[0]):
        return Call(overloads[0], (), {}, body, whole_body=False)
    if function is None:
        raise not_found(*target, given, overloads, is_post=True)
    return Call(function, given, {}, body, whole_body=False)


def takes_whole_body(function: Function) -> bool:
    """Tell whether a function has a single unnamed JSON argument."""
    return takes_json(function) and not function.arguments[0].name


def takes_json(function: Function) -> bool:
    """Tell whether a function has a single JSON argument, named or not."""
    return len(function.arguments) == 1 and function.arguments[0].type in {"json", "jsonb"}


def matching(overloads: list[Function], given: tuple[str, ...]) -> Function | None:
    """Return the overload whose required arguments are given and that knows all given ones."""
    for function in overloads:
        names = {argument.name for argument in function.arguments}
        required = {argument.name for argument in function.arguments if argument.required}
        if required <= set(given) <= names:
            return function
    return None


def not_found(
    schema: str, name: str, given: tuple[str, ...], overloads: list[Function], *, is_post: bool
) -> ApiError:
    """Return the 404 of a call that no function takes."""
    plural = "s" if len(given) > 1 else ""
    shown = f"({', '.join(given)})" if given else " without parameters"
    searched = f" with parameter{plural} {', '.join(given)}" if given else " without parameters"
    extra = " or with a single unnamed json/jsonb parameter" if is_post else ""
    details = (
        f"Searched for the function {schema}.{name}{searched}{extra},"
        " but no matches were found in the schema cache."
    )
    message = f"Could not find the function {schema}.{name}{shown} in the schema cache"
    return ApiError(404, "PGRST202", message, details, hint(schema, name, overloads))


def hint(schema: str, name: str, overloads: list[Function]) -> str | None:
    """Return the overload that was perhaps meant."""
    if not overloads or not difflib.get_close_matches(name, [overloads[0].name], 1):
        return None
    arguments = ", ".join(argument.name for argument in overloads[0].arguments)
    return f"Perhaps you meant to call the function {schema}.{name}({arguments})"


def call_source(call: Call, parameters: sql.Parameters) -> str:
    """Return the FROM items that run the function."""
    name = sql.ident(call.function.schema, call.function.name)
    alias = f"pgrst_call({SCALAR})" if call.is_scalar else "pgrst_call"
    if call.whole_body:
        kind = call.function.arguments[0].type
        return f"{name}({parameters.bind(sql.Raw(call.data or b''))}::json::{kind}) {alias}"
    types = {argument.name: argument.type for argument in call.function.arguments}
    if call.data is None:
        passed = [f"{sql.ident(n)} := {parameters.bind(text)}::{types[n]}" for n, text in call.texts.items()]
        return f"{name}({', '.join(passed)}) {alias}"
    if not call.given:
        return f"{name}() {alias}"
    typed = ", ".join(f"{sql.ident(n)} {types[n]}" for n in call.given)
    passed = [f"{sql.ident(n)} := pgrst_body.{sql.ident(n)}" for n in call.given]
    return (
        f"(select {parameters.bind(sql.Raw(call.data))}::json as json_data) pgrst_payload,"
        f" lateral (select * from json_to_record(pgrst_payload.json_data) as _({typed}) limit 1) pgrst_body,"
        f" lateral {name}({', '.join(passed)}) {alias}"
    )


def work(call: Call, wanted: Page) -> Work:
    """Return the transaction that calls the function: total, rows on the page, body."""
    query, window, media = wanted.query, wanted.window, wanted.media

    def run(connection: psycopg.Connection[Any]) -> Row:
        parameters = sql.Parameters()
        table = sql.ident(call.function.name)
        columns = f"pgrst_call.{SCALAR}" if call.is_scalar else "pgrst_call.*"
        source = f"select {columns} from {call_source(call, parameters)}"
        items = sql.select_list(table, query)
        tail = sql.where(table, query.conditions, parameters)
        total = f"(select count(*) from {sql.SOURCE} as {table}{tail})" if wanted.count else "null::bigint"
        tail += sql.order_by(table, query.order) + sql.page(window.limit, window.offset, parameters)
        rows = f"select {items} from {sql.SOURCE} as {table}{tail}"
        aggregate = sql.body(media, rows, scalar=call.is_scalar, single=call.is_single)
        columns = f"{total}, count({sql.ROWS}), {aggregate}"
        text = f"with {sql.SOURCE} as ({source}) select {columns} from ({rows}) {sql.ROWS}"
        row = fetch(connection, text, parameters)
        require_single(media, row)
        return row

    return run


def is_void(function: Function) -> bool:
    """Tell whether a function returns nothing."""
    return function.returns == "void"
