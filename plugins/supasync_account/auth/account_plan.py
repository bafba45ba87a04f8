"""What is to be done about each account, decided by three marks: OLD's, NEW's, and what was written last."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from supasync_account.auth.account_records import AccountRecords
from supasync_account.auth.account_side import AccountSide, both_sums, grouped, some_of, total
from supasync_core.model.errors import SchemaError

CHANGED_IN_NEW: Final = "changed in NEW since it was copied, and not in OLD"
BOTH_CHANGED: Final = "changed in OLD and in NEW since it was copied"
NOT_OURS: Final = "NEW has this id with other values, which supasync did not write"
DELETED_IN_NEW: Final = "deleted in NEW since it was copied"


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """The accounts by what is to be done with them, each by its id.

    ``new`` are to be made in NEW, ``changed`` to be updated: with the mark that NEW has now. ``gone`` are
    those that supasync wrote and OLD has no more, with NEW's mark. ``newer`` are left alone, with the reason.
    ``known`` need to be remembered alone, ``forgotten`` are on neither side. ``own`` signed up in NEW.
    """

    old: int = 0
    new_total: int = 0
    new: list[str] = field(default_factory=list)
    changed: dict[str, str] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    newer: dict[str, str] = field(default_factory=dict)
    own: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """What a copy would do."""
        return f"would create {len(self.new):,} and update {len(self.changed):,} accounts"


def plan(old: AccountSide, new: AccountSide, records: AccountRecords, *, accept_newer: bool) -> AccountPlan:
    """What is to be done; SchemaError where OLD has none of those that it had.

    ``accept_newer``: OLD's values are written also where NEW has changed an account since.
    """
    written = records.sums()
    if not written and not (new_sums := new.sums()):
        ids = old.ids()  # a first copy: nothing is there to be compared
        return AccountPlan(len(ids), 0, ids)
    old_sums, new_sums = both_sums(old, new)
    made = AccountPlan(total(old_sums), total(new_sums))
    parts = [
        part
        for part in sorted({*old_sums, *new_sums, *written})
        if not old_sums.get(part) == new_sums.get(part) == written.get(part)
    ]
    for group in grouped([old_sums, new_sums], parts):
        of_old, of_new = some_of(old_sums, group), some_of(new_sums, group)
        for account, marks in _rows(old.marks(group, of_old), new.marks(group, of_new), records.marks(group)):
            _decide(made, account, marks, accept_newer=accept_newer)
    if written and len(made.gone) + len(made.forgotten) >= total(written):
        raise SchemaError(
            "OLD has none of the accounts that were copied from it: nothing is changed",
            hint="is OLD_DATABASE_URL that of OLD? If all were deleted on purpose, delete NEW's by SQL",
        )
    return made


@dataclass(frozen=True, slots=True)
class _Marks:
    old: str | None
    new: str | None
    written: str | None


def _rows(*sides: Mapping[str, str]) -> Iterator[tuple[str, _Marks]]:
    for account in sorted(set().union(*sides)):
        yield account, _Marks(*(side.get(account) for side in sides))


def _decide(made: AccountPlan, account: str, marks: _Marks, *, accept_newer: bool) -> None:
    """Put the account where it belongs."""
    old, new, written = marks.old, marks.new, marks.written
    if old is None:
        if new is None:
            made.forgotten.append(account)
        elif written is None:
            made.own.append(account)
        else:
            made.gone[account] = new if written == new or accept_newer else ""
    elif new is None:
        if written is None or accept_newer:
            made.new.append(account)
        else:
            made.newer[account] = DELETED_IN_NEW
    elif old == new:
        if written != new:
            made.known.append(account)
    elif written == new or accept_newer:
        made.changed[account] = new
    else:
        made.newer[account] = _why(old, written)


def _why(old: str, written: str | None) -> str:
    if written is None:
        return NOT_OURS
    return CHANGED_IN_NEW if written == old else BOTH_CHANGED
