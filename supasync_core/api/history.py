"""What is kept on this machine for good: keys that the source was seen to have, rows that were removed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from supasync_core.model.batch import Batch, Key
from supasync_core.model.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Rows that were removed from a sink at one time: their number by table's full name.

    ``at`` is an ISO text; ``undone`` says whether they were all put back.
    """

    id: str
    at: str
    rows: Mapping[str, int]
    undone: bool


class Evidence(Protocol):
    """Kept by a staging. ``source`` and ``sink`` name projects, as `Endpoint.ref` does.

    A version is whatever changes with each write of a row, such as PostgreSQL's ``xmin``, and is compared for
    equality alone; None where there is none.
    """

    def sighted(self, source: str, table: Table, versions: Mapping[Key, str | None]) -> None:
        """Note rows that the source has now; they count once `keep_sighted` is called."""
        ...

    def rewritten(self, source: str, table: Table) -> list[Key]:
        """Of the rows noted now, those whose version was another one when they were last kept."""
        ...

    def keep_sighted(self, source: str, table: Table, doubtful: Sequence[Key] = ()) -> None:
        """Keep what was noted beside all that was kept; ``doubtful`` rows count as rewritten next time."""
        ...

    def seen(self, source: str, table: Table, keys: Sequence[Key]) -> set[Key]:
        """Those of the keys that the source had once: kept before, or staged from an export of it."""
        ...

    def keep_removed(self, removal: str, at: str, sink: str, table: Table, batch: Batch) -> None:
        """Keep whole rows before they are removed."""
        ...

    def removals(self, sink: str) -> list[Removal]:
        """What was removed from that sink, the newest first."""
        ...

    def removed_rows(self, removal: str, table: Table) -> Iterator[Batch]:
        """The rows of the table that were removed then and were not put back."""
        ...

    def keep_overwritten(self, removal: str, at: str, sink: str, table: Table, batch: Batch) -> None:
        """Keep whole rows before they are written over."""
        ...

    def keep_written(self, removal: str, table: Table, batch: Batch) -> None:
        """Keep what those rows are now that they were written over."""
        ...

    def overwrites(self, sink: str) -> list[Removal]:
        """What was written over in that sink, the newest first; the numbers are of rows written over."""
        ...

    def overwritten_rows(self, removal: str, table: Table) -> Iterator[tuple[str, str | None]]:
        """The texts of the table's rows before and after; None where nobody saw how they ended."""
        ...

    def restored(self, removal: str, table: Table) -> None:
        """Note that the table's rows that were written over then are settled."""
        ...

    def put_back(self, removal: str, table: Table) -> None:
        """Note that the table's rows of that removal are settled: they are in the sink again."""
        ...
