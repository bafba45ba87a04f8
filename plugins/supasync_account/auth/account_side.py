"""The accounts of one project as marks: digests, by which both sides are compared without their values.

A mark says whether anything that matters of an account has changed. The marks of all accounts are summed up
in 256 parts, by the first letters of the ids, so an hour in which nothing changes costs one query a side; the
accounts of a part are listed where its sums differ.
"""

import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import randrange
from typing import Any, Final

from supasync_account.auth.account_columns import AccountColumns, parts_of
from supasync_account.auth.account_door import AccountDoor
from supasync_account.auth.account_extras import NAMES
from supasync_account.auth.account_row import Account, account_of
from supasync_core.model.errors import LargeAnswerError, SchemaError, SlowQueryError, TransientError
from supasync_core.system.executors import executor

AT_ONCE: Final = 1000
"""Accounts that are read or written in one statement."""
LISTED: Final = 20_000
"""Accounts whose marks are asked for at once."""
ALL: Final = tuple(f"{number:02x}" for number in range(256))
_LOOKS: Final = 3
"""Questions for a list that is shorter than it should be."""
PAUSE: Final = 1.0
"""Seconds between two of them."""
_HEAVY: Final = 10
"""Accounts that may take too long, each by itself, before a copy goes on elsewhere; as many end it there."""
_DENSE: Final = 2
"""A range of ids is asked for as one where it holds at most so many times the accounts that are wanted."""


@dataclass(frozen=True, slots=True)
class Sum:
    """How many accounts a part has, and the digest of their marks."""

    accounts: int
    digest: str


@dataclass(slots=True)
class AccountSide:
    """One project's accounts."""

    door: AccountDoor
    columns: AccountColumns
    listed: list[str] = field(default_factory=list)
    """The ids that were listed, in order: how many a range of them holds."""
    withheld: list[str] = field(default_factory=list)
    """The accounts that were asked for, are there, and were not handed over."""
    heavy: list[str] = field(default_factory=list)
    """Those of which one alone is too large, or takes too long."""
    hands_over: bool = False
    """Whether any account was handed over: where none is, the server may have too much to do."""
    waiting: list[str] = field(default_factory=list)
    """Those that were not asked for, since too many took too long; which they are changes with each run."""

    @classmethod
    def of(cls, door: AccountDoor, columns: AccountColumns) -> "AccountSide":
        """The accounts as these columns show them."""
        return cls(door.shaped(columns.asked), columns)

    def sums(self) -> dict[str, Sum]:
        """The parts that hold accounts: the one question of an hour in which nothing changes."""
        return {
            part: Sum(accounts, digest)
            for part, accounts, digest in _halved(self.door, "sums", ALL, named=False)
        }

    def marks(self, parts: Sequence[str], sums: Mapping[str, Sum]) -> dict[str, str]:
        """The marks of the accounts of these parts, by id; TransientError for fewer than the sums count."""
        for _ in _looks():
            found = dict(_halved(self.door, "marks", parts, named=True))
            if _is_short(found, sums):  # accounts may be deleted between two questions
                before, sums = sums, self._sums_of(parts)
                if _is_short(found, _fewest(before, sums)):
                    continue
            self._list(found)
            return found
        raise _lists_fewer(self.door, sum(each.accounts for each in sums.values()), len(found))

    def ids(self) -> list[str]:
        """The ids of all accounts, in order; TransientError for fewer than the project counts."""
        number = self._number()
        for _ in _looks():
            found = [account for (account,) in _halved(self.door, "ids", ALL, named=False)]
            before, number = number, number if len(found) >= number else self._number()
            if len(found) >= min(before, number):
                self._list(found)
                return self.listed
        raise _lists_fewer(self.door, number, len(found))

    def marks_of(self, ids: Sequence[str]) -> dict[str, str]:
        """The marks of these accounts."""
        return dict(self._in_batches("marks_of", ids))

    def contacts(self, ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
        """E-mail, phone and identities of these accounts: what no two accounts may share."""
        return {account: rest for account, *rest in self._in_batches("contacts", ids)}  # type: ignore[misc]

    def parts_of_marks(self, ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """For each of these accounts a digest by what it is of, to say what differs."""
        found: dict[str, dict[str, str]] = {account: {} for account in ids}
        for what, asked in self._shares():
            side = AccountSide(self.door.shaped(asked), self.columns)
            for account, digest in side.marks_of(ids).items():
                found[account][what] = digest
        return {account: digests for account, digests in found.items() if digests}

    def accounts(self, ids: Sequence[str]) -> Iterator[list[Account]]:
        """These accounts with all that travels, a batch at a time; those that are gone are not among them.

        What is neither handed over nor gone is ``withheld``, ``heavy`` or ``waiting``. A batch is empty where
        less has to be asked for. SchemaError for others than were asked for.
        """
        rest, later, wanted = sorted(ids), list[str](), set(ids)
        most, slow = AT_ONCE, 0
        while slow < 2 * _HEAVY and (rest or later):
            rest, later = (rest, later) if rest else (later, rest)
            chunk = self._askable(rest[:most])
            try:
                rows = self._page(chunk)
            except (SlowQueryError, LargeAnswerError):
                most = max(1, len(chunk) // 2)
                if len(chunk) == 1:
                    self.heavy.append(rest.pop(0))
                    slow += 1
                    if slow == _HEAVY:
                        rest, later = _turned(rest)
                yield []
                continue
            self.hands_over, most = True, min(AT_ONCE, most + most // 4 + 1, 2 * len(rows or chunk) + 1)
            last = rows[-1][0] if rows else chunk[-1]
            rest = rest[bisect_right(rest, last) :]
            there = [row for row in rows if row[0] in wanted]
            wanted.difference_update(row[0] for row in there)
            self.heavy += [account for account, *_, user, _ in there if user is None]
            yield [account_of(row, self.columns) for row in there if row[0] not in self.heavy]
        self.waiting += [*rest, *later]
        self.withheld += sorted(self.marks_of(sorted(wanted.difference(self.heavy, self.waiting))))

    def flawed(self) -> list[tuple[str, str | None, tuple[str, ...]]]:
        """The accounts with anything wrong: id, e-mail, and the names of their flaws."""
        found = _halved(self.door, "flawed", ALL, named=False)
        return [(account, email, tuple(flaws)) for account, email, flaws in found]

    def closed(self, ids: Sequence[str]) -> dict[str, tuple[str | None, bool]]:
        """Those of these accounts that are banned by now, with the end of it, or deleted."""
        found = self._in_batches("closed", ids)
        return {who: (until, gone) for who, until, gone in found if until or gone}

    def emails(self, ids: Sequence[str]) -> dict[str, str | None]:
        """The e-mails of these accounts, for messages."""
        return {account: contact[0] for account, contact in self.contacts(ids).items()}

    def _askable(self, chunk: list[str]) -> list[str]:
        """As many of these as one question takes: all where few others lie between them."""
        there = self._between(chunk)
        return chunk if 0 < there <= _DENSE * len(chunk) else chunk[: self.door.at_once]

    def _between(self, chunk: Sequence[str]) -> int:
        """How many accounts were listed from the first to the last of these."""
        return bisect_right(self.listed, chunk[-1]) - bisect_left(self.listed, chunk[0])

    def _page(self, chunk: list[str]) -> list[tuple[Any, ...]]:
        """The first of these accounts, perhaps with others between them; none where all of them are gone."""
        first, last = chunk[0], chunk[-1]
        if len(chunk) > self.door.at_once:
            rows = self.door.ask("accounts_between", first, last, self._between(chunk))
            return _only_asked(self.door, rows, lambda each: first <= each <= last, ordered=True)
        rows = self.door.ask("accounts", chunk, len(chunk))
        return _only_asked(self.door, rows, set(chunk).__contains__, ordered=True)

    def _shares(self) -> Iterator[tuple[str, dict[str, Any]]]:
        users = self.columns.users.compared
        rest = [each for each in users if not any(each in names for names in SHARES.values())]
        for what, names in {**SHARES, "state": tuple(rest)}.items():
            if there := [each for each in names if each in users]:
                yield what, parts_of(there, {})
        for table in self.columns.owned:
            what = NAMES.get(table.name, table.name)
            yield what, parts_of((), {table.name: table.compared})

    def _number(self) -> int:
        [(number,)] = self.door.ask("number")
        return int(number)

    def _sums_of(self, parts: Sequence[str]) -> dict[str, Sum]:
        return some_of(self.sums(), parts)

    def _list(self, ids: Iterable[str]) -> None:
        self.listed = sorted({*self.listed, *ids})

    def _in_batches(self, query: str, ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        size = self.door.at_once
        for at in range(0, len(ids), size):
            some = list(ids[at : at + size])
            yield from _only_asked(self.door, self.door.ask(query, some), set(some).__contains__)


SHARES: Final[Mapping[str, tuple[str, ...]]] = {
    "e-mail or phone": ("email", "phone"),
    "password": ("encrypted_password",),
    "metadata": ("raw_user_meta_data", "raw_app_meta_data"),
    "confirmation": ("email_confirmed_at", "phone_confirmed_at"),
    "ban": ("banned_until",),
}
"""What may differ between both sides, by the columns that hold it."""


def both_sums(old: AccountSide, new: AccountSide) -> tuple[dict[str, Sum], dict[str, Sum]]:
    """The sums of both sides, whose servers work at the same time."""
    with executor(2, "sums") as pool:
        there = pool.submit(old.sums)
        here = new.sums()
        return there.result(), here


def _halved(door: AccountDoor, query: str, parts: Sequence[str], *, named: bool) -> Iterator[tuple[Any, ...]]:
    """The rows for these parts, which follow one another unless they are ``named``; in halves if need be."""
    if not parts:
        return
    try:
        rows, wanted = door.ask(query, *bounds(parts), *([list(parts)] if named else [])), set(parts)
        yield from _only_asked(door, rows, lambda each: each[:2] in wanted)
    except (SlowQueryError, LargeAnswerError):
        if len(parts) == 1:
            raise
        half = len(parts) // 2
        yield from _halved(door, query, parts[:half], named=named)
        yield from _halved(door, query, parts[half:], named=named)


def _turned(ids: list[str]) -> tuple[list[str], list[str]]:
    """The ids from any of them on, and those before it: so no account waits behind the same ones each run."""
    at = randrange(len(ids) + 1)  # noqa: S311 - not a secret
    return ids[at:], ids[:at]


def _looks() -> Iterator[None]:
    for look in range(_LOOKS):
        if look:
            time.sleep(PAUSE)
        yield


def _fewest(before: Mapping[str, Sum], after: Mapping[str, Sum]) -> dict[str, Sum]:
    """For each part the sum that counts fewer accounts: a list of its accounts has as many at least."""
    both = {part: (before[part], after[part]) for part in before if part in after}
    return {part: min(sums, key=lambda each: each.accounts) for part, sums in both.items()}


def _is_short(ids: Iterable[str], sums: Mapping[str, Sum]) -> bool:
    """Whether a part has fewer of these than its sum counts."""
    listed = Counter(each[:2] for each in ids)
    return any(listed[part] < each.accounts for part, each in sums.items())


def _lists_fewer(door: AccountDoor, counted: int, listed: int) -> TransientError:
    return TransientError(
        f"{door.project} counts {counted:,} accounts and lists {listed:,} of them: nothing more is done",
        hint="a proxy in front of the project may answer for it; the next run tries again",
    )


def _only_asked(
    door: AccountDoor, rows: list[tuple[Any, ...]], wanted: Callable[[str], bool], *, ordered: bool = False
) -> list[tuple[Any, ...]]:
    """The rows; SchemaError where one is not of what was asked for, two are of one, or order is lost."""
    names = [row[0] for row in rows]
    if not all(map(wanted, names)) or len(set(names)) < len(names) or (ordered and names != sorted(names)):
        raise SchemaError(
            f"{door.project} answered with accounts that were not asked for: nothing more is done",
            hint="a cache or proxy in front of the project may ignore what is asked for, or a child of "
            "the table auth.users holds the same ids",
        )
    return rows


def bounds(parts: Sequence[str] = ALL) -> tuple[str, str]:
    """The first and the last id that there may be in these parts."""
    return f"{parts[0]}000000-0000-0000-0000-000000000000", f"{parts[-1]}ffffff-ffff-ffff-ffff-ffffffffffff"


def total(sums: Mapping[str, Sum], part: str | None = None) -> int:
    """How many accounts there are, or are in that part."""
    return sum(each.accounts for name, each in sums.items() if part in (None, name))


def some_of(sums: Mapping[str, Sum], parts: Sequence[str]) -> dict[str, Sum]:
    """The sums of these parts alone."""
    return {part: sums[part] for part in parts if part in sums}


def grouped(sums: Iterable[Mapping[str, Sum]], parts: Sequence[str]) -> Iterator[list[str]]:
    """The parts in groups that can be listed at once."""
    group: list[str] = []
    held = 0
    for part in parts:
        size = sum(each[part].accounts for each in sums if part in each)
        if group and held + size > LISTED:
            yield group
            group, held = [], 0
        group.append(part)
        held += size
    if group:
        yield group
