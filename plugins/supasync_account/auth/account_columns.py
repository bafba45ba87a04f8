"""The columns of accounts that both projects have, and the SQL that is made of them.

Two servers of Supabase Auth may have different columns. What both have is copied; what one of them computes
is left out, since a generated column takes no value (428C9). A few columns are copied and not compared: they
move at every sign-in, or belong to a link in a mail that only OLD can answer.
"""

# ruff: noqa: S608 - names are quoted, values are parameters

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from supasync_core.api.sql_session import SqlSession
from supasync_core.model.errors import SchemaError
from supasync_core.model.printable import sql_name

TOKENS: Final = (
    "confirmation_token",
    "recovery_token",
    "email_change_token_new",
    "email_change",
    "email_change_token_current",
    "phone_change",
    "phone_change_token",
    "reauthentication_token",
)
"""Columns in which a NULL keeps its account from signing in, and every list of accounts from being shown."""
DATES: Final = ("last_sign_in_at", "updated_at")
"""Columns that move at each sign-in: copied with an account, and never compared."""
_PENDING: Final = (
    *TOKENS,
    "email_change_confirm_status",
    "confirmation_sent_at",
    "recovery_sent_at",
    "email_change_sent_at",
    "phone_change_sent_at",
    "reauthentication_sent_at",
    "last_challenged_at",
    "last_webauthn_challenge_data",
)
FACTORS: Final = "mfa_factors"
"""The table that is copied by consent alone: it holds the secrets of authenticator apps."""
_NEEDED: Final = {
    "users": ("id", "email"),
    "identities": ("id", "user_id", "provider", "provider_id", "identity_data"),
}
_COLUMNS: Final = """
select c.relname, a.attname, pg_catalog.format_type(a.atttypid, null), a.attgenerated <> ''
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'auth'
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relname in ('users', 'identities', 'mfa_factors') order by c.relname, a.attnum
"""
_DOORS: Final = (
    "banned_until",
    "deleted_at",
    "is_sso_user",
    "is_anonymous",
    "email_confirmed_at",
    "role",
    "aud",
    "phone",
)
"""Columns that say whether an account may sign in, or how: none is left out that says something."""
_OLDER: Final = "update the older project: Project Settings -> Infrastructure"


@dataclass(frozen=True, slots=True)
class AccountTable:
    """A table: the columns that are ``compared``, the ``dates`` beside them, and NEW's types."""

    name: str
    compared: tuple[str, ...]
    dates: tuple[str, ...]
    types: Mapping[str, str]
    left_out: tuple[str, ...]
    """Columns that one side alone has, each with the side."""

    @property
    def written(self) -> tuple[str, ...]:
        """The columns that a new row gets from OLD, in the order in which they travel."""
        return (*self.compared, *self.dates)


@dataclass(frozen=True, slots=True)
class AccountColumns:
    """What both sides have of accounts; ``owned`` are tables whose rows belong to one, identities first."""

    users: AccountTable
    owned: tuple[AccountTable, ...]
    tokens: tuple[str, ...]
    """The columns of NEW that must not be NULL for an account to sign in."""

    @classmethod
    def of(cls, old: SqlSession, new: SqlSession, *, factors: bool = False) -> Self:
        """Both sides asked; SchemaError where one has no accounts, or a version of Auth that is too old.

        ``factors``: MFA factors are copied, too.
        """
        needed = {**_NEEDED, **({FACTORS: ("id", "user_id", "secret")} if factors else {})}
        known = {"OLD": _known("OLD", old, needed), "NEW": _known("NEW", new, needed)}
        users, *owned = (_table(name, known["OLD"][name], known["NEW"][name]) for name in needed)
        tokens = tuple(name for name in TOKENS if known["NEW"]["users"].get(name, (None, True))[1] is False)
        _refuse_lost_doors(old, [each for each in _DOORS if f"{each} (only in OLD)" in users.left_out])
        return cls(users, tuple(owned), tokens)

    @property
    def form(self) -> str:
        """What a mark is made of: marks of another form cannot be compared with it."""
        return json.dumps([self.users.compared, self._compared])

    @property
    def mark(self) -> str:
        """SQL for the digest of what matters of the account ``u``, the rows that belong to it included."""
        return mark(self.users.compared, self._compared)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of accounts, and the tables that belong to them: what a flaw may be about."""
        return (*self.users.written, *self._compared)

    @property
    def _compared(self) -> dict[str, tuple[str, ...]]:
        return {table.name: table.compared for table in self.owned}


def mark(users: Sequence[str], owned: Mapping[str, Sequence[str]]) -> str:
    """SQL for the digest of these columns of the account ``u``, and of its rows in other tables."""
    texts = [row("u", users), *(_owned_mark(name, columns) for name, columns in owned.items())]
    return f"pg_catalog.md5({' || '.join(texts)})"


def row(alias: str, columns: Sequence[str]) -> str:
    """SQL for these columns as one text: NULL and an empty text differ in it."""
    return f"ROW({', '.join(named(alias, each) for each in columns)})::text"


def _owned_mark(table: str, columns: Sequence[str]) -> str:
    """SQL for the digest of the rows that belong to the account ``u``; empty without any."""
    joined = f"pg_catalog.string_agg({row('d', columns)}, ',' order by d.id)"
    found = f"select pg_catalog.md5({joined}) from auth.{table} d where d.user_id = u.id"
    return f"coalesce(({found}), '')"


def named(alias: str, column: str) -> str:
    """The column as SQL; ``%`` is doubled, as `SqlSession.query` wants it."""
    return f"{alias}.{quoted(column)}" if alias else quoted(column)


def quoted(column: str) -> str:
    """The name as SQL, with ``%`` doubled."""
    return sql_name(column).replace("%", "%%")


def _known(
    project: str, session: SqlSession, wanted: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, tuple[str, bool]]]:
    found: dict[str, dict[str, tuple[str, bool]]] = {name: {} for name in (*_NEEDED, FACTORS)}
    for table, column, kind, generated in session.query(_COLUMNS):
        found[table][column] = (kind, generated)
    for table, needed in wanted.items():
        missing = [name for name in needed if name not in found[table]]
        if not found[table]:
            raise SchemaError(
                f"{project}: this database has no table auth.{table}, so it has no accounts of Supabase Auth",
                hint="take the connection string of the project: Dashboard -> Connect -> Session pooler",
            )
        if missing:
            names = ", ".join(missing)
            raise SchemaError(f"{project}: auth.{table} has no {names}: its Auth is too old", hint=_OLDER)
    return found


def _refuse_lost_doors(old: SqlSession, columns: Sequence[str]) -> None:
    """SchemaError where an account of OLD has such a value, and NEW has no column for it."""
    for column in columns:
        says = f"u.{column} is not null and u.{column}::text not in ('', 'f', 'false')"
        [(number,)] = old.query(f"select pg_catalog.count(*) from auth.users u where {says}")
        if number:
            raise SchemaError(
                f"NEW: auth.users has no {column}, and {number:,} accounts of OLD have a value in it: they "
                "could sign in to NEW otherwise than to OLD",
                hint=_OLDER,
            )


def _table(
    name: str, old: Mapping[str, tuple[str, bool]], new: Mapping[str, tuple[str, bool]]
) -> AccountTable:
    shared = [each for each in old if each in new and not old[each][1] and not new[each][1]]
    lone = [
        *(f"{each} (only in OLD)" for each in old if each not in new and not old[each][1]),
        *(f"{each} (only in NEW)" for each in new if each not in old and not new[each][1]),
    ]
    return AccountTable(
        name,
        tuple(sorted(each for each in shared if each not in (*_PENDING, *DATES))),
        tuple(each for each in DATES if each in shared),
        {each: kind for each, (kind, _) in new.items()},
        tuple(each for each in lone if each.split(" ")[0] not in _PENDING),
    )
