"""Rows of files into a PostgreSQL: a value that NEW's types would change never counts as copied."""

from collections.abc import Iterator

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = (
    ROLES
    + """
create type public.days as range (subtype = date);
create table public.t (id int primary key, d date, f double precision, n numeric(12,1), at timestamp(0),
  updated_at timestamptz, days public.days, tags varchar(3)[]);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
HEAD = "id,d,f,n,at,updated_at\n"
GOOD = "1,2026-01-02,0.1,1.5,2026-01-02 10:00:00,2026-01-02 10:00:00+00\n"
ROW = {1: "2026-01-02", 2: "0.1", 3: "1.5", 4: "2026-01-02 10:00:00", 5: "2026-01-02 10:00:00+00"}


@pytest.fixture(scope="module")
def made(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    config = ENDS + "tables:\n  t: {overlap: 1s}\n"
    with between(cluster, tmp_path_factory.mktemp("misread"), SCHEMA, SCHEMA, config) as space:
        text = (space.folder / "tables.yaml").read_text("utf-8")
        source = next(line for line in text.splitlines() if line.startswith("source:"))
        space.write("tables.yaml", text.replace(source, "source: {backend: csv, path: old}"))
        (space.folder / "old").mkdir()
        space.write("old/t.csv", HEAD + GOOD)
        yield space.ready().keep()


@pytest.fixture
def space(made: Workspace) -> Workspace:
    space = made.again()
    (space.folder / "old").mkdir()
    space.write("old/t.csv", HEAD + GOOD)
    return space


def row(place: int, text: str) -> str:
    return ",".join(["2", *({**ROW, place: text}.values())]) + "\n"


@pytest.mark.parametrize(
    ("place", "text"), [(1, "2/1/26"), (1, "today"), (2, "9007199254740993"), (4, "2026-01-02 10:00:00+05")]
)
def test_a_cell_that_becomes_another_value_is_quarantined(space: Workspace, place: int, text: str) -> None:
    space.write("old/t.csv", HEAD + GOOD + row(place, text))
    done = space.supasync("sync")
    assert done.code == 3, done.err
    assert "1 row was refused and quarantined" in done.err
    assert space.new.rows("select id from public.t") == [(1,)], "the others are there"
    assert "prints it, and would become another" in space.supasync("quarantine", "list").out


@pytest.mark.parametrize(
    ("column", "good", "bad"),
    [
        ("days", '"[2026-01-02,2026-02-01)"', '"[2026-01-02,2/1/26)"'),
        ("days", '"[ 2026-01-02 ,)"', '"[2026-01-02,today)"'),
        ("tags", '"{ab,""a "",NULL}"', '"{a,""ab  ""}"'),
    ],
)
def test_what_no_list_tells_of_a_type_is_read_back(
    space: Workspace, column: str, good: str, bad: str
) -> None:
    head = f"id,{column},updated_at\n"
    rows = "".join(f"{n},{good},2026-01-02 10:00:00+00\n" for n in range(1, 200))
    space.write("old/t.csv", head + rows)
    done = space.supasync("sync")
    assert done.code == 0, done.err
    space.write("old/t.csv", head + rows + f"777,{bad},2026-01-02 11:00:00+00\n")
    done = space.supasync("sync")
    assert (done.code, f"NEW changed {column} after it was written" in done.err) == (3, True), done.err


@pytest.mark.parametrize(("place", "text"), [(3, "1.25"), (4, "2026-01-02 10:00:00.6")])
def test_a_row_that_a_modifier_would_round_is_quarantined(space: Workspace, place: int, text: str) -> None:
    space.write("old/t.csv", HEAD + GOOD + row(place, text))
    done = space.supasync("sync")
    assert done.code == 3, done.err
    assert space.new.rows("select id from public.t") == [(1,)], "the others are there"
    assert "behind the point" in space.supasync("quarantine", "list").out


def test_a_modifier_that_new_does_not_tell_stops_the_table(space: Workspace) -> None:
    space.new.run("drop function public.supasync_ready_structure(jsonb)")
    space.write("old/t.csv", HEAD + GOOD + row(3, "1.25"))
    done = space.supasync("sync")
    space.new.run(space.supasync("schema", "sql").out)
    assert done.code == 3, done.err
    assert "t: failed: NEW changed n after it was written" in done.err


def test_values_in_other_spellings_arrive(space: Workspace) -> None:
    space.write("old/t.csv", HEAD + GOOD + "2,2026-01-02,1e-7,1.50,2026-01-02T10:00:00Z,2026-01-02T10:00Z\n")
    assert space.supasync("sync").code == 0
    assert space.new.rows("select count(*) from public.t") == [(2,)]


def test_an_array_that_arrived_from_a_file_is_no_difference(space: Workspace) -> None:
    head, stamp = "id,tags,updated_at\n", "2026-01-02 10:00:00+00"
    space.write("old/t.csv", head + f'1,"{{ab,""a "",NULL}}",{stamp}\n2,{{}},{stamp}\n3,{{b}},{stamp}\n')
    assert space.supasync("sync").code == 0
    space.new.run("update public.t set tags = '{c}' where id = 3")
    verified = space.supasync("verify", "--exact", "--json").json["tables"]["t"]
    assert verified["changed"] == [{"key": ["3"], "columns": ["tags"]}]


def test_an_import_refuses_what_a_modifier_would_round(space: Workspace) -> None:
    assert space.supasync("sync").code == 0
    (space.folder / "export").mkdir()
    space.write("export/t.csv", HEAD + GOOD + row(3, "1.25"))
    done = space.supasync("gap", "import", "export", "--yes", "--accept", "header")
    assert done.code == 3, done.out + done.err
    assert space.new.rows("select id from public.t") == [(1,)]
    assert "it holds 1 digit behind the point" in space.supasync("quarantine", "list").out, (
        done.out + done.err
    )


def test_reconcile_refuses_such_a_row_of_a_file(space: Workspace) -> None:
    assert space.supasync("sync").code == 0
    space.write("t.csv", HEAD + GOOD + row(2, "9007199254740993") + row(3, "1.25").replace("2,", "3,", 1))
    done = space.supasync("reconcile", "t.csv", "new", "--apply")
    assert done.code == 3, done.out + done.err
    assert space.new.rows("select id from public.t") == [(1,)]
