"""Tables in other schemas than ``public``: found, told apart, copied and compared."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import pytest

from tests.e2e.workspace import TABLES_YAML, Workspace, between
from tests.postgrest.launch import ROLES, Server, serve
from tests.servers.postgres import Cluster

HERE = Path(__file__).parent
SCHEMA = ROLES + (HERE / "schemas.sql").read_text()
ROWS = (HERE / "schemas_rows.sql").read_text()
TABLES = (("users", "public"), ("teams", "app"), ("users", "app"), ("visits", "app"), ("Config", "basejump"))


def several(cluster: Cluster, database: str, keys: Mapping[str, str]) -> Server:
    """A server that exposes what Supabase does by default, and two schemas of the app."""
    schemas = ("public", "graphql_public", "app", "basejump")
    return serve(cluster.url(database, "authenticator"), keys=keys, schemas=schemas)


@pytest.fixture(scope="module")
def space(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """OLD with rows, NEW without, and the tables.yaml that init writes."""
    folder = tmp_path_factory.mktemp("schemas")
    graphql = "create schema graphql_public;"
    with between(cluster, folder, SCHEMA + graphql + ROWS, SCHEMA + graphql, opened=several) as found:
        (folder / "tables.yaml").unlink()
        done = found.supasync("init")
        assert done.code == 0, done.out + done.err
        yield found


def equal(space: Workspace) -> None:
    for table, schema in TABLES:
        assert space.new.texts(table, schema) == space.old.texts(table, schema), (schema, table)


def test_init_writes_entries_for_every_exposed_schema(space: Workspace) -> None:
    text = (space.folder / "tables.yaml").read_text()
    assert text.count("    schema: app\n") == 3
    assert '\n  "app.users":\n' in text
    assert "    table: users\n" in text
    assert "    schema: basejump\n" in text
    assert "OLD exposes public, app, basejump." in text
    assert "Exposed schemas" in " ".join(text.split())


def test_what_init_writes_is_checked_copied_and_verified(space: Workspace) -> None:
    space.ready()
    checked = space.supasync("check")
    assert checked.code == 0, checked.out + checked.err
    done = space.supasync("sync")
    assert done.code == 0, done.out + done.err
    equal(space)
    space.old.run(
        "update app.users set nick = 'x', updated_at = now() where id = md5('a1')::uuid;"
        "update public.users set email = 'y', updated_at = now() where id = md5('u1')::uuid;"
        "insert into app.visits (by_user) values (md5('a2')::uuid); update app.teams set name = 'z'"
    )
    assert space.supasync("sync").code == 0
    equal(space)
    for args in (("verify", "--exact"), ("verify",), ("diff", "old", "new"), ("status",)):
        done = space.supasync(*args)
        assert done.code == 0, (args, done.out + done.err)


def test_rows_deleted_in_a_table_of_another_schema_are_removed_there_alone(space: Workspace) -> None:
    text = (space.folder / "tables.yaml").read_text()
    mirrored = text.replace(
        "    table: users\n", "    table: users\n    deletes: mirror\n    compare_every: 1m\n"
    )
    space.write("tables.yaml", mirrored)
    try:
        assert space.supasync("verify").code == 0  # OLD is seen to have the rows
        space.old.run(
            "delete from app.visits where by_user = md5('a50')::uuid;"
            "delete from app.users where id = md5('a50')::uuid"
        )
        space.new.run("delete from app.visits where by_user = md5('a50')::uuid")
        done = space.supasync("sync")
        assert done.code == 0, done.out + done.err
        space.new.run(
            "update sync_metadata set state = jsonb_set(state, '{tables,app.users,verified_at}', 'null')"
        )
        done = space.supasync("sync")
        assert done.code == 0, done.out + done.err
        equal(space)
    finally:
        space.write("tables.yaml", text)


def test_the_scripts_name_the_table_in_its_schema(space: Workspace) -> None:
    for args in ((), ("--triggers", "guard"), ("--sequences",), ("--identity",), ("--foreign-keys", "off")):
        script = space.supasync("schema", "sql", *args)
        assert script.code == 0
        assert "'app'" in script.out
        assert "('app', 'users')" in script.out
        assert "'app.users'" not in script.out
    space.new.run(space.supasync("schema", "sql").out)
    space.new.run(space.supasync("schema", "sql", "--sequences").out)
    ((next_,),) = space.new.rows("select nextval(pg_get_serial_sequence('app.visits', 'id'))")
    ((largest,),) = space.new.rows("select max(id) from app.visits")
    assert next_ == largest + 1


def test_an_existing_file_is_told_of_tables_in_every_schema(space: Workspace) -> None:
    told = space.supasync("init")
    assert (told.code, told.out) == (0, "tables.yaml exists and is complete\n")
    space.old.run(
        "create table basejump.teams (id uuid primary key); grant select on basejump.teams to service_role"
    )
    told = space.supasync("init")
    assert told.code == 1
    assert '"basejump.teams":' in told.out
    space.old.run("drop table basejump.teams")


def test_an_export_that_may_be_of_either_table_is_of_none(space: Workspace) -> None:
    (space.folder / "saved").mkdir()
    (space.folder / "saved" / "users_rows.csv").write_text("id,email\n")
    (space.folder / "saved" / "teams_rows.csv").write_text(space.old.csv("select * from app.teams"))
    done = space.supasync("gap", "import", "saved", "--dry-run")
    assert "users_rows.csv belongs to no table" in done.out + done.err
    assert "teams_rows.csv belongs" not in done.out + done.err


def test_the_last_gap_goes_by_files_named_after_the_entries(space: Workspace) -> None:
    queries = space.supasync("gap", "sql", "--json").json
    space.old.run(
        "insert into app.users (id, account, nick) values (md5('a51')::uuid, md5('u51')::uuid, 'new');"
        "insert into app.visits (by_user) values (md5('a51')::uuid);"
        "insert into public.users (id, email) values (md5('u99')::uuid, 'late')"
    )
    (space.folder / "export").mkdir()
    for query in queries:
        sql = query["sql"].partition("*/")[2].strip().rstrip(";")
        (space.folder / "export" / query["file"]).write_text(space.old.csv(sql))
    done = space.supasync("gap", "import", "export", "--yes", "--dialect", "psql")
    assert done.code == 0, done.out + done.err
    equal(space)


def one(cluster: Cluster, database: str, keys: Mapping[str, str]) -> Server:
    """A server that exposes ``public`` alone."""
    return serve(cluster.url(database, "authenticator"), keys=keys)


def test_a_table_of_another_schema_is_reconciled_and_copied_anew_by_the_name_of_its_entry(
    space: Workspace,
) -> None:
    before = space.new.texts("users")
    space.new.run("update app.users set nick = 'wrong' where id = md5('a3')::uuid")
    done = space.supasync("diff", "old", "new", "--table", "app.users")
    assert (done.code, "app.users" in done.out) == (1, True)
    done = space.supasync("reconcile", "old", "new", "--table", "app.users", "--apply")
    assert done.code == 0, done.out + done.err
    equal(space)
    space.new.run("update app.users set nick = 'wrong' where id = md5('a4')::uuid")
    assert space.supasync("sync", "--full", "app.users").code == 0
    equal(space)
    assert space.new.texts("users") == before


def test_a_rehearsal_keeps_two_tables_of_one_name_apart(space: Workspace) -> None:
    done = space.supasync(
        "gap", "import", "export", "--yes", "--dialect", "psql", "--sink", "duckdb:local.duckdb"
    )
    assert done.code in (0, 3), done.out + done.err
    with duckdb.connect(str(space.folder / "local.duckdb"), read_only=True) as file:
        names = file.execute("select table_schema, table_name from information_schema.tables").fetchall()
    assert {("main", "users"), ("app", "users")} <= set(names), done.out + done.err


def test_without_a_table_in_an_exposed_schema_init_says_how_to_expose_one(
    cluster: Cluster, tmp_path: Path
) -> None:
    apart = ROLES + "create schema app; create table app.users (id int primary key);"
    with between(cluster, tmp_path, apart, ROLES, opened=one) as space:
        (tmp_path / "tables.yaml").unlink()
        done = space.supasync("init")
        assert done.code == 3, done.out
        assert "no table is shown in the schema public" in done.err
        assert "Project Settings -> API -> Exposed schemas" in done.err
        assert "OpenAPI" not in done.err
        space.write("tables.yaml", TABLES_YAML + "  users2: {schema: app, table: users}\n")
        done = space.supasync("check")
        assert done.code != 0
        assert "OLD does not expose the schema app" in done.out + done.err
        assert "grant usage on schema app to service_role" in done.out + done.err


def test_two_entries_of_one_table_are_refused(tmp_path: Path, cluster: Cluster) -> None:
    with between(cluster, tmp_path, ROLES, ROLES, opened=one) as space:
        space.write("tables.yaml", TABLES_YAML + "  again: {table: users}\n")
        done = space.supasync("check")
        assert done.code == 2
        assert "tables.again: is the table public.users, and so is users" in done.err
