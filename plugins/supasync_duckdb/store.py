"""The state store `duckdb`: the table ``sync_metadata`` in the file that the sink writes to."""
# ruff: noqa: S608 - names are quoted by values.identifier, values are bound as parameters

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from supasync_core.api.journal import Journal, JournalStore
from supasync_core.staging.connection import open_to_look, open_to_write, transaction, translate_errors

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


class DuckdbStore(JournalStore):
    """Keeps the journal as rows, ``number`` giving their order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: DuckDBPyConnection | None = None

    def close(self) -> None:
        """Close the file."""
        if self._opened:
            self._opened.close()
            self._opened = None

    def _entries(self) -> Journal:
        if not self._path.exists():
            return []
        with translate_errors(self._path):
            if self._opened:
                return _load(self._opened)
            with closing(open_to_look(self._path)) as connection:
                return _load(connection)

    @contextmanager
    def _changing(self) -> Iterator[Journal]:
        """The journal in a transaction; what is changed in it is written."""
        if self._opened is None:
            self._opened = open_to_write(self._path)
        with translate_errors(self._path), transaction(self._opened):
            self._opened.execute(f"CREATE TABLE IF NOT EXISTS sync_metadata ({_definitions()})")
            entries = _load(self._opened)
            before = deepcopy(entries)
            yield entries
            _store(self._opened, before, entries)


def _definitions() -> str:
    kinds = dict.fromkeys(_NUMBERS, "BIGINT") | dict.fromkeys(_OBJECTS, "JSON")
    return ", ".join(["number BIGINT", *(f"{name} {kinds.get(name, 'VARCHAR')}" for name in _COLUMNS)])


def _load(connection: DuckDBPyConnection) -> Journal:
    known = connection.execute(
        "SELECT 1 FROM information_schema.tables "
        "WHERE table_catalog = current_database() AND table_schema = 'main' AND table_name = 'sync_metadata'"
    ).fetchall()
    if not known:
        return []
    rows = connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM sync_metadata ORDER BY number").fetchall()
    return [_entry(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    decoded = {name: json.loads(row[name]) if row[name] else None for name in _OBJECTS}
    return row | decoded


def _store(connection: DuckDBPyConnection, before: Journal, after: Journal) -> None:
    """Write the entries that differ, in their place, and delete those that are gone."""
    known = {entry["run_id"]: entry for entry in before}
    kept = {entry["run_id"] for entry in after}
    for run_id in known.keys() - kept:
        connection.execute("DELETE FROM sync_metadata WHERE run_id = $run", {"run": run_id})
    for entry in after:
        if entry["run_id"] not in known:
            _insert(connection, entry)
        elif entry != known[entry["run_id"]]:
            _update(connection, entry)


def _insert(connection: DuckDBPyConnection, entry: dict[str, Any]) -> None:
    values = ", ".join(f"${name}" for name in _COLUMNS)
    connection.execute(
        "INSERT INTO sync_metadata "
        f"SELECT (SELECT coalesce(max(number), 0) + 1 FROM sync_metadata), {values}",
        _row(entry),
    )


def _update(connection: DuckDBPyConnection, entry: dict[str, Any]) -> None:
    changes = ", ".join(f"{name} = ${name}" for name in _COLUMNS)
    connection.execute(f"UPDATE sync_metadata SET {changes} WHERE run_id = $run_id", _row(entry))


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: _encoded(entry[name]) if name in _OBJECTS else entry[name] for name in _COLUMNS}


def _encoded(value: dict[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
