"""What is to be done about each account by keys, decided by both lists and what was written last."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from supasync_account.auth.account_plan import (
    BOTH_CHANGED,
    CHANGED_IN_NEW,
    DELETED_IN_NEW,
    NOT_OURS,
    AccountPlan,
)
from supasync_account.auth.keys_account import KeyAccount, differences
from supasync_account.auth.keys_changes import correction, is_given_up
from supasync_account.auth.keys_flaws import DEEP, uncopyable
from supasync_account.auth.keys_listing import Listing
from supasync_account.auth.keys_records import Written
from supasync_core.model.errors import SchemaError


@dataclass(frozen=True, slots=True)
class KeyPlan(AccountPlan):
    """The same as by SQL, and those that cannot be copied or corrected: by id, with the reason.

    ``closed`` are soft-deleted in OLD and not in NEW. ``stuck`` differ in what the API cannot say. ``left``
    are soft-deleted in OLD, and NEW has never had them.
    """

    refused: dict[str, str] = field(default_factory=dict)
    closed: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lists:
    """Both sides as they were listed, what was written last, and the time by which bans end.

    ``unreadable`` are accounts that NEW has, and cannot show.
    """

    old: Listing
    new: Listing
    written: Mapping[str, Written]
    now: float
    unreadable: set[str] = field(default_factory=set)


def plan(lists: Lists, *, accept_newer: bool) -> KeyPlan:
    """What is to be done; SchemaError where OLD has none of those that it had.

    Nothing counts as deleted unless both lists are whole.
    """
    old, new, written = lists.old.accounts, lists.new.accounts, lists.written
    made = KeyPlan(old=lists.old.total, new_total=lists.new.total)
    for account in sorted(old):
        if account in new:
            _of_both(made, old[account], new[account], lists, accept_newer=accept_newer)
        elif account in lists.unreadable:
            made.refused[account] = "not updated: NEW's Auth cannot read its own account of this id"
        elif old[account].deleted_at:
            made.left.append(account)
        elif reason := uncopyable(old[account]):
            made.refused[account] = reason
        elif account not in written or not written[account].new_mark or accept_newer:
            made.new.append(account)
        else:
            made.newer[account] = DELETED_IN_NEW
    _of_one(made, lists, accept_newer=accept_newer)
    if written and len(made.gone) + len(made.forgotten) >= len(written):
        raise SchemaError(
            "OLD has none of the accounts that were copied from it: nothing is changed",
            hint="is OLD's address that of OLD? If all were deleted on purpose, delete NEW's by hand",
        )
    return made


def _of_one(made: KeyPlan, lists: Lists, *, accept_newer: bool) -> None:
    """Put those where they belong that OLD does not have."""
    new, written = lists.new.accounts, lists.written
    whole = lists.old.whole and lists.new.whole
    for account in sorted({*new, *written} - lists.old.accounts.keys()):
        if account not in new:
            if whole:
                made.forgotten.append(account)
        elif account not in written:
            made.own.append(account)
        elif whole:
            same = written[account].new_mark in (new[account].mark, "")
            made.gone[account] = new[account].mark if same or accept_newer else ""


def _of_both(made: KeyPlan, old: KeyAccount, new: KeyAccount, lists: Lists, *, accept_newer: bool) -> None:
    """Put an account that both sides have where it belongs."""
    last = lists.written.get(old.id)
    if not differences(old, new, lists.now):
        if last is None or (last.old_mark, last.new_mark) != (old.mark, new.mark):
            made.known.append(old.id)
    elif old.deleted_at:
        made.closed.append(old.id)
    elif reason := uncopyable(old):
        made.refused[old.id] = f"not updated: {reason}"
    elif new.too_deep:
        made.refused[old.id] = f"not updated: in NEW {DEEP}"
    elif accept_newer or is_given_up(new) or (last and last.new_mark in (new.mark, "")):
        if correction(old, new, lists.now):
            made.changed[old.id] = new.mark
        else:
            made.stuck.append(old.id)
    elif last is None:
        made.newer[old.id] = NOT_OURS
    else:
        made.newer[old.id] = CHANGED_IN_NEW if last.old_mark == old.mark else BOTH_CHANGED
