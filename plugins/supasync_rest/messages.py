"""Requests and responses as plain data."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from supasync_core.api.kept_answers import earliest_date, http_date
from supasync_core.model.table import Table
from supasync_core.model.timestamps import Horizon

LARGEST_ANSWER = 16_000_000
"""Unpacked bytes of an answer that are read, unless its request says that more may come: a state of 10,000
tables has about half of that. Three bytes of JSON may become a hundred bytes of memory."""
LARGEST_SHOWN = 64_000
"""The same of an answer that is not a success, or that is shown to people: its message fits into a line."""
LARGEST_ROW = 256_000_000
"""Bytes of JSON of rows that are asked for one by one; gateways of PostgREST carry no row as large."""
_SHORT = 300
_CODE = re.compile(r"[A-Z0-9]{5,12}")
"""SQLSTATE and PostgREST's codes; anything else in their place may be anything, even the key."""
_TITLE = "<title>"
_JSON = ("[", "{", '"')
_DIGITS = 18
"""Of the largest number of rows or bytes that PostgreSQL counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request: ``path`` is percent-encoded and below ``/rest/v1``.

    ``purpose`` is the ledger's. ``schema`` counts where no table is concerned. ``state`` marks requests to
    ``sync_metadata`` and its functions. An ``unsettled`` write may take effect after its answer was lost, so
    nothing may follow it at once. An ``eased`` request is asked differently after it took too long, not
    repeated. ``most`` is how many bytes of the answer are wanted; the rest is cut off. An answer of more
    than ``largest`` bytes, or ``rows``, is an error.
    """

    path: str
    purpose: str
    method: str = "GET"
    table: Table | None = None
    schema: str = "public"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    state: bool = False
    unsettled: bool = False
    eased: bool = False
    most: int | None = None
    rows: int | None = None
    largest: int = LARGEST_ANSWER

    @classmethod
    def call(
        cls, function: str, arguments: object, purpose: str, *, state: bool = False, eased: bool = False
    ) -> Self:
        """A POST to a function, with its arguments as JSON."""
        return cls(
            path=f"/rpc/{function}",
            purpose=purpose,
            method="POST",
            headers={"Content-Type": "application/json"},
            body=json.dumps(arguments).encode(),
            state=state,
            eased=eased,
        )

    @property
    def profile(self) -> dict[str, str]:
        """The header that chooses the schema (PostgREST documentation, "Schemas"), which is read as UTF-8."""
        sent = self.named_schema.encode().decode("latin-1")  # urllib3 sends texts as latin-1
        return {"Content-Profile" if self.writes else "Accept-Profile": sent}

    @property
    def named_schema(self) -> str:
        return self.table.schema if self.table else self.schema

    @property
    def writes(self) -> bool:
        return self.method not in ("GET", "HEAD")


@dataclass(frozen=True)
class Response:
    """A status, headers by lower-case name, and a body, which may be ``cut`` off.

    ``read_at`` is the server's time; only a success has one. ``kept`` says that a cache has answered.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False
    read_at: Horizon | None = None
    kept: str | None = None

    @cached_property
    def error(self) -> Mapping[str, Any]:
        """The body of an error as an object; empty where it is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def code(self) -> str:
        """The error's code: PostgreSQL's SQLSTATE, PostgREST's own, or nothing from a gateway.

        An answer to HEAD has no body, but PostgREST names the code in ``Proxy-Status`` too (measured).
        """
        named = self.headers.get("proxy-status", "").partition("error=")[2].strip('"; ')
        code = self.error.get("code", named)
        return code if isinstance(code, str) and _CODE.fullmatch(code) else ""

    @property
    def message(self) -> str:
        """The error's message; never its ``details``, which may print a whole row."""
        return self._text("message") or self._text("msg") or self._text("error")

    @property
    def details(self) -> str:
        return self._text("details")

    @property
    def hint(self) -> str:
        return self._text("hint")

    @property
    def text(self) -> str:
        """What the answer says, for people, shortened: a gateway may answer with HTML or plain text.

        JSON that is not an error may be rows.
        """
        if self.error:
            return self.message[:_SHORT]
        plain = " ".join(self.body.decode(errors="replace").split())
        if plain.startswith(_JSON):
            return "JSON that is not an error"
        if not plain.startswith("<"):
            return plain[:_SHORT]
        begin = plain.lower().find(_TITLE)
        if begin < 0:
            return "an HTML page"
        title = plain[begin + len(_TITLE) :].partition("<")[0].strip()
        return f"an HTML page: {title[:_SHORT]}"

    @property
    def total(self) -> int | None:
        """The exact count of ``Content-Range: 0-9/TOTAL``, None where there is none."""
        number = self.headers.get("content-range", "").rpartition("/")[2]
        return int(number) if number.isdecimal() and len(number) <= _DIGITS else None

    @property
    def date(self) -> float | None:
        """When the server says it answered, in seconds since 1970; None where it does not say."""
        return earliest_date(self.headers)

    @property
    def retry_after(self) -> float:
        """The seconds that the server asks to wait, given as a number or a time; 0 where it asks nothing."""
        asked = self.headers.get("retry-after", "").strip()
        if asked.isdecimal():
            return float(asked)
        until, date = http_date(asked), self.date
        return max(0.0, until.timestamp() - date) if until and date is not None else 0.0

    def _text(self, name: str) -> str:
        found = self.error.get(name)
        return found if isinstance(found, str) else ""
