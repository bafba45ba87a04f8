"""The strategies that supasync brings: how a table is read, and when a cursor may move."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from supasync_core import hookimpl
from supasync_core.api.registration import Configured, Setting, TableContext, imported

if TYPE_CHECKING:
    from supasync_core.api.registry import Registry
    from supasync_core.api.strategy import Strategy

HOOKS = 1


def _append(context: TableContext) -> "Strategy":
    made: Strategy = imported("supasync_tables.append", "Append")(context.settings.get("column"))
    return made


@hookimpl
def supasync_register_strategies(registry: "Registry[Callable[[], Strategy] | Configured[Strategy]]") -> None:
    """Add ``incremental``, ``append`` and ``snapshot``."""
    registry.add("incremental", imported("supasync_tables.incremental", "Incremental"))
    registry.add("append", Configured(_append, {"column": Setting(required=False)}))
    registry.add("snapshot", imported("supasync_tables.snapshot", "Snapshot"))
