"""Rows that leave OLD by COPY: the same batch as the JSON that the server prints, to the last byte."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supasync_core.api.row_formats import PG_COPY
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.copy_batch import CopyBatch
from supasync_core.model.errors import RowError
from supasync_core.model.table import Column, Table
from supasync_postgres import copy_pages, copy_writer, sink
from supasync_postgres.copy_pages import whole_lines
from supasync_postgres.source import PostgresSource
from tests.e2e.test_values import ROWS, SCHEMA, TABLES
from tests.postgrest.launch import ROLES
from tests.servers.hosted import OWNER
from tests.servers.postgres import Cluster
from tests.supasync_postgres.databases import READY, Place, place

ALL = Window((Span(Keyset(None)),), limit=5000)
TYPES = SCHEMA.removeprefix(ROLES)
DRAWN = """
create type temper as enum ('so so', 'ok', '');
create table drawn (id bigint primary key, t text, c char(4), a text[], d timestamptz, u timestamp, n numeric,
    f float8, b boolean, j json, jb jsonb, x bytea, m temper, i interval, r tstzrange, "odd %s ""name" text);
create table names (name text primary key, note text);
create table wide (id bigint primary key, note text);
create table children (id bigint primary key, parent bigint references wide);
create table tree (id uuid primary key, above uuid references tree);
create table coded (code text primary key, parent bigint references wide);
create table computed (id bigint primary key, note text,
    twice text generated always as (note || note) stored);
"""


@dataclass
class Old:
    """A database, and the source that reads it."""

    place: Place
    source: PostgresSource

    def run(self, text: str) -> list[tuple[Any, ...]]:
        """Run SQL as the owner; the rows of its last statement."""
        return self.place.run(text)


@pytest.fixture(scope="module")
def old(cluster: Cluster) -> Iterator[Old]:
    with place(cluster, TYPES + ROWS + DRAWN) as found:
        yield Old(found, found.source())


@pytest.fixture(scope="module")
def new(cluster: Cluster) -> Iterator[Place]:
    """Its owner may write as a replica, as Supabase's postgres."""
    grant = f"{{}} set on parameter session_replication_role {{}} {OWNER}"
    with place(cluster, TYPES + DRAWN + READY) as found:
        cluster.execute(found.hosted.database, grant.format("grant", "to"))
        yield found
        cluster.execute(found.hosted.database, grant.format("revoke", "from"))


def copied(project: Old, table: Table, window: Window = ALL) -> CopyBatch:
    """The page by COPY."""
    found = project.source.read_in(PG_COPY, table, window)
    assert isinstance(found, CopyBatch)
    return found


@pytest.mark.parametrize("name", TABLES)
def test_every_value_of_every_type_is_the_json_that_the_server_prints(old: Old, name: str) -> None:
    source = old.source
    columns = [column.name for column in source.shape(Table(name=name)).columns]
    read = 0
    for column in columns:
        table = Table(name=name, columns=tuple(dict.fromkeys(("id", column))))
        if not source.row_formats(table):
            continue
        read += 1
        expected, found = source.read(table, ALL), copied(old, table)
        assert found.body == expected.body, column
        assert found.exact == expected.exact, column
        assert list(found.rows) == list(expected.rows)
        assert found.rows[-1] == expected.rows[-1]
        assert found.keys(["id"]) == expected.keys(["id"])
        assert found.key_hashes(["id"]) == expected.key_hashes(["id"])
        assert found.columns == expected.columns
        try:
            texts = expected.texts((column,))
        except ValueError:  # not a text
            with pytest.raises(ValueError, match=r"."):
                found.texts((column,))
        else:
            assert found.texts((column,)) == texts
    assert read >= len(columns) - 3  # composites, arrays of json and boxes go as JSON


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("empty", [True, False])
def test_every_value_of_every_type_arrives(
    old: Old, new: Place, name: str, *, empty: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink, "FEWEST", 1)
    source, table = old.source, Table(name=name)
    columns = [
        each.name
        for each in source.shape(table).columns
        if source.row_formats(replace(table, columns=(each.name,)))
    ]
    needed = [each.name for each in source.shape(table).columns if each.nullable is False]
    assert set(needed) <= set(columns)
    table = replace(table, columns=tuple(columns))
    new.run(f"truncate {name}")
    texts = f"select {', '.join(f'{each}::text' for each in columns)} from {name} order by id"  # noqa: S608 - ours
    writer = new.sink()
    if not empty and needed == ["id"]:
        new.run(f"insert into {name} (id) values (-7)")  # noqa: S608 - ours
    batch = copied(old, table)
    for _ in range(2):
        assert writer.upsert(table, batch) == batch.count
    new.run(f"delete from {name} where id = -7")  # noqa: S608 - ours
    assert new.run(texts) == old.run(texts)


TEXT = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")
    | st.sampled_from("\\\t\n\r\b\f\v\"'{},; \u00a0\u2028N.")
)


@given(st.lists(st.tuples(TEXT, st.lists(st.none() | TEXT), st.none() | TEXT), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_any_text_is_the_json_that_the_server_prints(
    old: Old, rows: list[tuple[str, list[str | None], str | None]]
) -> None:
    old.run("truncate drawn")
    columns = '(id, t, c, a, j, jb, "odd %s ""name")'
    for at, (text, texts, other) in enumerate(rows):
        values = [text, texts, json.dumps({text: texts}), other]
        old.run(_insert(columns, at, values))
    source, table = old.source, Table(name="drawn")
    expected, found = source.read(table, ALL), copied(old, table)
    assert found.body == expected.body
    assert found.exact == expected.exact
    assert found.texts(["t", "c"]) == expected.texts(["t", "c"])
    assert found.keys(["id", "t"]) == expected.keys(["id", "t"])
    assert found.key_hashes(["id", "t"]) == expected.key_hashes(["id", "t"])
    assert found.only([found.count - 1]).body == expected.only([expected.count - 1]).body


def _insert(columns: str, at: int, values: Sequence[object]) -> str:
    def literal(value: object) -> str:
        if value is None:
            return "null"
        if isinstance(value, list):
            return f"array[{', '.join(map(literal, value))}]::text[]"
        return "'" + str(value).replace("'", "''") + "'"

    text, texts, document, other = map(literal, values)
    cut = literal(str(values[0])[:4])
    return (
        f"insert into drawn {columns} values "  # noqa: S608 - literals are quoted
        f"({at}, {text}, {cut}, {texts}, {document}, {document}, {other});"
    )


@pytest.mark.parametrize(
    "value",
    ["infinity", "-infinity", "0044-03-15 BC", "20000-01-01 00:00:01.5", "2026-01-01 00:00:00.123456", None],
)
def test_moments_are_those_of_json(old: Old, value: str | None) -> None:
    told = "null" if value is None else f"'{value}'"
    old.run("truncate drawn; insert into drawn (id, d, u) values (2, now(), now())")
    old.run(f"insert into drawn (id, d, u) values (1, {told}, {told})")  # noqa: S608 - ours
    expected, found = old.source.read(Table(name="drawn"), ALL), copied(old, Table(name="drawn"))
    assert found.body == expected.body
    assert found.texts(["d", "u"]) == expected.texts(["d", "u"])


def test_keys_of_texts_are_those_of_json_and_null_is_none(old: Old) -> None:
    old.run(r"truncate names; insert into names values ('\N', null), (E'a\tb\\', 'x'), ('é', E'\n')")
    table = Table(name="names", key=("name",))
    expected, found = old.source.read(table, ALL), copied(old, table)
    assert list(found.keys(["name"])) == list(expected.keys(["name"]))
    with pytest.raises(ValueError, match="NULL"):
        found.keys(["note"])


def test_columns_that_new_computes_are_left_out(old: Old, new: Place) -> None:
    old.run("truncate computed; insert into computed select g, 'n' || g from generate_series(1, 60) g")
    new.run("truncate computed")
    table = Table(name="computed")
    assert new.sink().upsert(table, copied(old, table)) == 60
    assert new.run("select count(*) from computed where twice = note || note") == [(60,)]


def test_another_type_in_new_gets_what_json_says(old: Old, new: Place) -> None:
    old.run("truncate drawn; insert into drawn (id, b) select g, g % 2 = 0 from generate_series(1, 60) g")
    new.run("truncate drawn; alter table drawn alter b type text")
    try:
        table = Table(name="drawn", columns=("id", "b"))
        assert new.sink().upsert(table, copied(old, table)) == 60
        assert new.run("select distinct b from drawn order by 1") == [("false",), ("true",)]
    finally:
        new.run("truncate drawn; alter table drawn alter b type boolean using b::boolean")


def test_a_page_of_large_rows_ends_behind_a_whole_row(old: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    old.run("truncate wide, children, coded")
    old.run("insert into wide select g, repeat('x', 1000) from generate_series(1, 500) g")
    monkeypatch.setattr(copy_pages, "LARGEST", 50_000)
    source, table, seen = old.source, Table(name="wide"), []
    span = Span(Keyset(None))
    while (page := source.read_in(PG_COPY, table, Window((span,), limit=1000))).count:
        assert page.size < 53_000
        seen += [row["id"] for row in page.rows]
        span = replace(span, after=table.place(page.rows[-1], None))
    assert seen == [str(n) for n in range(1, 501)]


def test_foreign_keys_hold_for_rows_that_go_straight_into_the_table(old: Old, new: Place) -> None:
    old.run("truncate wide, children, coded; insert into wide select g from generate_series(1, 60) g")
    old.run("insert into children select g, g from generate_series(1, 60) g")
    new.run("truncate wide, children, coded")
    writer, children = new.sink(), Table(name="children")
    with pytest.raises(RowError, match="23503"):
        writer.upsert(children, copied(old, children))
    assert new.run("select count(*) from children") == [(0,)]
    writer.upsert(Table(name="wide"), copied(old, Table(name="wide")))
    assert writer.upsert(children, copied(old, children)) == 60


def test_rows_that_refer_to_rows_of_their_own_page_arrive(old: Old, new: Place) -> None:
    old.run(
        "truncate tree; insert into tree select md5(g::text)::uuid, "
        "case when g > 1 then md5((g - 1)::text)::uuid end from generate_series(1, 90) g"
    )
    new.run("truncate tree")
    writer, tree = new.sink(), Table(name="tree")
    batch = copied(old, tree)
    with pytest.raises(RowError, match="tree_above_fkey"):
        writer.upsert(tree, batch.only(range(80)))
    assert new.run("select count(*) from tree") == [(0,)]
    assert writer.upsert(tree, batch) == 90
    assert new.run("select count(above) from tree") == [(89,)]


def test_foreign_keys_of_a_table_with_a_key_of_text_hold(old: Old, new: Place) -> None:
    old.run("truncate wide, children, coded; insert into wide select g from generate_series(1, 60) g")
    old.run("insert into coded select 'c' || g, g from generate_series(1, 60) g")
    new.run("truncate wide, children, coded")
    writer, coded = new.sink(), Table(name="coded", key=("code",))
    with pytest.raises(RowError, match="coded_parent_fkey"):
        writer.upsert(coded, copied(old, coded))
    writer.upsert(Table(name="wide"), copied(old, Table(name="wide")))
    assert writer.upsert(coded, copied(old, coded)) == 60
    assert writer.upsert(coded, copied(old, coded)) == 60
    assert new.run("select count(*), count(parent) from coded") == [(60, 60)]


def test_a_trigger_of_new_does_not_fire_for_rows_by_copy(old: Old, new: Place) -> None:
    old.run("truncate wide, children, coded; insert into wide select g from generate_series(1, 60) g")
    old.run("insert into children select g, g from generate_series(1, 60) g")
    new.run("truncate wide, children, coded")
    new.run(
        "create function spoil() returns trigger language plpgsql as $$ begin new.parent = null; return new; "
        "end $$; create trigger spoil before insert on children for each row execute function spoil()"
    )
    writer = new.sink()
    for name in ("wide", "children"):
        writer.upsert(Table(name=name), copied(old, Table(name=name)))
    assert new.run("select count(parent) from children") == [(60,)]
    new.run("drop function spoil() cascade")


def test_messages_that_are_not_rows_are_cut_at_the_ends_of_lines() -> None:
    lines = [b"1\ta\n", b"2\tb\n", b"3\tc\n"]
    assert whole_lines(lines) is lines
    assert whole_lines([b"1\ta\n2", b"\tb\n3\tc\n"]) == lines
    assert whole_lines([b"1\ta\n2\tb\n", b"3\tc", b"\n"]) == lines


def test_rows_without_as_many_cells_as_columns_are_refused() -> None:
    batch = CopyBatch(lines=[b"1\t2\t3\n"], cells=(Column("id", "bigint"), Column("n", "bigint")))
    with pytest.raises(ValueError, match=r"shorter|longer"):
        _ = batch.body


def test_the_key_behind_is_found_by_the_server(old: Old) -> None:
    old.run("truncate wide, children, coded; insert into wide select 3 * g from generate_series(1, 50) g")
    source, table = old.source, Table(name="wide")
    assert source.key_behind(table, ("30",), 10) == ("60",)
    assert source.key_behind(table, (), 1) == ("3",)
    assert source.key_behind(table, ("147",), 2) is None


def test_where_and_types_that_only_the_server_prints_go_as_json(old: Old) -> None:
    source = old.source
    assert source.row_formats(Table(name="wide")) == [PG_COPY]
    assert source.row_formats(Table(name="wide", where="id > 1")) == []
    assert source.row_formats(Table(name="every_type")) == []
    assert copy_writer.FEWEST > 1
