"""DuckDB's engines are started once for all forks of the command: each start takes 25 ms of a processor.

A thread does not live on in a fork, so that an engine has none until a fork takes it.
"""

from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

CONFIG: dict[str, Any] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
"""What the command starts its engines with; any other is started when it is asked for."""
THREADS = ("threads = 1", "async_threads = 0")


def started(name: str) -> DuckDBPyConnection:
    """An engine in memory without threads."""
    engine = duckdb.connect(name, config=CONFIG)
    for setting in THREADS:
        engine.execute(f"SET GLOBAL {setting}")
    return engine


class Engines:
    """Stands for `duckdb.connect`."""

    def __init__(self, number: int) -> None:
        self.connect = duckdb.connect
        self.waiting = [(name, started(name)) for name in (f":memory:started {n}" for n in range(number))]
        self.names: dict[str, str] = {}
        """Under which name the engine was started that a name stands for."""

    def __call__(
        self, database: Any = ":memory:", *arguments: Any, **options: Any
    ) -> DuckDBPyConnection:  # what `duckdb.connect` takes
        name = self.names.get(database, database)
        in_memory = str(database).startswith(":memory:") and options == {"config": CONFIG}
        if not in_memory or name != database or not self.waiting or arguments:
            return self.connect(name, *arguments, **options)
        name, engine = self.waiting.pop()
        for setting in THREADS:
            engine.execute(f"RESET GLOBAL {setting.split()[0]}")
        if database != ":memory:":
            self.names[database] = name
        return engine


duckdb.connect = Engines(3)
