"""All accounts of a project by its API, and whether they are all.

The list has no total order: over several pages, accounts of equal creation times are lost although nobody
writes, and each deletion between two pages loses one more (recorded: 16,306 of 50,000). So it is one page
that holds everything, or walks whose different ids are as many as the server counts, before and after. One
row that Auth cannot read makes every page fail that holds it: then pages are narrowed down to that row.
"""

import re
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

from supasync_account.auth.keys_account import KeyAccount, page_of_accounts
from supasync_account.auth.keys_api import KeysApi
from supasync_account.auth.keys_errors import SERVER_ERROR, AuthRefusal
from supasync_account.decoding import UndecodableError
from supasync_core.api.kept_answers import STEP, earliest_date
from supasync_core.api.run_step import ApiAccess
from supasync_core.model.cost import Ledger
from supasync_core.model.wording import counted

USERS: Final = "/auth/v1/admin/users"
BYTES: Final = 440
"""Of an account in a list, about (recorded)."""
FIRST_PAGE: Final = 1024
ONE_PAGE: Final = 65_536
"""Accounts that one page may hold: 29 MB. More are read in walks."""
SPARE: Final = 1000
"""Accounts that may sign up between two requests."""
WALKS: Final = 6
"""Walks that are tried, in both directions and with smaller pages: each loses others."""
_NEWEST: Final[dict[str, str | int]] = {"page": 1, "per_page": 1, "sort": "created_at desc"}
BARREN: Final = 3
"""Pages with nothing new, beside as many as brought something, behind which a walk ends: it is a circle.

Where many accounts have one creation time, a page may show none but those of another page.
"""
SICK: Final = 20
"""Rows that Auth cannot read and that are narrowed down; more of them are not looked for."""
_UUID: Final = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Listing:
    """The accounts by id, and ``total`` as the server counts them; ``whole`` where they are all.

    ``sick`` are the accounts that Auth cannot read, each by its place: nobody can tell who they are.
    ``strange`` have ids that Auth never gives, and that no address and no table of NEW takes.
    """

    accounts: dict[str, KeyAccount] = field(default_factory=dict)
    total: int = 0
    whole: bool = False
    sick: list[str] = field(default_factory=list)
    strange: dict[str, KeyAccount] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """Why these may not be all."""
        if self.sick:
            rows = counted(len(self.sick), "account", "accounts")
            return f"Auth cannot read {rows}, and answers 500 to each page that holds one"
        if self.strange:
            return f"{counted(len(self.strange), 'account has', 'accounts have')} an id that is not a UUID"
        return f"Auth counts {self.total:,} accounts and lists {len(self.accounts):,} of them"


@dataclass
class _Reader:
    """Pages of one project. ``places`` are accounts by their place in the order of creation."""

    api: KeysApi
    afford: Callable[[int], None]
    found: Listing = field(default_factory=Listing)
    totals: set[int] = field(default_factory=set)
    places: dict[int, KeyAccount] = field(default_factory=dict)
    sick: list[int] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    """The ids that the walk under way has found."""
    alive: set[str] = field(default_factory=set)
    """The ids that were found since the server last counted fewer: one that was found earlier may be deleted,
    and would stand for one that is lost."""

    def page(self, number: int, size: int, order: str = "asc") -> list[KeyAccount] | None:
        """The accounts of a page; None where it holds one that cannot be read."""
        try:
            answer = self.api.get(USERS, {"page": number, "per_page": size, "sort": f"created_at {order}"})
        except AuthRefusal as err:
            if err.status == SERVER_ERROR:
                return None
            raise
        try:
            users = page_of_accounts(answer.body)
        except UndecodableError:
            raise self.api.unusable("something that is not a list of accounts", answer) from None
        if answer.total is None:
            raise self.api.unusable("a list without X-Total-Count, or with one that no project has", answer)
        if answer.total < self.found.total:
            self.alive.clear()
        self.totals.add(answer.total)
        self.found.total = answer.total
        for place, each in enumerate(users, (number - 1) * size):
            self.seen.add(each.id)
            self.alive.add(each.id)
            (self.found.accounts if _UUID.fullmatch(each.id) else self.found.strange)[each.id] = each
            if order == "asc":
                self.places[place] = each
        return users

    def one_page(self, size: int) -> bool:
        """One page that has room for all; whether it holds all that the server counts."""
        self._forget()
        self.afford(BYTES * self.found.total)
        users = self.page(1, size)
        if users is None:
            self.narrow(1, size)
            return False
        return self.holds_all(users, size)

    def holds_all(self, users: list[KeyAccount], size: int) -> bool:
        """Whether the first page holds all accounts, each once."""
        return self.found.total <= len(self.alive) and len(users) < size

    def walks(self, size: int) -> bool:
        """Walks with several sizes, until their different ids are as many as the server counts throughout."""
        for part in range(WALKS):
            self.totals.clear()
            if len(self.alive) > self.found.total:
                self._forget()
            self._walk(max(1, size * (WALKS - part // 2) // WALKS), "desc" if part % 2 else "asc")
            if self.sick:
                return False
            if self.totals == {len(self.alive)}:
                for found in (self.found.accounts, self.found.strange):
                    for gone in found.keys() - self.alive:
                        del found[gone]
                return True
        return False

    def _forget(self) -> None:
        self.found.accounts.clear()
        self.found.strange.clear()
        self.alive.clear()

    def _walk(self, size: int, order: str) -> None:
        self.afford(BYTES * self.found.total)
        number, barren = 1, 0
        self.seen.clear()
        while number == 1 or (number - 1) * size < self.found.total:
            before = len(self.seen) + len(self.sick)
            users = self.page(number, size, order)
            if users is None:
                self.narrow(number, size)
            barren += before == len(self.seen) + len(self.sick)
            if users == [] or barren > BARREN + number // 2:
                return
            number += 1

    def narrow(self, number: int, size: int) -> None:
        """Read a page that failed in parts, down to the rows that cannot be read."""
        if size == 1:
            self.sick.append(number - 1)
            return
        part = next(each for each in (2, 3, 5, size) if size % each == 0)
        for each in range((number - 1) * part + 1, number * part + 1):
            if len(self.sick) < SICK and self.page(each, size // part) is None:
                self.narrow(each, size // part)

    def neighbours(self) -> list[str]:
        """Where those are that cannot be read, by the accounts that were made before and after them."""
        more = ["there may be more of them"] if len(self.sick) >= SICK else []
        return [*map(self._between, self.sick), *more]

    def _between(self, place: int) -> str:
        before, after = (self.places.get(each) for each in (place - 1, place + 1))
        sides = ((each, word) for each, word in ((before, "after"), (after, "before")) if each)
        where = " and ".join(f"{word} {each.who or 'the account'} ({each.id})" for each, word in sides)
        return f"the account that was made {where}" if where else f"the account at place {place + 1:,} by age"


def listed(api: KeysApi, afford: Callable[[int], None] = lambda _bytes: None) -> Listing:
    """The accounts of the project; `Listing.whole` says whether they are all.

    ``afford`` raises BudgetError where an answer of so many bytes is too much.
    """
    reader = _Reader(api, afford)
    found = reader.found
    users = reader.page(1, FIRST_PAGE)
    if users is None:
        reader.narrow(1, FIRST_PAGE)
        if found.total > FIRST_PAGE:
            reader.walks(FIRST_PAGE)
    elif reader.holds_all(users, FIRST_PAGE):
        found.whole = True
    else:
        found.whole = _all(reader, len(users))
    found.sick = reader.neighbours()
    found.whole = found.whole and not found.strange
    return found


def _all(reader: _Reader, first: int) -> bool:
    """Everything, where the first page did not hold it; ``first`` accounts were on that."""
    total = reader.found.total
    size = 1 << (total + SPARE).bit_length()
    if first < min(FIRST_PAGE, total):  # the server lists no more at once, whatever is asked for
        return reader.walks(max(1, first))
    if size > ONE_PAGE:
        return reader.walks(ONE_PAGE)
    return reader.one_page(size) or (not reader.sick and reader.walks(FIRST_PAGE))


def accounts_of(access: ApiAccess, ledger: Ledger, project: str = "OLD") -> int:
    """How many accounts a project has; none where it has no Auth, or shows none of it."""
    with closing(KeysApi(project, access.url, access.key, ledger)) as api:
        try:
            return api.get(USERS, _NEWEST).total or 0
        except AuthRefusal:
            return 0


def clock_stands(api: KeysApi) -> bool:
    """Whether two answers that are seconds apart have the same Date."""
    dates = []
    for seconds in (0.0, STEP):
        time.sleep(seconds)
        dates.append(earliest_date(api.get(USERS, _NEWEST).headers))
    return dates[0] == dates[1]
