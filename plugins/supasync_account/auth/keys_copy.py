"""One copy of accounts by keys: both lists read, what changed found by digests, and written in order.

Bans first, deletions, then e-mails and phones that are given up for another account, then changes, then
new accounts. Each batch is noted in NEW before it is written and behind that.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from supasync_account.auth.account_plan import CHANGED_IN_NEW, DELETED_IN_NEW
from supasync_account.auth.account_report import AccountReport
from supasync_account.auth.account_way import Choices
from supasync_account.auth.keys_account import KeyAccount
from supasync_account.auth.keys_api import KeysApi
from supasync_account.auth.keys_bans import KeyBans
from supasync_account.auth.keys_changes import giving_up, unsayable
from supasync_account.auth.keys_clocks import Clocks
from supasync_account.auth.keys_deletes import KeyDeletes
from supasync_account.auth.keys_errors import AuthRefusal
from supasync_account.auth.keys_flaws import needs_password, remarks
from supasync_account.auth.keys_listing import listed
from supasync_account.auth.keys_order import Order, in_order
from supasync_account.auth.keys_plan import KeyPlan, Lists, plan
from supasync_account.auth.keys_records import KeyRecords, Written
from supasync_account.auth.keys_writer import KeyWriter, Outcome, read_one, refusal
from supasync_core.api.registration import Fence
from supasync_core.model.errors import SchemaError, TransientError
from supasync_core.model.wording import counted
from supasync_core.system.executors import executor

AT_ONCE: Final = 50
"""Accounts that are noted, and then written, before anybody is asked whether to go on."""
ALONE: Final = 2000
"""Accounts that are asked for one by one, where NEW's list is not whole."""
WORKERS: Final = 4
"""Requests that are under way at once: Auth takes 90 ms of a processor for each new account."""


@dataclass
class KeyCopy:
    """A `Copying`. ``afford`` raises BudgetError where so many bytes of a project are too much."""

    old: KeysApi
    new: KeysApi
    choices: Choices
    flag: str | None = None
    afford: Callable[[str, int], None] = lambda _project, _bytes: None
    report: AccountReport = field(default_factory=AccountReport)
    banned: set[str] = field(default_factory=set)
    """Those that this run has banned in NEW, as OLD has."""

    @property
    def clocks(self) -> Clocks:
        """By which bans end."""
        return Clocks(self.old, self.new)

    @property
    def records(self) -> KeyRecords:
        """What was written last."""
        return KeyRecords(self.new)

    def refuse_early(self) -> None:
        """SchemaError where NEW has no table to note accounts in."""
        self.records.look()

    def planned(self) -> KeyPlan:
        """What would be done; nothing is written."""
        return self._planned(self._looked())

    def run(self, fence: Fence, go_on: Callable[[], bool]) -> AccountReport:
        """Copy what is new and changed."""
        lists = self._looked()
        made = self._planned(lists)
        writer = KeyWriter(self.clocks, fence, self.flag)
        self._tell(made, lists)
        self.banned = KeyBans(writer, self.records, self.report).run(made, lists)
        self._note_known(made, lists, fence)
        cascades = "cascades" in self.choices.accepted
        deletes = KeyDeletes(self.old, writer, self.records, self.report, self.choices.deletes, cascades)
        gone = deletes.run(made, lists)
        self._write(made, lists, gone, writer, go_on)
        return self.report

    def _looked(self) -> Lists:
        """Both sides, and what was written last."""
        written = self.records.all()
        with executor(2, "lists") as pool:
            there = pool.submit(listed, self.old, lambda size: self.afford("OLD", size))
            here = listed(self.new, lambda size: self.afford("NEW", size))
            lists = Lists(there.result(), here, written, self.clocks.now)
        self.clocks.refuse_kept()
        if not here.whole:
            self._look_up(lists)
        self.clocks.refuse_bans(lists)
        return lists

    def _look_up(self, lists: Lists) -> None:
        """Ask NEW for each account by itself that its list may have lost: none is taken for a deleted one."""
        missing = [account for account in lists.old.accounts if account not in lists.new.accounts]
        if len(missing) > ALONE:
            raise SchemaError(
                f"NEW: {lists.new.sentence}, and {len(missing):,} accounts would have to be asked for alone",
                hint="supasync auth check says which account cannot be read; or copy by SQL",
            )
        for account in missing:
            try:
                found = read_one(self.new, account)
            except AuthRefusal:
                lists.unreadable.add(account)
                continue
            if found is not None:
                lists.new.accounts[account] = found

    def _planned(self, lists: Lists) -> KeyPlan:
        made = plan(lists, accept_newer="newer" in self.choices.accepted)
        self.report.old, self.report.new, self.report.own = made.old, made.new_total, len(made.own)
        self.report.gone = len(made.gone)
        return made

    def _tell(self, made: KeyPlan, lists: Lists) -> None:
        """Name those that are not copied, and say what the lists do not hold."""
        there, here = lists.old.accounts, lists.new.accounts
        for project, listing in (("OLD", lists.old), ("NEW", lists.new)):
            if not listing.whole:
                self.report.name(
                    project, None, f"{listing.sentence}: no account counts as deleted", refused=True
                )
            for account, each in listing.strange.items():
                self.report.name(account, each.who, f"{project}: its id is not a UUID", refused=True)
            for where in listing.sick:
                self.report.name(project, None, f"Auth cannot read {where}", refused=True)
        for account, why in made.refused.items():
            self.report.name(account, there[account].who, why, refused=True)
        if made.left:
            what = counted(len(made.left), "soft-deleted account", "soft-deleted accounts")
            self.report.said.append(f"{what} of OLD left out: nobody signs in to them")
        for account, why in made.newer.items():
            who = (here.get(account) or there[account]).who
            self.report.name(account, who, why, refused=why not in (CHANGED_IN_NEW, DELETED_IN_NEW))
        for account in made.stuck:
            what = (
                unsayable(there[account], here[account])
                or "NEW's Auth does not keep its values as they were sent"
            )
            self.report.name(account, there[account].who, what, refused=True)
        lost = sum(needs_password(there[each]) for each in made.new)
        if lost:
            self.report.said.append(
                f"{counted(lost, 'new account needs', 'new accounts need')} a new password, by a reset mail: "
                "a guess by the providers email and phone; supasync auth check names them"
            )

    def _note_known(self, made: KeyPlan, lists: Lists, fence: Fence) -> None:
        """Note what is equal already, as after a copy by hand, and forget what is nowhere any more."""
        there, here = lists.old.accounts, lists.new.accounts
        self.records.note([Written(each, there[each].mark, here[each].mark) for each in made.known], fence)
        self.records.forget(made.forgotten, fence)

    def _write(
        self,
        made: KeyPlan,
        lists: Lists,
        gone: set[str],
        writer: KeyWriter,
        go_on: Callable[[], bool],
    ) -> None:
        there = lists.old.accounts
        here = {account: shown for account, shown in lists.new.accounts.items() if account not in gone}
        order = Order({each: there[each] for each in [*made.changed, *made.new]}, here)
        for account, (what, holder) in order.blocked.items():
            text = f"its {what} is held in NEW by the account {holder}, {self._whose(holder, lists)}"
            self._not_written(there[account], text)
        changed, new = in_order(order.write, list(made.changed)), in_order(order.write, made.new)
        self.records.note([_pending(each) for each in changed], writer.fence)
        self._give_up(order, here, writer)
        for batch in _batches([*changed, *new]):
            if not go_on():
                self.report.interrupted = True
                return
            self._written(batch, here, writer)

    def _give_up(self, order: Order, here: dict[str, KeyAccount], writer: KeyWriter) -> None:
        """Free e-mails and phones for others, which get them only then."""
        for account, (email, phone) in order.giving_up.items():
            try:
                here[account] = writer.put(account, giving_up(here[account], email=email, phone=phone))
            except (AuthRefusal, TransientError) as err:
                why = refusal(err) if isinstance(err, AuthRefusal) else err.message
                self.report.name(account, here[account].who, f"does not free its e-mail: {why}", refused=True)

    def _written(
        self, batch: Sequence[KeyAccount], here: Mapping[str, KeyAccount], writer: KeyWriter
    ) -> None:
        """Write these at the same time, and note them before and behind that."""
        self.records.note([_pending(each) for each in batch], writer.fence)

        def one(account: KeyAccount) -> Outcome:
            found = here.get(account.id)
            try:
                return writer.create(account) if found is None else writer.correct(account, found)
            except TransientError as err:
                return Outcome(account, None, f"nobody knows whether it arrived: {err.message}")

        with executor(min(WORKERS, len(batch)), "accounts") as pool:
            outcomes = list(pool.map(one, batch))
        done = [each for each in outcomes if each.shown is not None]
        self.records.note(
            [Written(each.account.id, each.account.mark, each.shown.mark) for each in done if each.shown],
            writer.fence,
        )
        for each in outcomes:
            account = each.account
            if each.why:
                self._not_written(account, each.why)
            for remark in remarks(account) if each.shown else ():
                self.report.name(account.id, account.who, remark, refused=False)
        made = sum(each.account.id not in here for each in done)
        self.report.created += made
        self.report.updated += len(done) - made

    def _not_written(self, account: KeyAccount, why: str) -> None:
        """Name an account of which something is not copied; a ban is."""
        also = "; it is banned there, as in OLD" if account.id in self.banned else ""
        self.report.name(account.id, account.who, why + also, refused=True)

    def _whose(self, holder: str, lists: Lists) -> str:
        """Who has an e-mail or phone in NEW, in words."""
        if holder in lists.old.accounts:
            return "which is not updated"
        return "which OLD deleted" if holder in lists.written else "which signed up there"


def _pending(account: KeyAccount) -> Written:
    return Written(account.id, account.mark, "")


def _batches(accounts: Sequence[KeyAccount]) -> Iterator[Sequence[KeyAccount]]:
    return (accounts[at : at + AT_ONCE] for at in range(0, len(accounts), AT_ONCE))
