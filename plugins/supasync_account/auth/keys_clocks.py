"""What time it is, by three clocks: this machine's, OLD's and NEW's, as their answers show them.

A proxy may write any Date, and a clock may be wrong. A ban ends by the earliest clock alone: so none ends too
early, whichever of them is wrong.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from supasync_account.auth.keys_account import KeyAccount, bans_alike
from supasync_account.auth.keys_api import KeysApi
from supasync_account.auth.keys_listing import clock_stands
from supasync_account.auth.keys_plan import Lists
from supasync_core.api.kept_answers import APART
from supasync_core.model.errors import RefusedError, TransientError
from supasync_core.model.quantities import format_duration

CLOSE: Final = 300.0
"""Seconds by which clocks may differ where bans are copied."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of both projects, by their latest answers, and of this machine."""

    old: KeysApi
    new: KeysApi

    @property
    def now(self) -> float:
        """The earliest of the three, in seconds since 1970."""
        return time.time() + min(0.0, self.old.ahead, self.new.ahead)

    def refuse_kept(self) -> None:
        """TransientError where a project's clock is behind both others and stands: a cache keeps its answers.

        A clock that is wrong goes on all the same.
        """
        for side, other in ((self.old, self.new), (self.new, self.old)):
            behind = min(0.0, other.ahead) - side.ahead
            if behind > APART and clock_stands(side):
                raise TransientError(
                    f"{side.project}: the Date of its answers is {_length(behind)} behind the clocks of "
                    f"{other.project} and of this machine, and stays the same",
                    hint="a cache in front of the project answers in its place, whatever it is asked",
                )

    def refuse_timeless(self, accounts: Iterable[KeyAccount]) -> None:
        """RefusedError where one of them has a ban, and neither project says what time it is."""
        if not (self.old.tells_time or self.new.tells_time) and any(each.banned_until for each in accounts):
            raise RefusedError(
                "neither OLD nor NEW says in its answers what time it is, so nobody can tell which bans of "
                "OLD have ended",
                hint="a proxy in front of both takes Date away: go past it, or copy by SQL or functions",
            )

    def refuse_bans(self, lists: Lists) -> None:
        """RefusedError where bans are to be copied, and the clocks do not agree on which have ended."""
        self.refuse_timeless(lists.old.accounts.values())
        ahead = (0.0, self.old.ahead, self.new.ahead)
        apart, here = max(ahead) - min(ahead), lists.new.accounts
        wanted = [
            each
            for each in lists.old.accounts.values()
            if each.banned_for(lists.now)
            and not (each.id in here and bans_alike(each, here[each.id], lists.now))
        ]
        if wanted and apart > CLOSE:
            raise RefusedError(
                f"the clocks of OLD, NEW and this machine are {_length(apart)} apart, so nobody can tell "
                "which bans of OLD have ended: no account is copied",
                hint=f"compared with this machine's clock, OLD's is {_ahead(self.old)} and NEW's "
                f"{_ahead(self.new)}; set the one that is wrong, or look for a proxy that writes Date",
            )


def _ahead(side: KeysApi) -> str:
    if abs(side.ahead) < 1:
        return "the same"
    return f"{_length(abs(side.ahead))} {'ahead' if side.ahead > 0 else 'behind'}"


def _length(seconds: float) -> str:
    return format_duration(timedelta(seconds=int(seconds)), 2)
