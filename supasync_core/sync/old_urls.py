"""Rows that refer to files of OLD: they look right in NEW until OLD is closed."""

from collections import Counter
from collections.abc import Iterator

from supasync_core.model.batch import Batch
from supasync_core.model.printable import command
from supasync_core.model.storage_urls import REPLACES, StorageUrls
from supasync_core.model.table import Table
from supasync_core.model.wording import counted


class OldUrls:
    """How many of a table's rows hold a URL of OLD's Storage as they are sent, by column.

    ``others`` are those that hold OLD's address in another way. None are found where that is not known.
    """

    def __init__(self, old: str | None, new: str | None) -> None:
        self._urls = StorageUrls(old, new) if old else None
        self.found: Counter[str] = Counter()
        self.others: Counter[str] = Counter()

    def look(self, batch: Batch) -> None:
        """Count those of the batch."""
        if self._urls is not None and self._urls.may_be_in(batch):
            self.found.update(self._urls.counts(batch))
            self.others.update(self._urls.others(batch))

    def notes(self, table: Table) -> Iterator[str]:
        """What a person should know of them."""
        if self.found:
            text = f"{table.name}: URLs of OLD's Storage were copied as they are, in {_columns(self.found)}"
            again = command("sync", "--full", table.name)
            if REPLACES in table.transform:
                yield f"{text}: a key is not changed, nor what refers to one"
            else:
                yield f"{text}; with transform: {REPLACES} in tables.yaml, {again} makes them NEW's"
        if self.others:
            text = f"OLD's address was copied as it is, in {_columns(self.others)}"
            yield f"{table.name}: {text}: not changed, as it is not a URL of Storage, or spelt in another way"


def _columns(found: Counter[str]) -> str:
    return ", ".join(f"{name} ({counted(rows, 'row', 'rows')})" for name, rows in sorted(found.items()))
