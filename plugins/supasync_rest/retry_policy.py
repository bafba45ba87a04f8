"""Which requests are sent again, and when: all are merges, reads and counts, which may be repeated."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from supasync_core.api.retries import retrying
from supasync_rest.rest_errors import RetryableError

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")

LATE = 20.0
"""Seconds after which a write whose answer was lost has taken effect or never will.

It may wait 10 s for a connection (PostgREST documentation, ``db-pool-acquisition-timeout``) and run 8 s
(Supabase documentation, "Timeouts": service_role has the 8 s of authenticator).
"""

LONGEST = 60.0
"""The longest ``Retry-After`` in seconds that is waited for; after a longer one the run does not retry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how slowly to try again; tests replace ``sleep``."""

    attempts: int = 5
    first: float = 1.0
    longest: float = 30.0
    late: float = LATE
    sleep: Callable[[float], None] = time.sleep

    def repeat(self, attempt: Callable[[], T]) -> T:
        """The result of the first attempt that succeeds; the last error where none does."""
        try:
            return attempt()
        except RetryableError as err:
            failed = [err]
        return self._again(failed, attempt)

    def _again(self, failed: list[RetryableError], attempt: Callable[[], T]) -> T:
        """As `repeat`, once the first attempt has failed, which tenacity counts as its own first one.

        It is not asked before: that takes as long as all else that is done for a request.
        """
        from tenacity import Retrying, retry_if_exception, stop_after_attempt  # noqa: PLC0415 - as above

        retrying = Retrying(
            stop=stop_after_attempt(self.attempts),
            wait=self._pause,
            retry=retry_if_exception(_worth_repeating),
            sleep=self.sleep,
            before_sleep=self._say,
            reraise=True,
        )
        results: list[T] = []  # tenacity keeps reference cycles to results, and a page may be large

        def one() -> None:
            if failed:
                raise failed.pop()
            results.append(attempt())

        retrying(one)
        return results[0]

    def _pause(self, state: "RetryCallState") -> float:
        """Longer each time, with jitter; at least the Retry-After, and at least ``first``."""
        from tenacity import wait_exponential_jitter  # noqa: PLC0415 - as above

        backoff = wait_exponential_jitter(initial=self.first, max=self.longest, jitter=self.first)(state)
        error = state.outcome.exception() if state.outcome else None
        return max(backoff, error.after) if isinstance(error, RetryableError) else backoff

    def _say(self, state: "RetryCallState") -> None:
        """Tell who watches, before the wait."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RetryableError) and state.next_action:
            retrying(
                error.brief or error.message,
                retry=state.attempt_number,
                retries=self.attempts - 1,
                seconds=state.next_action.sleep,
            )


def _worth_repeating(error: BaseException) -> bool:
    return isinstance(error, RetryableError) and error.after <= LONGEST and not error.final
