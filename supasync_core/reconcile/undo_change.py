"""The newest change is undone: removed rows are put back, replaced rows are restored."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch
from supasync_core.model.errors import RowError, StateError, TableError
from supasync_core.model.table import Table
from supasync_core.model.wording import counted
from supasync_core.reconcile.apply import Refused, send, send_again
from supasync_core.sync import removal
from supasync_core.sync.removal import Place, PutBack

_CHUNK = 200
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A table's replaced rows: ``restored``, or left alone because they have ``changed`` since."""

    table: Table
    restored: int = 0
    changed: tuple[tuple[str, ...], ...] = ()
    error: TableError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What was undone of the change ``id``, which was made ``at`` that time."""

    id: str
    at: str
    put_back: tuple[PutBack, ...] = ()
    restored: tuple[Restored, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all of it was."""
        return not self.errors and not any(each.changed for each in self.restored)

    @property
    def errors(self) -> list[TableError]:
        """What prevented the rest."""
        errors = [*(each.error for each in self.put_back), *(each.error for each in self.restored)]
        return [error for error in errors if error]

    @property
    def rows(self) -> int:
        """How many rows were written."""
        return sum(each.written for each in self.put_back) + sum(each.restored for each in self.restored)

    def as_json(self) -> dict[str, Any]:
        """Everything under fixed names."""
        return {
            "id": self.id,
            "at": self.at,
            "removed": {
                each.table.name: {
                    "put_back": each.written,
                    "present": each.present,
                    "error": each.error and str(each.error),
                }
                for each in self.put_back
            },
            "overwritten": {
                each.table.name: {
                    "restored": each.restored,
                    "changed_since": list(map(list, each.changed)),
                    "error": each.error and str(each.error),
                }
                for each in self.restored
            },
        }


def undo(place: Place) -> Undone:
    """Undo the newest change that was not undone yet; StateError where there is none.

    Rows that were inserted stay. So do rows that somebody has changed since. Before anything is written it is
    a StateError where a table is not declared any more, and a SchemaError where one has another key.
    """
    removed = [each for each in place.evidence.changes("removed", place.sink_ref) if not each.undone]
    replaced = [each for each in place.evidence.changes("overwritten", place.sink_ref) if not each.undone]
    if not removed and not replaced:
        raise StateError("the staging holds no rows of an earlier change: there is nothing to undo")
    newest = max((*removed, *replaced), key=lambda each: (each.at, each.id))
    tables = [
        table
        for change in replaced
        if change.id == newest.id
        for table in removal.changed_tables(place, "overwritten", change)
    ]
    put_back: list[PutBack] = []
    if any(each.id == newest.id for each in removed):
        _, put_back = removal.undo(place, newest.id)
    restored = [_restore(place, newest.id, table) for table in tables]
    return Undone(id=newest.id, at=newest.at, put_back=tuple(put_back), restored=tuple(restored))


def _restore(place: Place, change: str, table: Table) -> Restored:
    whole = table.whole().narrowed(())
    restored = 0
    changed: list[tuple[str, ...]] = []
    refused: list[Refused] = []
    try:
        for pairs in _chunks(place.evidence.overwritten_rows(change, table)):
            before = Batch(raw_json.join(text for text, _ in pairs))
            keys = table.keys(before)
            now = {
                key: text
                for found in place.sink.rows(whole, table.key, keys)
                for key, text in whole.texts(found).items()
            }
            different = [i for i, key in enumerate(keys) if now.get(key) != pairs[i][0]]
            as_left = [i for i in different if _is_same(now.get(keys[i]), pairs[i][1])]
            changed += [keys[i] for i in different if i not in as_left]
            written, more = send(place.sink, whole, before.only(as_left))
            restored, refused = restored + written, refused + more
        written, refused = send_again(place.sink, whole, refused)
        restored += written
        if not refused:
            removal.settle(place, "overwritten", change, table)
    except TableError as err:
        return Restored(table=table, restored=restored, changed=tuple(changed), error=err)
    error = _refused(table, refused) if refused else None
    return Restored(table=table, restored=restored, changed=tuple(changed), error=error)


def _refused(table: Table, refused: list[Refused]) -> RowError:
    named = "; ".join(", ".join(each.key(table)) for each in refused[:_NAMED])
    rows = counted(len(refused), "row was refused, with the key", "rows were refused, with the keys")
    text = f"{table.name}: {rows} {named}"
    return RowError(text, table=table.name, hint=refused[0].reason(table))


def _is_same(now: str | None, left: str | None) -> bool:
    """Whether a row is as the change left it, or was to leave it where it was killed meanwhile."""
    return None not in (now, left) and (now == left or raw_json.cells(str(now)) == raw_json.cells(str(left)))


def _chunks(rows: Iterator[tuple[str, str | None]]) -> Iterator[list[tuple[str, str | None]]]:
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk
