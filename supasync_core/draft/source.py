"""The source that a tables.yaml is drafted from, before there is any."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supasync_core.backend import Backend, Catalog, Context, Source
from supasync_core.config.environment import Environment, read_dotenv
from supasync_core.errors import ConfigError, RefusedError, SchemaError
from supasync_core.ledger import Ledger
from supasync_core.secrets import Secret, Values
from supasync_core.settings import Host
from supasync_core.tables import Shape

VARIABLES = {"url": "OLD_SUPABASE_URL", "key": "OLD_SUPABASE_SERVICE_ROLE_KEY"}
"""Where the settings of OLD stand in the environment: the references that the drafted file will hold."""
_FILL = "copy .env.example to .env and fill it in, or look at exported CSV files instead: --from FOLDER"
_OTHERWISE = (
    "take the secret key (sb_secret_...) from its Project Settings -> API keys: no other is shown "
    "them. Or look at exported CSV files: supasync init --from FOLDER"
)


def of_environment(environ: Mapping[str, str], folder: Path, host: Host) -> tuple[Source, list[Secret]]:
    """OLD as the environment or .env names it, opened, and its secrets; ConfigError with all flaws."""
    dotenv, flaws = read_dotenv(folder / ".env")
    problems = [f"{folder / '.env'}:{line}: {flaw}" for line, flaw in flaws]
    backend = host.sources.get("rest")
    values: dict[str, str | Secret] = {}
    for name, variable in VARIABLES.items():
        value, missing = Environment(environ, dotenv).expand(f"${{{variable}}}")
        setting = backend.settings[name]
        flaw = missing[0] if missing else setting.check(value or "")
        if flaw:
            problems.append(flaw if missing else f"{variable} {flaw}")
        values[name] = Secret(value or "") if setting.secret else value or ""
    if problems:
        raise ConfigError(problems, hint=_FILL)
    secrets = [value for value in values.values() if isinstance(value, Secret)]
    return backend.open(_context(Values(values), folder)), secrets


def of_path(path: Path, host: Host) -> Source:
    """A folder of CSV files, one such file, or a DuckDB file, opened."""
    if not path.exists():
        raise ConfigError([f"--from {path}: there is no such file or folder"])
    backend: Backend[Any] = host.sources.get("duckdb" if path.suffix.lower() == ".duckdb" else "csv")
    source: Source = backend.open(_context({"path": str(path.absolute())}, Path()))
    return source


def listed(source: Source, schema: str) -> Mapping[str, Shape]:
    """The tables of the schema; SchemaError where the source cannot list them or shows none."""
    if not isinstance(source, Catalog):
        raise SchemaError(
            "the source's backend cannot list its tables", hint="write their names into tables.yaml by hand"
        )
    try:
        shapes = source.tables(schema)
    except (RefusedError, SchemaError) as err:
        raise type(err)(f"the source does not show its tables: {err.message}", hint=_OTHERWISE) from err
    if not shapes:
        raise SchemaError(
            f"no table is shown in the schema {schema}",
            hint="in a Supabase project the key must have rights on them: grant select on all tables in "
            f"schema {schema} to service_role; then: notify pgrst, 'reload schema'; "
            "In a folder, files are called <table>.csv",
        )
    return shapes


def _context(values: Mapping[str, str], folder: Path) -> Context:
    return Context(settings=values, folder=folder, ledger=Ledger(), project="OLD")
