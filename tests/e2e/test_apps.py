"""Apps of the shapes that real ones have, from `init` to the switch: each difference is copied or named."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.e2e.workspace import NEW_KEY, OLD_KEY, Completed, End, Workspace, between
from tests.postgrest.launch import ROLES, Server, serve
from tests.servers.postgres import Cluster

APPS = Path(__file__).parent / "apps"
NAMES = sorted(path.stem for path in APPS.glob("*.sql"))
NEW_ANON = NEW_KEY.replace("secret", "publishable")
SCHEMAS = ("public", "basejump")
REQUESTS = 9
"""For each table of a page or less, to both sides, of the first load."""
UNBOUNDED = ("events", "tenants")
"""Of many pages; with a table that refers to another schema, which nothing shows before rows are refused."""
TABLES = """
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname in ('public', 'basejump') and c.relname <> 'sync_metadata'
"""


@dataclass
class App:
    """The SQL of one app by its parts."""

    name: str
    parts: dict[str, str]

    @classmethod
    def of(cls, name: str) -> "App":
        text = (APPS / f"{name}.sql").read_text("utf-8")
        found = re.split(r"^-- (schema|accounts|rows|hour)\b.*$", text, flags=re.MULTILINE)[1:]
        return cls(name, dict(zip(found[::2], found[1::2], strict=True)))

    def database(self, *parts: str) -> str:
        return ROLES + "".join(self.parts.get(part, "") for part in parts)


def opened(cluster: Cluster, database: str, keys: Mapping[str, str]) -> Server:
    schemas = [
        name for (name,) in _rows(cluster, database, "select nspname from pg_namespace") if name in SCHEMAS
    ]
    return serve(cluster.url(database, "authenticator"), keys=keys, schemas=sorted(schemas, reverse=True))


def _rows(cluster: Cluster, database: str, query: str) -> list[tuple[str, ...]]:
    with psycopg.connect(cluster.url(database)) as connection:
        return connection.execute(query.encode()).fetchall()


@contextmanager
def running(cluster: Cluster, folder: Path, app: App) -> Iterator[Workspace]:
    """OLD with the app's rows, NEW with its schema, and a folder without a tables.yaml."""
    old, new = app.database("schema", "accounts", "rows"), app.database("schema", "accounts")
    with between(cluster, folder, old, new, opened=opened) as space:
        (folder / "tables.yaml").unlink()
        (folder / "app").mkdir()
        keys = {"url": space.old.server.url.removesuffix("/rest/v1"), "key": OLD_KEY}
        space.write("app/.env", "SUPABASE_URL={url}\nSUPABASE_SERVICE_ROLE_KEY={key}\n".format(**keys))
        yield space


def tables(end: End) -> list[tuple[str, str]]:
    return sorted((schema, name) for schema, name in end.rows(TABLES))


def differing(space: Workspace) -> set[str]:
    """The tables that do not hold the same rows, told by SQL."""
    return {
        name
        for schema, name in tables(space.old)
        if space.old.texts(name, schema) != space.new.texts(name, schema)
    }


def told(done: Completed) -> str:
    return done.out + done.err


@pytest.mark.parametrize("name", NAMES)
def test_every_difference_of_an_app_is_copied_or_named(cluster: Cluster, tmp_path: Path, name: str) -> None:
    app = App.of(name)
    with running(cluster, tmp_path, app) as space:
        assert space.supasync("init").code == 0
        space.new.run(space.supasync("schema", "sql").out)
        if "supasync reconcile clear" in told(space.supasync("setup")):
            assert space.supasync("reconcile", "clear", "--apply").code == 0
        space.requests()
        first = space.supasync("sync")
        if name not in UNBOUNDED:
            assert space.requests() <= REQUESTS * len(tables(space.old)), told(first)
        space.old.run(app.parts["hour"])
        second = space.supasync("sync")
        space.new.run(space.supasync("schema", "sql", "--sequences").out)
        verdict = switched(space)
        for done in (first, second, verdict):
            assert "internal error" not in told(done), told(done)
        left = differing(space)
        unnamed = {table for table in left if table not in told(verdict)}
        assert not unnamed, told(verdict)
        assert verdict.code in ({1, 3} if left else {0, 3}), told(verdict)


def switched(space: Workspace) -> Completed:
    """The switch, as a person agrees to all of it."""
    with (space.folder / "tables.yaml").open("a") as file:
        file.write("\ncutover: {env: app/.env}\ndefaults: {overlap: 1s}\n")  # it waits for the overlap
    return space.supasync("cutover", "--yes", environment={"SUPABASE_ANON_KEY": NEW_ANON})
