"""Batches written by COPY: into an empty table directly, else through a temporary table and one upsert."""

from collections.abc import Sequence
from threading import Lock
from typing import Final

import psycopg

from supasync_core.model.table import Table
from supasync_postgres.catalog import PgColumn
from supasync_postgres.page_query import name_of, relation
from supasync_postgres.transaction import Statement, Transaction

FEWEST: Final = 50
"""Rows from which on COPY pays: it takes more requests than a single statement."""
TEMPORARY: Final = "pg_temp.supasync_rows"


class Copying:
    """Which tables were empty when they were first written to: they take rows without a look at keys."""

    def __init__(self) -> None:
        self._empty: dict[tuple[str, str], bool] = {}
        self._lock = Lock()

    def direct(
        self, transaction: Transaction, table: Table, columns: Sequence[PgColumn], text: bytes
    ) -> int | None:
        """Write into the table itself; None, and nothing is written, where it is not empty."""
        if not self._is_empty(transaction, table):
            return None
        transaction.script("SAVEPOINT direct", "upsert")
        try:
            written = transaction.copy(_copy(relation(table), columns), text, "upsert")
        except psycopg.errors.UniqueViolation:
            transaction.script("ROLLBACK TO SAVEPOINT direct", "upsert")
            with self._lock:
                self._empty[table.address] = False
            return None
        return written

    def _is_empty(self, transaction: Transaction, table: Table) -> bool:
        with self._lock:
            known = self._empty.get(table.address)
        if known is None:
            text = f"SELECT EXISTS (SELECT FROM {relation(table)} LIMIT %s)"  # noqa: S608 - names are quoted
            known = transaction.run(Statement(text, [1], "upsert", table)).text() == "f"
            with self._lock:
                known = self._empty.setdefault(table.address, known)
        return known


def stage(transaction: Transaction, columns: Sequence[PgColumn], text: bytes) -> None:
    """Put the rows into a temporary table that ends with the transaction."""
    declared = ", ".join(f"{name_of(column.name)} {column.declared}" for column in columns)
    create = f"CREATE TEMPORARY TABLE supasync_rows ({declared}) ON COMMIT DROP"
    transaction.script(create.replace("%%", "%"), "upsert")
    transaction.copy(_copy(TEMPORARY, columns), text, "upsert")


def _copy(place: str, columns: Sequence[PgColumn]) -> str:
    names = ", ".join(name_of(column.name) for column in columns)
    return f"COPY {place} ({names}) FROM STDIN".replace("%%", "%")
