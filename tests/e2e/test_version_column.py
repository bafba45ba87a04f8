"""`append` by a column of its own over real servers: updates, NULL, settings, and every command."""

from collections.abc import Iterator

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = (
    ROLES
    + """
create sequence public.versions;
create table public.items (code text primary key, name text,
  row_version bigint default nextval('public.versions'));
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
ROWS = "insert into public.items (code, name) select 'c' || g, 'i' || g from generate_series(1, 1200) g"
TABLE = "tables:\n  items: {key: code, strategy: {append: {column: row_version}}}\n"
CHANGED = "update public.items set name = 'new', row_version = nextval('public.versions') where code = 'c7'"


@pytest.fixture(scope="module")
def prepared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with between(cluster, tmp_path_factory.mktemp("version"), SCHEMA, SCHEMA, ENDS + TABLE) as made:
        made.old.run(ROWS)
        yield made.ready().keep()


@pytest.fixture
def space(prepared: Workspace) -> Workspace:
    prepared.again().forget()
    return prepared


def test_updates_arrive_and_every_command_goes_by_the_column(space: Workspace) -> None:
    checked = space.supasync("check")
    assert checked.code == 0, checked.out
    assert "not seen" not in checked.out
    assert space.supasync("sync").code == 0
    space.assert_equal("items")
    space.old.run(CHANGED)
    assert space.supasync("sync").code == 0
    space.assert_equal("items")
    for command in (("verify",), ("verify", "--exact"), ("diff", "old", "new")):
        done = space.supasync(*command)
        assert done.code == 0, (command, done.out + done.err)
    whole = 'select t.* from "public"."items" as t order by'
    assert whole in space.supasync("gap", "sql").out, "the overlap has not passed since the first load"
    assert "internal error" not in space.supasync("cutover", "--plan").err


def test_the_last_gap_arrives_by_a_file_as_well(space: Workspace) -> None:
    assert space.supasync("sync").code == 0
    space.old.run(CHANGED)
    (query,) = space.supasync("gap", "sql", "--exact", "--json").json
    (space.folder / "export").mkdir()
    space.write("export/items.csv", space.old.csv(query["sql"].rstrip(";\n")))
    done = space.supasync("gap", "import", "export", "--yes")
    assert done.code == 0, done.out + done.err
    space.assert_equal("items")
    space.old.run(
        "update public.items set name = 'newer', row_version = nextval('public.versions') where code = 'c8'"
    )
    assert space.supasync("sync").code == 0
    space.assert_equal("items")


def test_rows_without_a_number_stop_the_table_and_are_named(space: Workspace) -> None:
    space.old.run("update public.items set row_version = null where code in ('c3', 'c4')")
    done = space.supasync("sync")
    assert done.code == 3, done.out + done.err
    assert "items: failed: 2 rows have no row_version, and would never be read" in done.err


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("name", "append needs a column of whole numbers, and name is text"),
        ("nothing", "OLD has no column nothing"),
    ],
)
def test_a_column_that_does_not_fit_is_refused_before_a_run(space: Workspace, column: str, told: str) -> None:
    space.write("tables.yaml", ENDS + TABLE.replace("row_version", column))
    checked = space.supasync("check")
    assert checked.code == 3
    assert told in checked.out
    assert space.supasync("sync").code == 3


def test_a_column_whose_name_speaks_of_no_update_does_not_claim_to_see_one(space: Workspace) -> None:
    for end in (space.old, space.new):
        end.run("alter table public.items rename row_version to seq")
    try:
        by_seq = TABLE.replace("row_version", "seq")
        space.write("tables.yaml", ENDS + by_seq)
        assert "updates of copied rows are not seen" in space.supasync("check").out
        space.write("tables.yaml", ENDS + by_seq.replace("}}}", "}}, updates: seen}"))
        assert "not seen" not in space.supasync("check").out
    finally:
        for end in (space.old, space.new):
            end.run("alter table public.items rename seq to row_version")


AGED = r"""update public.sync_metadata set state = regexp_replace(state::text,
'"(moved_at|loaded_at|walked_at|checked_at)": "2[^"]*"', '"\1": "2020-01-01T00:00:00Z"', 'g')::jsonb
where state is not null"""


def test_a_number_that_was_drawn_early_and_written_late_is_found_by_the_comparison(space: Workspace) -> None:
    """A session keeps the rest of a sequence's CACHE for as long as a pool keeps the session."""
    space.old.run("update public.items set row_version = row_version + 100")
    for _ in range(3):
        assert space.supasync("sync").code == 0
        space.new.run(AGED)
    space.old.run("insert into public.items values ('late', 'cached', 2)")
    done = space.supasync("sync")
    assert done.code == 0, done.err
    assert space.new.rows("select name from public.items where code = 'late'") == [("cached",)]


def test_check_names_a_table_read_by_numbers_that_is_never_compared(space: Workspace) -> None:
    space.write("tables.yaml", ENDS + TABLE.replace("}}}", "}}, compare_every: never}"))
    assert (
        "whose row_version was drawn before others and written later is not seen"
        in space.supasync("check").out
    )
