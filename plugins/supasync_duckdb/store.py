"""The state store `duckdb`: the table ``sync_metadata`` in the file that the sink writes to."""
# ruff: noqa: S608 - names are quoted by values.identifier, values are bound as parameters

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from supasync_core.api.journal import Journal, JournalStore
from supasync_core.model.errors import StateError
from supasync_core.model.table import Table
from supasync_core.staging.connection import (
    open_to_look,
    open_to_write,
    release,
    releasing,
    transaction,
    translate_errors,
)
from supasync_core.staging.duckdb_tables import Tables

_NUMBERS = ("records_synced", "requests", "bytes")
_OBJECTS = ("details", "state")
_COLUMNS = (
    "run_id",
    "created_at",
    "sync_status",
    "last_sync_timestamp",
    "records_synced",
    "error_message",
    "command",
    "holder",
    "lease_until",
    "finished_at",
    "requests",
    "bytes",
    "details",
    "state",
)
_KINDS = dict.fromkeys(_NUMBERS, "BIGINT") | dict.fromkeys(_OBJECTS, "JSON")
_DEFINITIONS = ", ".join(f"{name} {_KINDS.get(name, 'VARCHAR')}" for name in _COLUMNS)
_INSERT = (
    "INSERT INTO sync_metadata SELECT (SELECT coalesce(max(number), 0) + 1 FROM sync_metadata), "
    f"{', '.join(f'${name}' for name in _COLUMNS)}"
)
_UPDATE = (
    f"UPDATE sync_metadata SET {', '.join(f'{name} = ${name}' for name in _COLUMNS)} WHERE run_id = $run_id"
)


class DuckdbStore(JournalStore):
    """Keeps the journal as rows, ``number`` giving their order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: DuckDBPyConnection | None = None

    def close(self) -> None:
        if self._opened:
            release(self._opened)
            self._opened = None

    def entries(self) -> Journal:
        if not self._path.exists():
            return []
        with translate_errors(self._path):
            if self._opened:
                return _load(self._opened, self._path)
            with releasing(open_to_look(self._path)) as connection:
                return _load(connection, self._path)

    @contextmanager
    def changing(self) -> Iterator[Journal]:
        """The journal in a transaction; what is changed in it is written."""
        if self._opened is None:
            self._opened = open_to_write(self._path)
        with translate_errors(self._path), transaction(self._opened):
            self._opened.execute(f"CREATE TABLE IF NOT EXISTS sync_metadata (number BIGINT, {_DEFINITIONS})")
            entries = _load(self._opened, self._path)
            before = deepcopy(entries)
            yield entries
            _store(self._opened, before, entries)


def _load(connection: DuckDBPyConnection, path: Path) -> Journal:
    """The journal that is stored, empty where there is none; StateError where another table has its name."""
    columns = Tables(connection).kinds(Table(name="sync_metadata"))
    if columns is None:
        return []
    if not {"number", *_COLUMNS} <= columns.keys():
        raise StateError(
            f"{path} has a table sync_metadata without the columns that supasync needs",
            hint="supasync needs this name: rename that table, or name another file in tables.yaml",
        )
    rows = connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM sync_metadata ORDER BY number").fetchall()
    entries = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
    for entry in entries:
        entry |= {name: json.loads(entry[name]) if entry[name] else None for name in _OBJECTS}
    return entries


def _store(connection: DuckDBPyConnection, before: Journal, after: Journal) -> None:
    """Write the entries that differ, in their place, and delete those that are gone."""
    known = {entry["run_id"]: entry for entry in before}
    kept = {entry["run_id"] for entry in after}
    for run_id in known.keys() - kept:
        connection.execute("DELETE FROM sync_metadata WHERE run_id = $run", {"run": run_id})
    for entry in after:
        if entry["run_id"] not in known:
            connection.execute(_INSERT, _row(entry))
        elif entry != known[entry["run_id"]]:
            connection.execute(_UPDATE, _row(entry))


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    objects = {name: entry[name] for name in _OBJECTS if entry[name] is not None}
    return entry | {name: json.dumps(value, ensure_ascii=False) for name, value in objects.items()}
