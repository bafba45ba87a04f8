"""Casts that the owner of a type wrote are code of somebody else: no command runs them."""

# ruff: noqa: S608 - names are ours

from collections.abc import Iterator

import pytest

from supasync_core.api.row_formats import PG_COPY
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.table import Table
from tests.e2e.workspace import Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster
from tests.supasync_postgres.databases import Place, place
from tests.supasync_postgres.test_values_exact import POSTGRES

TYPES = """
create domain public.past as timestamptz default now() - interval '1 hour';
create type public.mood as enum ('sad', 'so so', 'happy');
create type public.pair as (a int, mood public.mood);
create domain public.feeling as public.mood;
create domain public.feelings as public.mood[];
create table public.plain (id int primary key, mood public.mood, updated_at public.past);
create table public.many (id int primary key, moods public.mood[], updated_at public.past);
create table public.named (id int primary key, one public.feeling, more public.feelings,
  others public.feeling[], updated_at public.past);
create table public.keyed (mood public.mood, id int, updated_at public.past,
  primary key (mood, id));
create table public.nested (id int primary key, pair public.pair, updated_at public.past);
create table public.children (id int primary key, mood public.mood, number int,
  updated_at public.past, foreign key (mood, number) references public.keyed (mood, id));
grant select, insert, update, delete on all tables in schema public to service_role;
"""
CASTS = """
create function public.as_json(public.mood) returns json language plpgsql as
  $$ begin raise exception 'code of somebody else ran as %', current_user; end $$;
create function public.as_text(public.mood) returns text language plpgsql as
  $$ begin raise exception 'code of somebody else ran as %', current_user; end $$;
create function public.as_text(public.mood[]) returns text language plpgsql as
  $$ begin raise exception 'code of somebody else ran as %', current_user; end $$;
create function public.of_text(text) returns public.mood language plpgsql as
  $$ begin raise exception 'code of somebody else ran as %', current_user; end $$;
create function public.of_texts(text) returns public.mood[] language plpgsql as
  $$ begin raise exception 'code of somebody else ran as %', current_user; end $$;
create cast (public.mood as json) with function public.as_json(public.mood);
create cast (public.mood as text) with function public.as_text(public.mood);
create cast (public.mood[] as text) with function public.as_text(public.mood[]);
create cast (text as public.mood) with function public.of_text(text) as assignment;
create cast (text as public.mood[]) with function public.of_texts(text) as assignment;
"""
ROWS = """
insert into public.plain select g, 'so so' from generate_series(1, 60) g;
insert into public.plain values (61, null);
insert into public.many values (1, '{sad,happy}'), (2, '[0:1]={sad,NULL}'), (3, '{}'), (4, null),
  (5, '{{sad,"so so"},{happy,sad}}');
insert into public.named values (1, 'happy', '{sad,"so so"}', '{sad}'), (2, null, null, null);
insert into public.keyed select m, g from generate_series(1, 3) g, unnest(enum_range(null::public.mood)) m;
insert into public.nested values (1, (1, 'sad'));
insert into public.children values (1, 'so so', 2), (2, null, null);
"""
SAFE = ("plain", "many", "named", "keyed", "children")
SETTINGS = f"{POSTGRES}tables:\n" + "".join(f"  {name}: {{}}\n" for name in SAFE).replace(
    "keyed: {}", "keyed: {key: [mood, id]}"
)
WHOLE = Window((Span(Keyset(None)),), 100)


@pytest.fixture(scope="module")
def space(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("casts")
    with between(cluster, folder, ROLES + TYPES + CASTS + ROWS, ROLES + TYPES + CASTS, SETTINGS) as running:
        for name, end in (("OLD_DATABASE_URL", running.old), ("NEW_DATABASE_URL", running.new)):
            running.environment[name] = cluster.url(end.database)
        running.new.run(running.supasync("schema", "sql").out)
        yield running


def test_no_command_runs_a_cast_of_a_type_and_every_value_arrives(space: Workspace) -> None:
    for words in (["setup"], ["sync"], ["check"], ["verify"], ["verify", "--exact"], ["diff", "old", "new"]):
        done = space.supasync(*words)
        assert done.code == 0, (words, done.out + done.err)
        assert "somebody else" not in done.out + done.err
    for table in SAFE:
        query = f"select * from public.{table} order by 1, 2"
        assert space.old.csv(query) == space.new.csv(query), table


def test_a_change_of_each_is_seen_and_written(space: Workspace) -> None:
    later = "updated_at = now() - interval '30 min'"
    space.old.run(
        f"update public.plain set mood = 'happy', {later} where id = 7; "
        f"update public.many set moods = '[0:0]={{happy}}', {later} where id = 1; "
        f"update public.named set more = '{{happy,NULL}}', {later} where id = 2; "
        f"update public.children set mood = 'sad', number = 1, {later} where id = 2"
    )
    assert space.supasync("diff", "old", "new").code == 1
    assert space.supasync("verify", "--exact").code == 1
    done = space.supasync("sync")
    assert done.code == 0, done.out + done.err
    assert space.supasync("verify", "--exact").code == 0


def test_a_type_that_only_json_could_show_is_refused_in_one_sentence(space: Workspace) -> None:
    space.write("nested.yaml", f"{POSTGRES}tables:\n  nested: {{}}\n")
    found = space.supasync("--config", "nested.yaml", "setup")
    assert "it leaves out each table that has a problem" in found.out
    assert space.supasync("--config", "nested.yaml", "sync").code == 3
    assert "reading pair (public.pair) runs a function that somebody wrote as a cast of its type" in " ".join(
        found.out.split() + found.err.split()
    )
    space.write("nested.yaml", f"{POSTGRES}tables:\n  nested: {{exclude: [pair]}}\n")
    assert space.supasync("--config", "nested.yaml", "setup").code == 0
    done = space.supasync("--config", "nested.yaml", "sync")
    assert done.code == 0, done.out + done.err


def test_pages_in_json_and_in_copy_are_those_of_a_type_without_a_cast(cluster: Cluster) -> None:
    with place(cluster, TYPES + ROWS) as bare, place(cluster, TYPES + CASTS + ROWS) as cast:

        def shown(project: Place, name: str) -> list[object]:
            table = Table(
                name=name,
                key=("mood", "id") if name == "keyed" else ("id",),
                exclude=("updated_at",),
                timestamp=(),
            )
            source = project.source()
            page, copied = source.read(table, WHOLE), source.read_in(PG_COPY, table, WHOLE)
            assert (copied.body, copied.exact) == (page.body, page.exact)
            found = source.survey([(table, table.key)])
            assert found
            newest = found.extents[name].newest
            return [page.body, page.exact, newest, source.key_behind(table, (), 2)]

        for name in ("plain", "many", "keyed"):
            assert shown(bare, name) == shown(cast, name)
        [named] = [each.source().read(Table(name="named"), WHOLE).rows[0] for each in (cast,)]
        assert (named["one"], named["more"], named["others"]) == ("happy", ["sad", "so so"], ["sad"])
