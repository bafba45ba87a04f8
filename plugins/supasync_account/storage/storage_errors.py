"""Storage's answers as errors: of one object, or of the whole project.

The status of most errors is 400, and the true one is the text ``statusCode`` of the body (recorded). HEAD of
what is not there has no body, so it tells nothing: ``object/info`` is asked instead.
"""

import json
from typing import Any, Final, Literal

import httpx

from supasync_core.model.errors import RefusedError, SupasyncError, TransientError

Kind = Literal["gone", "missing", "exists", "too large", "type", "name", "busy", "refused"]
_BY_STATUS: Final[dict[int, Kind]] = {
    404: "missing",
    410: "missing",
    409: "exists",
    413: "too large",
    415: "type",
}
_BY_CODE: Final[dict[str, Kind]] = {
    "InvalidKey": "name",
    "InvalidMimeType": "type",
    "EntityTooLarge": "too large",
    "NoSuchKey": "missing",
    "NoSuchBucket": "missing",
    "KeyAlreadyExists": "exists",
    "SlowDown": "busy",
    "LockTimeout": "busy",
    "DatabaseTimeout": "busy",
    "DatabaseReadOnly": "busy",
}
BUSY: Final = frozenset({423, 429, 500, 502, 503, 504, 544})
_RESTRICTED, _PAUSED = 402, 540
_KEY: Final = frozenset({401, 403})
_LONGEST: Final = 200
_LONGEST_PAUSE: Final = 60.0


class ObjectError(SupasyncError):
    """The server's answer about one object or bucket; ``kind`` says what that means.

    ``missing``: the server does not serve it; ``gone``: it does not list it any more, either. ``pause`` is
    how many seconds a busy server wants to be left alone. ``project`` is whose answer it is, if it is one.
    """

    project = ""

    def __init__(self, kind: Kind, message: str, *, hint: str | None = None, pause: float = 0.0) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.pause = pause


class DeniedError(ObjectError):
    """A server that lists buckets refuses one address: a firewall may refuse a file's name."""

    def __init__(self, project: str, said: str) -> None:
        super().__init__("refused", f"{project}: Storage lists, and refuses this address: {said}")
        self.project, self.said = project, said

    def of_all(self, number: int) -> RefusedError:
        """What it is where so many were refused one after the other, wherever they are."""
        text = f"{self.project}: Storage lists, and refused {number} objects in a row: {self.said}"
        hint = "see what its logs, or a firewall before it, say of this; the next run goes on behind them"
        return of_project(RefusedError(text, hint=hint), self.project, "key")


class ChangedError(ObjectError):
    """The object is not what was listed any more."""

    def __init__(self, name: str, project: str = "OLD") -> None:
        super().__init__("busy", f"{project}: {name} changes while it is copied")


class AlteredError(ObjectError):
    """NEW was sent other bytes than OLD has: something on the way changed them. They are sent again."""

    def __init__(self, name: str, md5: str) -> None:
        super().__init__("busy", f"OLD: {name} came with other bytes than its ETag says")
        self.md5 = md5


def failure_of(project: str, response: httpx.Response, body: bytes, *, lists: bool = False) -> SupasyncError:
    """What an answer that is no success means.

    RefusedError for what concerns the whole project: a wrong or expired key, 402, a paused project. The key
    is not refused where it ``lists`` the buckets.
    """
    status, told = response.status_code, _told(body)
    true = _number(told.get("statusCode")) or status
    code = str(told.get("code") or told.get("error") or "")
    said = " ".join(str(told.get("message") or "")[:_LONGEST].split()) or f"HTTP {status}"
    if _RESTRICTED in (status, true):
        text = f"{project}: Storage answers 402: the organisation is over its quota"
        return of_project(RefusedError(text, hint="docs/how-to/when-old-answers-402.md"), project, "quota")
    if status == _PAUSED:
        return of_project(RefusedError(f"{project} is paused", hint="restore it"), project, "paused")
    if true in _KEY and lists:
        return DeniedError(project, said)
    if true in _KEY:
        hint = "take the secret key (sb_secret_...) or service_role from Project Settings -> API keys"
        text = f"{project}: Storage refuses the key: {said}"
        return of_project(RefusedError(text, hint=hint), project, "key")
    kind = _BY_CODE.get(code) or _BY_STATUS.get(true) or ("busy" if true in BUSY else "refused")
    wanted = response.headers.get("retry-after", "")
    pause = min(_LONGEST_PAUSE, float(wanted)) if wanted.isdecimal() else 0.0
    err = ObjectError(
        kind, f"{project}: {said}" + (f" ({code})" if code and code != said else ""), pause=pause
    )
    err.project = project
    return err


def later(project: str, err: Exception) -> TransientError:
    """A project that does not answer now."""
    return TransientError(f"{project}: Storage does not answer: {err}", hint="the next run tries again")


def of_project(err: RefusedError, project: str, reason: str) -> RefusedError:
    """The error with what concerns the whole project."""
    err.project, err.reason = project, reason
    return err


def _told(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(text: object) -> int | None:
    return int(str(text)) if str(text).isdecimal() and len(str(text)) <= 3 else None  # noqa: PLR2004 - digits
