"""What the state keeps of a table's comparison: when the last one ended, how far the present one is."""

from dataclasses import dataclass, replace

from supasync_core.model.batch import Key
from supasync_core.model.timestamps import Time

Range = tuple[Key, str, int]
"""The last key of a stretch of rows in the source's order, the sum over their versions, how many they are."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The walk over all of a table that finds what its way of reading does not see.

    All times are the store's. ``loaded_at``: when the table had first been read to its end. ``walked_at``:
    when the last complete comparison of values began; ``rows`` of the source were in it. ``ranges`` are those
    that the sink is known to hold as the source had them, with the rows that were stamped up to ``until``;
    ``fingerprint`` is what the source told of the whole table before.

    ``began_at``: when the present walk began, None where none is under way. It has passed the rows up to the
    key ``behind``, ``met`` of them, knows ``passed`` ranges with the rows stamped up to ``horizon``, and has
    ``found`` keys that the source does not have, ``more`` than those; ``ranges`` are those ahead of it.
    """

    loaded_at: Time | None = None
    walked_at: Time | None = None
    rows: int = 0
    ranges: tuple[Range, ...] = ()
    until: Time | None = None
    fingerprint: str | None = None
    began_at: Time | None = None
    behind: Key = ()
    met: int = 0
    passed: tuple[Range, ...] = ()
    horizon: Time | None = None
    found: tuple[Key, ...] = ()
    more: int = 0
    next_fingerprint: str | None = None
    """The fingerprint that the source told before the present walk."""

    def forgotten(self) -> "Comparison":
        """A copy that knows no range any more: the sink may hold older rows. The walk stays where it is."""
        return replace(self, ranges=(), passed=(), fingerprint=None, next_fingerprint=None)

    def begun(self, now: str, horizon: str, fingerprint: str | None) -> "Comparison":
        """A copy in which a walk begins at the store's time ``now``."""
        return replace(self, began_at=now, horizon=horizon, next_fingerprint=fingerprint)

    def ended(self, *, values: bool) -> "Comparison":
        """A copy in which the present walk has come to the table's end."""
        done = Comparison(loaded_at=self.loaded_at, walked_at=self.walked_at, rows=self.met)
        if not values:
            return done
        return replace(
            done,
            walked_at=self.began_at,
            ranges=self.passed,
            until=self.horizon,
            fingerprint=self.next_fingerprint,
        )
