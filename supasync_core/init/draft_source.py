"""The projects or files that a tables.yaml is drafted from, before there is one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from supasync_core.api.backend import Catalog, Exposing, Remark, Remarking, Sink, Source
from supasync_core.api.plugin_host import Host
from supasync_core.api.registration import Backend, Context
from supasync_core.config.environment import Environment, read_dotenv
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import ConfigError, RefusedError, SchemaError
from supasync_core.model.printable import sql_name
from supasync_core.model.secret import Secret, Values
from supasync_core.model.settings import API_VARIABLES
from supasync_core.model.table import Shape, Table

VARIABLES = dict(zip(("url", "key"), API_VARIABLES["OLD"], strict=True))
"""The variables with OLD's settings; the drafted file refers to them."""
NEW = dict(zip(("url", "key"), API_VARIABLES["NEW"], strict=True))
_FILL = "copy .env.example to .env and fill it in, or read exported CSV files instead: --from FOLDER"
_CORRECT = (
    "put the project's URL and its service role or secret key into .env, or read exported CSV files instead: "
    "--from FOLDER"
)
_NOT_SHOWN = (
    "only the secret key (sb_secret_...) or service_role may see them. Where the API's description is "
    "switched off, read exported CSV files instead: supasync init --from FOLDER"
)
_NO_RIGHTS = "the key may have no rights on them. Run in that project:"
OTHERS = (
    "Tables of a schema that the API does not expose are invisible: add it under Project Settings -> API -> "
    "Exposed schemas, and run in that project: grant usage on schema NAME to service_role; grant select on "
    "all tables in schema NAME to service_role;"
)
"""How tables of another schema become visible."""
_SUPABASE = re.compile(
    "auth|storage|graphql(_public)?|_?realtime|vault|extensions|net|cron|pgbouncer|pgsodium.*|pgmq(_public)?"
    "|supabase_.*|_supavisor|_analytics|information_schema|pg_.*"
)
"""Schemas of Supabase itself: accounts and files are copied in other ways, see the guides."""
_NO_FILES = "files must be called <table>.csv, or <table>_rows.csv as the dashboard saves them"


def of_environment(
    environ: Mapping[str, str], folder: Path, host: Host, ledger: Ledger
) -> tuple[Source, list[Secret]]:
    """OLD as the environment or .env names it, opened, and its secrets; ConfigError with all problems."""
    backend = host.sources.get("rest")
    values, secrets = _read(environ, folder, VARIABLES, backend)
    return backend.open(_context(values, folder, ledger)), secrets


def sink_of_environment(
    environ: Mapping[str, str], folder: Path, host: Host
) -> tuple[Sink | None, list[Secret]]:
    """NEW in the same way; None where its variables are not filled in yet."""
    backend = host.sinks.get("rest")
    try:
        values, secrets = _read(environ, folder, NEW, backend)
    except ConfigError:
        return None, []
    return backend.open(replace(_context(values, folder, Ledger()), project="NEW")), secrets


def _read(
    environ: Mapping[str, str], folder: Path, variables: Mapping[str, str], backend: Backend[Any]
) -> tuple[Values, list[Secret]]:
    """A project's settings from the environment or .env; ConfigError with all problems."""
    dotenv, flaws = read_dotenv(folder / ".env")
    problems = [f"{folder / '.env'}:{line}: {flaw}" for line, flaw in flaws]
    values: dict[str, str | Secret] = {}
    for name, variable in variables.items():
        value, missing = Environment(environ, dotenv).expand(f"${{{variable}}}")
        setting = backend.settings[name]
        flaw = missing[0] if missing else setting.check(value or "")
        if flaw:
            problems.append(flaw if missing else f"{variable} {flaw}")
        values[name] = Secret(value or "") if setting.secret else value or ""
    if problems:
        raise ConfigError(problems, hint=_CORRECT if any(dotenv.values()) else _FILL)
    return Values(values), [value for value in values.values() if isinstance(value, Secret)]


def of_path(path: Path, host: Host) -> Source:
    """A folder of CSV files, one such file, or a DuckDB file, opened."""
    if not path.exists():
        raise ConfigError([f"--from {path}: no such file or folder"])
    kind = "csv" if path.is_dir() else path.suffix.lower().removeprefix(".")
    if kind not in ("csv", "duckdb"):
        raise ConfigError([f"--from {path}: is neither a folder nor a .csv or .duckdb file"])
    backend: Backend[Any] = host.sources.get(kind)
    source: Source = backend.open(_context({"path": str(path.absolute())}, Path(), Ledger()))
    return source


def schemas_of(source: Source) -> Sequence[str] | None:
    """The schemas that the source shows, public first, without Supabase's own; None where it does not say."""
    found = source.schemas() if isinstance(source, Exposing) else None
    if found is None:
        return None
    own = [schema for schema in found if not _SUPABASE.fullmatch(schema)]
    return sorted(own, key=lambda schema: schema != "public")


def listed(source: Source, schemas: Sequence[str], *, files: bool = False) -> dict[str, Mapping[str, Shape]]:
    """The tables of each of the schemas; SchemaError where the source cannot list them or shows none.

    ``files``: the way out is another file, not another key.
    """
    if not isinstance(source, Catalog):
        raise SchemaError(
            "the source's backend cannot list its tables", hint="write their names into tables.yaml yourself"
        )
    found: dict[str, Mapping[str, Shape]] = {}
    for schema in schemas:
        try:
            found[schema] = source.tables(schema)
        except (RefusedError, SchemaError) as err:
            hint = err.hint if files or (schema != "public" and err.hint) else _NOT_SHOWN
            raise type(err)(f"the source does not show its tables: {err.message}", hint=hint) from err
    if not any(found.values()):
        names = (each if re.fullmatch("[a-z_][a-z0-9_]*", each) else sql_name(each) for each in schemas)
        grants = " ".join(f"grant select on all tables in schema {each} to service_role;" for each in names)
        hint = f"{_NO_RIGHTS} {grants} notify pgrst, 'reload schema'; {OTHERS}"
        hint = _NO_FILES if files else hint
        word = "schema" if len(schemas) == 1 else "schemas"
        raise SchemaError(f"no table is shown in the {word} {', '.join(schemas)}", hint=hint)
    return found


def doubled(source: Source, tables: Sequence[Table]) -> list[Remark]:
    """Remarks on tables that also show rows of other tables, which would be copied twice."""
    found = source.remarks(tables) if isinstance(source, Remarking) else ()
    return [each for each in found if each.kind == "inheritance"]


def _context(values: Mapping[str, str], folder: Path, ledger: Ledger) -> Context:
    return Context(settings=values, folder=folder, ledger=ledger, project="OLD")
