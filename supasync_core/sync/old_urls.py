"""Rows that refer to files of OLD: they look right in NEW until OLD is closed."""

from collections import Counter
from collections.abc import Iterator

from supasync_core.model.batch import Batch
from supasync_core.model.printable import command
from supasync_core.model.storage_urls import StorageUrls
from supasync_core.model.table import Table
from supasync_core.model.wording import counted

REPLACES = "replace_storage_url"
"""The transform that supasync brings for them."""


class OldUrls:
    """How many of a table's rows hold a URL of OLD's Storage as they are sent, by column.

    None are found where OLD's address is not known.
    """

    def __init__(self, address: str | None) -> None:
        self._urls = StorageUrls(address) if address else None
        self.found: Counter[str] = Counter()

    def look(self, batch: Batch) -> None:
        """Count those of the batch."""
        if self._urls is not None:
            self.found.update(self._urls.counts(batch))

    def notes(self, table: Table) -> Iterator[str]:
        """What a person should know of them."""
        if not self.found:
            return
        columns = ", ".join(
            f"{name} ({counted(rows, 'row', 'rows')})" for name, rows in sorted(self.found.items())
        )
        text = f"{table.name}: URLs of OLD's Storage were copied as they are, in {columns}"
        if REPLACES in table.transform:
            yield f"{text}: the key of a row is not changed"
        else:
            again = command("sync", "--full", table.name)
            yield f"{text}; with transform: {REPLACES} in tables.yaml, {again} makes them NEW's"
