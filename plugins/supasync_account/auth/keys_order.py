"""Which accounts can have their e-mail or phone now, and which have to give one up first, as in a swap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from supasync_account.auth.keys_account import KeyAccount, confirmed

Contact = tuple[str, str]
"""``e-mail`` or ``phone``, and its value."""


def contacts(account: KeyAccount) -> list[Contact]:
    """What no two accounts of a project may share."""
    pairs = (("e-mail", account.email.lower()), ("phone", account.number))
    return [(what, value) for what, value in pairs if value]


@dataclass
class Order:
    """The accounts to ``write``, of which ``blocked`` ones are taken out, with what is held and by whom.

    ``here`` are NEW's accounts by id.
    """

    write: dict[str, KeyAccount]
    here: Mapping[str, KeyAccount]
    blocked: dict[str, tuple[str, str]] = field(default_factory=dict)
    holders: dict[Contact, str] = field(init=False)

    def __post_init__(self) -> None:
        self.holders = {each: account.id for account in self.here.values() for each in contacts(account)}
        while found := {each: held for each in self.write if (held := self._blocker(each))}:
            self.blocked |= found
            for account in found:
                del self.write[account]

    @property
    def giving_up(self) -> dict[str, tuple[bool, bool]]:
        """The accounts that first free their e-mail, phone or both for another one that is written."""
        wanted = {(each, account.id) for account in self.write.values() for each in contacts(account)}
        taken = {each for each, account in wanted if self.holders.get(each, account) != account}
        return {
            account: (("e-mail", here.email.lower()) in taken, ("phone", here.number) in taken)
            for account in self.write
            if (here := self.here.get(account)) and taken.intersection(contacts(here))
        }

    def _blocker(self, account: str) -> tuple[str, str] | None:
        """What another account of NEW has of this one, and keeps; and which account."""
        for each in contacts(self.write[account]):
            holder = self.holders.get(each, account)
            if holder != account and not self._gives_up(holder, each):
                return each[0], holder
        return None

    def _gives_up(self, holder: str, contact: Contact) -> bool:
        """Whether the holder is written, and has another one then: the API cannot take one away."""
        wanted = self.write.get(holder)
        if wanted is None:
            return False
        what, value = contact
        mine = dict(contacts(wanted)).get(what)
        place = 0 if what == "e-mail" else 1
        unconfirms = confirmed(self.here[holder])[place] and not confirmed(wanted)[place]
        return mine is not None and mine != value and not unconfirms


def in_order(write: Mapping[str, KeyAccount], ids: Sequence[str]) -> list[KeyAccount]:
    """Those of these ids that are still to be written."""
    return [write[each] for each in ids if each in write]
