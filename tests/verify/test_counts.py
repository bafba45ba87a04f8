"""Counts that differ are never equal, whatever the method, and a verdict claims no more than was compared."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.diff.calling import call, csv_file
from tests.verify.conftest import Pair

pytestmark = pytest.mark.slow
YAML = """\
version: 1
source: {{backend: {source}, path: {old}}}
sink: {{backend: duckdb, path: new.duckdb}}
tables: {{people: {{key: email{more}}}}}
"""
SHORT = """
from dataclasses import replace
from supasync_core import hookimpl
from supasync_core.model.batch import Batch
from supasync_core.api.registration import Backend, Setting
from supasync_duckdb.source import DuckdbSource

class Short(DuckdbSource):
    def read(self, table, window):
        if window.spans[0].after is not None:
            return Batch(b"[]", total=0 if window.counted else None)
        return super().read(table, replace(window, limit=5))

def path(context):
    return context.folder / context.settings["path"]

@hookimpl
def supasync_register_sources(registry):
    settings = {"path": Setting()}
    registry.add("short", Backend("short", lambda c: Short(path(c)), settings, lambda c: str(path(c))))
"""


def verdict(folder: Path, *options: str) -> tuple[int, Mapping[str, Any]]:
    done = call(folder, "verify", "--json", *options)
    assert (done.code == 0) == done.json["equal"]
    return done.code, done.json["tables"]["people"]


@pytest.mark.parametrize("options", [(), ("--exact",)])
@pytest.mark.parametrize("size", [2, 7, 100])
def test_a_key_that_stands_for_several_rows_is_a_finding(
    tmp_path: Path, options: tuple[str, ...], size: int
) -> None:
    (tmp_path / "old").mkdir()
    rows = [f"{number % 7}@example.test,{number},2024-01-01 00:00:00+00" for number in range(12)]
    csv_file(tmp_path / "old" / "people.csv", ["email,number,updated_at", *rows])
    text = YAML.format(source="csv", old="old", more=f", page_size: {size}")
    (tmp_path / "tables.yaml").write_text(text)
    assert call(tmp_path, "setup").code == 0
    call(tmp_path, "sync")
    code, found = verdict(tmp_path, *options)
    assert code == 1
    assert (found["old"], found["new"]) == (12, 0), "the run has stopped: two rows would be one"
    assert len(found["repeated"]) + found["unmet"] >= 5
    shown = call(tmp_path, "verify", *options).out
    assert "people: equal" not in shown
    assert "people: no difference" not in shown


@pytest.mark.parametrize("options", [(), ("--exact",)])
def test_a_side_that_gives_fewer_rows_than_it_counts_is_never_equal(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with duckdb.connect(tmp_path / "old.duckdb") as connection:
        connection.execute("create table people (email varchar primary key, updated_at timestamptz)")
        connection.execute("insert into people select i, timestamptz '2024-01-01' from range(10, 22) t(i)")
    (tmp_path / "short.py").write_text(SHORT)
    text = YAML.format(source="short", old="old.duckdb", more="") + "plugins: short.py\n"
    (tmp_path / "tables.yaml").write_text(text)
    assert call(tmp_path, "setup").code == 0
    call(tmp_path, "sync")
    with duckdb.connect(tmp_path / "new.duckdb") as connection:
        connection.execute("create table if not exists people (email varchar, updated_at timestamptz)")
    code, found = verdict(tmp_path, *options)
    assert code == 1
    assert found["unmet"] >= 7
    assert "OLD counts 12 rows and gave 5" in " ".join(found["notes"])


def test_rows_that_new_has_twice_are_a_finding(ends: Pair) -> None:
    row = "insert into plain values (1, 'x', 1, null, '2024-01-01')"
    ends.both(row)
    ends.new("alter table plain drop constraint plain_pkey")
    try:
        ends.new(row)
        for exact in (False, True):
            found = ends.one("plain", exact=exact)
            assert (found.equal, found.repeated, found.differences) == (False, (("1",),), 1)
    finally:
        ends.new("truncate plain; alter table plain add primary key (id)")


def test_a_verdict_claims_what_was_compared_and_no_more(ends: Pair) -> None:
    ends.both("insert into plain values (1, 'x', 1, null, '2024-01-01'); insert into small values ('a')")
    ends.both("insert into logs select g, 'a' from generate_series(1, 3) g")
    ends.new("update plain set label = 'y'")
    claims = {table.name: (table.claim, table.values_compared) for table in ends.verify().tables}
    bare = "values were not compared (verify --exact)"
    assert claims["plain"] == (f"no difference in keys and timestamps; {bare}", False)
    blind = "values were not compared (values_compared: false), and no run sees updates of"
    assert claims["logs"] == (f"no difference in keys; {blind} it: supasync verify --exact", False)
    assert claims["small"] == ("equal", True)
    found = ends.verify()
    assert (found.values_compared, found.as_json()["values_compared"]) == (False, False)
    assert "plain" in found.claim
    assert "small" not in found.claim
    assert found.claim.endswith("no run sees updates of logs: supasync verify --exact")
    told = {name: table["equal"] for name, table in found.as_json()["tables"].items()}
    assert (found.as_json()["equal"], told["plain"], told["logs"], told["small"]) == (None, True, None, True)
    assert ends.verify("  small: {strategy: snapshot, key: code}").claim == "equal"


def test_values_of_a_table_of_one_page_are_compared_where_no_run_sees_its_updates(ends: Pair) -> None:
    ends.both("insert into logs values (1, 'a'), (2, 'b')")
    assert ends.one("logs").claim == "equal"
    ends.old("update logs set label = 'c' where id = 2")
    found = ends.one("logs")
    assert (found.method, found.changed) == ("whole rows", {("2",): ("label",)})
    ends.both("truncate logs; insert into logs values (1, repeat('x', 2100000))")
    ends.old("update logs set label = 'c' || label")
    ends.forget()  # the versions that another look has kept
    found = ends.one("logs")  # two megabytes are not read without being asked to
    assert (found.method, found.proven, found.equal) == ("keys", None, True)
    ends.both("truncate logs")
    found = ends.one("logs")
    assert (found.proven, found.blind) == (True, False)
