"""A key in another spelling is the same key: no newer row of NEW is written over, no key arrives twice."""

import json
from collections.abc import Iterator

import duckdb
import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

HEAD = ENDS + "tables:\n"
KINDS = {
    "moments": ("timestamptz", "2024-05-05 12:00:00+02", "2024-05-05 10:00:00+00"),
    "local": ("timestamp", "2024-05-05 10:00:00.000", "2024-05-05 10:00:00"),
    "flags": ("boolean", "true", "t"),
    "ids": ("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    "amounts": ("numeric", "1.00", "1"),
    "hours": ("time", "10:00", "10:00:00"),
    "spans": ("interval", "24:00:00", "1 day"),
}
"""Of each table the key's type, its spelling in a file, and NEW's own."""
SCHEMA = (
    ROLES
    + "".join(
        f"create table public.{name} (k {kind} primary key, v text, rowid int, t int,"
        " updated_at timestamptz);"
        for name, (kind, _, _) in KINDS.items()
    )
    + "create table public.children (id int primary key, k timestamptz references public.moments,"
    " updated_at timestamptz);"
    + "grant usage on schema public to service_role;"
    + "grant all on all tables in schema public to service_role;"
)
CONFIG = (
    HEAD + "".join(f"  {name}: {{key: [k]}}\n" for name in KINDS) + "  children: {depends_on: [moments]}\n"
)
FIRST = "k,v,rowid,t,updated_at\n"


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with between(cluster, tmp_path_factory.mktemp("keys"), SCHEMA, SCHEMA, CONFIG) as made:
        made.ready()
        (made.folder / "export").mkdir()
        yield made.keep()


@pytest.fixture
def space(shared: Workspace) -> Workspace:
    shared.again()
    (shared.folder / "export").mkdir(exist_ok=True)
    return shared


def test_a_newer_row_of_new_stays_whatever_the_key_is_spelt_like(space: Workspace) -> None:
    for name, (_, spelt, own) in KINDS.items():
        space.new.run(f"insert into public.{name} values ('{own}', 'newer', 1, 1, '2025-01-01')")  # noqa: S608
        space.write(f"export/{name}.csv", f"{FIRST}{spelt},older,5,5,2024-01-01 00:00:00+00\n")
    done = space.supasync("gap", "import", "export", "--yes", "--json")
    assert done.code == 0, done.out + done.err
    for name in KINDS:
        assert space.new.rows(f"select v from public.{name}") == [("newer",)], name  # noqa: S608
        assert done.json["tables"][name]["older"] == 1, name


def test_a_parent_in_another_spelling_is_no_missing_parent(space: Workspace) -> None:
    space.write("export/moments.csv", f"{FIRST}2024-05-05 12:00:00+02,a,5,5,2024-01-01 00:00:00+00\n")
    space.write("export/children.csv", "id,k,updated_at\n1,2024-05-05T10:00:00Z,2024-01-01 00:00:00+00\n")
    done = space.supasync("gap", "import", "export", "--yes")
    assert done.code == 0, done.out + done.err
    assert space.new.rows("select id from public.children") == [(1,)]


def test_one_key_in_two_spellings_with_different_content_is_an_error(space: Workspace) -> None:
    space.write(
        "export/moments.csv",
        f"{FIRST}2024-05-05 10:00:00+00,newest,,,2024-01-02 00:00:00+00\n"
        "2024-05-05 12:00:00+02,older,,,2024-01-01 00:00:00+00\n",
    )
    done = space.supasync("gap", "import", "export", "--yes")
    assert (done.code, space.new.rows("select v from public.moments")) == (3, [])


def test_an_exact_row_replaces_a_damaged_one_in_another_spelling(space: Workspace) -> None:
    space.old.run("insert into public.moments values ('2024-05-05 10:00:00+00', 'right', 5, 7, '2024-01-01')")
    (query,) = [q for q in space.supasync("gap", "sql", "--exact", "--json").json if q["table"] == "moments"]
    (space.folder / "export/moments-2.csv").write_text(space.old.csv(query["sql"].rstrip(";")))
    space.write("export/moments.csv", f"{FIRST}2024-05-05 12:00:00+02,DAMAGED,xx,1,2024-01-01 00:00:00+00\n")
    done = space.supasync("gap", "import", "export", "--yes")
    assert done.code == 0, done.out + done.err
    assert space.new.rows("select v, rowid, t from public.moments") == [("right", 5, 7)]


def test_a_row_that_changed_in_new_behind_its_time_is_sent_again(space: Workspace) -> None:
    """NEW has confirmed it once; what it holds now is something else."""
    space.write("export/ids.csv", f"{FIRST}{KINDS['ids'][2]},right,5,7,2024-01-01 00:00:00+00\n")
    for _ in range(2):
        done = space.supasync("gap", "import", "export", "--yes")
        assert done.code == 0, done.out + done.err
        assert space.new.rows("select v, rowid, t from public.ids") == [("right", 5, 7)]
        space.new.run("update public.ids set v = 'stale'")


def test_a_rehearsal_has_one_row_for_a_key_however_two_exports_spell_it(space: Workspace) -> None:
    space.supasync("gap", "sql")  # NEW's types are known from now on
    for turn in (1, 0):
        for name, kind in KINDS.items():
            row = f"{kind[1 + turn]},v{turn},5,5,2024-01-0{3 - turn} 00:00:00+00\n"
            space.write(f"export/{name}.csv", FIRST + row)
        done = space.supasync("gap", "import", "export", "--yes", "--sink", "duckdb:rehearsal.duckdb")
        assert done.code == 0, done.out + done.err
    with duckdb.connect(str(space.folder / "rehearsal.duckdb")) as connection:
        for name in KINDS:
            rows = connection.execute(f"select v from {name}").fetchall()  # noqa: S608
            assert [json.loads(v) for (v,) in rows] == ["v0"], name
