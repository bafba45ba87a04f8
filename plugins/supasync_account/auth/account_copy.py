"""One copy of accounts from OLD to NEW: what changed is found by marks, and written in an order that holds.

Deleted accounts first, then those that take over an e-mail, a phone or an identity from one another, all of
them at once, since two may swap; then other changes, then new accounts.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from supasync_account.auth.account_bulk import AccountBulk, fits
from supasync_account.auth.account_columns import AccountColumns
from supasync_account.auth.account_deletes import AccountDeletes
from supasync_account.auth.account_door import AccountDoor
from supasync_account.auth.account_plan import BOTH_CHANGED, CHANGED_IN_NEW, DELETED_IN_NEW, AccountPlan, plan
from supasync_account.auth.account_portion import SessionPair
from supasync_account.auth.account_records import AccountRecords
from supasync_account.auth.account_report import AccountReport
from supasync_account.auth.account_side import AT_ONCE, AccountSide
from supasync_account.auth.account_triggers import AccountTrigger, refuse_unguarded, triggers
from supasync_account.auth.account_way import Choices
from supasync_account.auth.account_writer import AccountWriter
from supasync_core.api.registration import Fence
from supasync_core.concurrency.prefetch import prefetch

WITHHELD: Final = "not copied: OLD lists it, and did not hand it over"
HEAVY: Final = "OLD takes too long to hand it over, or it is too large: shorten its metadata if that lasts"


@dataclass
class AccountCopy:
    """What is copied, from where to where: a `Copying`."""

    old: AccountSide
    new: AccountSide
    records: AccountRecords
    choices: Choices
    go_on: Callable[[], bool] = lambda: True
    report: AccountReport = field(default_factory=AccountReport)

    @classmethod
    def between(cls, old: AccountDoor, new: AccountDoor, choices: Choices) -> "AccountCopy":
        """A copy; SchemaError where a side has no Supabase Auth."""
        columns = AccountColumns.of(old, new, choices.extras)
        there, here = AccountSide.of(old, columns), AccountSide.of(new, columns)
        return cls(there, here, AccountRecords.of(here.door, columns), choices)

    def planned(self) -> AccountPlan:
        """What would be done; nothing is written."""
        made = plan(self.old, self.new, self.records, accept_newer="newer" in self.choices.accepted)
        self.report.old, self.report.new, self.report.own = made.old, made.new_total, len(made.own)
        self.report.gone = len(made.gone)
        return made

    def run(self, fence: Fence, go_on: Callable[[], bool]) -> AccountReport:
        """Copy what is new and changed."""
        self.go_on = go_on
        found = triggers(self.new.door, self.new.columns)
        if not self.records.ready:
            fence.ask()
            self.records = self.records.prepare(fence.run)
        made = self.planned()
        if "triggers" not in self.choices.accepted and self._writes(made):
            refuse_unguarded(found)
        fires = any(not each.guarded for each in found)
        cascades = "cascades" in self.choices.accepted
        writer = AccountWriter(
            self.new,
            self.records,
            fence,
            self.report,
            fires=fires,
            cascades=cascades,
            alone=not made.new_total,
        )
        self._tell_newer(made)
        self._close([each for each, why in made.newer.items() if why != DELETED_IN_NEW], writer, found)
        self._remember(made, fence)
        AccountDeletes(self.old, writer, self.choices.deletes).run(made)
        exchanging = self._exchanging(list(made.changed))
        rest = sorted(made.changed.keys() - exchanging)
        together = [account for batch in self.old.accounts(sorted(exchanging)) for account in batch]
        if together:
            writer.write(together, made.changed, self.old)
        if self._in_batches(writer, rest, made):
            self._in_batches(writer, self._in_bulk(made, fence, fires=fires), made)
        self._tell_withheld()
        self._close_refused(made, writer, found)
        return self.report

    def refuse_early(self) -> None:
        """RefusedError for what would be refused anyway, before anything is noted in NEW."""
        found = triggers(self.new.door, self.new.columns)
        fires = any(not each.guarded for each in found)
        if fires and "triggers" not in self.choices.accepted and self._writes(self.planned()):
            refuse_unguarded(found)

    def _writes(self, made: AccountPlan) -> bool:
        """Whether accounts would be written or deleted."""
        return bool(made.new or made.changed or (made.gone and self.choices.deletes == "mirror"))

    def _close_refused(self, made: AccountPlan, writer: AccountWriter, found: list[AccountTrigger]) -> None:
        """Close what OLD has closed of the accounts that NEW has, and that could not be written."""
        refused = {each.id: each.what for each in self.report.refused if each.id in made.changed}
        left = [*self.old.withheld, *self.old.waiting]
        refused |= {each: WITHHELD for each in left if each in made.changed}
        theirs = [account for account, what in refused.items() if what == BOTH_CHANGED]
        self._close([each for each in refused if each not in theirs], writer, found, ours=True)
        self._close(theirs, writer, found)

    def _close(
        self, ids: Sequence[str], writer: AccountWriter, found: list[AccountTrigger], *, ours: bool = False
    ) -> None:
        """Close what OLD has closed, also where the account is not written otherwise: nobody is let in.

        A ban without an end, which Auth cannot read, is written as the longest that it can. ``ours``: NEW has
        not changed the account since.
        """
        if not ids:
            return
        closed, now = self.old.closed(ids), self.new.closed(ids)
        until = {who: end for who, (end, _) in closed.items() if end}
        if until and "triggers" not in self.choices.accepted:
            refuse_unguarded(found)
        banned = writer.ban(until, ours=ours) if until else []
        emails = self.new.emails(list(closed))
        for account in banned:
            what = "banned in OLD, so banned in NEW too; all else of it stays as it is in NEW"
            self.report.name(account, emails.get(account), what, refused=False)
        for account, (_, gone) in closed.items():
            if gone and not now.get(account, ("", False))[1]:
                what = "deleted in OLD, and can still sign in to NEW, where it was not written"
                self.report.name(account, emails.get(account), what, refused=True)

    def _in_bulk(self, made: AccountPlan, fence: Fence, *, fires: bool) -> list[str]:
        """Write new accounts, thousands at a time; the ids of those that are left."""
        pair = SessionPair.of(self.old.door, self.new.door)
        if pair is None or fires or not fits(made):
            return made.new
        bulk = AccountBulk(pair, fence, self.report, self.go_on)
        bulk.run(made.new)
        return bulk.left

    def _in_batches(self, writer: AccountWriter, ids: Sequence[str], made: AccountPlan) -> bool:
        """Write these accounts; whether all of them were, and nobody asked to stop."""
        for batch in prefetch(self.old.accounts(ids), 2):
            if not self.go_on():
                self.report.interrupted = True
                return False
            if batch:
                writer.write(batch, made.changed, self.old)
        return True

    def _tell_withheld(self) -> None:
        """Name the accounts that OLD lists and has not handed over."""
        withheld, heavy = self.old.withheld, self.old.heavy
        overloaded = bool(self.old.waiting) and not self.old.hands_over
        emails = self.old.emails([*withheld, *heavy])
        for account in withheld:
            self.report.name(account, emails.get(account), WITHHELD, refused=False)
        for account in heavy:
            self.report.name(account, emails.get(account), HEAVY, refused=not overloaded)
        self.report.withheld = len(withheld) + len(self.old.waiting)

    def _exchanging(self, ids: Sequence[str]) -> set[str]:
        """Those of the changed accounts of which one takes over what another one has in NEW."""
        there, here = self.old.contacts(ids), self.new.contacts(ids)
        given, taken = (defaultdict[str, set[str]](set) for _ in range(2))
        for account in ids:
            old, new = (_parts_of(side.get(account, ())) for side in (there, here))
            for each in new - old:
                given[each].add(account)
            for each in old - new:
                taken[each].add(account)
        return set[str]().union(*(given[each] | taken[each] for each in given.keys() & taken.keys()))

    def _tell_newer(self, made: AccountPlan) -> None:
        """Name the accounts that changed in NEW: nobody but a person can say which values are right."""
        ids = list(made.newer)
        emails = {**self.old.emails(ids), **self.new.emails(ids)}
        for account, why in made.newer.items():
            refused = why not in (CHANGED_IN_NEW, DELETED_IN_NEW)
            self.report.name(account, emails.get(account), why, refused=refused)

    def _remember(self, made: AccountPlan, fence: Fence) -> None:
        """Note what is equal already, as after a copy by hand, and forget what is nowhere any more."""
        for at in range(0, len(made.known), AT_ONCE):
            fence.ask()
            self.records.note(made.known[at : at + AT_ONCE], fence.run)
        if made.forgotten:
            fence.ask()
            self.records.forget(made.forgotten, fence.run)


def _parts_of(contacts: Sequence[str | None]) -> set[str]:
    """E-mail, also in small letters, phone and identities; of one with commas its parts, on both sides."""
    named = zip(("e-mail", "phone", "identity"), contacts, strict=False)
    parts = {f"{what} {each}" for what, value in named for each in (value or "").split(",") if each}
    return parts | {each.lower() for each in parts if each.startswith("e-mail")}
