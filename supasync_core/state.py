"""The state kept with the sink: cursors per table, and the record of every run."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from supasync_core.batch import Cursor
from supasync_core.errors import StateError

FORMAT = 1


@dataclass(frozen=True, slots=True)
class KeysetState:
    """How far one keyset has been read and confirmed.

    ``moved_at``: the source's time (ISO, UTC) when the cursor last moved. ``settled``: a complete read that
    began later than the overlap after that found nothing behind the cursor. ``floor``: the ordering value
    up to which everything is known to be there, for a keyset whose values tell no time. ``digests``: of the
    pages that were confirmed last, for a keyset that is read as a whole.
    """

    cursor: Cursor | None = None
    moved_at: str | None = None
    settled: bool = False
    floor: str | None = None
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableState:
    """What is known of one table between runs; ``read_at`` is the source's time of the last complete read."""

    keysets: Mapping[str, KeysetState] = field(default_factory=dict)
    read_at: str | None = None

    def keyset(self, name: str) -> KeysetState:
        """The state of that keyset; a fresh one where nothing is known yet."""
        return self.keysets.get(name, KeysetState())

    def with_keyset(self, name: str, state: KeysetState) -> "TableState":
        """A copy in which that keyset has this state."""
        return replace(self, keysets={**self.keysets, name: state})


@dataclass(frozen=True, slots=True)
class State:
    """Everything that the next run needs: whose rows these are, how far each table is."""

    source: str
    tables: Mapping[str, TableState] = field(default_factory=dict)
    last_success: str | None = None

    def table(self, name: str) -> TableState:
        """The state of that table; a fresh one where nothing is known yet."""
        return self.tables.get(name, TableState())

    def with_table(self, name: str, table: TableState) -> "State":
        """A copy in which that table has this state."""
        return replace(self, tables={**self.tables, name: table})

    def without_table(self, name: str) -> "State":
        """A copy that knows nothing of that table: it will be read from the beginning."""
        return replace(self, tables={key: value for key, value in self.tables.items() if key != name})


def to_json(state: State) -> dict[str, Any]:
    """The state as it is stored."""
    return {
        "format": FORMAT,
        "source": state.source,
        "last_success": state.last_success,
        "tables": {name: _table_to_json(table) for name, table in state.tables.items()},
    }


def from_json(stored: Mapping[str, Any]) -> State:
    """The stored state; StateError where it is damaged or of a newer format."""
    number = stored.get("format")
    if isinstance(number, int) and number > FORMAT:
        raise StateError(
            f"the state was written by a newer supasync (format {number}, this one reads {FORMAT})",
            hint="upgrade supasync on this machine",
        )
    try:
        tables = {name: _table_from_json(table) for name, table in stored["tables"].items()}
        return State(source=stored["source"], tables=tables, last_success=stored.get("last_success"))
    except (KeyError, TypeError, AttributeError) as err:
        raise StateError(
            f"the stored state is damaged ({type(err).__name__}: {err})",
            hint="restore the newest row of sync_metadata from a backup",
        ) from err


def _table_to_json(table: TableState) -> dict[str, Any]:
    return {
        "read_at": table.read_at,
        "keysets": {
            name: {
                "cursor": keyset.cursor and {"value": keyset.cursor.value, "key": list(keyset.cursor.key)},
                "moved_at": keyset.moved_at,
                "settled": keyset.settled,
                "floor": keyset.floor,
                "digests": list(keyset.digests),
            }
            for name, keyset in table.keysets.items()
        },
    }


def _table_from_json(stored: Mapping[str, Any]) -> TableState:
    keysets = {}
    for name, keyset in stored["keysets"].items():
        cursor = keyset["cursor"] and Cursor(keyset["cursor"]["value"], tuple(keyset["cursor"]["key"]))
        keysets[name] = KeysetState(
            cursor, keyset["moved_at"], keyset["settled"], keyset["floor"], tuple(keyset["digests"])
        )
    return TableState(keysets=keysets, read_at=stored["read_at"])
