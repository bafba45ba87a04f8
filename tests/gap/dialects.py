"""Exports as each dialect writes them, byte by byte, from rows that a real PostgreSQL gives."""
# ruff: noqa: S608 - our own queries

import csv
import io
import json
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from tests.e2e.workspace import End

Row = Sequence[str | None]
_FLOATS = ("float4", "float8")


def psql(end: End, query: str) -> bytes:
    r"""What ``\copy (query) to file with (format csv, header)`` writes: PostgreSQL itself writes it."""
    with psycopg.connect(end.cluster.url(end.database)) as connection, connection.cursor() as cursor:
        statement = f"copy ({_bare(query)}) to stdout with (format csv, header)"
        with cursor.copy(statement.encode()) as copy:
            return b"".join(bytes(part) for part in copy)


def table_editor(end: End, query: str) -> bytes:
    """The Table Editor's "Export to CSV": NULL is empty, CRLF, quotes only where needed, no last line end."""
    return _papa(*_dashboard(end, query), null="")


def sql_editor(end: End, query: str) -> bytes:
    """The SQL editor's download: NULL is the word null."""
    return _papa(*_dashboard(end, query), null="null")


def sql_editor_old(end: End, query: str) -> bytes:
    r"""An older SQL editor: every field quoted, newlines as the two letters ``\n``, lines end in LF."""
    names, rows = _dashboard(end, query)
    lines = [
        names,
        *(["null" if cell is None else cell.replace("\n", "\\n") for cell in row] for row in rows),
    ]
    return "\n".join(
        ",".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines
    ).encode()


def rfc4180(end: End, query: str) -> bytes:
    """What Python's csv module writes of the texts: NULL and an empty text are both empty."""
    names, rows = _texts(end, query)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerows([[name for name, _ in names], *([cell or "" for cell in row] for row in rows)])
    return out.getvalue().encode()


WRITERS: dict[str, Callable[[End, str], bytes]] = {
    "psql": psql,
    "table-editor": table_editor,
    "sql-editor": sql_editor,
    "sql-editor-old": sql_editor_old,
    "rfc4180": rfc4180,
}


def _bare(query: str) -> str:
    """The query without its comment and its semicolon."""
    return re.sub(r"^/\*.*?\*/", "", query.strip(), flags=re.DOTALL).strip().rstrip(";")


def _texts(end: End, query: str) -> tuple[list[tuple[str, str]], list[Row]]:
    """Names and types of the columns, and PostgreSQL's text of each cell."""
    with psycopg.connect(end.cluster.url(end.database)) as connection:
        probe = connection.execute(f"select * from ({_bare(query)}) as q limit 0".encode())
        described = [(column.name, column.type_code) for column in probe.description or ()]
        oids: dict[int, str] = dict(
            connection.execute(
                "select oid, typname from pg_type where oid = any(%s)", [[o for _, o in described]]
            )
        )
        quoted = ", ".join('q."' + name.replace('"', '""') + '"::text' for name, _ in described)
        rows: list[Row] = list(
            connection.execute(f"select {quoted} from ({_bare(query)}) as q".encode()).fetchall()
        )
    return [(name, oids[oid]) for name, oid in described], rows


def _dashboard(end: End, query: str) -> tuple[list[str], list[list[str | None]]]:
    """The cells as the dashboard shows them: node-pg's values, through JSON, through String()."""
    names, rows = _texts(end, query)
    arrays = _arrays(end, query, [name for name, kind in names if kind.startswith("_")])
    cells = []
    for number, row in enumerate(rows):
        cells.append(
            [
                arrays[name][number] if kind.startswith("_") else _shown(kind, text)
                for (name, kind), text in zip(names, row, strict=True)
            ]
        )
    return [name for name, _ in names], cells


def _arrays(end: End, query: str, names: list[str]) -> dict[str, list[str | None]]:
    """Arrays as JSON.stringify prints what node-pg has parsed."""
    if not names:
        return {}
    quoted = ", ".join('to_json(q."' + name.replace('"', '""') + '")::text' for name in names)
    with psycopg.connect(end.cluster.url(end.database)) as connection:
        rows: list[Row] = list(
            connection.execute(f"select {quoted} from ({_bare(query)}) as q".encode()).fetchall()
        )
    return {
        name: [None if (text := row[i]) is None else stringify(_parse(text)) for row in rows]
        for i, name in enumerate(names)
    }


def _shown(kind: str, text: str | None) -> str | None:
    if text is None:
        return None
    if kind == "bool":
        return {"t": "true", "f": "false"}.get(text, text)
    if kind in _FLOATS:
        return js_number(float(text)) if math.isfinite(float(text)) else None
    if kind in ("json", "jsonb"):
        value = _parse(text)
        return value if isinstance(value, str) else None if value is None else stringify(value)
    if kind == "bytea":
        return stringify({"type": "Buffer", "data": [float(byte) for byte in bytes.fromhex(text[2:])]})
    return text


def _parse(text: str) -> Any:
    return json.loads(text, parse_int=float, parse_float=float)


def stringify(value: Any) -> str:
    """JSON.stringify."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_string(name)}:{stringify(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(stringify, value)) + "]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        return js_number(value) if math.isfinite(value) else "null"
    return _string(value)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\x7f")


def js_number(value: float) -> str:
    """Number.prototype.toString."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    digits, _, exponent = repr(value).partition("e")
    if exponent:
        power = int(exponent)
        if -7 < power < 0:
            return f"{value:.{len(digits.replace('-', '').replace('.', '')) - 1 - power}f}"
        return f"{digits.removesuffix('.0')}e{'+' if power > 0 else '-'}{abs(power)}"
    return digits


def _papa(names: list[str], rows: list[list[str | None]], null: str) -> bytes:
    """Papa.unparse with its defaults."""
    lines = [names, *([null if cell is None else cell for cell in row] for row in rows)]
    return "\r\n".join(",".join(map(_needed, line)) for line in lines).encode()


def _needed(cell: str) -> str:
    special = any(letter in cell for letter in ',"\r\n\ufeff') or cell[:1] == " " or cell[-1:] == " "
    return '"' + cell.replace('"', '""') + '"' if special else cell
