"""The proof that NEW has OLD's accounts: counts, ids and digests of all that matters; nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from supasync_account.auth.account_columns import AccountColumns
from supasync_account.auth.account_door import AccountDoor
from supasync_account.auth.account_extras import left_out
from supasync_account.auth.account_side import AccountSide, both_sums, grouped, some_of, total
from supasync_core.model.errors import DiffCode

MOVING: Final = "times of sign-ins and of changes, and links in mails that wait for an answer"
UNCOPIED: Final = "sessions, SSO providers, and the settings of Auth: they are not copied yet"


@dataclass(frozen=True, slots=True)
class AccountVerdict:
    """What differs, each account by its id; e-mails are for messages."""

    old: int
    new: int
    missing: Sequence[str] = ()
    extra: Sequence[str] = ()
    changed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    emails: Mapping[str, str | None] = field(default_factory=dict)
    left_out: Sequence[str] = ()
    extras: Sequence[str] = ()
    """The tables that were compared beside those that always are."""
    by: str = "by digests, password hashes included"
    """How it was compared."""
    beyond: Sequence[str] = ()
    """What nobody can compare this way, in sentences; by SQL what is said of it by itself."""

    @property
    def equal(self) -> bool:
        """Whether nothing that was compared differs."""
        return not (self.missing or self.extra or self.changed)

    @property
    def exit_code(self) -> int:
        """0 where all are equal, 1 where any differs."""
        return DiffCode.EQUAL if self.equal else DiffCode.DIFFERENT

    @property
    def uncompared(self) -> list[str]:
        """What nobody has compared, in sentences."""
        if self.beyond:
            return list(self.beyond)
        lone = [f"columns left out: {', '.join(self.left_out)}"] if self.left_out else []
        uncopied = ", ".join([*(each.what for each in left_out(self.extras)), UNCOPIED])
        return [MOVING, uncopied, *lone]

    def who(self, account: str) -> str:
        """The account, for a line."""
        email = self.emails.get(account)
        return f"{email} ({account})" if email else account

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "equal": self.equal,
            "old": self.old,
            "new": self.new,
            "missing": list(self.missing),
            "extra": list(self.extra),
            "changed": {account: list(what) for account, what in self.changed.items()},
            "not_compared": self.uncompared,
        }


def compare(old_door: AccountDoor, new_door: AccountDoor, extras: Sequence[str] = ()) -> AccountVerdict:
    """Both sides by the digests of their accounts; where these differ, what differs."""
    columns = AccountColumns.of(old_door, new_door, extras)
    old, new = AccountSide.of(old_door, columns), AccountSide.of(new_door, columns)
    there, here = both_sums(old, new)
    missing: list[str] = []
    extra: list[str] = []
    unequal: list[str] = []
    parts = [part for part in sorted({*there, *here}) if there.get(part) != here.get(part)]
    for group in grouped([there, here], parts):
        left = old.marks(group, some_of(there, group))
        right = new.marks(group, some_of(here, group))
        missing += sorted(left.keys() - right.keys())
        extra += sorted(right.keys() - left.keys())
        unequal += sorted(each for each in left.keys() & right.keys() if left[each] != right[each])
    changed = _what_differs(old.parts_of_marks(unequal), new.parts_of_marks(unequal))
    emails = {**new.emails([*extra, *unequal]), **old.emails([*missing, *unequal])}
    owned = (f"{table.name}: {each}" for table in columns.owned for each in table.left_out)
    left_out = (*columns.users.left_out, *owned)
    return AccountVerdict(total(there), total(here), missing, extra, changed, emails, left_out, extras)


def _what_differs(
    old: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]
) -> dict[str, list[str]]:
    """By account what differs; one that was equal when it was looked at again is left out."""
    pairs = {account: (marks, new.get(account, {})) for account, marks in old.items()}
    found = {
        account: [what for what, digest in left.items() if right.get(what) != digest]
        for account, (left, right) in pairs.items()
    }
    return {account: what for account, what in found.items() if what}
