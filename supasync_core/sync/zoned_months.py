"""The rows that a type without a time zone, or with one, would change: where only one side's has it.

The zone of OLD or NEW may be any, and it may have summer time: so a moment of each month tells.
"""

from collections.abc import Sequence

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch
from supasync_core.model.pg_types import MOMENTS, UNZONED, ZONED, is_array, type_of
from supasync_core.model.table import Shape


class ZonedMonths:
    """Finds, batch by batch, a row of each month in the columns of these names."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._seen: set[tuple[str, bytes]] = set()

    @classmethod
    def of(cls, names: Sequence[str], old: Shape, new: Shape) -> "ZonedMonths":
        """Those of the columns that are moments on both sides, and have a zone on one."""
        return cls([name for name in names if shared_moments(type_of(old, name), type_of(new, name))])

    def places(self, batch: Batch) -> Sequence[int]:
        """The rows with a moment of a month of which no row before them had one."""
        if not self.names or not batch.count:
            return []
        found: dict[int, None] = {}
        for place, row in enumerate(raw_json.raw_columns(batch.body, self.names)):
            new = {
                (name, month) for name, cell in zip(self.names, row, strict=True) if (month := _month(cell))
            }
            if new - self._seen:
                self._seen |= new
                found[place] = None
        return list(found)


def _month(cell: bytes) -> bytes:
    """The month of a moment, of the first one in an array; empty without one."""
    return cell.partition(b"-")[2][:2]


def shared_moments(old: str, new: str) -> str | None:
    """The type by which values of both types are compared, where they are moments and one has no zone.

    A value without a zone stands for the same digits in UTC.
    """
    kinds = {each.removesuffix("[]") for each in (old, new)}
    if old == new or is_array(old) != is_array(new) or ZONED not in kinds or not kinds <= {*MOMENTS}:
        return None
    if is_array(old):
        return f"{UNZONED}[]" if UNZONED in kinds else None
    return UNZONED
