"""The description of the API at its root: tables and functions that the caller may use."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from . import sql
from .database import Row, Scope, fetch

if TYPE_CHECKING:
    import psycopg

    from .database import Database
    from .schema import Column, Function, Table
    from .settings import Settings

Json = dict[str, Any]

MEDIA = [
    "application/json",
    "application/vnd.pgrst.object+json;nulls=stripped",
    "application/vnd.pgrst.object+json",
    "text/csv",
]
TYPES = {
    **dict.fromkeys(("smallint", "integer", "bigint"), "integer"),
    **dict.fromkeys(("numeric", "real", "double precision"), "number"),
    "boolean": "boolean",
}
UNTYPED = {"json", "jsonb"}
FORMATS = {"smallint": "int32", "integer": "int32", "bigint": "int64"}
VISIBLE = """
select json_build_object(
  'tables', (select coalesce(json_agg(c.relname), '[]') from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f')
      and (has_table_privilege(c.oid, 'select, insert, update, delete, truncate, references, trigger')
           or has_any_column_privilege(c.oid, 'select, insert, update, references'))),
  'functions', (select coalesce(json_agg(p.proname), '[]') from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = $1 and has_function_privilege(p.oid, 'execute')))
"""
READ_PARAMETERS = ("select", "order", "range", "rangeUnit", "offset", "limit", "preferCount")
RETURNS = ["return=representation", "return=minimal", "return=none"]
RESOLUTIONS = ["resolution=ignore-duplicates", "resolution=merge-duplicates"]


def describe(database: Database, scope: Scope, settings: Settings) -> bytes:
    """Return the document, for the caller's own rights."""

    def work(connection: psycopg.Connection[Any]) -> Row:
        parameters = sql.Parameters()
        parameters.bind(scope.schema)
        return fetch(connection, VISIBLE, parameters)

    visible = json.loads(database.run(scope, work).data(0))
    cache = database.schema
    tables = [t for t in cache.tables.values() if t.schema == scope.schema and t.name in visible["tables"]]
    named = {name: found[0] for (where, name), found in cache.functions.items() if where == scope.schema}
    functions = [function for name, function in named.items() if name in visible["functions"]]
    document = whole(scope.schema, tables, functions, settings)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def whole(schema: str, tables: list[Table], functions: list[Function], settings: Settings) -> Json:
    """Return the whole document."""
    major = settings.version.partition(".")[0]
    return {
        "swagger": "2.0",
        "info": {"description": "", "title": f"standard {schema} schema", "version": settings.version},
        "host": settings.openapi_url.split("/")[2] + ":80",
        "basePath": "/",
        "schemes": ["http"],
        "consumes": MEDIA,
        "produces": MEDIA,
        "paths": {
            "/": {"get": root_operation()},
            **{f"/{table.name}": table_operations(table) for table in tables},
            **{f"/rpc/{f.name}": function_operations(f, settings) for f in functions},
        },
        **({"definitions": {table.name: definition(table, settings) for table in tables}} if tables else {}),
        "parameters": {**common_parameters(), **table_parameters(tables)},
        "externalDocs": {
            "description": "PostgREST Documentation",
            "url": f"https://postgrest.org/en/v{major}/references/api.html",
        },
    }


def root_operation() -> Json:
    """Return the operation of the document itself."""
    return {
        "produces": ["application/openapi+json", "application/json"],
        "responses": {"200": {"description": "OK"}},
        "summary": "OpenAPI description (this document)",
        "tags": ["Introspection"],
    }


def reference(*names: str) -> list[Json]:
    """Return references to parameters."""
    return [{"$ref": f"#/parameters/{name}"} for name in names]


def operation(table: Table, status: str, text: str, parameters: list[Json]) -> Json:
    """Return one operation on a table."""
    return {
        **({"summary": table.description} if table.description else {}),
        "parameters": parameters,
        "responses": {status: {"description": text}},
        "tags": [table.name],
    }


def table_operations(table: Table) -> Json:
    """Return what may be done with a table."""
    filters = [f"rowFilter.{table.name}.{name}" for name in table.columns]
    rows = {"items": {"$ref": f"#/definitions/{table.name}"}, "type": "array"}
    get = operation(table, "206", "Partial Content", reference(*filters, *READ_PARAMETERS))
    get["responses"] = {"200": {"description": "OK", "schema": rows}, **get["responses"]}
    if not table.writable:
        return {"get": get}
    body = f"body.{table.name}"
    return {
        "get": get,
        "post": operation(table, "201", "Created", reference(body, "select", "preferPost")),
        "delete": operation(table, "204", "No Content", reference(*filters, "preferReturn")),
        "patch": operation(table, "204", "No Content", reference(*filters, body, "preferReturn")),
    }


def type_of(kind: str, settings: Settings) -> Json:
    """Return format, type and items of a PostgreSQL type."""
    shown: Json = {"format": kind if settings.is_13 else FORMATS.get(kind, kind)}
    if kind.endswith("[]"):
        item = kind.removesuffix("[]")
        inside = {} if item in UNTYPED else {"type": TYPES.get(item, "string")}
        return {**shown, "items": inside, "type": "array"}
    return shown if kind in UNTYPED else {**shown, "type": TYPES.get(kind, "string")}


def definition(table: Table, settings: Settings) -> Json:
    """Return the definition of a table."""
    required = [column.name for column in table.columns.values() if not column.nullable]
    return {
        **({"description": table.description} if table.description else {}),
        **({"required": required} if required else {}),
        "properties": {name: column_property(table, c, settings) for name, c in table.columns.items()},
        "type": "object",
    }


def column_property(table: Table, column: Column, settings: Settings) -> Json:
    """Return the definition of a column."""
    shown: Json = {}
    if text := column_description(table, column):
        shown["description"] = text
    if column.default is not None and is_shown(column.default, column.base):
        shown["default"] = default_value(column)
    if column.enum:
        shown["enum"] = list(column.enum)
    if column.max_length is not None:
        shown["maxLength"] = column.max_length
    return {**shown, **type_of(column.base, settings)}


def is_shown(default: str, kind: str) -> bool:
    """Tell whether a default is part of the document: not that of a sequence, nor of a JSON column."""
    return kind not in UNTYPED and not default.startswith("nextval(")


def column_description(table: Table, column: Column) -> str:
    """Return a column's comment with the notes on keys."""
    notes = []
    if column.name in table.key:
        notes.append("This is a Primary Key.<pk/>")
    if column.name in table.foreign:
        other, key = table.foreign[column.name]
        notes.append(f"This is a Foreign Key to `{other}.{key}`.<fk table='{other}' column='{key}'/>")
    note = "Note:\n" + "\n".join(notes) if notes else ""
    return "\n\n".join(filter(None, (column.description, note)))


def default_value(column: Column) -> Any:
    """Return a default as JSON where it is JSON, else as text."""
    text = (column.default or "").partition("::")[0]
    if text.startswith("'"):
        text = text.strip("'")
    if TYPES.get(column.base) is None:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def common_parameters() -> Json:
    """Return the parameters that all tables share."""
    return {
        "preferParams": header("Prefer", "Preference"),
        "preferReturn": header("Prefer", "Preference", enum=RETURNS),
        "preferCount": header("Prefer", "Preference", enum=["count=none"]),
        "preferPost": header("Prefer", "Preference", enum=RETURNS + RESOLUTIONS),
        "select": in_query("select", "Filtering Columns"),
        "on_conflict": in_query("on_conflict", "On Conflict"),
        "order": in_query("order", "Ordering"),
        "range": header("Range", "Limiting and Pagination"),
        "rangeUnit": header("Range-Unit", "Limiting and Pagination", default="items"),
        "offset": in_query("offset", "Limiting and Pagination"),
        "limit": in_query("limit", "Limiting and Pagination"),
    }


def header(name: str, description: str, **more: object) -> Json:
    """Return a header parameter."""
    return {
        "name": name,
        "description": description,
        "required": False,
        **more,
        "in": "header",
        "type": "string",
    }


def in_query(name: str, description: str | None = None) -> Json:
    """Return a query parameter."""
    described = {"description": description} if description else {}
    return {"name": name, **described, "required": False, "in": "query", "type": "string"}


def table_parameters(tables: list[Table]) -> Json:
    """Return the body and the filters of each table."""
    parameters: Json = {}
    for table in tables:
        name = table.name
        schema = {"$ref": f"#/definitions/{name}"}
        parameters[f"body.{name}"] = {
            "name": name,
            "description": name,
            "required": False,
            "in": "body",
            "schema": schema,
        }
        for column in table.columns.values():
            text = column.description
            parameters[f"rowFilter.{name}.{column.name}"] = in_query(column.name, text)
    return parameters


def function_operations(function: Function, settings: Settings) -> Json:
    """Return the calls of a function: by GET only when it cannot write."""
    shared = {
        "produces": MEDIA[:3],
        "responses": {"200": {"description": "OK"}},
        "tags": [f"(rpc) {function.name}"],
    }
    post = {"parameters": [arguments_body(function, settings), *reference("preferParams")], **shared}
    if function.is_volatile:
        return {"post": post}
    queried = [
        {
            "in": "query",
            "name": argument.name,
            "required": argument.required,
            "type": "string",
            **type_of(argument.type, settings),
        }
        for argument in function.arguments
    ]
    return {"get": {**({"parameters": queried} if queried else {}), **shared}, "post": post}


def arguments_body(function: Function, settings: Settings) -> Json:
    """Return the body parameter of a function."""
    properties = {argument.name: type_of(argument.type, settings) for argument in function.arguments}
    required = [argument.name for argument in function.arguments if argument.required]
    schema = {
        **({"properties": properties} if properties else {}),
        **({"required": required} if required else {}),
        "type": "object",
    }
    return {"in": "body", "name": "args", "required": True, "schema": schema}
