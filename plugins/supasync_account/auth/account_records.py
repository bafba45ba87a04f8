"""What supasync wrote last of each account: the table ``supasync_accounts`` of NEW, an id and a mark each.

It tells an account that OLD deleted from one that signed up in NEW, and one that changed in NEW from one that
changed in OLD. Servers of another version have other columns, so marks are made again where nothing else has
changed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from supasync_account.auth.account_columns import AccountColumns, remembered
from supasync_account.auth.account_door import AccountDoor, Step, Terms
from supasync_account.auth.account_queries import MADE, RECORDS
from supasync_account.auth.account_side import Sum
from supasync_core.model.errors import SchemaError


@dataclass(frozen=True, slots=True)
class AccountRecords:
    """The marks that were written last; a ``missing`` table holds none, until `prepare` makes it."""

    door: AccountDoor
    columns: AccountColumns
    missing: bool
    form: str | None
    """What the marks in the table are made of."""

    @classmethod
    def of(cls, door: AccountDoor, columns: AccountColumns) -> "AccountRecords":
        """Those of NEW; SchemaError where somebody else made a table of this name."""
        found = door.ask("records")
        if found and not found[0][0]:
            raise SchemaError(
                f"NEW: {RECORDS} is not a table of this connection's own user, and was not used",
                hint="if supasync made it, connect as its owner; else rename it",
            )
        return cls(door, columns, not found, found[0][1] if found else None)

    @property
    def ready(self) -> bool:
        """Whether the table is there, and its marks are of the columns that both sides have now."""
        return not self.missing and self.form == self.columns.form

    def prepare(self, run: str | None) -> "AccountRecords":
        """Make the table, or its marks again where servers have other columns than when it was written."""
        then = None if self.missing else self._then()
        steps = [Step(name) for name in MADE] if self.missing else [Step("remark")] if then else []
        door = self.door.shaped({**self.columns.asked, **({"then": then} if then else {})})
        door.together([*steps, Step("form")], Terms(run=run))
        return replace(self, missing=False, form=self.columns.form)

    def marks(self, parts: Sequence[str]) -> dict[str, str]:
        """The marks by id of these parts."""
        return {} if self.missing else dict(self.door.ask("record_marks", list(parts)))

    def sums(self) -> dict[str, Sum]:
        """What supasync wrote of each part, summed up as both sides are."""
        if self.missing:
            return {}
        return {part: Sum(accounts, digest) for part, accounts, digest in self.door.ask("record_sums")}

    def note(self, ids: Sequence[str], run: str | None) -> None:
        """Remember these accounts as NEW has them now."""
        self.door.together([Step("note", [list(ids)])], Terms(run=run))

    def forget(self, ids: Iterable[str], run: str | None) -> None:
        """Remember nothing of accounts that neither side has any more."""
        self.door.together([Step("forget", [list(ids)])], Terms(run=run))

    def _then(self) -> dict[str, Any] | None:
        """The columns of the marks in the table; None where these cannot be told, or are gone from NEW.

        Then all of them count as changed in NEW.
        """
        then = remembered(self.form)
        now = {table.name: table.in_new for table in (self.columns.users, *self.columns.owned)}
        if then and all(name in now and set(names) <= now[name] for name, names, _ in then["columns"]):
            return then
        return None
