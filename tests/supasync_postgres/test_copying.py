"""Batches that travel by COPY: what the server would refuse of others is refused of these."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from supasync_core.model.batch import Batch
from supasync_core.model.errors import RowError, SchemaError
from supasync_core.model.table import Table
from tests.servers.postgres import Cluster
from tests.supasync_postgres.databases import Place, place

TABLES = """
create table nameless (id bigint, label text);
create table half (id bigint, label text);
create unique index on half (id) where label is not null;
create table late (id bigint unique deferrable, label text);
create table slots (id bigint primary key, slot int unique deferrable);
create table pairs (a bigint, b text, label text, primary key (b, a));
create table prices (id numeric primary key, label text);
create table spans (id interval primary key, label text);
create table lists (id bigint primary key, list int[], texts text[]);
"""
MANY = 60
"""Rows that go by COPY."""


@pytest.fixture(scope="module")
def project(cluster: Cluster) -> Iterator[Place]:
    with place(cluster, TABLES) as found:
        yield found


def rows(**values: Any) -> Batch:
    """So many rows, of which each has the number of its place and these values."""
    return Batch(json.dumps([{"id": place, **values} for place in range(MANY)]).encode())


@pytest.mark.parametrize("name", ["nameless", "half", "late"])
def test_a_table_that_cannot_tell_rows_apart_by_the_key_takes_none(project: Place, name: str) -> None:
    with pytest.raises(SchemaError, match=r"key|arbiter"):
        project.sink().upsert(Table(name=name), rows(label="x"))
    assert project.run(f"select count(*) from {name}") == [(0,)]  # noqa: S608 - ours


def test_rows_that_are_written_again_are_no_more_rows(project: Place) -> None:
    sink, table = project.sink(), Table(name="pairs", key=("a", "b"))
    batch = Batch(json.dumps([{"a": at, "b": "x", "label": "y"} for at in range(MANY)]).encode())
    assert [sink.upsert(table, batch) for _ in range(2)] == [MANY, MANY]
    assert project.run("select count(*) from pairs") == [(MANY,)]


@pytest.mark.parametrize("others", [0, MANY])
@pytest.mark.parametrize(
    ("name", "before", "after"),
    [("prices", "10.5", "10.50"), ("spans", "1 mon", "30 days")],
)
def test_a_key_in_another_spelling_arrives(
    project: Place, name: str, before: str, after: str, others: int
) -> None:
    more = [{"id": f"{at + 100}", "label": "x"} for at in range(others)]
    for text in (before, after):
        body = json.dumps([{"id": text, "label": text}, *more])
        assert project.sink().upsert(Table(name=name), Batch(body.encode())) == others + 1
    query = f"select id::text, label from {name} where id = '{before}'"  # noqa: S608 - ours
    assert project.run(query) == [(after, after)]
    project.run(f"truncate {name}")


def test_a_deferrable_constraint_holds(project: Place) -> None:
    with pytest.raises(RowError, match="23505"):
        project.sink().upsert(Table(name="slots"), rows(slot=1))
    assert project.run("select count(*) from slots") == [(0,)]


def test_an_array_arrives_whatever_blanks_its_json_has(project: Place) -> None:
    body = b",".join(
        b'{"id":%d,"list":[1,\n\t2 ],"texts":[\r\n"a\\n", null,"b" ]}' % each for each in range(MANY)
    )
    assert project.sink().upsert(Table(name="lists"), Batch(b"[" + body + b"]")) == MANY
    found = project.run("select distinct list::text, texts = array[E'a\\n', null, 'b'] from lists")
    assert found == [("{1,2}", True)]
