"""A key too long for an address is a row like any other, and does not stop its table."""

from contextlib import closing
from pathlib import Path

import pytest

from supasync_core.api.registration import Context
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import LeftOverError
from supasync_core.model.table import Table
from supasync_rest import query, tables
from supasync_rest.sink import RestSink
from tests.e2e.workspace import NEW_KEY, TABLES_YAML, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = f"""{ROLES}
create table notes (name text primary key, body text, updated_at timestamptz default now());
grant all on notes to service_role;
"""
ROWS = """
insert into notes select 'a' || n, 'b', now() - interval '3 hours' from generate_series(1, 20) n;
insert into notes values (repeat('m', 9000), 'long', now() - interval '2 hours');
"""
LATER = "insert into notes select 'z' || n, 'b', now() from generate_series(1, 50) n"
TABLES = TABLES_YAML[: TABLES_YAML.index("  users:")] + "  notes: {key: name, page_size: 7%s}\n"


@pytest.mark.parametrize("settings", ["", ", strategy: snapshot"])
def test_rows_behind_a_long_key_arrive(cluster: Cluster, tmp_path: Path, settings: str) -> None:
    with between(cluster, tmp_path, SCHEMA + ROWS, SCHEMA, TABLES % settings) as space:
        space.ready()
        first = space.supasync("sync")
        assert first.code == 0, first.err
        space.old.run(LATER)
        for _ in range(2):
            done = space.supasync("sync")
            assert done.code == 0, done.err
        space.assert_equal("notes")


ALIKE = """
insert into notes select repeat('m', 9000) || n, 'alike', '2026-01-01' from generate_series(1, 40) n;
insert into notes select 'z' || n, 'behind', '2026-01-02' from generate_series(1, 5) n;
"""


@pytest.mark.parametrize("settings", ["", ", strategy: snapshot"])
def test_more_long_keys_than_a_page_stop_no_table(cluster: Cluster, tmp_path: Path, settings: str) -> None:
    with between(cluster, tmp_path, SCHEMA + ROWS + ALIKE, SCHEMA, TABLES % settings) as space:
        space.ready()
        for _ in range(2):
            done = space.supasync("sync")
            assert done.code == 0, done.err
        space.assert_equal("notes")


def test_the_last_day_of_postgresql_stops_no_table(cluster: Cluster, tmp_path: Path) -> None:
    schema = SCHEMA.replace("updated_at timestamptz default now()", "updated_at date")
    days = "insert into notes select 'a' || n, 'b', date '2026-01-01' + n from generate_series(1, 20) n;"
    tables = TABLES % ", timestamp: updated_at"
    with between(cluster, tmp_path, schema + days, schema, tables) as space:
        space.ready()
        assert space.supasync("sync").code == 0
        space.old.run("insert into notes values ('last', 'b', '5874897-12-31'), ('next', 'b', '2026-03-01')")
        for _ in range(2):
            done = space.supasync("sync")
            assert done.code == 0, done.err
        space.assert_equal("notes")


@pytest.mark.parametrize(
    ("kind", "long"),
    [
        ("numeric", "'1' || repeat('0', 9000)"),
        ("numeric", "'-12.5' || repeat('7', 9000)"),
        ("varbit", "repeat('1', 9000)"),
        ("varbit", "repeat('10', 4500)"),
    ],
)
def test_long_numbers_and_bits_are_looked_up(cluster: Cluster, tmp_path: Path, kind: str, long: str) -> None:
    schema = SCHEMA.replace("name text", f"name {kind}")
    row = f"insert into notes values (({long})::{kind}, 'b'), ('1', 'b'), ('11', 'b')"  # noqa: S608
    with between(cluster, tmp_path, f"{schema}{row};", schema, TABLES % "") as space:
        space.ready()
        done = space.supasync("sync")
        assert done.code == 0, done.err
        with closing(sink(space)) as new:
            table = Table(name="notes", key=("name",))
            [(key,)] = space.new.rows("select max(name::text) from notes where length(name::text) > 1000")
            assert [batch.count for batch in new.rows(table, ("name",), [(str(key),)])] == [1]


KINDS = {
    "negative": ("numeric", "{}", "('-' || {} || repeat('0', 9000))"),
    "fraction": ("numeric", "{}", "('-0.' || {} || repeat('3', 9000))"),
    "bytes": ("bytea", "decode(lpad(to_hex({}), 4, '0'), 'hex')", "decode(repeat('0{}', 9000), 'hex')"),
    "document": ("jsonb", "to_jsonb({})", "to_jsonb(repeat('k{}', 4500))"),
    "range": ("numrange", "numrange({}, null)", "numrange(({} || repeat('0', 9000))::numeric, null)"),
}


@pytest.mark.parametrize("settings", ["", ", strategy: snapshot"])
@pytest.mark.parametrize("name", KINDS)
def test_long_keys_that_are_no_texts_stop_no_table(
    cluster: Cluster, tmp_path: Path, name: str, settings: str
) -> None:
    """The beginning of a negative number is larger than it, and that of a range is not a value."""
    kind, short, long = KINDS[name]
    schema = SCHEMA.replace("name text", f"name {kind}")
    rows = [(f"({short.format(n)})::{kind}", "2026-01-01") for n in range(1, 10)]
    rows += [(f"({long.format(n)})::{kind}", "2026-01-01") for n in range(2, 10)]
    alone = (f"({long.format(1)})::{kind}", "2026-01-02")
    later = (f"({short.format(10)})::{kind}", "2026-01-02")
    insert = "insert into notes values ({0}, 'b', '{1}');"
    tables_yaml = (TABLES % settings).replace("page_size: 7", "page_size: 3")
    filled = schema + "".join(insert.format(*each) for each in rows)
    with between(cluster, tmp_path, filled, schema, tables_yaml) as space:
        space.ready()
        for added in ([], [alone], [later], []):
            space.old.run("select 1;" + "".join(insert.format(*each) for each in added))
            done = space.supasync("sync")
            assert done.code == 0, done.err
        space.assert_equal("notes")
        done = space.supasync("verify", "--exact")
        assert done.code == 0, done.out + done.err


@pytest.mark.parametrize("size", [1, 2000])
def test_however_many_rows_begin_like_a_long_key_it_is_found(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Page by page; also where each row is larger than a page."""
    monkeypatch.setattr(query, "LOOKUP_ROWS", 3)
    monkeypatch.setattr(tables, "LARGEST", 20_000)
    table = Table(name="notes", key=("name",))
    rows = SCHEMA + ALIKE.replace("'alike'", f"repeat('b', {size * 10})")
    with between(cluster, tmp_path, SCHEMA, rows, TABLES % "") as space, closing(sink(space)) as new:
        asked = [("m" * 9000 + str(n),) for n in (1, 2, 17, 39, 40, 41)]
        found = [row["name"] for batch in new.rows(table, ("name",), asked) for row in batch.rows]
        assert sorted(found) == sorted(key for (key,) in asked[:-1])


LONG = "m" * 9000
LIKE = "m" * 8999
ODD = ("%_*\\\\," + '"' + "\u65e5") * 1500


def row_of(name: str) -> str:
    quoted = name.replace("'", "''")
    return f"insert into notes values ('{quoted}', 'of it', now() - interval '1 hour')"  # noqa: S608


def test_rows_of_long_keys_are_looked_up_and_those_that_begin_like_them_are_not(
    cluster: Cluster, tmp_path: Path
) -> None:
    table = Table(name="notes", key=("name",))
    bare = Table(name="notes", key=("name",), columns=("body",))
    with between(cluster, tmp_path, SCHEMA, SCHEMA + ROWS, TABLES % "") as space, closing(sink(space)) as new:
        for name in (LIKE, ODD):
            space.new.run(row_of(name))
        asked = [(LONG,), ("a1",), (ODD,), ("m" * 8998,), ("z" * 9000,), ("a2",)]
        found = {row["name"] for batch in new.rows(table, ("name",), asked) for row in batch.rows}
        assert found == {LONG, ODD, "a1", "a2"}
        found = {row["body"] for batch in new.rows(bare, ("name",), [(LONG,)]) for row in batch.rows}
        assert found == {"long"}
        with pytest.raises(LeftOverError, match="1 row stays: its key is too long for an address") as told:
            new.delete(table, [("a1",), (LONG,), ("a2",)])
        assert (told.value.removed, told.value.left) == (2, 1)
        left = new.read(table, Window((Span(Keyset(None)),), 100)).rows
        assert {LONG, LIKE, ODD} <= {row["name"] for row in left}
        assert len(left) == 21


def sink(space: Workspace) -> RestSink:
    settings = {"url": space.new.server.url, "key": NEW_KEY}
    return RestSink(Context(settings=settings, folder=space.folder, ledger=Ledger(), project="NEW"))


CHILDREN = """
create table lines (
    id int primary key, note text references notes (name), updated_at timestamptz default now());
grant all on lines to service_role;
"""


def test_every_command_goes_on_past_a_long_key(cluster: Cluster, tmp_path: Path) -> None:
    """Parents are fetched, deletes mirrored, rows verified, compared and written by key."""
    tables = (TABLES % ", deletes: mirror").replace(
        "page_size: 7", "page_size: 50"
    ) + "  lines: {key: id, depends_on: notes}\n"
    schema = SCHEMA + CHILDREN
    with between(cluster, tmp_path, schema + ROWS, schema, tables) as space:
        space.old.run("insert into notes select 'x' || n from generate_series(1, 80) n")
        space.ready()
        assert space.supasync("sync").code == 0
        space.old.run(f"insert into notes values ('{ODD}', 'p', now() - interval '9 days')")  # noqa: S608
        space.old.run(f"insert into lines values (1, '{ODD}'), (2, '{LONG}'), (3, 'a3')")  # noqa: S608
        done = space.supasync("sync")
        assert done.code == 0, done.err
        space.assert_equal("notes", "lines")
        assert space.supasync("verify").code == 0
        space.new.run("update notes set body = 'other' where length(name) > 100")
        assert space.supasync("verify", "--exact").code == 1
        assert space.supasync("diff", "new", "old", "--table", "notes").code == 1
        space.old.run(f"delete from lines; delete from notes where name in ('{LONG}', 'a4', 'a5')")  # noqa: S608
        space.new.run("delete from lines")
        then, long_ago = '"verified_at": "2[^"]*"', '"verified_at": "2020-01-01T00:00:00Z"'
        state = f"regexp_replace(state::text, '{then}', '{long_ago}', 'g')::jsonb"
        space.new.run(f"update sync_metadata set state = {state} where state is not null")  # noqa: S608
        done = space.supasync("sync")
        assert done.code == 3
        assert "notes: 1 row stays: its key is too long for an address" in done.err
        assert space.new.rows("select count(*) from notes where name in ('a4', 'a5')") == [(0,)]
        assert space.new.rows("select count(*) from notes where length(name) = 9000") == [(1,)]
