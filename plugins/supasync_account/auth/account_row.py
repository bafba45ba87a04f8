"""An account of OLD as it travels. Its rows say the same of it as what decisions are made by."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from supasync_account.auth.account_columns import AccountColumns, AccountTable
from supasync_core.model.errors import SchemaError

_Row = list[str | None]


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """An account of OLD: who it is, its mark, what is wrong with it, and its rows as texts.

    Each value in the texts is PostgreSQL's own text, and is not decoded here: a number in the metadata keeps
    its digits.
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


def account_of(row: Sequence[Any], columns: AccountColumns) -> Account:
    """The account of a row of a page, whose texts are read once and written again.

    SchemaError where these are not one row of ``auth.users`` with this id, e-mail, phone and SSO, and rows
    that belong to it: decisions are made by those, and what is written are the texts.
    """
    account = Account(*row)
    try:
        user = msgspec.json.decode(account.user, type=_Row)
        owned = [msgspec.json.decode(text, type=list[_Row]) for text in account.owned]
        whole = _is_of(user, columns.users, _told(account)) and all(
            _is_of(each, table, {"user_id": account.id})
            for table, rows in zip(columns.owned, owned, strict=True)
            for each in rows
        )
    except (msgspec.DecodeError, ValueError, RecursionError):
        whole = False
    if not whole:
        raise SchemaError(
            f"OLD answered with rows that are not those of the account {account.id}: nothing more is copied",
            hint="look at the function supasync_auth_old in OLD, and for a proxy in front of the project",
        )
    text, *texts = (msgspec.json.encode(each).decode() for each in (user, *owned))
    return replace(account, user=text, owned=texts)


def _told(account: Account) -> dict[str, str | None]:
    sso = {True: "true", False: "false"}.get(account.sso)
    return {"id": account.id, "email": account.email, "phone": account.phone, "is_sso_user": sso}


def _is_of(row: _Row, table: AccountTable, told: dict[str, str | None]) -> bool:
    """Whether the row has the table's columns, and says that."""
    cells = dict(zip(table.written, row, strict=True))
    return all(cells[name] == value for name, value in told.items() if name in cells)
