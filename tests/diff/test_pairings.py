"""Random pairs of tables in two real databases and all their exports: exactly the differences are found."""
# ruff: noqa: S608 - our own statements

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from supasync_core.model.batch import Batch
from supasync_core.model.table import Table
from supasync_core.staging.staging_file import Staging
from supasync_duckdb.sink import DuckdbSink
from tests.diff.calling import call, diff
from tests.e2e.workspace import ENDS, End, Workspace, between
from tests.gap.dialects import WRITERS
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

THINGS = (
    ROLES
    + """
create table public.things (
  a bigint, b text, name text, amount numeric, ratio double precision, flag boolean, doc jsonb,
  list integer[], at timestamptz, updated_at timestamptz not null, primary key (a, b)
);
grant usage on schema public to service_role, anon;
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
CONFIG = ENDS + "tables:\n  things: {key: [a, b]}\n"
COLUMNS = ("name", "amount", "ratio", "flag", "doc", "list", "at", "updated_at")
FORMS = ("project", "psql", "table-editor", "sql-editor", "duckdb")
SMALL = st.integers(-3, 12)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=6).filter(
    lambda text: text.lower() not in ("null", "t", "f", "true", "false") and not text.isspace()
)
MOMENTS = st.datetimes(datetime(2020, 1, 1)).map(lambda at: f"{at}+00")  # noqa: DTZ001 - a zone follows
DOCS = st.dictionaries(TEXTS, st.none() | st.booleans() | st.integers(-9, 9) | TEXTS, max_size=2)
VALUES = {
    "name": st.none() | TEXTS,
    "amount": st.none() | st.decimals(-999, 999, places=3),
    "ratio": st.none() | st.floats(-1e6, 1e6, width=32),
    "flag": st.none() | st.booleans(),
    "doc": st.none() | DOCS,
    "list": st.none() | st.lists(st.none() | SMALL, min_size=1, max_size=3),
    "at": st.none() | MOMENTS,
    "updated_at": MOMENTS,
}
ROW = st.fixed_dictionaries(VALUES)
KEY = st.tuples(SMALL, st.sampled_from(["x", "y", 'ü, "z"', "0"]))
Rows = Mapping[tuple[int, str], Mapping[str, Any]]


FEW = settings(
    max_examples=3,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass(frozen=True)
class Both:
    """The rows of both sides."""

    left: Rows
    right: Rows

    def keys(self, kind: str) -> set[tuple[str, str]]:
        """The keys that a diff has to find."""
        found = {
            "added": self.right.keys() - self.left.keys(),
            "removed": self.left.keys() - self.right.keys(),
            "changed": {k for k in self.left.keys() & self.right.keys() if self.left[k] != self.right[k]},
        }[kind]
        return {(str(a), b) for a, b in found}


@st.composite
def pairs(draw: st.DrawFn) -> Both:
    """Rows, and the same with some added, some removed, some changed in one column or more."""
    left = draw(st.dictionaries(KEY, ROW, max_size=8))
    right = {key: row for key, row in left.items() if draw(st.integers(0, 4))}
    for key in list(right):
        for name in draw(st.lists(st.sampled_from(COLUMNS), max_size=2)):
            right[key] = {**right[key], name: draw(VALUES[name])}
    return Both(left, {**draw(st.dictionaries(KEY, ROW, max_size=3)), **right})


@pytest.fixture(scope="module")
def space(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Two projects with an empty table each."""
    with between(cluster, tmp_path_factory.mktemp("pairings"), THINGS, THINGS, CONFIG) as made:
        yield made.ready()


def fill(end: End, rows: Rows) -> None:
    """Have exactly these rows in the table."""
    names = ("a", "b", *COLUMNS)
    marks = ", ".join(["%s"] * len(names))
    with psycopg.connect(end.cluster.url(end.database)) as connection:
        connection.execute("truncate public.things")
        for key, row in rows.items():
            cells = [
                Jsonb(cell) if name == "doc" and cell is not None else cell for name, cell in row.items()
            ]
            ordered = dict(zip(row, cells, strict=True))
            values = [*key, *(ordered[name] for name in COLUMNS)]
            connection.execute(
                f"insert into public.things ({', '.join(names)}) values ({marks})".encode(), values
            )


def export(end: End, form: str, path: Path) -> str:
    """The table as the form has it; the side's name for it."""
    if form == "duckdb":
        path = path.with_suffix(".duckdb")
        path.unlink(missing_ok=True)
        with psycopg.connect(end.cluster.url(end.database)) as connection:
            query = "select coalesce(json_agg(t), '[]')::text from public.things t"
            body: str = connection.execute(query).fetchall()[0][0]
        with closing(DuckdbSink(path)) as sink:
            blank = Batch(body.encode())
            sink.upsert(Table(name="things", key=("a", "b")), blank)
        return path.name if blank.count else ""
    path.write_bytes(WRITERS[form](end, "select * from public.things"))
    return path.name


def sides(space: Workspace, end: End, project: str) -> dict[str, str]:
    """The side's name by form; a DuckDB file of no rows has no table."""
    folder = space.folder
    named = {form: export(end, form, folder / f"{project}-{form}.csv") for form in FORMS[1:]}
    return {name: side for name, side in {"project": project, **named}.items() if side}


@FEW
@given(both=pairs())
def test_exactly_the_differences_are_found_in_every_pairing(space: Workspace, both: Both) -> None:
    fill(space.old, both.left)
    fill(space.new, both.right)
    left, right = sides(space, space.old, "old"), sides(space, space.new, "new")
    for (mine, one), (theirs, other) in product(left.items(), right.items()):
        told = diff(space.folder, one, other, "--table", "things")
        for kind in ("added", "removed", "changed"):
            assert told.keys(kind) == both.keys(kind), (mine, theirs, kind, json.dumps(told.table, indent=1))
        same = len(both.left.keys() & both.right.keys()) - len(both.keys("changed"))
        assert told.counts[3] == same


TARGETS = ("new", "duckdb", "psql")
THING = Table(name="things", key=("a", "b"))


def know(space: Workspace, both: Both) -> None:
    """Let the staging know that OLD had all rows once."""
    source = space.old.server.url.removeprefix("http://").removesuffix("/rest/v1")
    path = space.folder / ".supasync" / "staging.duckdb"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.unlink(missing_ok=True)
    with closing(Staging(path)) as staging:
        staging.sighted(source, THING, {(str(a), b): None for a, b in both.right})
        staging.keep_sighted(source, THING)


@FEW
@given(both=pairs(), mine=st.sampled_from(["old", "duckdb", "psql"]))
def test_reconcile_makes_sides_equal_and_undo_brings_rows_back(
    space: Workspace, both: Both, mine: str
) -> None:
    fill(space.old, both.left)
    fill(space.new, both.right)
    if not both.left or not both.right:
        return  # a file of no rows has no table
    left = mine if mine == "old" else export(space.old, mine, space.folder / "left.csv")
    know(space, both)
    for form in TARGETS:
        before = export(space.new, "duckdb", space.folder / "before.csv")
        right = form if form == "new" else export(space.new, form, space.folder / "right.csv")
        args = ("reconcile", left, right, "--apply", "--delete", "--max-deletes", "100%", "--table", "things")
        done = call(space.folder, *args, "--complete")
        assert done.code == 0, done.out + done.err
        assert diff(space.folder, left, right, "--table", "things").whole["equal"]
        if form == "new":
            space.assert_equal("things")
        if both.keys("added") or both.keys("changed"):
            undone = call(space.folder, "reconcile", "undo", right, "--key", "a", "--key", "b")
            assert undone.code == 0, undone.out + undone.err
        else:
            assert call(space.folder, "reconcile", "undo", right).code == 3
        told = diff(space.folder, before, right, "--table", "things")
        assert told.keys("added") == both.keys("removed")
        assert not told.keys("removed")
        assert not told.keys("changed")
        if form == "new":
            fill(space.new, both.right)
