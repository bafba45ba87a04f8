"""The Auth API of one project by its secret key: what is sent, what is sent again, what an answer means.

supabase-py makes the client. Its own calls are not used: they add ``x-supabase-api-version``, with which the
server hides the SQLSTATE of what it refuses, ask for lists without an order, show no total, and take some
valid answers for invalid ones (recorded of 2.34).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Literal

from supasync_account.auth.keys_errors import AuthRefusal, LostAnswerError, project_error
from supasync_account.decoding import UndecodableError, decoded
from supasync_account.project_client import http_client, supabase_client
from supasync_core.api.kept_answers import ASK_THE_SERVER, ServerClock, earliest_date, never_asked
from supasync_core.api.registration import Fence
from supasync_core.api.retries import retrying
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import RefusedError, TransientError
from supasync_core.model.secret import Secret, redact

if TYPE_CHECKING:
    import httpx

Method = Literal["GET", "POST", "PUT", "DELETE"]
LARGEST: Final = 256_000_000
"""Bytes of an answer: a list of 580,000 accounts. What is larger is not read."""
_DIGITS: Final = 12
"""Of the largest number of accounts that is believed."""
_SHOWN: Final = 2000
"""Bytes that are read of an answer that is not a success."""
_TOO_MANY: Final = 429
_PASSING: Final = frozenset({429, 502, 503, 504, *range(520, 531)})
"""Answers after which the same request may pass; a 500 of Auth never does: it is a row, or a trigger."""
_LONGEST: Final = 60.0
"""The longest ``Retry-After`` in seconds that is waited for."""
ATTEMPTS: Final = 5
FIRST: Final = 1.0
"""Seconds before the second attempt, twice as many before each further one, where the server says nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A success of the API."""

    body: bytes
    headers: Mapping[str, str]

    @property
    def total(self) -> int | None:
        """What ``X-Total-Count`` says; None where that is not a number of accounts."""
        text = self.headers.get("x-total-count", "")
        return int(text) if text.isdecimal() and len(text) <= _DIGITS else None


@dataclass
class KeysApi:
    """One project's API; OLD's gets GET alone."""

    project: str
    url: str
    key: Secret
    ledger: Ledger
    ahead: float = field(default=0.0, init=False)
    """The seconds by which the server's clock is ahead of this machine's; 0 before the first answer."""
    tells_time: bool = field(default=False, init=False)
    """Whether any answer had a Date."""
    clock: ServerClock = field(default_factory=ServerClock, init=False)

    @cached_property
    def _http(self) -> "httpx.Client":
        return http_client(self.url)

    @cached_property
    def _headers(self) -> Mapping[str, str]:
        """The key, as supabase-py sends it; that is imported here, once something is to be asked."""
        client = supabase_client(self.url, self.key.reveal(), self._http)
        known = {name.lower(): value for name, value in client.options.headers.items()}
        return {name: known[name] for name in ("apikey", "authorization")}

    def close(self) -> None:
        """Let go of the connections."""
        if "_http" in vars(self):
            self._http.close()

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> Answer:
        """What is there; AuthRefusal for what Auth refuses, TransientError once attempts are used up."""
        return self._repeated(_Request("GET", path, query or {}))

    def write(
        self,
        method: Method,
        path: str,
        body: bytes | None,
        fence: Fence,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to a request that changes NEW; the fence is asked before each attempt.

        LostAnswerError where it may have taken effect all the same: whoever sent it looks before it sends
        anything again.
        """
        if self.project != "NEW":
            raise RefusedError(f"{method} is never sent to {self.project}, which is only read")
        return self._repeated(_Request(method, path, query or {}, body), fence)

    def unusable(self, what: str, answer: Answer) -> TransientError:
        """The error for a success that is not one."""
        shown = f"{len(answer.body):,} bytes of {answer.headers.get('content-type', 'no type')}"
        return TransientError(
            f"{self.project}: Auth answered 200 with {what} ({shown}): is the address that of a project?"
        )

    def repeats(self) -> TransientError:
        """The error for a page that brings what was not asked for, or nothing new."""
        return TransientError(
            f"{self.project}: the answer is not usable: the page repeats",
            hint="a cache or proxy in front of the project may ignore what is asked for",
        )

    def _repeated(self, request: "_Request", fence: Fence | None = None) -> Answer:
        """Sent again where nothing can have taken effect, or where it only looks."""
        for attempt in range(ATTEMPTS):
            if fence is not None:
                fence.ask()
            try:
                return self._once(request)
            except _Passing as err:
                if fence is not None and not err.unsent:
                    fence.lost()
                    raise LostAnswerError(err.message) from err
                if attempt + 1 == ATTEMPTS or (err.after or 0.0) > _LONGEST:
                    raise TransientError(err.message, hint="the next run tries again") from err
                seconds = FIRST * 2**attempt if err.after is None else err.after
                retrying(err.message, retry=attempt + 1, retries=ATTEMPTS - 1, seconds=seconds)
                time.sleep(seconds)
        raise AssertionError("unreachable")

    def _once(self, request: "_Request") -> Answer:
        """One request, counted."""
        http, own = self._http, self._headers
        import httpx  # noqa: PLC0415 - the client has imported it by now

        headers, body = {**own, **request.headers}, request.body
        asked_at, began = time.time(), time.monotonic()
        sent, received = len(request.path) + sum(map(len, headers.values())) + len(body or b""), 0
        try:
            with http.stream(
                request.method,
                self.url + request.path,
                params=request.parameters,
                headers=headers,
                content=body,
            ) as response:
                try:
                    read = _read(response)
                finally:
                    heads = sum(len(name) + len(value) + 4 for name, value in response.headers.raw)
                    received = response.num_bytes_downloaded + heads
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.PoolTimeout) as err:
            raise _Passing(f"{self.project}: Auth was not reached ({_reason(err)})", unsent=True) from err
        except _LargeError as err:
            what = f"{self.project}: the answer of Auth is {err}"
            if request.method != "GET":
                raise _Passing(what) from err
            hint = "accounts whose metadata is so large are copied by SQL or functions alone"
            raise TransientError(what, hint=hint) from err
        except httpx.HTTPError as err:
            raise _Passing(f"{self.project}: the answer of Auth did not come ({_reason(err)})") from err
        finally:
            self.ledger.add(self.project, "auth", sent=sent, received=received)
        kept = self.clock.kept(response.headers, began, time.monotonic())
        if kept and request.method == "GET":
            raise _Passing(f"{self.project}: {kept}")
        self._look_at_the_clock(earliest_date(response.headers), asked_at)
        return self._checked(response, read)

    def _checked(self, response: "httpx.Response", body: bytes) -> Answer:
        """The answer, if it is a success."""
        if response.is_success:
            return Answer(body, dict(response.headers))
        if response.status_code in _PASSING:
            given = response.headers.get("retry-after", "")
            raise _Passing(
                f"{self.project}: Auth answered {response.status_code}",
                after=float(given) if given.isdecimal() else None,
                unsent=response.status_code == _TOO_MANY,
            )
        said = _said(body, self.key)
        if error := project_error(self.project, response.status_code, said):
            raise error
        raise AuthRefusal(self.project, response.status_code, *said)

    def _look_at_the_clock(self, at: float | None, asked_at: float) -> None:
        """A Date has no fractions, and is written at any time while this machine waited."""
        if at is not None:
            self.tells_time = True
            self.ahead = max(at - time.time(), 0.0) or min(at + 1 - asked_at, 0.0)


@dataclass(frozen=True, slots=True)
class _Request:
    method: Method
    path: str
    query: Mapping[str, str | int]
    body: bytes | None = None

    @property
    def parameters(self) -> dict[str, str | int]:
        """Those of the address, which no cache can know: what reads ignores ``columns``, as REST does."""
        return {**self.query, **({"columns": never_asked()} if self.method == "GET" else {})}

    @property
    def headers(self) -> dict[str, str]:
        """Those beside the key; REST may show another schema than ``public`` first."""
        kind = {"content-type": "application/json"} if self.body is not None else {}
        merge = {"prefer": "resolution=merge-duplicates,return=minimal"} if self.method == "POST" else {}
        profile = {"accept-profile" if self.method == "GET" else "content-profile": "public"}
        fresh = ASK_THE_SERVER if self.method == "GET" else {}
        return {**kind, **fresh, **({**merge, **profile} if self.path.startswith("/rest/") else {})}


class _Passing(Exception):  # noqa: N818 - becomes an error once attempts are used up
    """It may pass; ``unsent``: nothing of it can have taken effect."""

    def __init__(self, message: str, *, after: float | None = None, unsent: bool = False) -> None:
        super().__init__(message)
        self.message, self.after, self.unsent = message, after, unsent


class _LargeError(Exception):
    """An answer is larger than any: it would be as large again."""


def _read(response: "httpx.Response") -> bytes:
    """The unpacked body, of a refusal its beginning."""
    most, body = LARGEST if response.is_success else _SHOWN, BytesIO()  # which hands over without a copy
    for piece in response.iter_bytes():
        body.write(piece)
        if body.tell() > most and not response.is_success:
            break
        if body.tell() > most:
            raise _LargeError(f"larger than {most:,} bytes")
    return body.getvalue()


def _reason(err: Exception) -> str:
    return f"{type(err).__name__}: {err}" if str(err) else type(err).__name__


def _said(body: bytes, key: Secret) -> tuple[str, str]:
    """Code and message of a refusal, without the key: `code` is a number where `error_code` is the name."""
    try:
        told = decoded(body, dict[str, Any])
    except UndecodableError:
        return "", ""
    code = told.get("error_code") or told.get("code") or ""
    message = told.get("msg") or told.get("message") or ""
    return str(code)[:40], redact(str(message)[:300], [key])
