"""Types of one's own, arrays and rows: an empty text stays one, the same data is no difference."""

from collections.abc import Iterator

import pytest

from supasync_core.gap.csv.dedupe import unchecked
from supasync_core.model.table import Column, Shape, Table
from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = (
    ROLES
    + """
create schema ext; grant usage on schema ext to public;
create type ext.word;
create function ext.word_in(cstring) returns ext.word as 'textin' language internal strict immutable;
create function ext.word_out(ext.word) returns cstring as 'textout' language internal strict immutable;
create type ext.word (input = ext.word_in, output = ext.word_out, like = text, category = 'S');
create type public.mood as enum ('', 'ok');
create type public.size as enum ('s', 'm');
create type public.spot as (id int, v text, at timestamptz, tags text[], ok boolean);
create table public.words (id int primary key, c ext.word, m public.mood, s public.size,
  updated_at timestamptz not null default '2024-01-01');
create table public.shapes (id int primary key, t timestamp[], z timestamptz[], one public.spot,
  many public.spot[], boxes box[], list int[], texts text[],
  updated_at timestamptz not null default '2024-01-01');
grant usage on schema public to service_role; grant all on all tables in schema public to service_role;
"""
)
CONFIG = ENDS + "tables:\n  words: {}\n  shapes: {}\n"
SHAPES = r"""
insert into public.shapes values
  (1, '{"2024-01-01 00:00:00"}', '{"2024-01-01 02:00:00+02"}',
   row(77, 'a "b", c', '2024-01-01', '{x,"y z"}', true),
   array[row(1, 'x', null, null, false), row(null, '', null, '{}', null)]::public.spot[],
   '{(3,4),(1,2);(7,8),(5,6)}', '{1,2}', '{a,"b c",NULL,"NULL",""}'),
  (2, '{}', '{}', null, '{}', '{}', '{}', '{}'),
  (3, null, null, null, null, null, null, null);
"""
HEAD = "id,c,m,s,updated_at\n"
END = "2024-01-01 00:00:00+00"


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with between(cluster, tmp_path_factory.mktemp("types"), SCHEMA, SCHEMA, CONFIG) as made:
        yield made.ready().keep()


@pytest.fixture
def space(shared: Workspace) -> Workspace:
    shared.again()
    (shared.folder / "export").mkdir(exist_ok=True)
    return shared


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ('1,"","",s', [("", "", "s")]),
        ('1,"","",m\n2,,,', [("", "", "m"), (None, None, None)]),
        ("1,null,ok,\n2,,,s", None),
    ],
)
def test_an_empty_text_of_a_type_of_ones_own_stays_one(
    space: Workspace, rows: str, wanted: list[tuple[str | None, ...]] | None
) -> None:
    lines = "".join(f"{row},{END}\n" for row in rows.split("\n"))
    space.write("export/words.csv", HEAD + lines)
    done = space.supasync("gap", "import", "export", "--yes")
    got = space.new.rows("select c::text, m::text, s::text from public.words order by id")
    assert (done.code, got) == ((0, wanted) if wanted else (3, [])), done.out + done.err


@pytest.mark.parametrize(
    ("file", "cells", "options"),
    [("words_rows.csv", "1,,ok,s", []), ("words.csv", "1,null,ok,s", ["--dialect", "words.csv=sql-editor"])],
)
def test_what_a_dashboard_does_not_tell_of_such_a_type_is_asked(
    space: Workspace, file: str, cells: str, options: list[str]
) -> None:
    space.write(f"export/{file}", f"{HEAD}{cells},{END}".replace("\n", "\r\n"))
    done = space.supasync("gap", "import", "export", "--yes", *options)
    assert (done.code, space.new.rows("select * from public.words")) == (3, [])
    assert "words.c" in done.out + done.err


def test_arrays_of_timestamps_and_boxes_and_rows_arrive_and_are_equal(space: Workspace) -> None:
    space.old.run(SHAPES)
    space.write("export/shapes.csv", space.old.csv("select * from public.shapes"))
    for rows in ("3", "0"):
        done = space.supasync("gap", "import", "export", "--yes")
        assert done.code == 0, done.out + done.err
        assert space.new.texts("shapes") == space.old.texts("shapes")
        assert f"{rows}/{rows} rows" in done.out or rows == "0", done.out
    compared = space.supasync("diff", "export", "old", "--table", "shapes")
    assert compared.code == 0, compared.out + compared.err


def test_other_elements_are_a_difference(space: Workspace) -> None:
    space.old.run(SHAPES)
    space.write("export/shapes.csv", space.old.csv("select * from public.shapes"))
    space.old.run(
        "update public.shapes set t = '{\"2024-01-01 00:00:01\"}', one.v = 'other', boxes = '{(3,4),(1,2)}', "
        "many[1].id = 2, texts[2] = 'c' where id = 1"
    )
    told = space.supasync("diff", "export", "old", "--table", "shapes", "--format", "json").json
    (row,) = told["tables"]["shapes"]["rows"]
    assert set(row["columns"]) == {"t", "one", "boxes", "many", "texts"}


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (Column("c", type="ext.citext"), True),
        (Column("c", type="citext"), True),
        (Column("c", type="public.mood", values=("sad", "ok")), False),
        (Column("c", type="text"), False),
        (Column("c", type="emails"), True),
        (Column("c", type='public."MOOD"'), True),
        (Column("c", type="UUID"), False),
        (Column("c", type="DECIMAL(12,4)"), False),
        (Column("c", type=None), False),
    ],
)
def test_a_key_whose_equality_postgresql_alone_knows_is_said_not_to_be_checked(
    column: Column, said: object
) -> None:
    found = unchecked(Table(name="named", key=("c",)), Shape((column,)))
    assert ["was not checked" in each.text for each in found] == [True] * bool(said)


ADDS = """
create or replace function public.adds() returns trigger language plpgsql as $$ begin
  {} return new; end $$;
create or replace trigger adds before insert or update on public.shapes
  for each row execute function public.adds();
"""


@pytest.mark.parametrize(
    "change",
    ["", "new.texts := new.texts || ''::text;", "new.list[1] := 7;", "new.t[1] := '2024-01-01 00:00:01';"],
)
def test_an_array_that_a_trigger_changes_is_seen_although_it_was_sent_as_a_literal(
    space: Workspace, change: str
) -> None:
    space.old.run(SHAPES)
    space.old.run("update public.shapes set texts = '[0:1]={a,b}' where id = 2")
    space.new.run(ADDS.format(change))
    space.write("export/shapes.csv", space.old.csv("select * from public.shapes order by id"))
    done = space.supasync("gap", "import", "export", "--yes")
    assert done.code == (3 if change else 0), done.out + done.err
    assert ("NEW changed" in done.out + done.err) == bool(change)
    space.new.run("drop trigger adds on public.shapes")
