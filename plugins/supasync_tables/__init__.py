"""The table plugins that supasync brings: how a table is read, and when a cursor may move."""

from typing import TYPE_CHECKING

from supasync_core import hookimpl

if TYPE_CHECKING:
    from supasync_core.backend import TablePlugin
    from supasync_core.registry import Registry


@hookimpl
def supasync_register_table_plugins(registry: "Registry[TablePlugin]") -> None:
    """Add ``incremental``, ``append`` and ``snapshot``."""
    from supasync_tables.append import Append  # noqa: PLC0415 - loaded only where tables are read
    from supasync_tables.incremental import Incremental  # noqa: PLC0415
    from supasync_tables.snapshot import Snapshot  # noqa: PLC0415

    registry.add("incremental", Incremental())
    registry.add("append", Append())
    registry.add("snapshot", Snapshot())
