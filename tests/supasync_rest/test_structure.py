"""What NEW's catalog tells of foreign keys, with types and names that are awkward."""

from collections.abc import Iterator

import pytest

from supasync_core.api.backend import Reference, Unique
from supasync_core.model.table import Table
from tests.servers.postgres import Cluster
from tests.supasync_rest.rig import SCHEMA_SQL, TABLES, Rig, rig

MORE = """
create schema auth;
create table auth.users (id uuid primary key);
create table public.cats (team int, slug varchar(8), "on" boolean, primary key (team, slug, "on"));
create table public.posts (id int primary key, author uuid constraint author_fk references auth.users,
  slug varchar(8), team bigint, "is" boolean,
  constraint "cat, fk" foreign key (slug, "is", team) references public.cats (slug, "on", team));
create table public.parts (id int, author uuid references auth.users, primary key (id))
  partition by range (id);
create table public.part_1 partition of public.parts for values from (1) to (9);
create table public.couples (a int not null, b text not null, c int, d uuid not null, "e f" int not null,
  unique (a, b), unique (c), unique ("e f") deferrable initially deferred, check (a > 0));
create unique index part on public.couples (d) where a > 0;
create unique index lower on public.couples (lower(b));
create unique index wide on public.couples ("e f", d) include (c);
insert into auth.users values ('00000000-0000-4000-8000-000000000001');
insert into cats values (1, 'Red', true);
revoke all on schema auth from service_role;
"""
CAT = Reference(
    "cat, fk", ("public", "posts"), ("public", "cats"), (("slug", "slug"), ("is", "on"), ("team", "team"))
)
AUTHOR = Reference("author_fk", ("public", "posts"), ("auth", "users"), (("author", "id"),))


@pytest.fixture(scope="module")
def project(cluster: Cluster) -> Iterator[Rig]:
    with rig(cluster, TABLES + MORE + SCHEMA_SQL, schemas=("public", "other")) as running:
        yield running


def test_foreign_keys_are_told_with_their_pairs_and_into_other_schemas(project: Rig) -> None:
    found = project.sink().references([Table(name="posts"), Table(name="parts"), Table(name="none")])
    assert found == [
        Reference("parts_author_fkey", ("public", "parts"), ("auth", "users"), (("author", "id"),)),
        AUTHOR,
        CAT,
    ]


def test_values_without_a_parent_are_found_by_the_keys_own_operators(project: Rig) -> None:
    sink = project.sink()
    here, gone = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
    assert sink.orphans(AUTHOR, [(here,), (gone,)]) == {(gone,)}
    values = [
        ("Red", "true", "1"),
        ("red", "false", "1"),
        ("red", "true", "2"),
        ("Redredred", "true", "1"),
    ]
    assert sink.orphans(CAT, values) == set(values[1:])
    assert sink.orphans(CAT, []) == set()


def test_no_code_of_a_type_that_somebody_made_runs_with_the_rights_of_the_functions_owner(
    project: Rig,
) -> None:
    project.run(
        "create function spied(text) returns boolean language plpgsql volatile as "
        "$$begin raise exception 'it ran as %', current_user; end$$; "
        "create table named (name text primary key); "
        "create domain label as text check (spied(value)); "
        "create table labels (name label constraint named_fk references named)"
    )
    named = Reference("named_fk", ("public", "labels"), ("public", "named"), (("name", "name"),))
    asked = '{"schema": "public", "table": "labels", "name": "named_fk"}'
    told = project.run(f"""select supasync_ready_orphans('{asked}', '[["x"]]')""")
    assert told == [(None,)]
    assert project.sink().orphans(named, [("x",)]) is None


def test_unique_keys_are_those_by_which_rows_can_be_merged(project: Rig) -> None:
    found = project.sink().uniques([Table(name="couples"), Table(name="parts"), Table(name="none")])
    assert found is not None
    assert set(found["public", "couples"]) == {
        Unique(("a", "b")),
        Unique(("c",), nullable=True),
        Unique(("e f", "d")),
    }
    assert found["public", "parts"] == [Unique(("id",))]
    assert found["public", "none"] == []


def test_what_is_no_value_or_no_constraint_is_not_judged(project: Rig) -> None:
    sink = project.sink()
    assert sink.orphans(AUTHOR, [("no uuid",)]) is None
    assert sink.orphans(Reference("none", AUTHOR.table, AUTHOR.parent, AUTHOR.pairs), [("x",)]) is None


def test_a_role_that_may_call_what_is_for_the_secret_key_is_named(project: Rig) -> None:
    def named() -> list[str]:
        return [each.text for each in project.sink().remarks([Table(name="posts")]) if each.kind == "callers"]

    assert named() == []
    project.run("create role app_member; grant execute on function supasync_ready(jsonb) to app_member")
    project.run("grant execute on function supasync_digest(jsonb) to public")
    try:
        assert named() == [
            "public may call supasync_digest of NEW, which is for the secret key alone",
            "app_member may call supasync_ready of NEW, which is for the secret key alone",
        ]
    finally:
        project.run("drop owned by app_member; drop role app_member")
        project.run("revoke execute on function supasync_digest(jsonb) from public")


def test_a_new_with_older_functions_tells_nothing(project: Rig) -> None:
    project.run("alter function supasync_ready_structure(jsonb) rename to away")
    project.run("alter function supasync_ready_orphans(jsonb, jsonb) rename to away")
    project.server.reload()
    try:
        assert project.sink().references([Table(name="posts")]) is None
        assert project.sink().orphans(AUTHOR, [("x",)]) is None
        assert project.sink().uniques([Table(name="couples")]) is None
    finally:
        project.run("alter function away(jsonb) rename to supasync_ready_structure")
        project.run("alter function away(jsonb, jsonb) rename to supasync_ready_orphans")
        project.server.reload()
