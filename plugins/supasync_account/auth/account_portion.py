"""Thousands of new accounts as one transaction: streamed by COPY, and proven before any of them is kept."""

# ruff: noqa: S608 - names are fragments that the server has quoted, values are parameters

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from supasync_account.auth.account_flaws import FLAWS
from supasync_account.auth.account_marks import BETWEEN, MARKS, SOUND_MARKS, SUM
from supasync_account.auth.account_queries import RECORDS
from supasync_account.auth.account_session import SessionDoor
from supasync_core.api.copy_session import CopySession

_MOST_REFUSED: Final = 500
_ANY: Final = f"select exists (select from auth.users u where {BETWEEN})"
_ROWS: Final = (
    "select {{names}}{more} from auth.{table} u "
    "where u.{id} >= %s::uuid and u.{id} <= %s::uuid and u.{id} <> all(%s::uuid[])"
)
_OWNED: Final = f"{_ROWS} order by u.user_id"
"""In the order of NEW's keys: its indexes and the accounts themselves are looked up page by page."""
_THERE: Final = f"select {SUM} from ({MARKS} and m.id <> all(%s::uuid[])) m"
_HERE: Final = (
    f"with m as (insert into {RECORDS} (id, mark) {SOUND_MARKS} returning id, mark) select {SUM} from m"
)


class UnequalError(Exception):
    """NEW has, or would have, other accounts than OLD in this range."""


@dataclass(frozen=True, slots=True)
class Written:
    """How many accounts were written, and those with a flaw, which are among them unless it is refused."""

    accounts: int
    flawed: Sequence[tuple[str, str | None, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class SessionPair:
    """A session on each side, for one thread: ``source`` and ``sink`` are those of the doors."""

    old: SessionDoor
    new: SessionDoor
    source: CopySession
    sink: CopySession

    @classmethod
    def of(cls, old: object, new: object) -> "SessionPair | None":
        """None where a side is not asked in a session that copies."""
        if not isinstance(old, SessionDoor) or not isinstance(new, SessionDoor):
            return None
        source, sink = old.session, new.session
        if not isinstance(source, CopySession) or not isinstance(sink, CopySession):
            return None
        return cls(old, new, source, sink)

    def another(self) -> "SessionPair":
        """The same on further connections."""
        source, sink = self.source.another(), self.sink.another()
        return SessionPair(self.old.beside(source), self.new.beside(sink), source, sink)

    def copy(self, first: str, last: str, run: str | None) -> Written:
        """Copy the accounts of this range of ids, of which NEW has none.

        UnequalError where NEW has one, or would have others than OLD: then nothing is written. OLD's marks
        are of the same snapshot as its rows, NEW's are made of what triggers have left of them.
        """
        ends = [first, last]
        with self.old.turn, self.new.turn, self.source.steady(), self.new.writing(run):
            self.new.asked("settle", ())  # deferred triggers fire before NEW's marks are made
            if self.sink.query(_ANY, ends) == [(True,)]:
                raise UnequalError
            flawed = self.old.asked("flawed", ends)
            refused = [who for who, _, names in flawed if any(FLAWS[name].refused for name in names)]
            if len(refused) > _MOST_REFUSED:
                raise UnequalError
            written = self._rows(ends, refused)
            if not self._equal(ends, refused):
                raise UnequalError
            return Written(written, flawed)

    @property
    def _owned(self) -> list[str]:
        """The tables whose rows belong to accounts, in the order in which marks have them."""
        tables = self.new.made["tables"]
        return sorted(tables.keys() - {"users"}, key=lambda name: tables[name]["table_at"])

    def _rows(self, ends: Sequence[str], refused: Sequence[str]) -> int:
        """Write the accounts, and then what belongs to them; how many accounts there were."""
        made = self.new.made
        rows = self.old.filled(_ROWS.format(more=made["empties"], table="users", id="id"))
        names = f"{made['tables']['users']['names']}{made['tokens']}"
        written = self._stream(rows, [*ends, refused], f"auth.users ({names})")
        for table in self._owned:
            rows = self.old.filled(_OWNED.format(more="", table=table, id="user_id"), table)
            self._stream(rows, [*ends, refused], f"auth.{table} ({made['tables'][table]['names']})")
        return written

    def _equal(self, ends: Sequence[str], refused: Sequence[str]) -> bool:
        """Remember the marks of what NEW has now; whether all of them are OLD's."""
        there = self.source.query(self.old.filled(_THERE), [*ends, *ends, refused])
        return there == self.sink.query(self.new.filled(_HERE), [*ends, *ends])

    def _stream(self, rows: str, values: Sequence[Any], place: str) -> int:
        """Hand rows from one side to the other; how many there were."""
        with closing(self.source.copy_out(rows, values)) as parts:
            return self.sink.copy_in(place, parts)
