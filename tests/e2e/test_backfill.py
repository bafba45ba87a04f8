"""First loads by key on real servers: keys of every type, stopped, raced and resumed."""

from collections.abc import Iterator

import pytest

from tests.e2e.workspace import TABLES_YAML, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

KEYS = {
    "numbers": ("n bigint", "n", "n"),
    "uuids": ("n uuid", "md5(n::text)::uuid", "n"),
    "words": ("n text", "chr(65 + n * 7 % 26 + n % 2 * 32) || n", "n"),
    "pairs": ("part part, n text", "(array['z', 'a', 'M']::part[])[1 + n % 3], 'x' || n", "part, n"),
}
TABLES = (
    "create type public.part as enum ('z', 'a', 'M'); -- an order that no text has\n"
    + "".join(
        f"create table public.{name} ({columns}, name text, updated_at timestamptz, primary key ({key}));\n"
        for name, (columns, _, key) in KEYS.items()
    )
    + "grant all on all tables in schema public to service_role;\n"
)
CONFIG = (
    TABLES_YAML.partition("tables:")[0]
    + "defaults: {page_size: 5}\ntables:\n"
    + "".join(f"  {name}: {{key: [{key}]}}\n" for name, (_, _, key) in KEYS.items())
)
STOPPED = {"kind": "answer", "status": 402, "body": '{"message": "exceed_egress_quota"}', "method": "GET"}


@pytest.fixture(scope="module")
def made(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder, schema = tmp_path_factory.mktemp("backfill"), ROLES + TABLES
    with between(cluster, folder, schema, schema, CONFIG) as made:
        yield made.ready().keep()


@pytest.fixture
def space(made: Workspace) -> Workspace:
    return made.again()


def fill(space: Workspace, table: str, first: int, last: int) -> None:
    """Rows whose timestamps do not follow their keys; every fourth has none."""
    _, values, key = KEYS[table]
    space.old.run(
        f"insert into {table} ({key}, name, updated_at) select {values}, 'first', "  # noqa: S608 - fixed texts
        "case when n % 4 > 0 then now() - interval '1 day' + n * 7 % 23 * interval '1 minute' end "
        f"from generate_series({first}, {last}) n"
    )


@pytest.mark.parametrize("table", KEYS)
def test_a_first_load_that_is_stopped_goes_on_behind_its_key(space: Workspace, table: str) -> None:
    """Between the two runs rows are changed, deleted, inserted and renamed, on both sides of that key."""
    fill(space, table, 1, 40)
    space.old.server.misbehave({**STOPPED, "path": f"/{table}.*limit=5", "nth": 5})
    assert space.supasync("sync", "--table", table).code == 3
    space.old.server.behave()
    shown = space.supasync("status")
    assert f"{table}: first load, 20 of about 40 rows so far" in shown.out, shown.out
    loading = {each["name"]: each["loading"] for each in space.supasync("status", "--json").json["tables"]}
    assert loading[table] == [20, 40]
    fill(space, table, 41, 52)
    renamed = (
        "n = gen_random_uuid()"
        if table == "uuids"
        else "n = n + 1000"
        if table == "numbers"
        else "n = 'M' || n"
    )
    space.old.run(
        f"update {table} set name = 'second', updated_at = now() where hashtext(n::text) % 2 = 0;"  # noqa: S608
        f"update {table} set {renamed}, updated_at = now() where hashtext(n::text) % 5 = 0;"
        f"update {table} set updated_at = now() where name = 'first' and hashtext(n::text) % 3 = 0"
    )
    space.requests()
    done = space.supasync("sync", "--table", table)
    assert done.code == 0, done.out + done.err
    kept = f"select t::text from {table} t order by 1"  # noqa: S608
    old, new = {row[0] for row in space.old.rows(kept)}, {row[0] for row in space.new.rows(kept)}
    late = {text for text in old - new if ",first," in text}
    assert old - new == late, "rows of an old timestamp that were inserted behind the key, and no others"
    assert space.supasync("sync", "--full", table, "--table", table).code == 0
    assert old <= {row[0] for row in space.new.rows(kept)}
    assert f"{table}: first load" not in space.supasync("status").out


@pytest.mark.parametrize("table", KEYS)
def test_a_large_table_is_read_in_ranges_and_each_of_them_goes_on(space: Workspace, table: str) -> None:
    """Between the runs rows are changed, deleted and renamed, on both sides of where each range stands."""
    fill(space, table, 1, 400)
    space.old.server.misbehave({**STOPPED, "path": f"/{table}.*limit=5", "nth": 40, "times": None})
    assert space.supasync("sync", "--table", table).code == 3
    space.old.server.behave()
    stored = space.supasync("state", "show", "--json").json["tables"][table]["backfill"]
    assert stored["ranges"], stored
    assert 50 < stored["rows"] < 250
    assert f"{table}: first load, {stored['rows']} of about 400 rows so far" in space.supasync("status").out
    shown = space.supasync("state", "show").out
    assert f"(of the range up to {', '.join(stored['ranges'][0]['to'])})" in shown
    renamed = {"uuids": "gen_random_uuid()", "numbers": "n + 1000"}.get(table, "'M' || n")
    space.old.run(
        f"delete from {table} where hashtext(n::text) % 7 = 0;"  # noqa: S608 - fixed texts
        f"update {table} set name = 'second', updated_at = now() where hashtext(n::text) % 2 = 0;"
        f"update {table} set n = {renamed}, updated_at = now() where hashtext(n::text) % 5 = 0"
    )
    space.requests()
    done = space.supasync("sync", "--table", table)
    assert done.code == 0, done.out + done.err
    kept = f"select t::text from {table} t order by 1"  # noqa: S608
    old, new = {row[0] for row in space.old.rows(kept)}, {row[0] for row in space.new.rows(kept)}
    assert not old - new
    assert f"{table}: first load" not in space.supasync("status").out


def test_ranges_that_are_not_found_in_time_leave_the_table_to_one_reader(space: Workspace) -> None:
    fill(space, "words", 1, 200)
    starved = {"kind": "answer", "status": 500, "body": '{"code":"57014","message":"canceling"}'}
    space.old.server.misbehave({**starved, "method": "GET", "path": "/words.*offset=", "times": None})
    done = space.supasync("sync", "--table", "words")
    assert done.code == 0, done.out + done.err
    assert "words: no ranges of keys were found, so one reader reads the rest" in done.err
    space.assert_equal("words")


def test_a_table_that_is_emptied_between_its_ranges_is_complete(space: Workspace) -> None:
    fill(space, "uuids", 1, 300)
    space.old.server.misbehave({**STOPPED, "path": "/uuids.*limit=5", "nth": 30, "times": None})
    assert space.supasync("sync", "--table", "uuids").code == 3
    space.old.server.behave()
    space.old.run("delete from uuids where n > '10000000-0000-0000-0000-000000000000'")
    done = space.supasync("sync", "--table", "uuids")
    assert done.code == 0, done.out + done.err
    assert "uuids: first load" not in space.supasync("status").out


def test_a_first_load_goes_on_where_rows_cannot_be_counted_in_time(space: Workspace) -> None:
    """As of a large table in which a count takes longer than a statement may."""
    fill(space, "numbers", 1, 100)
    space.old.server.misbehave({**STOPPED, "path": "/numbers.*limit=5", "nth": 9, "times": None})
    assert space.supasync("sync", "--table", "numbers").code == 3
    space.old.server.behave()
    starved = {"kind": "answer", "status": 500, "headers": {"Proxy-Status": "PostgREST; error=57014"}}
    space.old.server.misbehave({**starved, "method": "HEAD", "path": "/numbers", "times": None})
    done = space.supasync("sync", "--table", "numbers")
    assert done.code == 0, done.out + done.err
    assert "numbers: OLD's row count timed out, so merged keys cannot be ruled out" in done.err
    space.assert_equal("numbers")
    cursor = '{"cursor": {"value": "2026-11-01T00:00:00Z", "key": []}, "settled": true}'
    quiet = f"""jsonb_set(jsonb_set(state, '{{tables,numbers,keysets}}', '{{"updated_at": {cursor}}}'),
      '{{tables,numbers,alive_at}}', '"2026-01-01T00:00:00Z"')"""
    space.old.run("update numbers set updated_at = '2026-01-01'")
    space.new.run(f"update sync_metadata set state = {quiet} where state is not null")  # noqa: S608 - fixed texts
    done = space.supasync("sync", "--table", "numbers", "--json")
    assert (done.code, done.json["tables"]["numbers"]["found"]) == (0, 0), "nothing new for a day"


def test_a_table_of_one_page_is_read_by_one_request(space: Workspace) -> None:
    fill(space, "words", 1, 4)
    space.requests()
    done = space.supasync("sync", "--table", "words")
    assert done.code == 0, done.err
    asked = [
        each["path"]
        for each in space.old.server.requests()
        if "/words" in each["path"] and "limit=5" in each["path"]
    ]
    assert len(asked) == 1, asked
    space.assert_equal("words")


def test_pages_that_time_out_with_their_count_lose_no_row(space: Workspace) -> None:
    fill(space, "uuids", 1, 23)
    starved = {"kind": "answer", "status": 500, "body": '{"code":"57014","message":"canceling"}'}
    space.old.server.misbehave({**starved, "method": "GET", "path": "/uuids", "times": 1})
    done = space.supasync("sync", "--table", "uuids")
    assert done.code == 0, done.out + done.err
    space.assert_equal("uuids")


def test_changes_in_a_table_that_is_scanned_are_read_by_key(space: Workspace) -> None:
    fill(space, "pairs", 1, 40)
    assert space.supasync("sync", "--table", "pairs").code == 0
    space.old.run("update pairs set name = 'second', updated_at = now() where hashtext(n) % 2 = 0")
    space.old.server.misbehave(
        {"kind": "delay", "seconds": 1.1, "method": "GET", "path": "order=updated_at", "times": 1}
    )
    space.requests()
    done = space.supasync("sync", "--table", "pairs")
    assert done.code == 0, done.out + done.err
    paths = [each["path"] for each in space.old.server.requests()]
    orders = [path.partition("order=")[2].partition("&")[0] for path in paths if "limit=5" in path]
    assert orders[:1] == ["updated_at.asc,part.asc,n.asc"]
    assert set(orders[1:]) == {"part.asc,n.asc"}, orders
    space.assert_equal("pairs")
