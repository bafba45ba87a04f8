"""How far a read by key has come, as it is kept between runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from supasync_core.model.batch import Key
from supasync_core.model.timestamps import Time


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The rows behind the key ``behind``, up to and with the key ``to``, as the source sorts keys."""

    behind: Key
    to: Key


@dataclass(frozen=True, slots=True)
class Backfill:
    """A read by key that has not come to its end: the rows up to the key ``behind`` are confirmed.

    Those of ``ranges`` are not yet: several readers read a large table at once. They are in the order of the
    source, share no key, and lie before ``behind``.
    ``began_at``: the source's time when its first page was asked for. ``newest``: by keyset, the latest
    timestamp among those rows that was over by the horizon of the run that read it. ``rows`` are confirmed,
    of about ``total``, 0 where nobody knows.
    """

    behind: Key
    began_at: Time
    newest: Mapping[str, Time] = field(default_factory=dict)
    rows: int = 0
    total: int = 0
    ranges: tuple[KeyRange, ...] = ()
