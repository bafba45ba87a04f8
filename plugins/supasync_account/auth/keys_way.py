"""Accounts copied by the secret keys of both projects alone: what their Auth API shows and takes."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import Final

from supasync_account.auth.account_extras import words
from supasync_account.auth.account_verdict import AccountVerdict
from supasync_account.auth.account_way import Choices, WayName
from supasync_account.auth.auth_findings import AuthFindings
from supasync_account.auth.keys_account import differences
from supasync_account.auth.keys_api import KeysApi
from supasync_account.auth.keys_clocks import Clocks
from supasync_account.auth.keys_copy import KeyCopy
from supasync_account.auth.keys_findings import inspect
from supasync_account.auth.keys_listing import Listing, listed
from supasync_core.api.run_step import ApiAccess, StepContext
from supasync_core.model.errors import ConfigError, SchemaError, StateError
from supasync_core.model.wording import counted
from supasync_core.system.addresses import host_of
from supasync_core.system.executors import executor

BY: Final = "by what the Auth API shows"
BEYOND: Final = (
    "passwords, linked logins (OAuth identities), MFA factors and passkeys: keys do not show them",
    "times of sign-ups, of confirmations and of sign-ins, and links in mails that wait for an answer",
    "accounts of another audience than authenticated, sessions, SSO providers, and the settings of Auth",
)
_CLOSED: Final = ("soft-deleted account of OLD that NEW lacks", "soft-deleted accounts of OLD that NEW lacks")


@dataclass(frozen=True, slots=True)
class KeysWay:
    """A `Way`. ``flag``: what NEW's triggers look for in user_metadata."""

    old: KeysApi
    new: KeysApi
    flag: str | None
    afford: Callable[[str, int], None]
    name: Final[WayName] = "keys"

    def inspect(self, choices: Choices) -> AuthFindings:
        _refuse_extras(choices)
        old, new = self._lists()
        return inspect(self.new, old, new, flag=self.flag)

    def copying(self, choices: Choices) -> KeyCopy:
        _refuse_extras(choices)
        return KeyCopy(self.old, self.new, choices, self.flag, self.afford)

    def compare(self, choices: Choices) -> AccountVerdict:
        """What differs; SchemaError where a list is not known to be whole."""
        _refuse_extras(choices)
        old, new = self._lists()
        for project, listing in (("OLD", old), ("NEW", new)):
            if not listing.whole:
                raise SchemaError(
                    f"{project}: {listing.sentence}: nobody can say whether all accounts are there",
                    hint="compare by SQL, with both connection strings; supasync auth check says more",
                )
        there, here = old.accounts, new.accounts
        clocks = Clocks(self.old, self.new)
        clocks.refuse_timeless(there.values())
        now = clocks.now
        found = {each: differences(there[each], here[each], now) for each in sorted(there.keys() & here)}
        closed = {each for each in there.keys() - here.keys() if there[each].deleted_at}
        left_out = [f"{counted(len(closed), *_CLOSED)}: nobody signs in to them"] if closed else []
        return AccountVerdict(
            old.total,
            new.total,
            sorted(there.keys() - here.keys() - closed),
            sorted(here.keys() - there.keys()),
            {each: what for each, what in found.items() if what},
            {each.id: each.who for each in (*here.values(), *there.values())},
            by=BY,
            beyond=(*BEYOND, *left_out),
        )

    def _lists(self) -> tuple[Listing, Listing]:
        with executor(2, "lists") as pool:
            there = pool.submit(listed, self.old, lambda size: self.afford("OLD", size))
            here = listed(self.new, lambda size: self.afford("NEW", size))
            lists = there.result(), here
        Clocks(self.old, self.new).refuse_kept()
        return lists


def _refuse_extras(choices: Choices) -> None:
    """ConfigError where MFA factors or passkeys are wanted."""
    if choices.extras:
        what = " and ".join(words(choices.extras))
        raise ConfigError(
            [f"{what} cannot be copied by the secret keys: the API does not show them"],
            hint="put both connection strings into .env, or leave out mfa: and passkeys: (--mfa, --passkeys)",
        )


def keys_way(context: StepContext) -> AbstractContextManager[KeysWay] | None:
    """The way, still closed; None where a key is missing, StateError where both are of one project."""
    old, new = context.api("OLD"), context.api("NEW")
    if old is None or new is None:
        return None
    if host_of(old.url) == host_of(new.url):
        raise StateError(
            "OLD and NEW are the same project: accounts are copied from one to another",
            hint="in .env, OLD_SUPABASE_* is the project that the app uses today, SUPABASE_* the new one",
        )
    return _opened(context, old, new)


@contextmanager
def _opened(context: StepContext, old: ApiAccess, new: ApiAccess) -> Iterator[KeysWay]:
    with (
        closing(KeysApi("OLD", old.url, old.key, context.ledger)) as there,
        closing(KeysApi("NEW", new.url, new.key, context.ledger)) as here,
    ):
        yield KeysWay(there, here, context.settings.get("flag"), context.afford)
