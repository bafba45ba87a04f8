"""Engines of DuckDB that wait until their file is opened again.

To start one and to end it takes 40 ms of a processor, to attach a file to it 4 (measured on 2.0.1). A command
opens the same file several times: to read its state, to write it, for each table that is compared.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import duckdb
from duckdb import DuckDBPyConnection

_MOST = 4
"""Engines that wait: a command has OLD's file, NEW's and the staging."""
_CONNECTIONS = "SELECT count FROM system.main.duckdb_connection_count()"
_TABLES = "SELECT 1 FROM system.main.duckdb_tables() WHERE NOT internal LIMIT 1"


@dataclass(frozen=True)
class Engine:
    """One file's engine: its name in this process, and the settings with which it was locked."""

    name: str
    memory: str | None
    loads: bool
    compressed: bool


class IdleEngines:
    """Engines without a file: each of them serves again the one that it was made for, and no other.

    One that waits holds neither the file nor anything of it. Whoever calls holds a lock.
    """

    def __init__(self, config: Mapping[str, str | bool | int | float | list[str]]) -> None:
        self._config = dict(config)
        self._in_use: WeakKeyDictionary[DuckDBPyConnection, Engine] = WeakKeyDictionary()
        self._idle: dict[str, tuple[Engine, DuckDBPyConnection]] = {}

    def take(self, engine: Engine) -> DuckDBPyConnection | None:
        """The engine, if it waits; one with other settings ends."""
        found, connection = self._idle.pop(engine.name, (engine, None))
        if connection is not None and found != engine:
            connection.close()
            return None
        return connection

    def begun(self, connection: DuckDBPyConnection, engine: Engine) -> None:
        """Let the engine, which has its file from now on, wait once its last connection is released."""
        for each in [each for each, other in self._in_use.items() if other.name == engine.name]:
            del self._in_use[each]  # it was closed, not released
        self._in_use[connection] = engine

    def joined(self, connection: DuckDBPyConnection, name: str) -> None:
        """Count one more connection to an engine that was begun, whatever this one would have asked for."""
        found = next((each for each in self._in_use.values() if each.name == name), None)
        if found:
            self._in_use[connection] = found

    def release(self, connection: DuckDBPyConnection, file: str) -> None:
        """Close the connection; if it was the engine's last one, detach the file and let the engine wait.

        Where anything is unusual the engine ends, as it does with any last connection.
        """
        engine = self._in_use.pop(connection, None)
        other = None
        with suppress(duckdb.Error):  # it is closed already, or the file is damaged
            if engine and connection.execute(_CONNECTIONS).fetchone() == (1,):
                other = duckdb.connect(engine.name, config=self._config)
        connection.close()
        if engine and other:
            self._wait(engine, other, file)

    def _wait(self, engine: Engine, connection: DuckDBPyConnection, file: str) -> None:
        try:
            connection.execute(f"DETACH {file}")
            left = connection.execute(_TABLES).fetchone()
        except duckdb.Error:  # no room for a checkpoint: what was committed is in the log
            left = (1,)
        if left:
            connection.close()
            return
        self._idle[engine.name] = engine, connection
        if len(self._idle) > _MOST:
            self._idle.pop(next(iter(self._idle)))[1].close()
