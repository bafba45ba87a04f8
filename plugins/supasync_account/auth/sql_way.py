"""Accounts copied by SQL: a session on both databases."""

from dataclasses import dataclass
from typing import Final

from supasync_account.auth.account_copy import AccountCopy
from supasync_account.auth.account_session import SessionDoor
from supasync_account.auth.account_verdict import AccountVerdict, compare
from supasync_account.auth.account_way import Choices, WayName
from supasync_account.auth.auth_findings import AuthFindings, inspect
from supasync_core.api.sql_session import SqlSession


@dataclass(frozen=True, slots=True)
class SqlWay:
    """A `Way`."""

    old: SqlSession
    new: SqlSession
    name: Final[WayName] = "sql"

    def inspect(self, choices: Choices) -> AuthFindings:
        return inspect(*self._doors(), extras=choices.extras)

    def copying(self, choices: Choices) -> AccountCopy:
        return AccountCopy.between(*self._doors(), choices)

    def compare(self, choices: Choices) -> AccountVerdict:
        return compare(*self._doors(), extras=choices.extras)

    def _doors(self) -> tuple[SessionDoor, SessionDoor]:
        return SessionDoor(self.old), SessionDoor(self.new)
