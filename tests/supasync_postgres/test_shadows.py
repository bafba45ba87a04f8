"""Names that somebody else has planted, and names that are odd, change nothing that is read or written."""

# ruff: noqa: S608 - names are quoted, all else is constant

from collections.abc import Iterator

import pytest

from supasync_core.model.batch import Batch, Cursor, Keyset, Span, Window
from supasync_core.model.errors import RowError
from supasync_core.model.table import Table
from supasync_core.testing.sample_table import ALL
from supasync_postgres import sink as sink_module
from tests.servers.hosted import OWNER
from tests.servers.postgres import Cluster
from tests.supasync_postgres.databases import READY, Place, place

SHADOWS = """
create function public.evil(s text, r record) returns text language plpgsql as $$
  begin insert into public.traces values (current_user); return '[{"id":666}]'; end $$;
create table public.traces (who text);
create aggregate public.json_agg(record) (sfunc = public.evil, stype = text);
create aggregate public.json_agg(text) (sfunc = pg_catalog.textcat, stype = text);
create function public.evil_pair(mood, mood) returns boolean language sql as 'select true';
create operator public.= (leftarg = mood, rightarg = mood, procedure = public.evil_pair);
create operator public.> (leftarg = mood, rightarg = mood, procedure = public.evil_pair);
create function public.json_build_object(text, text) returns json language sql as
  $$ select '{"a":1}'::json $$;
create function public.json_build_array(text) returns json language sql as $$ select '["x"]'::json $$;
create function public.concat_ws(text, bigint, numeric, oid, text) returns text language sql as
  $$ select 'x' $$;
create function public.array_dims(text[]) returns text language sql as $$ select '[0:1]' $$;
create function public.multiplied(numeric, integer) returns numeric language sql as 'select 9e17::numeric';
create operator public.* (leftarg = numeric, rightarg = integer, procedure = public.multiplied);
"""
TABLES = """
create type mood as enum ('sad', 'fine', 'happy');
create table moods (mood mood primary key, label text, list text[], doc json, parent mood references moods);
"""
FILLED = """
truncate moods;
insert into moods values ('sad', 'a', '{x}', '"s"'), ('fine', 'b', null, 'null'), ('happy', 'c', '{}', '1');
"""
MOODS = Table(name="moods", key=("mood",), timestamp=())
WHOLE = Window((Span(ALL),), 100)


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> Iterator[Place]:
    with place(cluster, TABLES + SHADOWS + READY) as opened:
        yield opened


@pytest.fixture
def project(shared: Place) -> Iterator[Place]:
    shared.run(FILLED)
    opened = Place(shared.hosted)
    with opened.opened:
        yield opened
    assert shared.run("select count(*) from traces") == [(0,)]


def moods(batch: Batch) -> list[tuple[str, str]]:
    return [(row["mood"], row["label"]) for row in batch.rows]


def test_functions_and_operators_of_others_are_not_run(project: Place) -> None:
    source = project.source()
    page = source.read(MOODS, WHOLE)
    assert moods(page) == [("sad", "a"), ("fine", "b"), ("happy", "c")]
    assert page.exact == {0: {"doc": '"s"'}, 1: {"doc": "null"}, 2: {"doc": "1"}}
    assert page.read_at
    assert abs(page.read_at.at - page.read_at.began) < 60_000_000
    assert [moods(each) for each in source.rows(MOODS, ["mood"], [["fine"]])] == [[("fine", "b")]]
    behind = Window((Span(Keyset(None), after=Cursor(None, ("sad",))),), 1, counted=True)
    page = source.read(MOODS, behind)
    assert (moods(page), page.total) == ([("fine", "b")], 2)
    found = source.survey([(MOODS, [])])
    assert found
    assert found.extents["moods"].fingerprint != "x"


@pytest.mark.parametrize("mode", ["triggers", "replica"])
@pytest.mark.parametrize("fewest", [1, 50])
def test_nor_are_they_when_rows_are_written(
    project: Place, monkeypatch: pytest.MonkeyPatch, mode: str, fewest: int
) -> None:
    monkeypatch.setattr(sink_module, "FEWEST", fewest)
    name, cluster = project.hosted.database, project.hosted.cluster
    if mode == "replica":
        cluster.execute(name, f"grant set on parameter session_replication_role to {OWNER}")
    try:
        sink = project.sink()
        row = '{{"mood":"fine","label":"{}","list":["x"],"doc":1,"parent":"happy"}}'
        assert sink.upsert(MOODS, Batch(f"[{row.format(fewest)}]".encode())) == 1
        assert moods(sink.read(MOODS, WHOLE)) == [("sad", "a"), ("fine", str(fewest)), ("happy", "c")]
        project.run("begin; delete from moods where mood = 'sad'::mood and label = 'zz'; commit")
        sad = '[{"mood":"sad","label":"a","list":null,"doc":null,"parent":"sad"}]'
        assert sink.upsert(MOODS, Batch(sad.encode())) == 1
        assert sink.delete(MOODS, [("sad",)]) == 1
        with pytest.raises(RowError):
            sink.upsert(
                MOODS,
                Batch(
                    sad.replace('"parent":"sad"', '"parent":"sad"')
                    .replace('"mood":"sad"', '"mood":"happy"')
                    .encode()
                ),
            )
        assert moods(sink.read(MOODS, WHOLE)) == [("fine", str(fewest)), ("happy", "c")]
    finally:
        if mode == "replica":
            cluster.execute(name, f"revoke set on parameter session_replication_role from {OWNER}")


NAMES = ("a%b", "a%%b", "%s", "%(x)s", 'quote"d', "brace{0}", "semi;colon", "p0", "t0")


@pytest.fixture(scope="module")
def odd(cluster: Cluster) -> Iterator[Place]:
    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    columns = ", ".join(f"{quoted(name)} json" for name in NAMES)
    tables = [
        f'create table {quoted(name)} ("k%" int primary key, {columns}, at timestamptz default now(), '
        f"more text); insert into {quoted(name)} (\"k%\", more) values (1, '{number}')"
        for number, name in enumerate(NAMES)
    ]
    with place(cluster, ";".join(tables)) as opened:
        yield opened


@pytest.mark.parametrize("fewest", [1, 50])
@pytest.mark.parametrize("number", range(len(NAMES)))
def test_an_odd_name_is_that_name(
    odd: Place, monkeypatch: pytest.MonkeyPatch, number: int, fewest: int
) -> None:
    monkeypatch.setattr(sink_module, "FEWEST", fewest)
    opened = Place(odd.hosted)
    with opened.opened:
        table = Table(name=NAMES[number], key=("k%",), timestamp=("at",))
        source, sink = opened.source(), opened.sink()
        page = source.read(table, WHOLE)
        assert [row["more"] for row in page.rows] == [str(number)]
        assert page.columns == ("k%", *NAMES, "at", "more")
        assert source.count(table) == 1
        filtered = Table(name=table.name, key=table.key, timestamp=(), where="more like '%' and more <> 'a%'")
        assert source.count(filtered) == source.read(filtered, WHOLE).count == 1
        assert [each.count for each in source.rows(table, ["k%", "more"], [["1", str(number)]])] == [1]
        found = source.survey([(table, ["at"])])
        assert found
        assert found.extents[table.name].rows == 1
        assert sink.upsert(table, page) == 1
        assert sink.read(table, WHOLE).rows == page.rows
        assert sink.delete(table, [("7",)]) == 0


def test_a_type_of_another_schema_is_ordered_by_its_own_operators(cluster: Cluster) -> None:
    """Its order is not that of the text that it can be cast to."""
    functions = "".join(
        f"create function ext.{name}(ext.pair, ext.pair) returns boolean language sql immutable as "
        f"'select $1.n {own} $2.n'; "
        f"create operator ext.{sign} (leftarg = ext.pair, rightarg = ext.pair, procedure = ext.{name});"
        for name, sign, own in (
            ("lt", "<", ">"),
            ("le", "<=", ">="),
            ("eq", "=", "="),
            ("ge", ">=", "<="),
            ("gt", ">", "<"),
        )
    )
    sql = f"""
    create schema ext; create type ext.pair as (n int); {functions}
    create function ext.cmp(ext.pair, ext.pair) returns int language sql immutable as
      'select case when $1.n > $2.n then -1 when $1.n = $2.n then 0 else 1 end';
    create operator class ext.pair_ops default for type ext.pair using btree as operator 1 ext.<,
      operator 2 ext.<=, operator 3 ext.=, operator 4 ext.>=, operator 5 ext.>,
      function 1 ext.cmp(ext.pair, ext.pair);
    create domain ext.label as ext.pair;
    create function ext.evil(ext.label, ext.label) returns boolean language plpgsql as
      $$ begin raise exception 'code of somebody else ran'; end $$;
    create operator ext.= (leftarg = ext.label, rightarg = ext.label, procedure = ext.evil);
    create operator ext.> (leftarg = ext.label, rightarg = ext.label, procedure = ext.evil);
    create table pairs (pair ext.label, id int, primary key (pair, id));
    insert into pairs select ('(' || g || ')')::ext.pair, h
      from generate_series(1, 3) as g, generate_series(1, 2) as h;
    """
    table = Table(name="pairs", key=("pair", "id"), timestamp=())
    name = f"ordered_{cluster.port}"
    cluster.create(name, sql)
    try:
        hosted = type("H", (), {"cluster": cluster, "database": name})()
        opened = Place(hosted, "postgres")
        seen: list[tuple[str, str]] = []
        with opened.opened:
            source = opened.source()
            after: tuple[str, ...] | None = None
            for _ in range(6):
                span = Span(Keyset(None), after=Cursor(None, after) if after else None)
                page = source.read(table, Window((span,), 1))
                [row] = page.rows
                after = (f"({row['pair']['n']})", row["id"])
                seen.append((row["pair"]["n"], row["id"]))
        assert seen == [("3", "1"), ("3", "2"), ("2", "1"), ("2", "2"), ("1", "1"), ("1", "2")]
    finally:
        cluster.drop(name)


def test_an_index_hides_no_row_whatever_the_database_says(shared: Place) -> None:
    """Under the setting PostgreSQL leaves out rows at random that an index of the kind GIN finds."""
    name, cluster = shared.hosted.database, shared.hosted.cluster
    cluster.execute(
        name,
        "create table tagged (id int primary key, tags text[]); grant select on tagged to public; "
        "insert into tagged select g, '{a}' from generate_series(1, 5000) g; "
        "create index on tagged using gin (tags); analyze tagged; "
        f"alter database {name} set enable_seqscan = off; alter database {name} set enable_indexscan = off; "
        f"alter database {name} set gin_fuzzy_search_limit = 100",
    )
    where = "tags operator(pg_catalog.@>) array['a']"
    [(some,)] = shared.run(f"select count(*) from tagged where {where}")
    opened = Place(shared.hosted)
    with opened.opened:
        found = opened.source().count(Table(name="tagged", timestamp=(), where=where))
    cluster.execute(name, f"alter database {name} reset all; drop table tagged")
    assert (some < 5000, found) == (True, 5000)
