"""Tables whose names differ in the case of letters alone: nothing of one passes for the other's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = (
    ROLES
    + """
create table public."user" (id int primary key, v text, updated_at timestamptz);
create table public."User" (id int primary key, w text, updated_at timestamptz);
grant usage on schema public to service_role; grant all on all tables in schema public to service_role;
"""
)
CONFIG = ENDS + "tables:\n  user: {}\n  User: {}\n"
AT = "2024-01-01 00:00:00+00"


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    with between(cluster, tmp_path, SCHEMA, SCHEMA, CONFIG) as made:
        yield made.ready()


def test_files_of_both_are_refused_together_and_imported_one_by_one(space: Workspace) -> None:
    (space.folder / "export").mkdir()
    space.write("export/user.csv", f"id,v,updated_at\n1,small,{AT}\n2,too,{AT}\n")
    space.write("export/User.csv", f"id,w,updated_at\n1,large,{AT}\n")
    done = space.supasync("gap", "import", "export", "--yes")
    assert (done.code, "--file" in done.err) == (3, True), done.out + done.err
    assert space.new.rows('select id from public."user" union select id from public."User"') == []
    for name in ("user", "User"):
        done = space.supasync("gap", "import", "--file", f"{name}=export/{name}.csv", "--yes")
        assert done.code == 0, done.out + done.err
    assert space.new.rows('select id, v from public."user" order by id') == [(1, "small"), (2, "too")]
    assert space.new.rows('select id, w from public."User"') == [(1, "large")]


def test_their_queries_are_saved_under_names_that_no_file_system_takes_for_one(space: Workspace) -> None:
    told = space.supasync("gap", "sql", "--json").json
    files = [each["file"] for each in told]
    assert len({each.lower() for each in files}) == 2, files
    (space.folder / "export").mkdir()
    for each in told:
        assert each["file"] in each["copy"]
        (space.folder / "export" / each["file"]).write_text(f"id,updated_at\n1,{AT}\n")
    done = space.supasync("gap", "import", "export", "--dry-run")
    assert "belongs to no table" not in done.out
    assert {f"staging {each['file']} ..." for each in told} <= set(done.err.splitlines())
