"""What a verification found: per table, how it was compared, what differs, what could not be seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

from supasync_core.api.blind_spots import UPDATES
from supasync_core.model.batch import Key
from supasync_core.model.errors import DiffCode

Method = Literal["keys", "keys and timestamps", "whole rows", "digests", "none"]
KEYS: Final = "keys"
STAMPS: Final = "keys and timestamps"
ROWS: Final = "whole rows"
DIGESTS: Final = "digests"
BY_VALUE: Final = (ROWS, DIGESTS)
EQUAL = "equal"


def claim_of(method: Method, moving: int, blind: str = "") -> str:
    """What a comparison by this method proves that found nothing but rows which are ``moving``.

    ``blind`` names what no run sees the updates of.
    """
    if method in BY_VALUE:
        return "no difference, but for rows in flight" if moving else EQUAL
    but = ", but for rows in flight" if moving else ""
    return f"no difference in {method}{but}; {_not_compared('', blind)}"


def _not_compared(tables: str, blind: str) -> str:
    """That values were not, and what that leaves open."""
    if not blind:
        return f"values{tables} were not compared (verify --exact)"
    return (
        f"values{tables} were not compared (values_compared: false), and no run sees updates of {blind}: "
        "supasync verify --exact"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TableVerdict:
    """One table, OLD against NEW; a row stands in one of the lists at most.

    ``missing`` in NEW; ``extra`` in NEW, so deleted in OLD or never there; ``changed``, with the columns that
    differ; ``set_aside`` in the quarantine, so known to be missing. ``unlooked`` more rows differ and were
    not looked at a second time. ``in_flight`` rows differ, but changed in OLD later than ``until``, up to
    which sync has brought everything: they are not differences. ``repeated`` keys were met twice on one side.
    ``unmet``: by how many rows a side's own count differs from the rows that it gave, or, where no row
    explains it, one side's count from the other's. ``left_out`` by a transform. ``newer`` rows
    were written in NEW since it was closed. ``digest`` is over what was compared (keys, timestamps,
    whole rows: see ``method``) of all rows that are equal, whatever their order. ``unseen`` are the
    kinds of changes that no run sees. ``read_because`` is why digests did not prove this table.
    """

    name: str
    method: Method
    unseen: tuple[str, ...] = ()
    old: int | None = None
    new: int | None = None
    compared: int = 0
    missing: tuple[Key, ...] = ()
    extra: tuple[Key, ...] = ()
    changed: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    set_aside: tuple[Key, ...] = ()
    repeated: tuple[Key, ...] = ()
    unmet: int = 0
    unlooked: int = 0
    in_flight: int = 0
    left_out: int = 0
    newer: int = 0
    until: str | None = None
    digest: str | None = None
    sees: tuple[str, ...] = ()
    cannot_see: tuple[str, ...] = ()
    read_because: str | None = None
    notes: tuple[str, ...] = ()
    requests: Mapping[str, int] = field(default_factory=dict)
    bytes: int = 0
    seconds: float = 0.0
    error: str | None = None
    hint: str | None = None

    @property
    def differences(self) -> int:
        """How many rows differ."""
        listed = (self.missing, self.extra, self.changed, self.set_aside, self.repeated)
        return sum(map(len, listed)) + self.unlooked + self.unmet

    @property
    def equal(self) -> bool:
        """Whether the table could be compared and nothing differs, but for rows in flight."""
        return self.error is None and not self.differences

    @property
    def values_compared(self) -> bool:
        """Whether every value was: else ``equal`` speaks of keys, or of keys and timestamps, alone."""
        return self.method in BY_VALUE and self.error is None

    @property
    def blind(self) -> bool:
        """Whether updates may be missing that neither a run nor this comparison has looked for."""
        empty = self.error is None and not self.compared
        return UPDATES in self.unseen and not self.values_compared and not empty

    @property
    def proven(self) -> bool | None:
        """Whether it is equal; None where nothing differs, and updates may be missing all the same."""
        return None if self.equal and self.blind else self.equal

    @property
    def claim(self) -> str:
        """What is proved where nothing differs: never more than was compared."""
        return claim_of(self.method, self.in_flight + self.newer, "it" if self.blind else "")

    def as_json(self) -> dict[str, Any]:
        """Everything, under the names of the fields."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "name"}
        return {
            "equal": self.proven,
            "differences": self.differences,
            "values_compared": self.values_compared,
            **values,
            "changed": [{"key": key, "columns": names} for key, names in self.changed.items()],
            "requests": dict(self.requests),
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """All tables that were compared; ``at`` is OLD's time at the end, ``notes`` concern all of them.

    ``catalog_requests`` and ``catalog_bytes`` went to both sides before any table, about all of them.
    """

    tables: tuple[TableVerdict, ...]
    at: str | None
    notes: tuple[str, ...] = ()
    catalog_requests: int = 0
    catalog_bytes: int = 0

    @property
    def equal(self) -> bool:
        """Whether every table could be compared and nothing differs but rows in flight."""
        return all(table.equal for table in self.tables)

    @property
    def settled(self) -> bool:
        """Whether nothing differs at all: equal, and no row is in flight. What a cut-over wants."""
        return self.equal and not any(table.in_flight for table in self.tables)

    @property
    def values_compared(self) -> bool:
        """Whether every value of every table was compared."""
        return all(table.values_compared for table in self.tables)

    @property
    def blind(self) -> tuple[str, ...]:
        """The tables of which updates may be missing that nobody has looked for."""
        return tuple(table.name for table in self.tables if table.blind)

    @property
    def proven(self) -> bool | None:
        """Whether both are equal; None where nothing differs, and updates may be missing all the same."""
        return None if self.equal and self.blind else self.equal

    @property
    def claim(self) -> str:
        """What is proved where nothing differs: never more than was compared."""
        bare = [table for table in self.tables if not table.values_compared]
        blind = ", ".join(self.blind)
        moving = sum(table.in_flight + table.newer for table in self.tables)
        if not bare:
            return claim_of(ROWS, moving)
        if len(bare) == len(self.tables):
            method: Method = STAMPS if any(table.method == STAMPS for table in bare) else KEYS
            return claim_of(method, moving, blind)
        but = ", but for rows in flight" if moving else ""
        names = ", ".join(table.name for table in bare)
        return f"no difference{but}; {_not_compared(f' of {names}', blind)}"

    @property
    def troubled(self) -> bool:
        """Whether a table could not be compared."""
        return any(table.error for table in self.tables)

    @property
    def exit_code(self) -> int:
        """As diff(1): 0 equal, 1 different, 2 trouble."""
        if self.troubled:
            return DiffCode.TROUBLE
        return DiffCode.EQUAL if self.equal else DiffCode.DIFFERENT

    @property
    def requests(self) -> int:
        """Requests to both sides."""
        return self.catalog_requests + sum(sum(table.requests.values()) for table in self.tables)

    @property
    def bytes(self) -> int:
        """Bytes on the wire, both sides and both directions."""
        return self.catalog_bytes + sum(table.bytes for table in self.tables)

    def as_json(self) -> dict[str, Any]:
        """Everything: each table with its method, what that can and cannot see, its costs and digests."""
        return {
            "equal": self.proven,
            "settled": self.settled,
            "values_compared": self.values_compared,
            "exit_code": self.exit_code,
            "at": self.at,
            "requests": self.requests,
            "bytes": self.bytes,
            "notes": list(self.notes),
            "tables": {table.name: table.as_json() for table in self.tables},
        }
