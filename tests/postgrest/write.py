"""POST, PUT, PATCH and DELETE: the statements, built as the real server builds them."""

# ruff: noqa: S608 - statements are built from quoted names and bound values, see sql.py

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from . import sql
from .database import Row, fetch
from .errors import ApiError, missing_column
from .messages import Response, content_range, content_type
from .payload import Payload, parsed
from .query import Field, Filter, Query, Tree
from .read import require_single

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from .messages import Request
    from .prefer import Preferences
    from .schema import Column, Table

    Work = Callable[[psycopg.Connection[Any]], Row]

INSERTED = "coalesce(nullif(current_setting('pgrst.inserted', true), ''), '0')"
COUNT_UP = f"set_config('pgrst.inserted', ({INSERTED}::int + 1)::text, true) <> '0'"
COUNT_DOWN = f"set_config('pgrst.inserted', ({INSERTED}::int - 1)::text, true) <> '-1'"


@dataclass(frozen=True)
class Write:
    """A write on one table, with everything that its statement depends on."""

    table: Table
    query: Query
    preferences: Preferences
    media: str
    payload: Payload
    refilter: bool = False

    @property
    def name(self) -> str:
        """Return the quoted table."""
        return sql.ident(self.table.schema, self.table.name)

    @property
    def represents(self) -> str:
        """Return what of the rows comes back: representation, headers-only or minimal."""
        return self.preferences.get("return") or "minimal"

    @property
    def resolution(self) -> str | None:
        """Return how conflicts are met; without any key there is nothing to meet."""
        return self.preferences.get("resolution") if self.conflict_target else None

    @property
    def conflict_target(self) -> tuple[str, ...]:
        """Return the columns of ON CONFLICT."""
        return self.query.on_conflict or self.table.key

    def columns(self) -> list[Column]:
        """Return the payload's columns, all of which must exist."""
        for name in self.payload.columns:
            if name not in self.table.columns:
                raise missing_column(name, self.table.name)
        return [self.table.columns[name] for name in self.payload.columns]


def rows_of(write: Write, columns: list[Column], parameters: sql.Parameters, *, first: bool = False) -> str:
    """Return FROM items that turn the body into rows of `pgrst_body`."""
    payload, is_object = write.payload, write.payload.is_object
    data = parameters.bind(sql.Raw(payload.data))
    kind, items, defaults = "json", "pgrst_payload.json_data", ""
    if write.preferences.get("missing") == "default" and columns:
        kind = "jsonb"
        defaults = default_values(columns, is_object=is_object)
        items = "pgrst_defaults.val"
    names = ", ".join(sql.ident(column.name) for column in columns)
    typed = ", ".join(f"{sql.ident(column.name)} {column.nominal}" for column in columns)
    if columns:
        source = f"{kind}_to_record{'' if is_object else 'set'}({items}) as _({typed})"
    else:
        source = f"json_array_elements({f'json_build_array({items})' if is_object else items}) _"
    limit = " limit 1" if first else ""
    return (
        f"from (select {data}::json::{kind} as json_data) pgrst_payload{defaults},"
        f" lateral (select {names} from {source}{limit}) pgrst_body"
    )


def default_values(columns: list[Column], *, is_object: bool) -> str:
    """Return the FROM item that adds the columns' defaults to each object."""
    pairs = ", ".join(f"{sql.literal(c.name)}, {c.default}" for c in columns if c.default is not None)
    build = f"jsonb_build_object({pairs})"
    if is_object:
        return f", lateral (select {build} || pgrst_payload.json_data as val) pgrst_defaults"
    return (
        f", lateral (select coalesce(jsonb_agg({build} || elem), '[]') as val"
        f" from jsonb_array_elements(pgrst_payload.json_data) elem) pgrst_defaults"
    )


def returning(write: Write) -> str:
    """Return the RETURNING clause: only what the answer needs, because each column needs a right."""
    if write.represents == "representation":
        wanted = list(dict.fromkeys(item.field.name for item in write.query.select))
        names = ["*"] if "*" in wanted else wanted
    elif write.represents == "headers-only":
        names = list(write.table.key)
    else:
        names = []
    return " returning " + (", ".join(sql.column(write.name, Field(name)) for name in names) or "1")


def insert_statement(write: Write, parameters: sql.Parameters) -> str:
    """Return the INSERT, with its ON CONFLICT."""
    columns = write.columns()
    names = [sql.ident(column.name) for column in columns]
    into = f"({', '.join(names)}) " if names else ""
    body = ", ".join(f"pgrst_body.{name}" for name in names)
    merging = write.resolution == "merge-duplicates"
    count = f" where {COUNT_UP}" if merging else ""
    text = f"insert into {write.name}{into} select {body} {rows_of(write, columns, parameters)}{count}"
    return text + on_conflict(write, names) + returning(write)


def on_conflict(write: Write, names: list[str]) -> str:
    """Return the ON CONFLICT clause, or nothing."""
    if write.resolution is None:
        return ""
    target = ", ".join(sql.ident(name) for name in write.conflict_target)
    if write.resolution == "ignore-duplicates" or not names:
        return f" on conflict ({target}) do nothing"
    assignments = ", ".join(f"{name} = excluded.{name}" for name in names)
    return f" on conflict ({target}) do update set {assignments} where {COUNT_DOWN}"


def update_statement(write: Write, parameters: sql.Parameters) -> str:
    """Return the UPDATE; without columns it touches nothing."""
    columns = write.columns()
    if not columns:
        return f"select {sql.select_list(write.name, write.query)} from {write.name} where false"
    assignments = ", ".join(f"{sql.ident(c.name)} = pgrst_body.{sql.ident(c.name)}" for c in columns)
    source = rows_of(write, columns, parameters, first=True)
    conditions = sql.where(write.name, write.query.conditions, parameters)
    return f"update {write.name} set {assignments} {source}{conditions}{returning(write)}"


def delete_statement(write: Write, parameters: sql.Parameters) -> str:
    """Return the DELETE."""
    conditions = sql.where(write.name, write.query.conditions, parameters)
    return f"delete from {write.name}{conditions}{returning(write)}"


STATEMENTS = {
    "POST": insert_statement,
    "PUT": insert_statement,
    "PATCH": update_statement,
    "DELETE": delete_statement,
}


def work(method: str, write: Write) -> Work:
    """Return the transaction: rows written, body, rows inserted, key of the only row."""

    def run(connection: psycopg.Connection[Any]) -> Row:
        parameters = sql.Parameters()
        statement = STATEMENTS[method](write, parameters)
        text = f"with {sql.SOURCE} as ({statement}) {outer(write, parameters)}"
        row = fetch(connection, text, parameters)
        if write.represents == "representation":
            require_single(write.media, Row((None, row.values[0])))
        require_few(method, write, row)
        return row

    return run


def outer(write: Write, parameters: sql.Parameters) -> str:
    """Return the SELECT that turns the written rows into the answer."""
    body, key, rows = "''", "null", f"select * from {sql.SOURCE}"
    if write.represents == "representation":
        alias = sql.ident(write.table.name)
        trees: list[Filter | Tree] = [*write.query.trees] if write.refilter else []
        conditions = sql.where(alias, trees, parameters)
        items = sql.select_list(alias, write.query)
        rows = f"select {items} from (select * from {sql.SOURCE}) as {alias}{conditions}"
        body = sql.body(write.media, rows)
    elif write.represents == "headers-only" and write.table.key:
        key = f"(select row_to_json(_) from {sql.SOURCE} _ limit 1)"
    inserted = "nullif(current_setting('pgrst.inserted', true), '')"
    return f"select count({sql.ROWS}), {body}, {inserted}, {key} from ({rows}) {sql.ROWS}"


def require_few(method: str, write: Write, row: Row) -> None:
    """Honour max-affected, which only PATCH and DELETE know."""
    most, rows = write.preferences.max_affected, row.number(0) or 0
    if method in {"PATCH", "DELETE"} and most is not None and rows > most:
        message = "Query result exceeds max-affected preference constraint"
        raise ApiError(400, "PGRST124", message, f"The query affects {rows} rows")
    if method == "PUT" and rows != 1:
        raise ApiError(400, "PGRST115", "Payload values do not match URL in primary key column(s)")


def check_put(write: Write) -> Write:
    """Return a PUT as the merge of one row, or refuse one whose key is not the address's."""
    value = parsed(write.payload.data)
    row = value[0] if isinstance(value, list) and value else value
    wanted = {condition.field.name: condition.value for condition in write.query.filters}
    same = isinstance(row, dict) and all(str(row.get(name)) == text for name, text in wanted.items())
    if set(wanted) != set(write.table.key) or not same:
        raise ApiError(400, "PGRST115", "Payload values do not match URL in primary key column(s)")
    known = {**write.preferences.known, "resolution": "merge-duplicates"}
    return replace(write, preferences=replace(write.preferences, known=known))


def answer(request: Request, write: Write, row: Row) -> Response:
    """Return the response of a write."""
    rows = row.number(0) or 0
    total = rows if write.preferences.get("count") == "exact" else None
    headers = applied(request.method, write)
    if request.method == "PATCH":
        headers.append(content_range(0, rows, total))
    elif request.method != "PUT":
        headers.append(content_range(1, 0, total))
    if write.represents == "headers-only" and rows == 1 and write.table.key:
        headers.append(location(write, row))
    represented = write.represents == "representation"
    if represented:
        headers.insert(0, content_type(write.media))
    status = written_status(request.method, write, row, represented=represented)
    body = row.data(1) if represented else b""
    return Response(status, headers, body, no_length=status == 204)


def written_status(method: str, write: Write, row: Row, *, represented: bool) -> int:
    """Return 200, 201 or 204."""
    if method == "POST":
        merged = write.resolution == "merge-duplicates" and not row.number(2)
        return 200 if merged else 201
    return 200 if represented else 204


def applied(method: str, write: Write) -> list[tuple[str, str]]:
    """Return the Preference-Applied header of a write."""
    names = ["return", "count", "handling", "timezone"]
    if method == "POST":
        names += ["missing", *(["resolution"] if write.resolution else [])]
    elif method != "PUT":
        names += ["max-affected", *(["missing"] if method == "PATCH" else [])]
    return write.preferences.applied(*names)


def location(write: Write, row: Row) -> tuple[str, str]:
    """Return the address of the only row written."""
    values = json.loads(row.data(3), parse_int=str, parse_float=str)
    pairs = [f"{quote(name, safe='')}={written(values[name])}" for name in values if name in write.table.key]
    return ("Location", f"/{quote(write.table.name)}?{'&'.join(pairs)}")


def written(value: object) -> str:
    """Return a key's value as a filter."""
    if value is None:
        return "is.null"
    text = value if isinstance(value, str) else json.dumps(value)
    return "eq." + quote(text, safe="")
