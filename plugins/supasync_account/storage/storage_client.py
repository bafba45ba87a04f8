"""One project's Storage: small answers and streams of files, all through one guarded transport.

The client of `supabase` reads whole files into memory, sends every file as a form (which doubles
``max-age=``), turns ``a%20b`` and ``x//y`` into other names (measured on 2.34), and refuses a whole listing
in which one row lacks a time, as one that SQL has made may.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from random import uniform
from typing import Any, Final
from urllib.parse import quote

import httpx

from supasync_account.decoding import Kind, UndecodableError, decoded, nests_too_deeply
from supasync_account.ending_transport import LONGER, EndingTransport
from supasync_account.storage.guarded_transport import (
    SETTLED,
    GuardedTransport,
    Settled,
    anything,
    counted_alone,
    may_be_sent,
)
from supasync_account.storage.header_values import sendable
from supasync_account.storage.storage_errors import ObjectError, failure_of, later
from supasync_core.api.retries import retrying
from supasync_core.api.run_step import ApiAccess
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import RefusedError, SupasyncError

ROOT: Final = "/storage/v1"
_BUCKETS: Final = "bucket"
"""The path of the listing that names nothing."""
_LISTINGS: Final = (_BUCKETS, "object/list-v2/")
PAUSES: Final = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further attempt."""
_SLOWEST: Final = 20_000
"""Bytes a second of the slowest line that an object is waited for."""
_SHOWN: Final = 65_536
Content = bytes | Iterator[bytes] | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A small answer, read whole."""

    status: int
    headers: httpx.Headers
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - JSON
        """What it says; ObjectError for what is not JSON."""
        if nests_too_deeply(self.body):
            raise ObjectError("refused", "the answer is nested more deeply than supasync reads")
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as err:
            raise ObjectError("refused", "the answer is not JSON") from err


def path_of(*parts: str, key: str | None = None) -> str:
    """The path below the root, every byte quoted as it is: a name has slashes and may have dots alone.

    ObjectError for a name with half of a character, which has no bytes.
    """
    names = [*parts, *(() if key is None else key.split("/"))]
    try:
        return "/".join(
            name.replace(".", "%2E") if name in (".", "..") else quote(name, safe="") for name in names
        )
    except UnicodeEncodeError:
        raise ObjectError("name", f"no address takes its name: {'/'.join(names)!a}") from None


@dataclass
class StorageClient:
    """Connections to one project's Storage, for as many threads as it has connections."""

    access: ApiAccess
    project: str
    ledger: Ledger
    connections: int = 8

    @cached_property
    def http(self) -> httpx.Client:
        """The one client, whose transport refuses what may not be sent."""
        key, inner = self.access.key.reveal(), EndingTransport(self.access.url, self.connections + 2)
        allowed = may_be_sent if self.project == "OLD" else anything
        return httpx.Client(
            transport=GuardedTransport(inner, httpx.URL(self.access.url), self.project, self.ledger, allowed),
            headers={"apikey": key, "Authorization": f"Bearer {key}", "Accept-Encoding": "gzip"},
            timeout=httpx.Timeout(60.0, connect=10.0, pool=None),
            follow_redirects=False,
            trust_env=False,  # else the environment's proxies go past the guard
        )

    def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """A small answer that is a success; asked again while the server is busy, so only what may be."""
        return self._again(lambda: self.once(method, path, headers=headers, content=body))  # type: ignore[no-any-return]

    def understood(
        self,
        method: str,
        path: str,
        kind: type[Kind],
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Kind:
        """What `send` answers, of that kind; ObjectError for anything else."""
        try:
            return decoded(self.send(method, path, headers=headers, body=body).body, kind)
        except UndecodableError:
            text = f"{self.project}: Storage's answer is not understood"
            raise ObjectError("refused", text, hint="is the address that of a project?") from None

    def once(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, content: Content = None
    ) -> Answer:
        """The same, sent once; httpx's TransportError where the connection breaks."""
        response = self._sent(method, path, headers or {}, content=content)
        try:
            body = response.read()
        finally:
            response.close()
        if response.is_success:
            return Answer(response.status_code, response.headers, body)
        raise self._failure(path, response, body[:_SHOWN])

    @contextmanager
    def stream(
        self,
        path: str,
        size: int,
        headers: Mapping[str, str] | None = None,
        settled: Settled = counted_alone,
    ) -> Iterator[httpx.Response]:
        """An object's bytes as they are stored, at most ``size`` of them, from its answer on.

        ``settled`` is called when the answer ends, with the bytes that have come and what counts them.
        """
        wanted = {"Accept-Encoding": "identity", **(headers or {})}
        response = self._sent("GET", path, wanted, extensions={**self._most(size), SETTLED: settled})
        try:
            if not response.is_success:
                said = _beginning(response)
                response.close()
                raise self._failure(path, response, said)
            yield response
        finally:
            response.close()

    def sleep(self, seconds: float) -> None:
        """Wait before another attempt."""
        time.sleep(seconds)

    def close(self) -> None:
        """Close all connections."""
        if "http" in self.__dict__:
            self.http.close()

    def _sent(self, method: str, path: str, headers: Mapping[str, str], **more: Any) -> httpx.Response:  # noqa: ANN401 - what httpx takes
        """The answer, not read yet; ObjectError for what cannot be sent: the server was not even asked."""
        url = f"{self.access.url}{ROOT}/{path}"
        try:
            request = self.http.build_request(method, url, headers=sendable(headers), **more)
            return self.http.send(request, stream=True)
        except httpx.InvalidURL as err:
            raise ObjectError("name", f"no address takes its name: {err}") from None
        except httpx.LocalProtocolError as err:
            raise ObjectError("refused", f"no request can carry it: {err}") from None

    def _failure(self, path: str, response: httpx.Response, body: bytes) -> SupasyncError:
        """What an answer that is no success means: only where a listing is refused, too, the key is."""
        err = failure_of(self.project, response, body)
        if isinstance(err, RefusedError) and err.reason == "key" and not path.startswith(_LISTINGS):
            self.send("GET", _BUCKETS)
            return failure_of(self.project, response, body, lists=True)
        return err

    def _most(self, size: int) -> dict[str, Any]:
        return {"most": size, LONGER: size / _SLOWEST, "timeout": self.http.timeout.as_dict()}

    def _again(self, once: Callable[[], Any]) -> Any:  # noqa: ANN401 - what it returns
        """What it answers; TransientError where the server stays busy or away."""
        err: Exception | None = None
        for retry, pause in enumerate((*PAUSES, None), 1):
            try:
                return once()
            except ObjectError as refused:
                if refused.kind != "busy":
                    raise
                err = refused
            except httpx.TransportError as broken:
                err = broken
            if pause is not None:
                wanted = err.pause if isinstance(err, ObjectError) else 0.0
                seconds = max(pause * uniform(0.5, 1.0), wanted)  # noqa: S311 - no secret
                said = f"{self.project}: Storage does not answer ({described(err)})"
                retrying(said, retry=retry, retries=len(PAUSES), seconds=seconds)
                self.sleep(seconds)
        raise later(self.project, described(err)) from None


def described(err: Exception | None) -> Exception:
    """The error with a text: httpx's has none where a connection was closed."""
    if isinstance(err, SupasyncError):
        return err
    return Exception(f"{type(err).__name__}: {err}" if str(err) else type(err).__name__)


def _beginning(response: httpx.Response) -> bytes:
    """What an error says, however much it is."""
    found = b""
    for piece in response.iter_raw():
        found += piece
        if len(found) >= _SHOWN:
            break
    return found[:_SHOWN]
