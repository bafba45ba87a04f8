"""Accounts written to NEW: each batch one transaction, and one bad account stops no other."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from supasync_account.auth.account_door import Step, Terms
from supasync_account.auth.account_flaws import FLAWS
from supasync_account.auth.account_plan import BOTH_CHANGED
from supasync_account.auth.account_records import AccountRecords
from supasync_account.auth.account_referrers import behind
from supasync_account.auth.account_refusal import no_values
from supasync_account.auth.account_report import AccountReport
from supasync_account.auth.account_row import Account
from supasync_account.auth.account_side import AccountSide
from supasync_core.api.registration import Fence
from supasync_core.model.errors import BatchTooLargeError, RowError, SlowQueryError, TableError

_UNIQUE: Final = "23505"
_FITS: Final = (RowError, BatchTooLargeError, SlowQueryError)
"""What may be the fault of one account, so that others are written without it."""


@dataclass
class AccountWriter:
    """Writes accounts of OLD to NEW, and remembers each.

    ``fires``: NEW's triggers fire for what is written, so they find names on their usual path. ``cascades``:
    rows of NEW may go or change with what is deleted. ``alone``: NEW had no account when the copy began, so
    none holds what another needs; if one signs up meanwhile, NEW's own keys refuse what collides with it.
    """

    new: AccountSide
    records: AccountRecords
    fence: Fence
    report: AccountReport
    fires: bool = False
    cascades: bool = False
    alone: bool = False

    @cached_property
    def capitals(self) -> list[tuple[Any, ...]]:
        """The accounts of NEW whose e-mail has capitals, as Auth itself makes none."""
        return self.new.door.ask("in_capitals")

    def write(self, accounts: Sequence[Account], expected: Mapping[str, str], old: AccountSide) -> None:
        """Write these accounts; those that may not be are named. ``expected`` are the marks that NEW has."""
        sound = [each for each in accounts if self._is_sound(each)]
        sound = self._without_taken(sound, old)
        if sound:
            self._written(sound, expected)

    def ban(self, until: Mapping[str, str], *, ours: bool) -> list[str]:
        """Ban these accounts until then, where NEW does not ban them for longer; those that were banned.

        ``ours``: nothing but supasync has changed them in NEW, and that stays so.
        """
        steps = [Step("ban", [list(until), list(until.values())])]
        _, answers = self._together([*steps, *([Step("note", [list(until)])] if ours else [])], {})
        return [account for (account,) in answers[0]]

    def delete(self, ids: Mapping[str, str]) -> list[str]:
        """Remove these accounts, where they still have these marks; those that were removed."""
        rest = dict(ids)
        while rest:
            steps = [Step("delete", [list(rest)]), Step("settle"), Step("forget", [list(rest)])]
            changed, answers = self._together(steps, {account: [mark] for account, mark in rest.items()})
            if not changed:
                return [account for (account,) in answers[0]]
            rest = {account: mark for account, mark in rest.items() if account not in changed}
        return []

    def _is_sound(self, account: Account) -> bool:
        """Whether it may be copied; what is wrong with it is named either way."""
        for name in account.flaws:
            flaw = FLAWS[name]
            self.report.name(account.id, account.email, flaw.text, refused=flaw.refused)
        return not any(FLAWS[name].refused for name in account.flaws)

    def _without_taken(self, accounts: list[Account], old: AccountSide) -> list[Account]:
        """Without those whose e-mail or phone another account of NEW has, and keeps."""
        emails = [each.email.lower() for each in accounts if each.email and not each.sso]
        phones = [each.phone for each in accounts if each.phone]
        wanted = set(emails)
        capitals = () if self.alone else (row for row in self.capitals if row[1] in wanted)
        holders = [] if self.alone else [*self.new.door.ask("holders", emails, phones), *capitals]
        in_old = {
            who: email and email.lower() for who, email in old.emails([row[0] for row in holders]).items()
        }
        taken = _Taken(accounts, holders, in_old)
        found = taken.blocked()
        copied = self._copied({holder for _, holder, _ in found} - in_old.keys())
        for account, holder, what in found:
            whose = "which is not updated" if holder in in_old else "which signed up there"
            still, whose = ("still ", "which OLD deleted") if holder in copied else ("", whose)
            text = f"its {what} is {still}held in NEW by the account {holder}, {whose}"
            self.report.name(account.id, account.email, text, refused=True)
        return taken.left

    def _copied(self, ids: Collection[str]) -> set[str]:
        """Those of these accounts that supasync has written."""
        parts = sorted({each[:2] for each in ids})
        return {each for part in parts for each in self.records.marks([part]) if each in ids}

    def _written(self, accounts: Sequence[Account], expected: Mapping[str, str]) -> None:
        """Write them together; where some do not fit, without those, which are named.

        Two that swap an e-mail fit together alone, so what is taken by another is tried once more without
        what is bad.
        """
        failed = list(self._unfit(accounts, expected))
        taken = [each for each, err in failed if isinstance(err, RowError) and err.sqlstate == _UNIQUE]
        again = taken if len(taken) < len(accounts) else []
        for each, err in failed:
            if each not in again:
                self.report.name(each.id, each.email, err.message, refused=True)
        if again:
            self._written(again, expected)

    def _unfit(
        self, accounts: Sequence[Account], expected: Mapping[str, str]
    ) -> Iterator[tuple[Account, TableError]]:
        """Write them together, in halves where that fails; those that do not fit by themselves."""
        try:
            self._in_one_transaction(accounts, expected)
        except _FITS as err:
            if len(accounts) == 1:
                yield accounts[0], err
                return
            half = len(accounts) // 2
            yield from self._unfit(accounts[:half], expected)
            yield from self._unfit(accounts[half:], expected)

    def _in_one_transaction(self, accounts: Sequence[Account], expected: Mapping[str, str]) -> None:
        """Write them, without those that are held or have changed meanwhile, which are named behind that."""
        there = [each for each in accounts if each.id in expected]
        lost = self._lost(there)
        held = {} if self.cascades else self._held_by_rows(lost)
        chosen, taken = self._without_taken_rows([each for each in accounts if each.id not in held])
        held |= taken
        while chosen:
            # A mark as OLD's: its own answer was lost, and the same is written again.
            allowed = {each.id: [expected.get(each.id), each.mark] for each in chosen if not self.alone}
            changed, answers = self._together(self._steps(chosen, expected, lost), allowed)
            if not changed:
                self._count(chosen, expected, dict(answers[-1]))
                break
            held |= dict.fromkeys(changed, BOTH_CHANGED)
            chosen = [each for each in chosen if each.id not in changed]
        for each in accounts:
            if each.id in held:
                self.report.name(each.id, each.email, held[each.id], refused=True)

    def _steps(
        self, accounts: Sequence[Account], expected: Mapping[str, str], lost: Mapping[str, Mapping[str, str]]
    ) -> list[Step]:
        """What writes them: what they give up, then they and their rows, then what is remembered."""
        there = [each for each in accounts if each.id in expected]
        ids = [each.id for each in there]
        steps = []
        if there:
            steps.append(Step("give_up_email", [ids, [each.email for each in there]]))
        if there and "phone" in self.new.columns.users.compared:
            steps.append(Step("give_up_phone", [ids, [each.phone for each in there]]))
        steps += [Step("users", [together(each.user for each in some)]) for some in self._portions(accounts)]
        gone = {each.id for each in accounts}
        for table in self.new.columns.owned:
            rows = [row for row, account in lost.get(table.name, {}).items() if account in gone]
            if rows:
                steps.append(Step("lose", [rows], table.name))
        for place, table in enumerate(self.new.columns.owned):
            steps += [
                Step("owned", [together(each.owned[place] for each in some)], table.name)
                for some in self._portions(accounts)
            ]
        return [*steps, Step("settle"), Step("note_sound", [[each.id for each in accounts]])]

    def _lost(self, accounts: Sequence[Account]) -> dict[str, dict[str, str]]:
        """By table the rows of NEW that belong to these accounts and that OLD has no more, with whose."""
        found: dict[str, dict[str, str]] = {}
        for place, table in enumerate(self.new.columns.owned):
            for some in self._portions(accounts):
                values = [[each.id for each in some], together(each.owned[place] for each in some)]
                found.setdefault(table.name, {}).update(self.new.door.ask("lost", *values, table=table.name))
        return found

    def _held_by_rows(self, lost: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """The accounts of which a row that OLD has no more has rows of NEW behind it, with the reason."""
        return {
            account: f"OLD has no more one of its {table}, and {rows}"
            for table, ids in lost.items()
            for account, rows in behind(self.new.door, list(ids), table).items()
        }

    def _without_taken_rows(self, accounts: list[Account]) -> tuple[list[Account], dict[str, str]]:
        """Without those of which another account of NEW has a row, such as a linked login; why for each."""
        found: dict[str, str] = {}
        while not self.alone:
            before = len(found)
            ids = [each.id for each in accounts]
            for place, table in enumerate(self.new.columns.owned):
                for query in ("taken", *(("taken_logins",) if "provider_id" in table.written else ())):
                    for some in self._portions(accounts):
                        rows = together(each.owned[place] for each in some)
                        for account, holder in self.new.door.ask(query, rows, ids, table=table.name):
                            what = f"one of its {table.name} is held in NEW by the account {holder}"
                            found[account] = what
            if len(found) == before:
                break
            accounts = [each for each in accounts if each.id not in found]
        return accounts, found

    def _together(
        self, steps: Sequence[Step], allowed: Mapping[str, Sequence[str | None]]
    ) -> tuple[set[str], list[list[tuple[Any, ...]]]]:
        self.fence.ask()
        with no_values():
            return self.new.door.together(steps, Terms(run=self.fence.run, allowed=allowed, fires=self.fires))

    def _portions(self, accounts: Sequence[Account]) -> Iterator[list[Account]]:
        """The accounts in portions that one statement takes."""
        portion: list[Account] = []
        held = 0
        for each in accounts:
            if portion and held + each.size > self.new.door.largest:
                yield portion
                portion, held = [], 0
            portion.append(each)
            held += each.size
        if portion:
            yield portion

    def _count(
        self, accounts: Sequence[Account], expected: Mapping[str, str], marks: Mapping[str, str]
    ) -> None:
        """Report what was written, and what NEW made other of it, or did not keep."""
        for each in accounts:
            if each.id not in marks:
                what = "NEW does not keep it: a trigger there?"
            elif marks[each.id] != each.mark:
                what = "NEW does not keep its values as they were sent: a trigger there changes them"
            else:
                continue
            self.report.name(each.id, each.email, what, refused=True)
        kept = [each.id for each in accounts if each.id in marks]
        made = sum(account not in expected for account in kept)
        self.report.created += made
        self.report.updated += len(kept) - made


def together(texts: Iterable[str]) -> str:
    """JSON texts as one array, none of them decoded."""
    return f"[{','.join(texts)}]"


_Contact = tuple[str, str | None]
"""What no two accounts of NEW may share, and what it is."""


@dataclass
class _Taken:
    """Which accounts cannot have their e-mail or phone, since another one in NEW has it and keeps it."""

    left: list[Account]
    holders: Sequence[tuple[str, str | None, str | None]]
    in_old: Mapping[str, str | None]

    def blocked(self) -> list[tuple[Account, str, str]]:
        """Take what is blocked out of ``left``; what is not written keeps what it has, and blocks."""
        found: list[tuple[Account, str, str]] = []
        writing = {each.id: each for each in self.left}
        held, holding, wanting = (defaultdict[Any, list[Any]](list) for _ in range(3))
        for holder, *contact in self.holders:
            for each in zip(("e-mail", "phone"), contact, strict=True):
                held[each].append(holder)
                holding[holder].append(each)
        for account in self.left:
            for each in _contacts(account):
                wanting[each].append(account)
        looking = deque(self.left)
        while looking:
            account = looking.popleft()
            if account.id in writing and (by := self._holder(account, held, writing)):
                found.append((account, *by))
                del writing[account.id]
                looking.extend(each for contact in holding[account.id] for each in wanting[contact])
        self.left = list(writing.values())
        return found

    def _holder(
        self, account: Account, held: Mapping[_Contact, list[str]], writing: Mapping[str, Account]
    ) -> tuple[str, str] | None:
        for what, value in _contacts(account):
            for holder in held.get((what, value), ()):
                other = writing.get(holder)
                # A holder that is written gives its own up, or OLD has the same one twice in other letters.
                if what == "e-mail":
                    keeps = other is None and self.in_old.get(holder) != value
                else:
                    keeps = other is None or other.phone == value
                if holder != account.id and keeps:
                    return holder, what
        return None


def _contacts(account: Account) -> Iterator[_Contact]:
    if account.email and not account.sso:
        yield "e-mail", account.email.lower()
    if account.phone:
        yield "phone", account.phone
