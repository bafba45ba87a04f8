"""How many rows a page may hold: about a megabyte of them, and fewer where a statement takes too long."""

from dataclasses import dataclass, field
from math import log2

PAGE = 1_000_000
"""Bytes of JSON that a page should have: enough that the round trip does not matter."""
LARGEST = 4_000_000
"""Bytes of JSON at which a page is cut off behind its last whole row; a write is larger for one row alone."""
LARGEST_ROW = 256_000_000
"""Bytes of JSON of rows that are asked for one by one; gateways of PostgREST carry no row as large."""


@dataclass
class Sizes:
    """What is known of each table's rows, and of how many of them the server manages in its time."""

    fitting: dict[str, int] = field(default_factory=dict)
    managed: dict[str, int] = field(default_factory=dict)

    def limit(self, table: str, most: int) -> int:
        return min(most, self.fitting.get(table, most), self.managed.get(table, most))

    def came(self, table: str, rows: int, size: int) -> None:
        """So many rows came, of so many bytes.

        The next page has the nearest power of two of rows, so that a byte more or less does not shift all
        pages.
        """
        if table in self.managed:
            self.managed[table] += self.managed[table] // 4 + 1
        if rows:
            self.fitting[table] = 1 << max(0, round(log2(PAGE * rows / size)))

    def too_slow(self, table: str, limit: int) -> None:
        self.managed[table] = limit
