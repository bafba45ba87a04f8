"""A host with small backends, and tables.yaml files for it."""

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator

from supasync_core.api.plugin_host import Host
from supasync_core.api.registration import Backend, Context, Setting
from supasync_core.config import load
from supasync_core.config.json_schema import json_schema
from supasync_core.model.errors import ConfigError, PluginError
from supasync_core.model.settings import Settings
from supasync_tables.append import Append
from supasync_tables.incremental import Incremental
from supasync_tables.snapshot import Snapshot

KEY = "sb_secret_Vq8Zt1x2y3w4"
ENVIRON = {
    "OLD_SUPABASE_URL": "https://old.supabase.co",
    "OLD_SUPABASE_SERVICE_ROLE_KEY": KEY,
    "SUPABASE_URL": "https://new.supabase.co",
    "SUPABASE_SERVICE_ROLE_KEY": "a-secret-of-another-shape",
}
HEAD = """\
version: 1
source: {backend: rest, url: "${OLD_SUPABASE_URL}", key: "${OLD_SUPABASE_SERVICE_ROLE_KEY}"}
sink: {backend: rest, url: "${SUPABASE_URL}", key: "${SUPABASE_SERVICE_ROLE_KEY}"}
"""
HEAD_LINES = 3


def small_host() -> Host:
    """A host that knows ``rest``, ``file`` (no sink), the three strategies and two transforms."""
    host = Host()
    rest = _backend("rest", {"url": Setting(check=_url_flaw), "key": Setting(secret=True, check=_key_flaw)})
    file = _backend("file", {"path": Setting(), "dialect": Setting(required=False)})
    stateless = _backend("stateless", {})
    for backend in (rest, file, stateless):
        host.sources.add(backend.name, backend)
    for backend in (rest, stateless):
        host.sinks.add(backend.name, backend)
    host.state_stores.add("rest", _backend("rest", {**rest.settings, "schema": Setting(required=False)}))
    host.strategies.add("incremental", Incremental)
    host.strategies.add("append", Append)
    host.strategies.add("snapshot", Snapshot)
    for name in ("mask_ip", "mask_email"):
        host.transforms.add(name, lambda row: row)
    return host


def read(
    folder: Path, text: str, environ: Mapping[str, str] = ENVIRON, dotenv: str | None = None
) -> Settings:
    """The settings of a tables.yaml with this text, beside a .env with that one."""
    (folder / "tables.yaml").write_text(textwrap.dedent(text), encoding="utf-8")
    if dotenv is not None:
        (folder / ".env").write_text(dotenv, encoding="utf-8")
    host = small_host()
    settings = load(folder / "tables.yaml", environ, host)
    assert_admitted((folder / "tables.yaml").read_text(encoding="utf-8"), host)
    return settings


def assert_admitted(text: str, host: Host) -> None:
    """The schema for editors admits the file."""
    flaws = schema_flaws(text, host)
    assert not flaws, flaws


def schema_flaws(text: str, host: Host) -> list[str]:
    """What an editor marks in the file, by the schema."""
    schema = json.loads(json.dumps(json_schema(host)))
    document = json.loads(json.dumps(yaml.safe_load(text), default=str))
    return [f"{each.json_path}: {each.message}" for each in Draft7Validator(schema).iter_errors(document)]


def problems(
    folder: Path, text: str, environ: Mapping[str, str] = ENVIRON, dotenv: str | None = None
) -> list[str]:
    """What is wrong with it, without the folder's name; nothing where it loads."""
    try:
        read(folder, text, environ, dotenv)
    except ConfigError as err:
        return [problem.replace(f"{folder}/", "") for problem in err.problems]
    return []


def table_problems(folder: Path, tables: str) -> list[str]:
    """What is wrong with the tables under a sound head; lines count from ``tables:``, places from a table."""
    found = problems(folder, f"{HEAD}tables:\n{textwrap.indent(textwrap.dedent(tables), '  ')}")
    return [_shortened(problem) for problem in found]


def _shortened(problem: str) -> str:
    _, line, column, text = problem.split(":", 3)
    return f"{int(line) - HEAD_LINES}:{column}:{text.replace(' tables.', ' ', 1)}"


def _backend(name: str, settings: Mapping[str, Setting]) -> Backend[Any]:
    return Backend(name, _never_opened, settings, _ref)


def _ref(context: Context) -> str:
    where = context.settings["path" if "path" in context.settings else "url"]
    if "unmounted" in where:
        raise PluginError(f"{where} is not mounted")
    return where.rstrip("/").lower().removeprefix("https://")


def _url_flaw(value: str) -> str | None:
    return None if value.startswith("https://") else f"{value} must begin with https://"


def _key_flaw(value: str) -> str | None:
    return f"the key {value} is the anon key" if "anon" in value else None


def _never_opened(_context: Context) -> None:
    raise AssertionError("reading settings opens no backend")
