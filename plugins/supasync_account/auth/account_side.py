"""The accounts of one project as marks: digests, by which both sides are compared without their values.

A mark says whether anything that matters of an account has changed. The marks of all accounts are summed up
in 256 parts, by the first letters of the ids, so an hour in which nothing changes costs one query a side; the
accounts of a part are listed where its sums differ.
"""

# ruff: noqa: S608 - names are quoted, values are parameters

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from supasync_account.auth.account_columns import FACTORS, AccountColumns, AccountTable, mark, named
from supasync_account.auth.account_flaws import found
from supasync_core.api.sql_session import SqlSession
from supasync_core.system.executors import executor

AT_ONCE: Final = 1000
"""Accounts that are read or written in one statement."""
LISTED: Final = 20_000
"""Accounts whose marks are asked for at once."""
ALL: Final = tuple(f"{number:02x}" for number in range(256))


@dataclass(frozen=True, slots=True)
class Sum:
    """How many accounts a part has, and the digest of their marks."""

    accounts: int
    digest: str


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """An account of OLD as it travels: who it is, its mark, what is wrong with it, and its rows as texts.

    The texts are PostgreSQL's own and are not decoded here: a number in the metadata keeps its digits.
    """

    id: str
    email: str | None
    phone: str | None
    sso: bool
    mark: str
    flaws: Sequence[str]
    user: str
    owned: Sequence[str]
    """The rows that belong to it, a list of them for each table."""

    @property
    def size(self) -> int:
        """The characters of its rows."""
        return len(self.user) + sum(map(len, self.owned))

    def __repr__(self) -> str:
        """Without the rows, which hold a password's hash."""
        return f"Account({self.id})"


@dataclass(frozen=True, slots=True)
class AccountSide:
    """One project's accounts by SQL; OLD's session is read-only."""

    session: SqlSession
    columns: AccountColumns

    def sums(self) -> dict[str, Sum]:
        """The parts that hold accounts: the one query of an hour in which nothing changes."""
        # Behind offset 0, marks are made before accounts are sorted: whole rows take twice as long.
        return summed(self.session, f"select u.id, {self.columns.mark} as mark from auth.users u offset 0")

    def marks(self, parts: Sequence[str]) -> dict[str, str]:
        """The marks of the accounts of these parts, by id."""
        where = "where pg_catalog.left(u.id::text, 2) = any(%s::text[])"
        sql = f"select u.id::text, {self.columns.mark} from auth.users u {where}"
        return dict(self.session.query(sql, [list(parts)]))

    def marks_of(self, ids: Sequence[str], *, locked: bool = False) -> dict[str, str]:
        """The marks of these accounts; ``locked``: nobody else changes them in this transaction."""
        where = f"where u.id = any(%s::uuid[]){' for update' if locked else ''}"
        sql = f"select u.id::text, {self.columns.mark} from auth.users u {where}"
        return dict(self.session.query(sql, [list(ids)]))

    def contacts(self, ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
        """E-mail, phone and identities of these accounts: what no two accounts may share."""
        key = "d.provider || ' ' || d.provider_id"
        keys = f"pg_catalog.string_agg({key}, ',' order by {key})"
        own = f"(select {keys} from auth.identities d where d.user_id = u.id)"
        phone = self._or_null("phone")
        rows = self._in_batches(
            f"select u.id::text, u.email, {phone}, {own} from auth.users u where u.id = any(%s::uuid[])",
            ids,
        )
        return {account: rest for account, *rest in rows}  # type: ignore[misc]

    def parts_of_marks(self, ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """For each of these accounts a digest by what it is of, to say what differs."""
        users = self.columns.users.compared
        shares = {what: [each for each in names if each in users] for what, names in SHARES.items()}
        rest = [each for each in users if not any(each in names for names in SHARES.values())]
        digests = {
            what: f"pg_catalog.md5({_row(names)})"
            for what, names in {**shares, "state": rest}.items()
            if names
        }
        for table in self.columns.owned:
            what = "MFA factors" if table.name == FACTORS else table.name
            digests[what] = mark((), {table.name: table.compared})
        sql = (
            f"select u.id::text, {', '.join(digests.values())} from auth.users u where u.id = any(%s::uuid[])"
        )
        return {row[0]: dict(zip(digests, row[1:], strict=True)) for row in self._in_batches(sql, ids)}

    def accounts(self, ids: Sequence[str]) -> Iterator[list[Account]]:
        """These accounts with all that travels, a batch at a time; those that are gone are not among them."""
        columns, flaws = self.columns, found(self.columns.names)
        user = _as_json("u", columns.users)
        owned = ", ".join(_owned_as_json(table) for table in columns.owned)
        sso = "u.is_sso_user" if "is_sso_user" in columns.users.compared else "false"
        sql = (
            f"select u.id::text, u.email, {self._or_null('phone')}, {sso}, {columns.mark}, "
            f"{flaws}, {user}::text, array[{owned}]::text[] "
            "from auth.users u where u.id = any(%s::uuid[]) order by u.id"
        )
        for at in range(0, len(ids), AT_ONCE):
            rows = self.session.query(sql, [list(ids[at : at + AT_ONCE])])
            yield [Account(*row) for row in rows]

    def flawed(self) -> list[tuple[str, str | None, tuple[str, ...]]]:
        """The accounts with anything wrong: id, e-mail, and the names of their flaws."""
        flaws = found(self.columns.names)
        sql = (
            f"select m.id, m.email, m.flaws from (select u.id::text as id, u.email, {flaws} as flaws "
            "from auth.users u) m where pg_catalog.cardinality(m.flaws) > 0 order by m.id"
        )
        return [(account, email, tuple(flaws)) for account, email, flaws in self.session.query(sql)]

    def closed(self, ids: Sequence[str]) -> dict[str, tuple[str | None, bool]]:
        """Those of these accounts that are banned by now, with the end of it, or deleted."""
        columns = self.columns.users.compared
        ban = "case when u.banned_until > pg_catalog.now() then u.banned_until::text end"
        banned = ban if "banned_until" in columns else "null::text"
        deleted = "u.deleted_at is not null" if "deleted_at" in columns else "false"
        sql = f"select u.id::text, {banned}, {deleted} from auth.users u where u.id = any(%s::uuid[])"
        return {who: (until, gone) for who, until, gone in self._in_batches(sql, ids) if until or gone}

    def emails(self, ids: Sequence[str]) -> dict[str, str | None]:
        """The e-mails of these accounts, for messages."""
        return {account: contact[0] for account, contact in self.contacts(ids).items()}

    def _or_null(self, column: str) -> str:
        return f"u.{column}" if column in self.columns.users.compared else "null::text"

    def _in_batches(self, sql: str, ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for at in range(0, len(ids), LISTED):
            yield from self.session.query(sql, [list(ids[at : at + LISTED])])


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


def summed(session: SqlSession, marks: str) -> dict[str, Sum]:
    """The marks that this query finds, by part."""
    digest = "pg_catalog.md5(pg_catalog.string_agg(m.id::text || m.mark, '' order by m.id))"
    part = "pg_catalog.left(m.id::text, 2)"
    sql = f"select {part}, pg_catalog.count(*), {digest} from ({marks}) m group by {part}"
    return {name: Sum(accounts, found) for name, accounts, found in session.query(sql)}


def total(sums: Mapping[str, Sum], part: str | None = None) -> int:
    """How many accounts there are, or are in that part."""
    return sum(each.accounts for name, each in sums.items() if part in (None, name))


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


def _row(columns: Sequence[str]) -> str:
    return f"ROW({', '.join(named('u', each) for each in columns)})::text"


def _as_json(alias: str, table: AccountTable) -> str:
    """SQL for the row as a JSON array of texts, in the order of ``table.written``."""
    return (
        f"pg_catalog.json_build_array({', '.join(f'{named(alias, each)}::text' for each in table.written)})"
    )


def _owned_as_json(table: AccountTable) -> str:
    """SQL for the rows of the table that belong to the account ``u``, as a JSON array of those."""
    rows = (
        f"select pg_catalog.json_agg({_as_json('d', table)}) from auth.{table.name} d where d.user_id = u.id"
    )
    return f"coalesce(({rows})::text, '[]')"
