"""The columns of accounts that both projects have.

Two servers of Supabase Auth may have different columns. What both have is copied; what NEW computes is left
out, since a generated column takes no value (428C9). A few columns are copied and not compared: they
move at every sign-in, or belong to a link in a mail that only OLD can answer.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import msgspec

from supasync_account.auth.account_door import ADMITTED, AccountDoor
from supasync_account.auth.account_extras import EXTRAS, NAMES
from supasync_account.auth.account_fragments import PENDING
from supasync_core.model.errors import SchemaError

DATES: Final = ("last_sign_in_at", "updated_at", "last_used_at", "sign_count")
"""Columns that move at each sign-in: copied with an account, and never compared."""
_NEEDED: Final = {
    "users": ("id", "email"),
    "identities": ("id", "user_id", "provider", "provider_id", "identity_data"),
}
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
_TAKES_NONE: Final = {"only in OLD": "has no", "computed in NEW": "computes"}
_Form = tuple[list[str], dict[str, list[str]] | list[str]]
_OLDER: Final = "update the older project: Project Settings -> Infrastructure"


@dataclass(frozen=True, slots=True)
class AccountTable:
    """A table: the columns that are ``compared``, the ``dates`` beside them, and all that NEW has."""

    name: str
    compared: tuple[str, ...]
    dates: tuple[str, ...]
    in_new: frozenset[str]
    left_out: tuple[str, ...]
    """Columns that one side alone has, or that NEW computes, each with the side."""

    @property
    def written(self) -> tuple[str, ...]:
        """The columns that a new row gets from OLD, in the order in which they travel."""
        return (*self.compared, *self.dates)


@dataclass(frozen=True, slots=True)
class AccountColumns:
    """What both sides have of accounts; ``owned`` are tables whose rows belong to one, identities first."""

    users: AccountTable
    owned: tuple[AccountTable, ...]

    @classmethod
    def of(cls, old: AccountDoor, new: AccountDoor, extras: Sequence[str] = ()) -> Self:
        """Both sides asked; SchemaError where one has no accounts, or a version of Auth that is too old.

        ``extras`` are tables of `account_extras` that are copied, too.
        """
        needed = {**_NEEDED, **{each.table: each.needed for each in EXTRAS if each.table in extras}}
        known = {"OLD": _known("OLD", old, needed), "NEW": _known("NEW", new, needed)}
        users, *owned = (_table(name, known["OLD"][name], known["NEW"][name]) for name in needed)
        _refuse_lost_doors(old, users.left_out)
        return cls(users, tuple(owned))

    @property
    def asked(self) -> dict[str, Any]:
        """These columns as a door takes them."""
        columns = [[each.name, each.compared, each.dates] for each in (self.users, *self.owned)]
        return {"columns": columns, "form": self.form}

    @property
    def form(self) -> str:
        """What a mark is made of: marks of another form cannot be compared with it."""
        return json.dumps([self.users.compared, self._compared])

    @property
    def _compared(self) -> dict[str, tuple[str, ...]]:
        return {table.name: table.compared for table in self.owned}


def remembered(form: str | None) -> dict[str, Any] | None:
    """The columns of which marks of this form were made, as a door takes them; None where nobody can tell."""
    try:
        users, owned = msgspec.json.decode(form or "", type=_Form)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return parts_of(users, owned if isinstance(owned, dict) else {"identities": owned})


def parts_of(users: Sequence[str], owned: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Some columns alone, as a door takes them."""
    tables = {"users": users, **owned}
    return {"columns": [[name, list(columns), []] for name, columns in tables.items()]}


def _known(
    project: str, side: AccountDoor, wanted: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, bool]]:
    """The columns of each table, and whether the server computes them."""
    found: dict[str, dict[str, bool]] = {name: {} for name in ADMITTED}
    for table, column, generated in side.ask("columns", list(ADMITTED)):
        found[table][column] = generated
    for table, needed in wanted.items():
        missing = [name for name in needed if name not in found[table]]
        if not found[table] and table in NAMES:
            what = f"this database has no table auth.{table} for {NAMES[table]}"
            raise SchemaError(f"{project}: {what}", hint=_OLDER)
        if not found[table]:
            raise SchemaError(
                f"{project}: this database has no table auth.{table}, so it has no accounts of Supabase Auth",
                hint="take the connection string of the project: Dashboard -> Connect -> Session pooler",
            )
        if missing:
            names = ", ".join(missing)
            raise SchemaError(f"{project}: auth.{table} has no {names}: its Auth is too old", hint=_OLDER)
    return found


def _refuse_lost_doors(old: AccountDoor, left_out: Sequence[str]) -> None:
    """SchemaError where an account of OLD has a value in such a column, and NEW takes none."""
    lost = {f"{each} ({where})": (each, verb) for each in _DOORS for where, verb in _TAKES_NONE.items()}
    for column, verb in (lost[each] for each in left_out if each in lost):
        [(number,)] = old.ask("says_something", column)
        if number:
            raise SchemaError(
                f"NEW: auth.users {verb} {column}, and {number:,} accounts of OLD have a value in it: they "
                "could sign in to NEW otherwise than to OLD",
                hint=_OLDER,
            )


def _table(name: str, old: Mapping[str, bool], new: Mapping[str, bool]) -> AccountTable:
    shared = [each for each in old if each in new and not new[each]]
    lone = [
        *(f"{each} (computed in NEW)" for each in old if not old[each] and new.get(each)),
        *(f"{each} (only in OLD)" for each in old if each not in new and not old[each]),
        *(f"{each} (only in NEW)" for each in new if each not in old and not new[each]),
    ]
    return AccountTable(
        name,
        tuple(sorted(each for each in shared if each not in (*PENDING, *DATES))),
        tuple(each for each in DATES if each in shared),
        frozenset(new),
        tuple(each for each in lone if each.split(" ")[0] not in PENDING),
    )
