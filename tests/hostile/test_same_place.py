"""Two tables of OLD are never one place: in a file, in the history, in the last gap's folder."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.gap.csv.queries import Query, refuse_same_files
from supasync_core.model.errors import ConfigError
from supasync_core.model.printable import file_name
from supasync_core.model.table import Table, address_of
from supasync_core.staging.csv.find_files import find
from tests.servers.command import run

MIXED = {
    "csv": ('"b.c": {key: id, timestamp: at}', "c: {key: id, timestamp: at, schema: b}"),
    "duckdb": (
        "users: {key: id, timestamp: at}",
        "main_users: {key: id, timestamp: at, schema: main, table: users}",
    ),
}
DIGESTED = "order_items_d9206391"


@pytest.mark.parametrize("side", ["source", "sink"])
@pytest.mark.parametrize("backend", MIXED)
def test_two_tables_with_one_place_are_refused(tmp_path: Path, backend: str, side: str) -> None:
    (tmp_path / "there").mkdir()
    path = "there" if backend == "csv" else "there/file.duckdb"
    sides = {"source": "{backend: csv, path: other}", "sink": "{backend: csv, path: third}"}
    if backend == "duckdb" or side == "sink":
        sides["source"] = "{backend: duckdb, path: other.duckdb}" if backend == "csv" else sides["source"]
    sides[side] = f"{{backend: {backend}, path: {path}}}"
    entries = "".join(f"  {entry}\n" for entry in MIXED[backend])
    text = "".join(f"{name}: {value}\n" for name, value in sides.items())
    (tmp_path / "tables.yaml").write_text(f"version: 1\n{text}tables:\n{entries}")
    done = run(tmp_path, "setup")
    assert done.returncode == 2
    assert f"the {side} has one place for it and" in done.stderr


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_full_name_is_of_one_table(schema: str, name: str) -> None:
    assert address_of(Table(name=name, schema=schema).full_name) == (schema, name)


def test_full_names_of_earlier_versions_stay() -> None:
    assert Table(name="b.c").full_name == "public.b.c"
    assert Table(name="c", schema="public.b").full_name == '"public.b".c'


def test_a_name_that_ends_like_a_digest_gets_one(tmp_path: Path) -> None:
    assert file_name("order items") == DIGESTED
    assert file_name(DIGESTED) != DIGESTED
    tables = [Table(name="order items"), Table(name=DIGESTED)]
    (tmp_path / f"{DIGESTED}.csv").write_text("id\n")
    (tmp_path / f"{file_name(DIGESTED)}.csv").write_text("id\n")
    found = find(tmp_path, tables)
    assert dict(found.files) == {DIGESTED: (tmp_path / f"{file_name(DIGESTED)}.csv",)}
    assert found.unknown == (tmp_path / f"{DIGESTED}.csv",)


def test_two_tables_with_one_proposed_file_are_refused() -> None:
    def saved(table: str, file: str) -> Query:
        return Query(table=table, file=file, sql="", copy=None, notes=())

    refuse_same_files([saved("a", "a.csv"), saved("b", "b.csv")])
    with pytest.raises(ConfigError, match="would both be saved as"):
        refuse_same_files([saved("a", "a.csv"), saved("b", "A.csv")])
