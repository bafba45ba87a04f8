"""Accounts written to NEW: each batch one transaction, and one bad account stops no other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from supasync_account.auth.account_flaws import FLAWS
from supasync_account.auth.account_plan import BOTH_CHANGED
from supasync_account.auth.account_records import AccountRecords
from supasync_account.auth.account_referrers import Referrers
from supasync_account.auth.account_refusal import no_values
from supasync_account.auth.account_report import AccountReport
from supasync_account.auth.account_side import Account, AccountSide
from supasync_account.auth.account_statements import (
    GIVE_UP_EMAIL,
    GIVE_UP_PHONE,
    WRITES,
    AccountStatements,
    together,
)
from supasync_core.api.registration import Fence
from supasync_core.model.errors import (
    BatchTooLargeError,
    RowError,
    SchemaError,
    SlowQueryError,
    TakenOverError,
)

_FITS: Final = (RowError, BatchTooLargeError, SlowQueryError)
"""What may be the fault of one account, so that others are written without it."""
_HOLDERS: Final = """
select u.id::text, pg_catalog.lower(u.email), {phone} from auth.users u
where {sso} and u.email = any(%s::text[])
union select u.id::text, null, {phone} from auth.users u where {phone} = any(%s::text[])
"""
_IN_CAPITALS: Final = """
select u.id::text, pg_catalog.lower(u.email), null from auth.users u
where {sso} and u.email <> pg_catalog.lower(u.email)
"""
LARGEST: Final = 16_000_000
"""Characters of the rows that one statement takes; PostgreSQL takes a JSON array of 256 MB."""
_SHARED: Final = (
    "select pg_catalog.pg_advisory_xact_lock_shared("
    "pg_catalog.hashtextextended('public.sync_metadata: writes', 0))"
)
_NEWEST: Final = (
    "select m.run_id::text, m.sync_status from public.sync_metadata m where m.run_id is not null "
    "order by m.seq desc limit 1"
)
_OWN: Final = "select 1 from public.sync_metadata m where m.run_id::text = %s"
_USUAL_PATH: Final = (
    "select pg_catalog.set_config('search_path', (select s.reset_val from pg_catalog.pg_settings s "
    "where s.name = 'search_path'), true)"
)


@dataclass
class AccountWriter:
    """Writes accounts of OLD to NEW, and remembers each.

    ``fires``: NEW's triggers fire for what is written, so they find names on their usual path. ``cascades``:
    rows of NEW may go or change with what is deleted.
    """

    new: AccountSide
    records: AccountRecords
    fence: Fence
    report: AccountReport
    fires: bool = False
    cascades: bool = False
    referrers: Referrers = field(init=False)
    statements: AccountStatements = field(init=False)
    leased: bool = field(init=False)
    capitals: list[tuple[Any, ...]] = field(init=False)
    """The accounts of NEW whose e-mail has capitals, as Auth itself makes none."""

    def __post_init__(self) -> None:
        self.referrers = Referrers(self.new.session)
        self.statements = AccountStatements(self.new.columns)
        self.capitals = self._asked(_IN_CAPITALS)
        self.leased = self._keeps_the_lease()

    def write(self, accounts: Sequence[Account], expected: Mapping[str, str], old: AccountSide) -> None:
        """Write these accounts; those that may not be are named. ``expected`` are the marks that NEW has."""
        sound = [each for each in accounts if self._is_sound(each)]
        sound = self._without_taken(sound, old)
        if sound:
            self._written(sound, expected)

    def ban(self, until: Mapping[str, str]) -> list[str]:
        """Ban these accounts until then, where NEW does not ban them for longer; those that were banned."""
        sql = (
            "update auth.users u set banned_until = x.until "
            "from unnest(%s::uuid[], %s::timestamptz[]) x (id, until) "
            "where u.id = x.id and (u.banned_until is null or u.banned_until < x.until) returning u.id::text"
        )
        self.fence.ask()
        with no_values(), self.new.session.transaction():
            self._begin()
            found = self.new.session.query(sql, [list(until), list(until.values())], purpose="upsert")
        return [account for (account,) in found]

    def delete(self, ids: Mapping[str, str]) -> list[str]:
        """Remove these accounts, where they still have these marks; those that were removed."""
        self.fence.ask()
        with no_values(), self.new.session.transaction():
            self._begin()
            now = self.new.marks_of(list(ids), locked=True)
            same = [each for each, mark in ids.items() if now.get(each) == mark]
            sql = "delete from auth.users u where u.id = any(%s::uuid[]) returning u.id::text"
            gone = [account for (account,) in self.new.session.query(sql, [same], purpose="delete")]
            self.records.forget(gone)
        return gone

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
        holders = [*self._asked(_HOLDERS, [emails, phones]), *self.capitals]
        taken = _Taken(accounts, holders, self._emails_in_old(old, [row[0] for row in holders]))
        for account, holder, what in taken.blocked():
            self.report.name(account.id, account.email, self._held(what, holder, old), refused=True)
        return taken.left

    def _asked(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        columns = self.new.columns.users.compared
        phone = "u.phone" if "phone" in columns else "null::text"
        sso = "not u.is_sso_user" if "is_sso_user" in columns else "true"
        return self.new.session.query(sql.format(phone=phone, sso=sso), values)

    def _emails_in_old(self, old: AccountSide, ids: Sequence[str]) -> dict[str, str | None]:
        return {account: email and email.lower() for account, email in old.emails(ids).items()}

    def _held(self, what: str, holder: str, old: AccountSide) -> str:
        """Who has the e-mail or phone in NEW, in words."""
        if old.marks_of([holder]):
            return f"its {what} is held in NEW by the account {holder}, which is not updated"
        if self.records.marks([holder[:2]]).get(holder):
            return f"its {what} is still held in NEW by the account {holder}, which OLD deleted"
        return f"its {what} is held in NEW by the account {holder}, which signed up there"

    def _written(self, accounts: Sequence[Account], expected: Mapping[str, str]) -> None:
        """Write them together; each by itself where one of them does not fit."""
        try:
            self._in_one_transaction(accounts, expected)
        except _FITS as err:
            if len(accounts) == 1:
                self.report.name(accounts[0].id, accounts[0].email, err.message, refused=True)
                return
            for each in accounts:
                self._written([each], expected)

    def _in_one_transaction(self, accounts: Sequence[Account], expected: Mapping[str, str]) -> None:
        self.fence.ask()
        session = self.new.session
        with no_values(), session.transaction():
            self._begin()
            now = self.new.marks_of([each.id for each in accounts], locked=True)
            same = [each for each in accounts if now.get(each.id) == expected.get(each.id)]
            held = {} if self.cascades else self._held_by_rows([each for each in same if each.id in now])
            chosen, taken = self._without_taken_rows([each for each in same if each.id not in held])
            held |= taken
            ids = [each.id for each in chosen]
            there = [each for each in chosen if each.id in now]
            if there:
                self._give_up(there)
            for some in _portions(chosen):
                self._put(self.statements.users, [together(each.user for each in some)])
            for place, table in enumerate(self.new.columns.owned):
                for some in _portions(there):
                    self._put(self.statements.lost(table), _owned(some, place))
                for some in _portions(chosen):
                    self._put(self.statements.owned(table), [together(each.owned[place] for each in some)])
            marks = self.records.note(ids)
        for each in accounts:
            if each.id in held:
                self.report.name(each.id, each.email, held[each.id], refused=True)
        self._count([each for each in accounts if each.id not in held], chosen, expected, marks)

    def _held_by_rows(self, accounts: Sequence[Account]) -> dict[str, str]:
        """The accounts of which a row that OLD has no more has rows of NEW behind it, with the reason."""
        found = {}
        for place, table in enumerate(self.new.columns.owned):
            for some in _portions(accounts):
                lost, values = self.statements.is_lost(table), _owned(some, place)
                for account, rows in self.referrers.of_rows(table.name, lost, values).items():
                    found[account] = f"OLD has no more one of its {table.name}, and {rows}"
        return found

    def _without_taken_rows(self, accounts: list[Account]) -> tuple[list[Account], dict[str, str]]:
        """Without those of which another account of NEW has a row, such as a linked login; why for each."""
        found: dict[str, str] = {}
        while True:
            before = len(found)
            ids = [each.id for each in accounts]
            for place, table in enumerate(self.new.columns.owned):
                sql = self.statements.taken(table)
                for some in _portions(accounts):
                    given = [together(each.owned[place] for each in some), ids]
                    for account, holder in self.new.session.query(sql, given * (sql.count("%s") // 2)):
                        found[account] = f"one of its {table.name} is held in NEW by the account {holder}"
            if len(found) == before:
                return accounts, found
            accounts = [each for each in accounts if each.id not in found]

    def _give_up(self, accounts: Sequence[Account]) -> None:
        ids = [each.id for each in accounts]
        self._put(GIVE_UP_EMAIL, [ids, [each.email for each in accounts]])
        if "phone" in self.new.columns.users.compared:
            self._put(GIVE_UP_PHONE, [ids, [each.phone for each in accounts]])

    def _count(
        self,
        accounts: Sequence[Account],
        chosen: Sequence[Account],
        expected: Mapping[str, str],
        marks: Mapping[str, str],
    ) -> None:
        """Report what was written, and what NEW made other of it."""
        for each in chosen:
            if marks.get(each.id) != each.mark:
                what = "NEW does not keep its values as they were sent: a trigger there changes them"
                self.report.name(each.id, each.email, what, refused=True)
        written = {each.id for each in chosen}
        for each in accounts:
            if each.id not in written:
                self.report.name(each.id, each.email, BOTH_CHANGED, refused=True)
        made = sum(each.id not in expected for each in chosen)
        self.report.created += made
        self.report.updated += len(chosen) - made

    def _put(self, sql: str, values: Sequence[Any]) -> None:
        self.new.session.query(sql, values, purpose="upsert")

    def _begin(self) -> None:
        """Guards of NEW's triggers know who writes, and no other run has the lease."""
        session = self.new.session
        session.query(WRITES)
        if self.fires:
            session.query(_USUAL_PATH)
        if self.leased:
            session.query(_SHARED)
            newest = session.query(_NEWEST)
            if not newest or newest[0] != (self.fence.run, "running"):
                raise TakenOverError

    def _keeps_the_lease(self) -> bool:
        """Whether the record of this run is in this database, where a transaction can hold on to it."""
        if not self.fence.run:
            return False
        try:
            return bool(self.new.session.query(_OWN, [self.fence.run]))
        except SchemaError:
            return False  # the state is elsewhere, as beside a file


def _owned(accounts: Sequence[Account], place: int) -> list[Any]:
    """Ids, and the rows of one table that belong to each."""
    return [[each.id for each in accounts], together(each.owned[place] for each in accounts)]


def _portions(accounts: Sequence[Account]) -> Iterator[list[Account]]:
    """The accounts in portions that one statement takes."""
    portion: list[Account] = []
    held = 0
    for each in accounts:
        if portion and held + each.size > LARGEST:
            yield portion
            portion, held = [], 0
        portion.append(each)
        held += each.size
    if portion:
        yield portion


@dataclass
class _Taken:
    """Which accounts cannot have their e-mail or phone, since another one in NEW has it and keeps it."""

    left: list[Account]
    holders: Sequence[tuple[str, str | None, str | None]]
    in_old: Mapping[str, str | None]

    def blocked(self) -> list[tuple[Account, str, str]]:
        """Take what is blocked out of ``left``; what is not written keeps what it has, and blocks."""
        found: list[tuple[Account, str, str]] = []
        while True:
            writing = {each.id: each for each in self.left}
            blocked = [
                (each, *held) for each in self.left if (held := self._holder(each, writing)) is not None
            ]
            if not blocked:
                return found
            found += blocked
            gone = {each.id for each, *_ in blocked}
            self.left = [each for each in self.left if each.id not in gone]

    def _holder(self, account: Account, writing: Mapping[str, Account]) -> tuple[str, str] | None:
        for holder, email, phone in self.holders:
            if holder == account.id:
                continue
            other = writing.get(holder)
            mine = account.email.lower() if account.email and not account.sso else None
            # A holder that is written gives its own up, or OLD has the same one twice in other letters.
            if mine and email == mine and other is None and self.in_old.get(holder) != mine:
                return holder, "e-mail"
            if account.phone and phone == account.phone and (other is None or other.phone == phone):
                return holder, "phone"
        return None
