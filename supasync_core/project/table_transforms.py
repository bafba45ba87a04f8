"""The transforms of a table, made in one way for all that reads OLD's rows as a run would send them."""

from collections.abc import Callable, Mapping

from supasync_core.api.backend import Source
from supasync_core.api.plugin_host import Host
from supasync_core.api.table_plugins import transforms_of
from supasync_core.model.settings import Settings
from supasync_core.model.table import Table
from supasync_core.model.transform import Transform


def table_transforms(
    host: Host,
    settings: Settings,
    table: Table,
    source: Source | None,
    referred: Callable[[], Mapping[str, tuple[Table, str]]],
) -> list[tuple[str, Transform]]:
    """The table's transforms by name, in their order; TableError where one cannot be made.

    ``source`` is OLD, where it can be asked, ``referred`` what `ReferredColumns` tells of the table.
    """
    return transforms_of(host, table, source, settings.api_address, referred)
