"""Accounts that OLD deleted, by keys: named, or deleted in NEW under the guards of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from supasync_account.auth import Deletes
from supasync_account.auth.account_deletes import most_at_once
from supasync_account.auth.account_plan import BOTH_CHANGED
from supasync_account.auth.account_report import AccountReport
from supasync_account.auth.keys_account import KeyAccount
from supasync_account.auth.keys_api import KeysApi
from supasync_account.auth.keys_errors import AuthRefusal
from supasync_account.auth.keys_plan import KeyPlan, Lists
from supasync_account.auth.keys_records import KeyRecords
from supasync_account.auth.keys_referrers import Held, held
from supasync_account.auth.keys_writer import KeyWriter, read_one, refusal
from supasync_core.model.errors import TransientError
from supasync_core.model.wording import counted

_OPEN = "deleted in OLD, and can still sign in to NEW"


@dataclass
class KeyDeletes:
    """What is done about the accounts that OLD has no more, and about those that it soft-deleted.

    ``cascades``: rows of NEW may go or change with what is deleted.
    """

    old: KeysApi
    writer: KeyWriter
    records: KeyRecords
    report: AccountReport
    policy: Deletes
    cascades: bool = False

    def run(self, made: KeyPlan, lists: Lists) -> set[str]:
        """Name them, or delete those that may be; the ids that NEW has no more, or has emptied."""
        here = lists.new.accounts
        self.report.gone = len(made.gone)
        if self.policy != "mirror":
            for account in made.gone if self.policy == "report" else ():
                self._name(here[account], "deleted in OLD, still in NEW")
            for account in made.closed:
                self._name(here[account], _OPEN, refused=True)
            return set()
        wanted = {**made.gone, **{account: here[account].mark for account in made.closed}}
        gone = {each for each in self._may_go(wanted, made, here) if self._deleted(here[each], made)}
        self.report.deleted += len(gone)
        self.report.gone -= len(gone & made.gone.keys())
        self.records.forget(gone & made.gone.keys(), self.writer.fence)
        return gone

    def _may_go(self, wanted: Mapping[str, str], made: KeyPlan, here: Mapping[str, KeyAccount]) -> list[str]:
        """The ids of those that may be deleted; what stays is named."""
        most = most_at_once(made.new_total)
        if len(wanted) > most:
            what = counted(len(wanted), "account was", "accounts were")
            for account in wanted:
                text = (
                    f"deleted in OLD, not deleted in NEW: {what} deleted there, the limit is {most} at a time"
                )
                self._name(here[account], text, refused=True)
            return []
        rows = Held({}) if self.cascades or not wanted else held(self.writer.new, list(made.gone))
        chosen = []
        for account, mark in wanted.items():
            blind = rows.unseen if account in made.gone else rows.deeper
            if not mark:
                self._name(here[account], f"not deleted: {BOTH_CHANGED}", refused=True)
            elif account in rows.rows:
                self._name(here[account], f"deleted in OLD, stays in NEW: {rows.rows[account]}")
            elif blind is None or blind:
                self._name(here[account], _unseen(blind), refused=True)
            else:
                chosen.append(account)
        return chosen

    def _deleted(self, account: KeyAccount, made: KeyPlan) -> bool:
        """Delete it, once OLD has said by itself that it has no such account; what fails is named."""
        soft = account.id in made.closed
        try:
            if not soft and self._is_in_old(account):
                return False
            now = self.writer.shown(account.id)
            if now is not None and now.mark != account.mark:
                self._name(account, f"not deleted: {BOTH_CHANGED}", refused=True)
                return False
            self.writer.delete(account.id, soft=soft)
        except AuthRefusal as err:
            self._name(account, f"not deleted: {refusal(err)}", refused=True)
            return False
        except TransientError as err:
            self._name(account, f"nobody knows whether it was deleted: {err.message}", refused=True)
            return False
        return True

    def _is_in_old(self, account: KeyAccount) -> bool:
        """Whether OLD has it all the same, or cannot say so."""
        try:
            return read_one(self.old, account.id) is not None
        except AuthRefusal:
            self._name(account, "not deleted: OLD's Auth cannot read it, so it is there", refused=True)
            return True

    def _name(self, account: KeyAccount, what: str, *, refused: bool = False) -> None:
        self.report.name(account.id, account.who, what, refused=refused)


def _unseen(tables: Sequence[str] | None) -> str:
    """Why an account stays to which rows may refer that keys do not show."""
    what = f"in {', '.join(tables)}" if tables else "there: paste what supasync schema sql prints into NEW"
    return (
        f"deleted in OLD, stays in NEW: keys do not show what refers to it {what}; "
        "--accept cascades deletes it, and such rows with it"
    )
