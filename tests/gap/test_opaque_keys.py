"""Keys whose equality PostgreSQL alone knows, such as citext: no command takes a guess for a result."""

from collections.abc import Iterator

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

OPERATORS = {"<": "lt", "<=": "le", "=": "eq", ">=": "ge", ">": "gt"}
TYPE = (
    """
create type public.ci;
create function public.ci_in(cstring) returns public.ci as 'textin' language internal strict immutable;
create function public.ci_out(public.ci) returns cstring as 'textout' language internal strict immutable;
create type public.ci (input = public.ci_in, output = public.ci_out, like = text, category = 'S');
create cast (public.ci as text) without function as assignment;
create function public.ci_cmp(public.ci, public.ci) returns int language sql immutable strict as
  'select case when lower($1::text) < lower($2::text) then -1 when lower($1::text) = lower($2::text) then 0
  else 1 end';
"""
    + "".join(
        f"create function public.ci_{name}(public.ci, public.ci) returns boolean language sql strict "
        f"immutable as 'select lower($1::text) {sign} lower($2::text)'; create operator public.{sign} "
        f"(leftarg = public.ci, rightarg = public.ci, function = public.ci_{name});"
        for sign, name in OPERATORS.items()
    )
    + "create operator class public.ci_ops default for type public.ci using btree as "
    + ", ".join(f"operator {i} public.{sign}" for i, sign in enumerate(OPERATORS, 1))
    + ", function 1 public.ci_cmp(public.ci, public.ci);"
)
"""A type whose values are equal whatever the case of their letters, as citext's are."""
SCHEMA = (
    ROLES
    + TYPE
    + """
create table public.names (c public.ci primary key, v text, updated_at timestamptz);
create table public.uses (id int primary key, c public.ci references public.names, updated_at timestamptz);
grant usage on schema public to service_role; grant all on all tables in schema public to service_role;
"""
)
HEAD = ENDS + "tables:\n"
CONFIG = HEAD + "  names: {key: [c]}\n  uses: {depends_on: [names]}\n"
OLDER, NEWER = "2024-01-01 00:00:00+00", "2025-01-01 00:00:00+00"
NOT_CHECKED = "was not checked"


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with between(cluster, tmp_path_factory.mktemp("opaque"), SCHEMA, SCHEMA, CONFIG) as made:
        yield made.ready().keep()


@pytest.fixture
def space(shared: Workspace) -> Workspace:
    shared.again()
    shared.write("tables.yaml", CONFIG)
    (shared.folder / "export").mkdir(exist_ok=True)
    for each in (shared.folder / "export").iterdir():
        each.unlink()
    return shared


def names(space: Workspace) -> list[tuple[object, ...]]:
    return space.new.rows("select c::text, v from public.names order by lower(c::text)")


def test_an_import_does_not_write_over_a_row_that_new_takes_for_the_same(space: Workspace) -> None:
    space.new.run(f"insert into public.names values ('anna', 'newer', '{NEWER}')")  # noqa: S608 - a constant
    space.write("export/names.csv", f"c,v,updated_at\nANNA,older,{OLDER}\nberta,b,{OLDER}\n")
    done = space.supasync("gap", "import", "export", "--yes")
    assert (done.code, names(space)) == (3, [("anna", "newer")]), done.out + done.err
    assert "NEW has 1 row under another spelling of c" in done.out
    assert NOT_CHECKED in done.out
    done = space.supasync("gap", "import", "export", "--yes", "--accept", "spelling")
    assert (done.code, names(space)) == (0, [("ANNA", "older"), ("berta", "b")]), done.out + done.err


def test_no_row_is_an_orphan_by_its_text_alone(space: Workspace) -> None:
    space.new.run(f"insert into public.names values ('anna', 'a', '{OLDER}')")  # noqa: S608 - a constant
    space.write("export/names.csv", f"c,v,updated_at\nberta,b,{OLDER}\n")
    space.write("export/uses.csv", f"id,c,updated_at\n1,ANNA,{OLDER}\n2,Berta,{OLDER}\n3,carl,{OLDER}\n")
    done = space.supasync("gap", "import", "export", "--yes")
    assert "uses.c: orphans were not checked" in done.out, done.out + done.err
    assert space.new.rows("select id from public.uses order by id") == [(1,), (2,)]
    assert "3" in space.supasync("quarantine", "list").out


def test_two_spellings_in_files_and_exact_replacement_are_said_not_to_be_checked(space: Workspace) -> None:
    space.write("export/names.csv", f"c,v,updated_at\nANNA,older,{OLDER}\nanna,newer,{NEWER}\n")
    done = space.supasync("gap", "import", "export", "--yes", "--dry-run")
    assert NOT_CHECKED in done.out
    done = space.supasync("gap", "import", "export", "--yes")
    assert (done.code, "would become a single row in NEW" in done.out + done.err) == (3, True), (
        done.out + done.err
    )


def test_a_key_that_is_spelt_otherwise_is_a_changed_row_in_verify(space: Workspace) -> None:
    for end, text in ((space.old, "ANNA"), (space.new, "anna")):
        end.run(f"insert into public.names values ('{text}', 'a', '{OLDER}')")  # noqa: S608 - constants
    done = space.supasync("verify", "--table", "names", "--json")
    (table,) = done.json["tables"].values()
    assert (done.code, table["missing"], table["extra"]) == (1, [], []), done.out + done.err
    assert table["changed"] == [{"key": ["ANNA"], "columns": ["c"]}]


def test_deletes_do_not_remove_a_row_that_old_has_under_another_spelling(space: Workspace) -> None:
    space.write("tables.yaml", CONFIG.replace("key: [c]", "key: [c], deletes: mirror"))
    space.old.run(f"insert into public.names values ('anna', 'a', '{OLDER}'), ('berta', 'b', '{OLDER}')")  # noqa: S608
    assert space.supasync("sync").code == 0
    assert names(space) == [("anna", "a"), ("berta", "b")]
    space.old.run("update public.names set c = 'ANNA' where c = 'anna'")
    space.write("tables.yaml", CONFIG.replace("key: [c]", "key: [c], deletes: mirror, compare_every: 1m"))
    done = space.supasync("sync")
    assert [each[1] for each in names(space)] == ["a", "b"], done.out + done.err


def test_diff_says_so_and_reconcile_removes_no_row_that_it_wrote(space: Workspace) -> None:
    space.old.run(f"insert into public.names values ('ANNA', 'a', '{OLDER}')")  # noqa: S608 - a constant
    space.new.run(f"insert into public.names values ('anna', 'x', '{OLDER}')")  # noqa: S608 - a constant
    told = space.supasync("diff", "old", "new", "--table", "names", "--format", "json").json
    assert NOT_CHECKED in " ".join(told["tables"]["names"]["notes"])
    done = space.supasync("reconcile", "old", "new", "--table", "names", "--apply", "--delete")
    assert names(space) == [("ANNA", "a")], done.out + done.err
    space.write("export/names.csv", f"c,v,updated_at\nAnna,b,{OLDER}\n")
    done = space.supasync(
        "reconcile", "export", "new", "--table", "names", "--apply", "--delete", "--complete"
    )
    assert names(space) == [("Anna", "b")], done.out + done.err
