"""Writes accounts to NEW by the Auth API, one by one: after a lost answer it looks before it sends again.

No mail is sent by any of these requests (recorded). A 500 is not sent again: it is a taken id, a trigger, or
a row that Auth cannot read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from supasync_account.auth.keys_account import KeyAccount, differences, one_account
from supasync_account.auth.keys_api import Answer, KeysApi
from supasync_account.auth.keys_changes import Body, correction, creation, unsayable
from supasync_account.auth.keys_clocks import Clocks
from supasync_account.auth.keys_errors import SERVER_ERROR, AuthRefusal, LostAnswerError
from supasync_account.auth.keys_listing import USERS
from supasync_account.decoding import UndecodableError
from supasync_core.api.registration import Fence

ROUNDS: Final = 3
"""Corrections of one account: confirming it changes its metadata, which is put right by a second one."""
_TAKEN: Final = (SERVER_ERROR, 422)
"""What Auth answers where the id, or the e-mail, is there (recorded)."""
_MEANS: Final = {
    "23505": "a unique value there is taken: by its id or e-mail, or by a row that a trigger makes",
    "23503": "rows there refer to it",
    "P0001": "a trigger or function there raised an error",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one account: as NEW shows it now, or why nothing did. ``why`` may say what is left."""

    account: KeyAccount
    shown: KeyAccount | None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class KeyWriter:
    """Writes to NEW; the fence is asked before each request. ``flag``: see `keys_changes.creation`."""

    clocks: Clocks
    fence: Fence
    flag: str | None = None

    @property
    def new(self) -> KeysApi:
        """NEW's API."""
        return self.clocks.new

    def create(self, account: KeyAccount) -> Outcome:
        """Make it, exactly as OLD has it."""
        try:
            found = self._made(account)
        except AuthRefusal as err:
            return Outcome(account, None, refusal(err))
        return self.correct(account, found)

    def correct(self, account: KeyAccount, found: KeyAccount) -> Outcome:
        """Make NEW's account what OLD has, as far as the API can."""
        try:
            for _ in range(ROUNDS):
                body = correction(account, found, self.clocks.now)
                if not body:
                    break
                found = self.put(account.id, body)
            if account.banned_for(self.clocks.now):
                found = self.shown(account.id) or found  # times are finer where they were just set
        except AuthRefusal as err:
            return Outcome(account, None, refusal(err))
        return Outcome(account, found, unsayable(account, found) or self._lost(account, found))

    def _lost(self, account: KeyAccount, found: KeyAccount) -> str | None:
        """What NEW has otherwise behind the last correction, in words."""
        lost = differences(account, found, self.clocks.now)
        return f"NEW does not keep its {', '.join(lost)} as sent: a trigger there?" if lost else None

    def put(self, account: str, body: Body) -> KeyAccount:
        """The account as NEW shows it behind this change."""
        path = f"{USERS}/{account}"
        encoded = msgspec.json.encode(body)
        answer = self._again(lambda: self.new.write("PUT", path, encoded, self.fence))
        return _account(self.new, answer, account)

    def delete(self, account: str, *, soft: bool) -> None:
        """Delete it, or empty it; one that is gone by now is deleted."""
        body = b'{"should_soft_delete":true}' if soft else None
        try:
            self._again(lambda: self.new.write("DELETE", f"{USERS}/{account}", body, self.fence))
        except AuthRefusal as err:
            if not err.missing:
                raise

    def shown(self, account: str) -> KeyAccount | None:
        """The account as NEW has it; None where it has none."""
        return read_one(self.new, account)

    def _made(self, account: KeyAccount) -> KeyAccount:
        """The account as it was made, by this request or by one whose answer was lost."""
        body = msgspec.json.encode(creation(account, self.clocks.now, self.flag))
        lost = False
        for _ in range(ROUNDS):
            try:
                return _account(self.new, self.new.write("POST", USERS, body, self.fence), account.id)
            except LostAnswerError:
                lost = True
                found = self.shown(account.id)
            except AuthRefusal as err:
                # The request whose answer was lost may have arrived behind the look for it.
                found = self.shown(account.id) if lost and err.status in _TAKEN else None
                if found is None:
                    raise
            if found is not None:
                return found
        raise LostAnswerError("NEW: Auth took this account three times, and does not have it")

    def _again(self, send: Callable[[], Answer]) -> Answer:
        """The answer to what may be sent twice."""
        try:
            return send()
        except LostAnswerError:
            return send()


def read_one(api: KeysApi, account: str) -> KeyAccount | None:
    """The account as the project shows it; None where it has none, AuthRefusal where it cannot be read."""
    try:
        answer = api.get(f"{USERS}/{account}")
    except AuthRefusal as err:
        if err.missing:
            return None
        raise
    return _account(api, answer, account)


def _account(api: KeysApi, answer: Answer, account: str) -> KeyAccount:
    """The account of an answer, which is this one; TransientError for something else."""
    try:
        found = one_account(answer.body)
    except UndecodableError:
        raise api.unusable("something that is not an account", answer) from None
    if found.id != account:
        raise api.unusable("another account than was asked for", answer)
    return found


def refusal(err: AuthRefusal) -> str:
    """Why NEW refused an account, in words, without any value of it."""
    if err.sqlstate:
        means = _MEANS.get(err.sqlstate, "its database refuses this")
        return f"NEW refuses it ({err.sqlstate}): {means}"
    if err.status == SERVER_ERROR:
        return "NEW's Auth failed (500): a trigger on auth.users there, or an account that it cannot read"
    said = f": {err.said}" if err.said else ""
    return f"NEW's Auth refuses it ({' '.join(filter(None, (str(err.status), err.code)))}){said}"
