"""What an answer of the Auth API means that is not a success: one sentence each."""

import re
from typing import Final

from supasync_core.model.errors import RefusedError, TransientError

_KEY: Final = "take the secret key (sb_secret_...) or service_role from its Project Settings -> API keys"
_PROJECT: Final[dict[int, tuple[str, str, str]]] = {
    401: ("does not accept the key", _KEY, "key"),
    402: (
        "is over its organisation's quota and answers nothing until that is raised or renewed",
        "its database may still answer: with both connection strings in .env, accounts are copied by SQL",
        "quota",
    ),
    540: ("is paused", "restore it in the dashboard: the project -> Restore project", "paused"),
}
_FORBIDDEN: Final = {
    "not_admin": "does not let this key see accounts: it is the publishable key, or a user's token",
    "bad_jwt": "does not know this key: it is expired, or another project's",
}
_REDIRECTS: Final = range(300, 400)
_SQLSTATE: Final = re.compile(r"[0-9A-Z]{5}")
NOT_FOUND: Final = 404
SERVER_ERROR: Final = 500


class LostAnswerError(TransientError):
    """The answer to a write was lost: it may have taken effect."""


class AuthRefusal(RefusedError):  # noqa: N818 - named as what it is
    """What Auth refused: ``status``, and its ``code``, which is a SQLSTATE where the database refused."""

    def __init__(self, project: str, status: int, code: str, said: str) -> None:
        self.status, self.code, self.said = status, code, said
        what = " ".join(filter(None, (str(status), code)))
        super().__init__(f"{project}: Auth refused ({what})")
        self.project = project

    @property
    def sqlstate(self) -> str | None:
        """That of the database, where it was shown."""
        return self.code if _SQLSTATE.fullmatch(self.code) else None

    @property
    def missing(self) -> bool:
        """Whether the account does not exist."""
        return self.status == NOT_FOUND and self.code == "user_not_found"


def project_error(project: str, status: int, said: tuple[str, str]) -> RefusedError | None:
    """The error where the project refuses whatever is asked; None where it is about what was asked."""
    code, _ = said
    error = None
    if status in _REDIRECTS:
        error = RefusedError(
            f"{project}: Auth redirects to another address, which is not followed: the key would go along",
            hint="set the address to the project's own, https://<ref>.supabase.co",
        )
    elif status == 403:  # noqa: PLR2004 - forbidden
        what = _FORBIDDEN.get(code, "forbids the request")
        error = RefusedError(f"{project}: Auth {what}", hint=_KEY)
        error.reason = "key"
    elif status in _PROJECT:
        what, hint, reason = _PROJECT[status]
        error = RefusedError(f"{project} {what}", hint=hint)
        error.reason = reason
    if error is not None:
        error.project = project
    return error
