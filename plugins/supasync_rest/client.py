"""One project's connection: supasync's own careful HTTP client under supabase-py's address and headers.

supabase-py's PostgREST client is asked for the address and the headers (its other parts, for auth, storage
and realtime, double the time of the import); requests go out as raw bytes, because its ``execute()`` decodes
numbers to float (measured on supabase-py 2.34). Its default client follows redirects and sends the key along
to the other host, therefore it is given ours.
"""

import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from importlib.metadata import version
from typing import TypeVar

import httpx
from postgrest import SyncPostgrestClient

from supasync_core.backend import Context
from supasync_core.clock import Horizon
from supasync_core.errors import RefusedError, SchemaError, TransientError
from supasync_rest.answers import Answer, Request
from supasync_rest.errors import PassingError, StatementTimeoutError
from supasync_rest.failures import Refusal
from supasync_rest.retry import Patience
from supasync_rest.settings import is_loopback, origin

T = TypeVar("T")

TIMEOUT = httpx.Timeout(60, connect=10)
LIMITS = httpx.Limits(max_connections=8, max_keepalive_connections=4, keepalive_expiry=30)
LONGEST_URL = 8000
"""Characters; Supabase's gateway answers 520 to about 16 KB of address and headers."""

# Nothing of the request has left, so it cannot take effect.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Client:
    """Sends requests, counts every one of them, repeats what may pass, explains what is refused.

    It sends no other methods than those it is opened with: a source's are GET and HEAD.
    """

    def __init__(self, context: Context, methods: Collection[str], patience: Patience | None = None) -> None:
        self.project = context.project
        self._times = threading.local()
        self._latest: Horizon | None = None
        self._ledger = context.ledger
        self._key = context.settings["key"]
        self._patience = patience or Patience()
        self._http = _http_client(origin(context.settings["url"]), self._key, frozenset(methods))

    @property
    def horizon(self) -> Horizon | None:
        """The server's time at the latest answer to this thread; before its first one, to any."""
        at: Horizon | None = getattr(self._times, "at", self._latest)
        return at

    @horizon.setter
    def horizon(self, at: Horizon | None) -> None:
        self._times.at = self._latest = at

    def send(self, request: Request, read: Callable[[Answer], T]) -> T:
        """What ``read`` makes of the answer; it may raise `unfit`, which is repeated like a failure."""
        if len(request.path) > LONGEST_URL:
            raise SchemaError(
                f"{request.path.partition('?')[0][1:]}: the request's address has {len(request.path)} "
                f"characters, more than the {LONGEST_URL} that gateways take",
                table=request.table.name if request.table else None,
                hint="shorten where:, name fewer columns:, or leave wide keys out of key:",
            )
        return self._patience.repeat(lambda: read(self._attempt(request)))

    def unfit(self, request: Request, what: str, answer: Answer) -> PassingError:
        """The error for a success that is none: HTML, half an answer, no count."""
        table = request.table.name if request.table else None
        where = f"{table}: " if table else ""
        shown = self._without_key(answer).text if answer.body[:1] == b"<" else f"{len(answer.body)} bytes"
        return PassingError(f"{where}{self.project} answered {answer.status} {what} ({shown})", table=table)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _attempt(self, request: Request) -> Answer:
        """One request, counted; whatever is not a success is raised."""
        try:
            return self._checked(request, self._exchange(request))
        except PassingError as err:
            if request.unsettled and err.lost:
                self._patience.sleep(self._patience.late)
            raise

    def _checked(self, request: Request, answer: Answer) -> Answer:
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - success
            raise Refusal(self.project, request, self._without_key(answer)).error
        if answer.date:
            self.horizon = Horizon(
                int(answer.date.timestamp()) * 1_000_000, trusted=answer.headers.get("age", "0") == "0"
            )
        else:
            self.horizon = None
        return answer

    def _without_key(self, answer: Answer) -> Answer:
        """The answer as it may be told to people: a gateway might repeat the key."""
        return replace(answer, body=answer.body.replace(self._key.encode(), b"***"))

    def _exchange(self, request: Request) -> Answer:
        prepared = self._http.build_request(
            request.method,
            f"{self._http.base_url}".rstrip("/") + request.path,
            headers={**request.profile, **request.headers},
            content=request.body,
        )
        try:
            return self._transmit(request, prepared)
        except httpx.RequestError as err:
            raise self._unanswered(request, err) from err

    def _transmit(self, request: Request, prepared: httpx.Request) -> Answer:
        """Send and read to the end; bytes are counted as they travelled, also when it breaks off."""
        sent = _size(prepared.headers) + len(prepared.url.raw_path) + len(request.body or b"")
        response: httpx.Response | None = None
        try:
            response = self._http.send(prepared, stream=True)
            body, cut = _body(response, request.most)
        except _UNSENT:
            sent = 0
            raise
        finally:
            received = 0
            if response is not None:
                response.close()
                received = _size(response.headers) + response.num_bytes_downloaded
            self._ledger.add(self.project, request.purpose, sent=sent, received=received)
        return Answer(response.status_code, dict(response.headers.items()), body, cut)

    def _unanswered(self, request: Request, err: httpx.RequestError) -> TransientError | RefusedError:
        """No answer: nobody there, a broken connection, too slow, or somebody else's certificate."""
        told = (
            f"{self.project} cannot be reached"
            if isinstance(err, _UNSENT)
            else f"{self.project} did not answer"
        )
        reason = f"{told} ({type(err).__name__}: {err})".replace(self._key, "***")
        if "CERTIFICATE_VERIFY" in reason:
            return RefusedError(reason, hint="check url: and this machine's certificates and clock")
        if isinstance(err, _UNSENT):
            unreachable = PassingError(
                reason, hint="check the network and url:; a paused project may have no address"
            )
            unreachable.reason, unreachable.project = "unreachable", self.project
            return unreachable
        table = request.table.name if request.table else None
        slow = request.eased and isinstance(err, httpx.ReadTimeout | httpx.WriteTimeout)
        kind = StatementTimeoutError if slow else PassingError
        error = kind(f"{table}: {reason}" if table else reason, table=table)
        error.lost, error.final = True, slow
        return error


def _http_client(url: str, key: str, methods: frozenset[str]) -> httpx.Client:
    """The HTTP client with supabase-py's headers; a secret key goes into ``apikey`` alone."""

    def refuse_others(request: httpx.Request) -> None:
        if request.method not in methods:
            raise RefusedError(f"{request.method} is never sent to this project: it is only read")

    http = httpx.Client(
        timeout=TIMEOUT,
        limits=LIMITS,
        follow_redirects=False,
        trust_env=not is_loopback(url),
        event_hooks={"request": [refuse_others]},
    )
    bearer = {} if key.startswith("sb_") else {"Authorization": f"Bearer {key}"}
    postgrest = SyncPostgrestClient(f"{url}/rest/v1", headers={"apikey": key, **bearer}, http_client=http)
    http.base_url = str(postgrest.base_url)
    http.headers.update(postgrest.headers)
    http.headers.update({"User-Agent": f"supasync/{version('supasync')}", "Accept-Encoding": "gzip"})
    for name in ("Accept-Profile", "Content-Profile"):
        http.headers.pop(name, None)
    return http


def _body(response: httpx.Response, most: int | None) -> tuple[bytes, bool]:
    """The body; or, and True, what had come when it exceeded that many bytes: the rest never travels."""
    pieces, size = [], 0
    for piece in response.iter_bytes():
        pieces.append(piece)
        size += len(piece)
        if most is not None and size > most:
            return b"".join(pieces), True
    return b"".join(pieces), False


def _size(headers: httpx.Headers) -> int:
    """The bytes of a header block on the wire, with its first line (about 20 without the address)."""
    return sum(len(name) + len(value) + 4 for name, value in headers.raw) + 20
