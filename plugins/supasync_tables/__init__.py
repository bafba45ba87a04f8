"""The strategies that supasync brings: how a table is read, and when a cursor may move."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from supasync_core import hookimpl

if TYPE_CHECKING:
    from supasync_core.api.registry import Registry
    from supasync_core.api.table_plugin import TablePlugin


@hookimpl
def supasync_register_table_plugins(registry: "Registry[Callable[[], TablePlugin]]") -> None:
    """Add ``incremental``, ``append`` and ``snapshot``."""
    registry.add("incremental", _incremental)
    registry.add("append", _append)
    registry.add("snapshot", _snapshot)


def _incremental() -> "TablePlugin":
    from supasync_tables.incremental import Incremental  # noqa: PLC0415 - loaded where tables are read

    return Incremental()


def _append() -> "TablePlugin":
    from supasync_tables.append import Append  # noqa: PLC0415 - loaded where tables are read

    return Append()


def _snapshot() -> "TablePlugin":
    from supasync_tables.snapshot import Snapshot  # noqa: PLC0415 - loaded where tables are read

    return Snapshot()
