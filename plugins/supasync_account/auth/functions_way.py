"""Accounts copied by functions that a person has pasted into both projects: the secret keys are enough."""

from dataclasses import dataclass
from typing import Final

from supasync_account.auth.account_calls import FunctionDoor, hourly
from supasync_account.auth.account_copy import AccountCopy
from supasync_account.auth.account_door import AccountDoor
from supasync_account.auth.account_session import SessionDoor
from supasync_account.auth.account_verdict import AccountVerdict, compare
from supasync_account.auth.account_way import Choices, WayName
from supasync_account.auth.auth_findings import AuthFindings, inspect
from supasync_core.api.run_step import StepContext
from supasync_core.api.sql_session import SqlSession
from supasync_core.model.errors import NoFunctionError


@dataclass(frozen=True, slots=True)
class FunctionsWay:
    """A `Way`."""

    old: AccountDoor
    new: AccountDoor
    name: Final[WayName] = "functions"

    def inspect(self, choices: Choices) -> AuthFindings:
        return inspect(self.old, self.new, extras=choices.extras, way=self.name)

    def copying(self, choices: Choices) -> AccountCopy:
        return AccountCopy.between(self.old, self.new, choices)

    def compare(self, choices: Choices) -> AccountVerdict:
        return compare(self.old, self.new, extras=choices.extras)


def functions_way(
    context: StepContext, old: SqlSession | None, new: SqlSession | None
) -> FunctionsWay | None:
    """The way; a session takes the place of the function of its project.

    None where no function is there, NoFunctionError where only one of those that are needed is.
    """
    there, here = context.functions("OLD"), context.functions("NEW")
    if old and here:
        door = FunctionDoor(here, "NEW")
        return FunctionsWay(SessionDoor(old), door) if _is_there(door) else None
    if new and there:
        door = FunctionDoor(there, "OLD")
        return FunctionsWay(door, SessionDoor(new)) if _is_there(door) else None
    if there is None or here is None:
        return None
    try:
        return FunctionsWay(*hourly(there, here))
    except NoFunctionError as err:
        if err.project == "OLD" or _is_there(FunctionDoor(there, "OLD")):
            raise
        return None


def _is_there(door: FunctionDoor) -> bool:
    try:
        door.look_ahead([], {})
    except NoFunctionError:
        return False
    return True
