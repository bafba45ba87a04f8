"""NEW's own triggers on accounts, such as `handle_new_user`: whether they fire for what supasync writes."""

from dataclasses import dataclass
from typing import Final

from supasync_account.auth.account_columns import AccountColumns
from supasync_account.auth.account_door import ADMITTED, AccountDoor
from supasync_core.model.errors import RefusedError

GUARD: Final = "supasync schema sql --triggers guard"


@dataclass(frozen=True, slots=True)
class AccountTrigger:
    """A trigger on a table of accounts; ``guarded``: it does not fire for supasync."""

    name: str
    table: str
    function: str
    on_delete: bool
    guarded: bool

    @property
    def sentence(self) -> str:
        """The trigger in a line."""
        guarded = "yes" if self.guarded else "no"
        return f"{self.name} on auth.{self.table} runs {self.function}; guarded: {guarded}"


def triggers(new: AccountDoor, columns: AccountColumns) -> list[AccountTrigger]:
    """Those of NEW that are enabled, on the tables that are copied."""
    tables = {"users", *(table.name for table in columns.owned)}
    found = [AccountTrigger(*row) for row in new.ask("triggers", list(ADMITTED))]
    return [each for each in found if each.table in tables]


def refuse_unguarded(found: list[AccountTrigger]) -> None:
    """RefusedError where a trigger would fire for accounts that are copied."""
    names = [f"{each.name} (auth.{each.table})" for each in found if not each.guarded]
    if names:
        raise RefusedError(
            f"NEW: {', '.join(names)} would fire for each account that is copied: it could make rows "
            "that are copied too, or send mails",
            hint=f"paste what {GUARD} prints into NEW's SQL editor; or let it fire: supasync auth sync "
            "--accept triggers",
        )
