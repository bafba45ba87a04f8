"""Accounts that OLD deleted: named, or removed from NEW under the guards of rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from supasync_account.auth import Deletes
from supasync_account.auth.account_plan import BOTH_CHANGED, AccountPlan
from supasync_account.auth.account_referrers import behind
from supasync_account.auth.account_report import AccountReport
from supasync_account.auth.account_side import AT_ONCE, AccountSide
from supasync_account.auth.account_writer import AccountWriter
from supasync_core.model.errors import RowError, SlowQueryError
from supasync_core.model.wording import counted

MOST: Final = 100
"""Accounts that are removed at once, or a twentieth of them where that is less, but always one."""
_PART: Final = 20


@dataclass
class AccountDeletes:
    """What is done about the accounts of NEW that OLD has no more.

    An account to which rows of NEW refer stays: they would go, or change, with it. Their own table removes
    them where it mirrors deletes, and the account goes with the next run.
    """

    old: AccountSide
    writer: AccountWriter
    policy: Deletes
    report: AccountReport = field(init=False)

    def __post_init__(self) -> None:
        self.report = self.writer.report

    def run(self, plan: AccountPlan) -> None:
        """Name them, or remove those that may be."""
        self.report.gone = len(plan.gone)
        if self.policy == "ignore" or not plan.gone:
            return
        emails = self.writer.new.emails(list(plan.gone))
        if self.policy == "report":
            for account in plan.gone:
                self.report.name(account, emails.get(account), "deleted in OLD, still in NEW", refused=False)
            return
        marks = self._may_go(plan, emails)
        for at in range(0, len(marks), AT_ONCE):
            self._remove(dict(list(marks.items())[at : at + AT_ONCE]), emails)
        self.report.gone -= self.report.deleted

    def _remove(self, marks: Mapping[str, str], emails: Mapping[str, str | None]) -> None:
        """Remove them together; each by itself where NEW refuses one of them, which is named."""
        try:
            gone = set(self.writer.delete(marks))
            self.report.deleted += len(gone)
            for account in (each for each in marks if each not in gone):
                what = "not deleted: NEW keeps it, by a trigger, or it has changed meanwhile"
                self.report.name(account, emails.get(account), what, refused=True)
        except (RowError, SlowQueryError) as err:
            for account, mark in marks.items():
                if len(marks) > 1:
                    self._remove({account: mark}, emails)
                else:
                    self.report.name(
                        account, emails.get(account), f"not deleted: {err.message}", refused=True
                    )

    def _may_go(self, plan: AccountPlan, emails: dict[str, str | None]) -> dict[str, str]:
        """Their marks; what stays is named. OLD is asked once more, for what it may have again."""
        again = self.old.marks_of(list(plan.gone))
        wanted = {account: mark for account, mark in plan.gone.items() if account not in again}
        most = most_at_once(plan.new_total)
        if len(wanted) > most:
            what = counted(len(wanted), "account was", "accounts were")
            text = f"deleted in OLD, not deleted in NEW: {what} deleted there, the limit is {most} at a time"
            for account in wanted:
                self.report.name(account, emails.get(account), text, refused=True)
            return {}
        held = {} if self.writer.cascades else behind(self.writer.new.door, list(wanted))
        for account, mark in wanted.items():
            if not mark:
                self.report.name(account, emails.get(account), f"not deleted: {BOTH_CHANGED}", refused=True)
            elif account in held:
                text = f"deleted in OLD, stays in NEW: {held[account]}"
                self.report.name(account, emails.get(account), text, refused=False)
        return {account: mark for account, mark in wanted.items() if mark and account not in held}


def most_at_once(accounts: int) -> int:
    """How many of so many accounts of NEW may be deleted at once."""
    return max(1, min(MOST, accounts // _PART))
