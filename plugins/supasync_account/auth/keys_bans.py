"""Whom OLD bans is banned in NEW, by a request of its own, before anything else of an account is written.

So a ban never waits for an e-mail that another account holds, and is never part of a body that NEW refuses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from supasync_account.auth.account_report import AccountReport
from supasync_account.auth.keys_account import KeyAccount, bans_alike
from supasync_account.auth.keys_changes import ban
from supasync_account.auth.keys_errors import AuthRefusal
from supasync_account.auth.keys_plan import KeyPlan, Lists
from supasync_account.auth.keys_records import KeyRecords, Written
from supasync_account.auth.keys_writer import KeyWriter, refusal
from supasync_core.model.errors import TransientError
from supasync_core.system.executors import executor

AT_ONCE: Final = 50
"""Accounts that are noted, and then banned."""
WORKERS: Final = 4
_KEPT: Final = "banned in OLD, so banned in NEW too; all else of it stays as it is in NEW"
_OPEN: Final = "banned in OLD, and not in NEW"


@dataclass(frozen=True, slots=True)
class KeyBans:
    """Writes the bans; what NEW has then replaces what ``lists`` said of it.

    A record of what was written last follows, so that the ban is not taken for a change made in NEW.
    """

    writer: KeyWriter
    records: KeyRecords
    report: AccountReport

    def run(self, made: KeyPlan, lists: Lists) -> set[str]:
        """The ids that are banned now. One that could not be is named, and nothing else of it is written."""
        wanted = [each for each in lists.old.accounts.values() if _is_open(each, lists)]
        banned: set[str] = set()
        for at in range(0, len(wanted), AT_ONCE):
            batch = wanted[at : at + AT_ONCE]
            ours = {each.id: lists.written[each.id].old_mark for each in batch if _is_ours(each.id, lists)}
            self._note(ours, {})
            with executor(min(WORKERS, len(batch)), "bans") as pool:
                outcomes = list(pool.map(self._banned, batch))
            shown = {each.id: found for each, found in zip(batch, outcomes, strict=True)}
            banned |= self._told(batch, shown, made, lists)
            self._note(
                {each: mark for each, mark in ours.items() if each in banned},
                {each: lists.new.accounts[each].mark for each in ours},
            )
        return banned

    def _banned(self, account: KeyAccount) -> KeyAccount | str:
        """The account as NEW has it behind the ban, or why it is still open."""
        try:
            self.writer.put(account.id, ban(account, self.writer.clocks.now))
            found = self.writer.shown(account.id)  # times are finer where they were just set
        except AuthRefusal as err:
            return refusal(err)
        except TransientError as err:
            return f"nobody knows whether the ban arrived: {err.message}"
        if found is None:
            return "it was deleted there meanwhile"
        now = self.writer.clocks.now
        return found if bans_alike(account, found, now) else "NEW does not keep the ban: a trigger there?"

    def _told(
        self,
        batch: Sequence[KeyAccount],
        shown: dict[str, KeyAccount | str],
        made: KeyPlan,
        lists: Lists,
    ) -> set[str]:
        """Name what is to be named; the ids that are banned."""
        done = set()
        for account in batch:
            found = shown[account.id]
            if isinstance(found, str):
                made.changed.pop(account.id, None)
                self.report.name(account.id, account.who, f"{_OPEN}: {found}", refused=True)
                continue
            done.add(account.id)
            lists.new.accounts[account.id] = found
            if account.id not in made.changed and account.id not in made.closed:
                self.report.name(account.id, account.who, _KEPT, refused=False)
        return done

    def _note(self, old_marks: dict[str, str], new_marks: dict[str, str]) -> None:
        """Note OLD's marks as they were, and NEW's, which are empty while the ban is written."""
        written = [Written(each, mark, new_marks.get(each, "")) for each, mark in old_marks.items()]
        self.records.note(written, self.writer.fence)


def _is_open(account: KeyAccount, lists: Lists) -> bool:
    """Whether NEW lets somebody in whom OLD bans; an account that NEW cannot show may be open."""
    wanted, here = account.banned_for(lists.now), lists.new.accounts.get(account.id)
    if here is None:
        return bool(wanted) and account.id in lists.unreadable
    return here.banned_for(lists.now) <= wanted and bool(wanted) and not bans_alike(account, here, lists.now)


def _is_ours(account: str, lists: Lists) -> bool:
    """Whether NEW still has what was written last."""
    last, here = lists.written.get(account), lists.new.accounts.get(account)
    return last is not None and here is not None and last.new_mark in (here.mark, "")
