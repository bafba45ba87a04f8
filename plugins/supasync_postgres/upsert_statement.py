"""The statement that merges a batch by the table's key, and how it gets the rows: as JSON, or by COPY."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch
from supasync_core.model.pg_types import is_json
from supasync_core.model.table import Table
from supasync_postgres.catalog import PgColumn
from supasync_postgres.copy_writer import TEMPORARY
from supasync_postgres.page_query import name_of, relation
from supasync_postgres.replica_role import ForeignKey, checked
from supasync_postgres.transaction import Statement


@dataclass(frozen=True, slots=True)
class Upsert:
    """A batch on its way: its columns, its rows as COPY reads them, and the statement that merges them.

    ``text`` is None where the statement itself holds the rows, as JSON. ``keys`` are the foreign keys that
    the statement checks, ``replica`` says whether nothing else does.
    """

    columns: Sequence[PgColumn]
    text: bytes | None
    statement: Statement
    keys: Sequence[ForeignKey]
    replica: bool

    @property
    def counts_all(self) -> bool:
        """Whether the statement tells each row that it merged; of keys alone it changes none."""
        return any(not column.always for column in self.columns)


def upsert(
    table: Table,
    columns: Sequence[PgColumn],
    rows: Batch,
    text: bytes | None,
    keys: Sequence[ForeignKey] | None,
) -> Upsert:
    """The statement for these rows; ``keys`` is None where NEW's own triggers check them."""
    source, values = _staged(columns) if text is not None else _parsed(columns, rows)
    merged, asked = checked(_merge(table, columns, source), keys or (), [each.name for each in columns])
    return Upsert(
        columns, text, Statement(merged, values, "upsert", table, writes=True), asked, keys is not None
    )


def _staged(columns: Sequence[PgColumn]) -> tuple[str, list[str]]:
    """Rows out of the temporary table."""
    names = ", ".join(f"x.{name_of(column.name)}" for column in columns)
    return f"SELECT {names} FROM {TEMPORARY} x WHERE %s::boolean", ["true"]  # noqa: S608 - names are quoted


def _parsed(columns: Sequence[PgColumn], rows: Batch) -> tuple[str, list[str]]:
    """Rows out of the batch's own text, which PostgreSQL parses, so that no number is rounded."""
    body, beyond = _with_texts(columns, rows)
    names = [name_of(column.name) for column in columns]
    declared = [f"{name} {column.declared}" for name, column in zip(names, columns, strict=True)]
    declared += [f"{name_of(extra)} text" for extra in beyond.values()]
    values = [
        f"coalesce(x.{name_of(beyond[column.name])}::{column.declared}, x.{name})"
        if column.name in beyond
        else f"x.{name}"
        for name, column in zip(names, columns, strict=True)
    ]
    told = (
        f"SELECT {', '.join(values)} FROM pg_catalog.json_to_recordset(%s::json) AS x ({', '.join(declared)})"  # noqa: S608 - names are quoted
    )
    return told, [body]


def _merge(table: Table, columns: Sequence[PgColumn], rows: str) -> str:
    """The statement that inserts these rows, or replaces the columns of those that have their keys.

    A column of the key is replaced where an equal value may be another text; of all others it would only make
    PostgreSQL lock the row as if its key changed.
    """
    names = ", ".join(name_of(column.name) for column in columns)
    key = ", ".join(map(name_of, table.key))
    changed = [
        column for column in columns if not column.always and (column.name not in table.key or column.spells)
    ]
    changed = changed or [column for column in columns if not column.always][:1]
    sets = ", ".join(f"{name_of(column.name)} = excluded.{name_of(column.name)}" for column in changed)
    update = f"UPDATE SET {sets}" if sets else "NOTHING"
    into = f"INSERT INTO {relation(table)} AS _target ({names}) OVERRIDING SYSTEM VALUE"
    return f"{into} {rows} ON CONFLICT ({key}) DO {update}"


def _with_texts(columns: Sequence[PgColumn], rows: Batch) -> tuple[str, dict[str, str]]:
    """The rows with PostgreSQL's texts of values, and the names under which those of JSON's types stand.

    A JSON string is read for any other type by its input function, which no cast to it replaces.
    """
    kinds = {column.name: column.told.type or "" for column in columns}
    held = {name for cells in rows.exact.values() for name in cells if name in kinds}
    if not held:
        return rows.body.decode(), {}
    names = iter(f"beyond{n}" for n in range(2 * len(kinds) + len(held) + 1))
    beyond = {
        name: next(free for free in names if free not in kinds)
        for name in sorted(held)
        if is_json(kinds[name])
    }
    texts = list(rows.rows.texts)
    for at, exact in rows.exact.items():
        cells = raw_json.cells(texts[at])
        for name, text in exact.items():
            if name in beyond:
                cells |= {name: "null", beyond[name]: json.dumps(text)}
            elif name in held:
                cells[name] = json.dumps(text)
        texts[at] = "{" + ",".join(f"{json.dumps(name)}:{cell}" for name, cell in cells.items()) + "}"
    return raw_json.join(texts).decode(), beyond
