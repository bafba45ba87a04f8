"""One project's client: what is sent again, what an answer means, what everything cost.

It is not supabase-py's: that one decodes numbers to float and follows redirects with the key (measured on
2.34), and importing it takes longer than all else that an hourly run does before its first request.
"""

import json
import re
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from math import ceil
from typing import TypeVar

from urllib3.exceptions import HTTPError, ProxyError

from supasync_core.api.installed import own_version
from supasync_core.api.kept_answers import ASK_THE_SERVER, ServerClock, never_asked
from supasync_core.api.registration import Context
from supasync_core.api.retries import waiting
from supasync_core.model.cost import Cost
from supasync_core.model.errors import RefusedError, SchemaError, SupasyncError, TransientError
from supasync_core.model.printable import visible
from supasync_core.model.secret import Secret, redact
from supasync_core.model.timestamps import Horizon, Instant
from supasync_rest import query
from supasync_rest.error_mapping import PROXY_HINT, error_of
from supasync_rest.messages import LARGEST_SHOWN, Request, Response
from supasync_rest.refusal import Refusal
from supasync_rest.rest_errors import LargePageError, RetryableError, StatementTimeoutError
from supasync_rest.retry_policy import RetryPolicy
from supasync_rest.transport import UNSENT, Transport, describe, root_cause
from supasync_rest.url_and_key import origin, pair_problem

T = TypeVar("T")

RUN = "X-Supasync-Run"
"""By which NEW knows a write of a run that has lost its lease: see `fence-on.sql`."""
LONGEST_URL = 8000
"""Characters; Supabase's gateway answers 520 to about 16 KB of address and headers."""

_LONGEST_REASON = 400
_NO_HEADER = re.compile(r"[\x00-\x1f\x7f]|\A | \Z")
"""In the name of a schema: what breaks a header, or what servers take off, which leaves another schema."""
_HALF_A_KEY = 16_000
"""Characters at the end of a text that was cut off in which a key may begin, however it is written."""


class Client:
    """Sends requests, counts each of them, repeats those whose failure may pass, explains refusals.

    It sends only the methods that it is opened with: a source's are GET and HEAD.
    """

    def __init__(
        self, context: Context, methods: Collection[str], retry_policy: RetryPolicy | None = None
    ) -> None:
        self.project = context.project
        self._latest: Horizon | None = None
        self._clock = ServerClock()
        self._ledger = context.ledger
        self._key = context.settings["key"]
        if flaw := pair_problem(context.settings["url"], self._key):
            raise RefusedError(f"{context.project}: {flaw}", hint="take url: and key: from the same project")
        self._fence = context.fence
        self._retry_policy = retry_policy or RetryPolicy()
        self._methods = frozenset(methods)
        # A secret key goes into apikey alone.
        bearer = {} if self._key.startswith("sb_") else {"Authorization": f"Bearer {self._key}"}
        headers = {"apikey": self._key, **bearer, "User-Agent": f"supasync/{own_version()}"}
        self._transport = Transport(origin(context.settings["url"]), headers)

    def now(self) -> Instant | None:
        """The server's time at the latest answer; None where that has no Date."""
        return self._latest.at if self._latest else None

    def send(self, request: Request, read: Callable[[Response], T]) -> T:
        """What ``read`` makes of the answer; it may raise `unfit`, which is repeated like a failure."""
        if request.method not in self._methods:
            raise RefusedError(f"{request.method} is never sent to {self.project}, which is only read")
        if len(request.path) > LONGEST_URL:
            raise SchemaError(
                f"{request.path.partition('?')[0][1:]}: the request's address has {len(request.path)} "
                f"characters, more than the {LONGEST_URL} that gateways accept",
                table=request.table.name if request.table else None,
                hint="shorten where:, name fewer columns:, or leave wide keys out of key:",
            )
        if _NO_HEADER.search(request.named_schema):
            raise SchemaError(
                f"the schema {visible(request.named_schema)} cannot be asked for: no header can name it",
                table=request.table.name if request.table else None,
                hint="rename it, or copy its tables by backend: postgres",
            )
        return self._retry_policy.repeat(lambda: self._parsed(request, self._attempt(request), read))

    def _parsed(self, request: Request, answer: Response, read: Callable[[Response], T]) -> T:
        """What ``read`` makes of the answer; an exception means that the answer is unusable."""
        try:
            return read(answer)
        except (SupasyncError, LargePageError, ImportError):  # a missing module is not the answer's fault
            raise
        except Exception as err:
            what = f"something unusable ({type(err).__name__})"
            what = "something that is not JSON" if isinstance(err, json.JSONDecodeError) else what
            raise self.unfit(request, f"with {what}", answer) from err

    def unfit(self, request: Request, what: str, answer: Response) -> RetryableError:
        """The error for a success that is not one: HTML, half an answer, no count."""
        table = request.table.name if request.table else None
        where = f"{table}: " if table else ""
        shown = self._without_key(answer).text if answer.body[:1] == b"<" else f"{len(answer.body)} bytes"
        brief = f"{self.project} answered {answer.status} {what}"
        error = RetryableError(f"{where}{brief} ({shown})", table=table)
        error.brief = brief
        return error

    def kept(self, request: Request, what: str) -> RetryableError:
        """The error for an answer of a cache."""
        table = request.table.name if request.table else None
        error = RetryableError(
            f"{table}: {self.project}: {what}" if table else f"{self.project}: {what}",
            table=table,
            hint="nothing is decided by it: let what is between here and the project pass requests on",
        )
        error.brief = f"{self.project}: {what}"
        return error

    def close(self) -> None:
        self._transport.close()

    def _attempt(self, request: Request) -> Response:
        """One request, counted; anything but a success is raised. A write asks the fence first.

        No cache can know the address of a read: PostgREST takes ``columns`` for writes, and ignores it here.
        """
        if not request.writes:
            path, headers = query.with_parameter(request.path, "columns", never_asked()), request.headers
            request = replace(request, path=path, headers={**ASK_THE_SERVER, **headers})
        if request.unsettled:
            self._fence.ask()
            if self._fence.run:
                request = replace(request, headers={**request.headers, RUN: self._fence.run})
        began = time.monotonic()
        try:
            answer = self._exchange(request)
            return self._checked(request, answer, began)
        except RetryableError as err:
            if request.unsettled and err.lost:
                self._fence.lost()
                lost = f"{err.brief or err.message}; the write may still take effect"
                waiting(lost, self._retry_policy.late)
                self._retry_policy.sleep(self._retry_policy.late)
            raise

    def _checked(self, request: Request, answer: Response, began: float) -> Response:
        """The answer, if it is a success, and the server's time: when it answered, and when it was asked.

        RetryableError for a read that a cache has answered.
        """
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - success
            raise error_of(Refusal(self.project, request, self._without_key(answer)))
        came = time.monotonic()
        kept = self._clock.kept(answer.headers, began, came)
        if kept and not request.writes:
            self._latest = None
            raise self.kept(request, kept)
        read_at = None
        if answer.date:
            at = int(answer.date) * 1_000_000
            read_at = Horizon(at, sent=at - ceil((came - began) * 1_000_000))
        self._latest = read_at
        return replace(answer, read_at=read_at, kept=kept)

    def _without_key(self, answer: Response) -> Response:
        """The answer as people may see it: a gateway might repeat the key, and the end may be half of one."""
        begin = answer.body[:LARGEST_SHOWN]
        text = redact(begin.decode(errors="replace"), (Secret(self._key),))
        if answer.cut or len(begin) < len(answer.body):
            text = text[:-_HALF_A_KEY]
        return replace(answer, body=text.encode())

    def _exchange(self, request: Request) -> Response:
        cost = Cost()
        try:
            return self._transport.send(request, cost)
        except HTTPError as err:
            raise self._unanswered(request, err) from err
        finally:
            self._ledger.add(self.project, request.purpose, sent=cost.sent, received=cost.received)

    def _unanswered(self, request: Request, err: HTTPError) -> TransientError | RefusedError:
        """The error for no answer: unreachable, a broken connection, too slow, or a wrong certificate."""
        cause, unsent = root_cause(err), isinstance(err, UNSENT)
        what = "cannot be reached" if unsent else "did not answer"
        reason = self._shown(f"{self.project} {what} ({describe(cause)})")
        if "CERTIFICATE_VERIFY" in reason:
            return RefusedError(reason, hint="check url: and this machine's certificates and clock")
        if isinstance(err, ProxyError):
            return self._proxy_refused(cause)
        if unsent:
            unreachable = RetryableError(
                reason, hint="check the network and url:; a paused project may have no address"
            )
            unreachable.reason, unreachable.project = "unreachable", self.project
            return unreachable
        table = request.table.name if request.table else None
        slow = request.eased and isinstance(cause, TimeoutError)
        kind = StatementTimeoutError if slow else RetryableError
        error = kind(f"{table}: {reason}" if table else reason, table=table)
        error.lost, error.final, error.brief = True, slow, reason
        return error

    def _proxy_refused(self, cause: BaseException) -> TransientError | RefusedError:
        """The proxy did not connect to the project, which says nothing about the project."""
        reason = self._shown(
            f"the proxy in front of {self.project} refused the connection ({describe(cause)})"
        )
        if "407" in reason:
            return RefusedError(reason, hint=PROXY_HINT)
        return RetryableError(reason, hint="check HTTPS_PROXY; NO_PROXY names hosts that need no proxy")

    def _shown(self, text: str) -> str:
        """The text without the key, then shortened: half of a key would not be recognized."""
        return redact(text, (Secret(self._key),))[:_LONGEST_REASON]
