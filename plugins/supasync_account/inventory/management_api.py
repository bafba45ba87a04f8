"""The Management API by a personal access token: functions, names of secrets, settings. It gets GET alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from supasync_account.decoding import UndecodableError, decoded
from supasync_account.project_client import http_client
from supasync_core.model.errors import RefusedError, SupasyncError, TransientError
from supasync_core.model.secret import Secret

if TYPE_CHECKING:
    import httpx

BASE: Final = "https://api.supabase.com"
_LARGEST: Final = 20_000_000
_NO_RIGHT: Final = (401, 403)
SETTINGS: Final[Mapping[str, str]] = {
    "config/auth": "auth/providers",
    "config/storage": "storage/settings",
    "postgrest": "settings/api",
}
"""Where settings are read, and the page of the dashboard where they are changed."""
_OWN: Final = frozenset({"jwt_secret", "site_url", "uri_allow_list", "migrationVersion", "databasePoolMode"})
"""Settings of each project alone; that they differ says nothing."""


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """What the token shows of a project; None where it may not see it."""

    functions: dict[str, Any] | None
    secrets: list[str] | None
    settings: Mapping[str, Mapping[str, Any]]
    flaws: tuple[str, ...] = ()


def settings_of(ref: str, token: Secret) -> ProjectSettings:
    """Ask for everything of the project; what the token may not see is among the flaws."""
    flaws: list[str] = []
    with http_client(BASE) as http:

        def ask(what: str) -> Any:  # noqa: ANN401 - JSON
            try:
                return _asked(http, ref, what, token)
            except SupasyncError as err:
                flaws.append(f"{ref}: {what}: {err.message}")
                return None

        functions, secrets = ask("functions"), ask("secrets")
        found = {what: told for what in SETTINGS if isinstance(told := ask(what), dict)}
    return ProjectSettings(
        {str(each.get("slug")): each.get("ezbr_sha256") for each in _dicts(functions)}
        if functions is not None
        else None,
        [str(each.get("name")) for each in _dicts(secrets)] if secrets is not None else None,
        found,
        tuple(flaws),
    )


def differing(old: ProjectSettings, new: ProjectSettings) -> dict[str, list[str]]:
    """The names of settings that differ, by where they are; no value is shown, and none that is secret."""
    found = {}
    for what in (each for each in SETTINGS if each in old.settings and each in new.settings):
        mine, its = old.settings[what], new.settings[what]
        names = [
            name
            for name in sorted(mine)
            if name not in _OWN and mine[name] != its.get(name) and _is_plain(mine[name])
        ]
        if names:
            found[what] = names
    return found


def _is_plain(value: object) -> bool:
    """Whether the value is shown as it is: a secret comes as a hash that no two projects share."""
    return not (isinstance(value, str) and (value.startswith("hash:") or len(value) == 64))  # noqa: PLR2004 - SHA-256


def _asked(http: "httpx.Client", ref: str, what: str, token: Secret) -> Any:  # noqa: ANN401 - JSON
    import httpx  # noqa: PLC0415 - only a command that asks needs it

    headers = {"Authorization": f"Bearer {token.reveal()}", "Accept-Encoding": "identity"}
    try:
        with http.stream("GET", f"{BASE}/v1/projects/{ref}/{what}", headers=headers) as response:
            if response.status_code in _NO_RIGHT:
                raise RefusedError(f"HTTP {response.status_code}: the token may not see it")
            if not response.is_success:
                raise TransientError(f"HTTP {response.status_code}")
            body = bytearray()
            for piece in response.iter_raw():
                body += piece
                if len(body) > _LARGEST:
                    raise RefusedError("the answer is too large")
        return decoded(bytes(body), object)
    except httpx.HTTPError as err:
        raise TransientError(f"no answer: {type(err).__name__}") from None
    except UndecodableError:
        raise TransientError("the answer is not JSON") from None


def _dicts(answer: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    return [each for each in answer if isinstance(each, dict)] if isinstance(answer, list) else []
