"""How either project's API is asked, whatever copies its rows: by its own settings, or by the environment."""

import re
from collections.abc import Mapping
from typing import Final

from supasync_core.api.run_step import ApiAccess
from supasync_core.model.errors import ConfigError
from supasync_core.model.secret import Secret
from supasync_core.model.settings import API_VARIABLES
from supasync_core.project.migration import Migration
from supasync_core.system.addresses import host_of, is_safe

_OF_SUPABASE: Final = re.compile(r"([a-z]{20})\.supabase\.co")


def api_of(migration: Migration, project: str) -> ApiAccess | None:
    """The address and the secret key; None where neither tables.yaml nor the environment names them.

    ConfigError for an address that is not encrypted, or that is another project's than the rows'.
    """
    end = migration.settings.source if project == "OLD" else migration.settings.sink
    url, key = end.values.get("url", ""), end.values.get("key", "")
    if not (url.startswith("http") and key):
        return api_by_name(migration.settings.environment, project, end.ref)
    return _access(project, url, key, end.ref)


def api_by_name(environment: Mapping[str, str], project: str, ref: str = "") -> ApiAccess | None:
    """The same from variables alone; ``ref`` names the project of the rows, where it is known."""
    url, key = (environment.get(name, "").strip() for name in API_VARIABLES[project])
    return _access(project, url, key, ref) if url and key else None


def _access(project: str, url: str, key: str, ref: str) -> ApiAccess:
    if flaw := _flaw(url, ref):
        raise ConfigError([f"{API_VARIABLES[project][0]} {flaw}"])
    return ApiAccess(url.strip().rstrip("/").removesuffix("/rest/v1"), Secret(key))


def _flaw(url: str, ref: str) -> str | None:
    """What is wrong with the address of the project's API, or None."""
    if not is_safe(url.strip()):
        return "must begin with https://, or the key would travel unencrypted"
    named = _OF_SUPABASE.fullmatch(host_of(url))
    known = _OF_SUPABASE.fullmatch(ref)
    if named and known and named[1] != known[1]:
        return f"names the project {named[1]}, and the rows are those of {known[1]}"
    return None
