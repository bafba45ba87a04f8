"""A transform with settings over real servers: it sees its table, and other settings stop the table."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = (
    ROLES
    + """
create table public.people (id bigint primary key, email text, version bigint not null,
  updated_at timestamptz not null default now());
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
ROWS = "insert into public.people (id, email, version) select g, 'p' || g, g from generate_series(1, 30) g"
PLUGIN = """
from hashlib import sha256
from supasync_core import hookimpl
from supasync_core.api.registration import Configured, Setting

def hashed(context):
    assert context.table.name == "people" and context.table.key == ("id",)
    column, salt = context.settings.get("column", "email"), context.settings["salt"]
    assert column in context.columns()
    def change(row):
        row[column] = sha256(f"{salt} {row[column]}".encode()).hexdigest()
        return row
    return change

@hookimpl
def supasync_register_transforms(registry):
    settings = {"salt": Setting(secret=True), "column": Setting(required=False)}
    registry.add("hash_email", Configured(hashed, settings))
"""
CONFIG = ENDS + 'plugins: mine.py\ntables:\n  people: {transform: {hash_email: {salt: "${HASH_SALT}"}}}\n'
SALT = "salt-and-pepper-1"


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    with between(cluster, tmp_path, SCHEMA, SCHEMA, CONFIG) as made:
        made.write("mine.py", PLUGIN)
        made.write(".env", f"{(tmp_path / '.env').read_text()}HASH_SALT={SALT}\n")
        made.ready().old.run(ROWS)
        yield made


def test_rows_of_other_settings_stop_the_table_and_no_secret_is_kept(space: Workspace) -> None:
    assert space.supasync("sync").code == 0
    query = "select count(*) from public.people where email = encode(sha256(('{} p' || id)::bytea), 'hex')"
    assert space.new.rows(query.format(SALT)) == [(30,)]
    assert space.supasync("sync").code == 0
    for command in (("verify",), ("diff", "old", "new")):
        done = space.supasync(*command)
        assert done.code == 0, (command, done.out + done.err)
    stored = str(space.new.rows("select state::text, details::text from sync_metadata"))
    assert "transform_settings" in stored
    assert SALT not in stored

    other = {"HASH_SALT": "salt-and-pepper-2"}
    done = space.supasync("sync", environment=other)
    assert done.code == 3, done.out + done.err
    assert "people: failed: transform's settings changed since its rows were copied" in done.err
    assert "pepper" not in done.out + done.err
    assert space.supasync("sync", "--full", "people", environment=other).code == 0
    assert space.new.rows(query.format("salt-and-pepper-2")) == [(30,)]
    assert space.supasync("sync", environment=other).code == 0

    plain = CONFIG.replace('{hash_email: {salt: "${HASH_SALT}"}}', "[]")
    space.write("tables.yaml", plain)
    assert "transform, transform's settings changed" in space.supasync("sync").err


def test_a_secret_that_a_message_of_new_repeats_is_not_kept(space: Workspace) -> None:
    space.write("mine.py", PLUGIN.replace('sha256(f"{salt} {row[column]}".encode()).hexdigest()', "salt"))
    space.new.run(
        "create function public.refuse() returns trigger language plpgsql as "
        "$$ begin raise exception 'no person is called %', new.email; end $$;"
        "create trigger refuse before insert on public.people for each row when (new.id = 7) "
        "execute function public.refuse()"
    )
    done = space.supasync("sync")
    assert done.code == 3, done.err
    assert "no person is called ***" in space.supasync("quarantine", "list").out
    assert SALT not in str(space.new.rows("select state::text, details::text, m::text from sync_metadata m"))


def test_a_transform_that_cannot_be_made_stops_its_table_and_shows_no_value(space: Workspace) -> None:
    space.write("tables.yaml", CONFIG.replace("}}}", ", column: nothing}}}"))
    done = space.supasync("sync")
    assert done.code == 3, done.out + done.err
    assert (
        "people: failed: the plugin mine (mine.py:9) cannot make the transform hash_email: AssertionError"
        in done.err
    )
    assert space.new.rows("select count(*) from public.people") == [(0,)]


def test_a_transform_that_needs_columns_says_where_nobody_knows_them(space: Workspace) -> None:
    assert space.supasync("sync").code == 0
    space.write("people.csv", space.old.csv("select * from public.people order by id"))
    done = space.supasync("diff", "people.csv", "new", "--dialect", "psql", "--complete")
    assert done.code == 2, done.out + done.err
    assert "people: OLD's columns are not known here" in done.err
    named = CONFIG.replace("people: {", "people: {columns: [id, email, version, updated_at], ")
    space.write("tables.yaml", named)
    done = space.supasync("diff", "people.csv", "new", "--dialect", "psql", "--complete")
    assert done.code == 0, done.out + done.err
