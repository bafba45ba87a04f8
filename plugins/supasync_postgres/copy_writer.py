"""Batches written by COPY: into an empty table directly, else through a temporary table and one upsert."""

import json
from collections.abc import Sequence
from threading import Lock
from typing import Any, Final

import psycopg

from supasync_core.model.batch import Batch
from supasync_core.model.copy_batch import CopyBatch
from supasync_core.model.pg_types import INTEGERS
from supasync_core.model.table import Table
from supasync_postgres.catalog import PgColumn
from supasync_postgres.page_query import name_of, relation
from supasync_postgres.transaction import Statement, Transaction

FEWEST: Final = 50
"""Rows from which on COPY pays: it takes more requests than a single statement."""
_TOLD_APART: Final = """EXISTS (
    SELECT FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relname = %s AND i.indisunique AND i.indisvalid AND i.indimmediate
        AND i.indpred IS NULL AND i.indexprs IS NULL AND %s::pg_catalog.jsonb = (
            SELECT pg_catalog.jsonb_agg(a.attname ORDER BY a.attname::pg_catalog.text COLLATE "C")
            FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid
                AND a.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1])))"""
"""Whether the table has an index by which ON CONFLICT (key) works."""
TEMPORARY: Final = "pg_temp.supasync_rows"


class Copying:
    """Which tables take rows without a look at keys.

    They were empty when they were first written to, and have a unique index on the key: a row that is
    written again is refused, and goes by the upsert then.
    """

    def __init__(self) -> None:
        self._empty: dict[tuple[str, str], bool] = {}
        self._lock = Lock()

    def direct(
        self, transaction: Transaction, table: Table, columns: Sequence[PgColumn], text: bytes, role: str
    ) -> int | None:
        """Write into a table that `takes` them; None, and nothing is written, where one of them is there.

        ``role`` is a statement that goes before the rows, and holds until they are written or refused.
        """
        transaction.script("; ".join(filter(None, ["SAVEPOINT direct", role])), "upsert")
        try:
            written = transaction.copy(_copy(relation(table), columns), [text], "upsert")
        except psycopg.errors.UniqueViolation:
            transaction.script("ROLLBACK TO SAVEPOINT direct", "upsert")
            with self._lock:
                self._empty[table.address] = False
            return None
        return written

    def takes(self, transaction: Transaction, table: Table) -> bool:
        """Whether the table was empty, and tells rows apart: asked once, and so until a row is refused."""
        with self._lock:
            known = self._empty.get(table.address)
        if known is None:
            text = f"SELECT NOT EXISTS (SELECT FROM {relation(table)} LIMIT %s) AND {_TOLD_APART}"  # noqa: S608 - names are quoted
            values = [1, *table.address, json.dumps(sorted(table.key))]
            known = transaction.run(Statement(text, values, "upsert", table)).text() == "t"
            with self._lock:
                known = self._empty.setdefault(table.address, known)
        return known


def ends_of(table: Table, columns: Sequence[PgColumn], rows: Batch) -> tuple[str, str] | None:
    """The first and the last key of the rows, where NEW sorts them as Python does.

    So it does with whole numbers and uuids, as another PostgreSQL has printed them.
    """
    if len(table.key) != 1 or not isinstance(rows, CopyBatch):
        return None
    known = {(cell.name, cell.type) for cell in rows.cells}
    key = next((each.told for each in columns if each.name == table.key[0]), None)
    if key is None or (key.name, key.type) not in known or key.type not in (*INTEGERS, "uuid"):
        return None
    keys: Any = rows.keys(table.key)
    return str(min(keys)), str(max(keys))


def stage(transaction: Transaction, columns: Sequence[PgColumn], text: bytes) -> None:
    """Put the rows into a temporary table that ends with the transaction."""
    declared = ", ".join(f"{name_of(column.name)} {column.declared}" for column in columns)
    create = f"CREATE TEMPORARY TABLE supasync_rows ({declared}) ON COMMIT DROP"
    transaction.script(create.replace("%%", "%"), "upsert")
    transaction.copy(_copy(TEMPORARY, columns), [text], "upsert")


def _copy(place: str, columns: Sequence[PgColumn]) -> str:
    names = ", ".join(name_of(column.name) for column in columns)
    return f"COPY {place} ({names}) FROM STDIN".replace("%%", "%")
