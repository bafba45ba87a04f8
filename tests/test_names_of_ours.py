"""A table's columns may be called anything: as names in our own SQL, pseudo-columns and keywords are."""

import json
import re
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from supasync_core.staging.values import identifier
from tests.diff.calling import call
from tests.examples import few

ROOT = Path(__file__).parents[1]
OURS = sorted(
    {
        name
        for path in (ROOT / "plugins").glob("supasync_[cd][su]*/**/*.py")
        for name in re.findall(r"\bAS ([a-z_]\w*)|lambda (\w+)|\b(\w+)\.", path.read_text(encoding="utf-8"))
        for name in name
        if name and name.isascii() and len(name) < 25
    }
)
_PLAIN = """
rowid RowId ctid xmin oid tableoid filename file_row_number excluded value key n source page target
batch wanted
t t0 k0 v0 c0 l0 r0 e0 lt rt l r d i kind flag cells found places number number_ place select order limit all
user null true table group columns exclude struct_extract
"""
THEIRS = [
    *re.findall(r"\S+", _PLAIN),
    *("supasync file", "supasync row", "supasync place", "supasync place_", 'a "b"', "a.b", "*"),
]
NAMES = st.lists(
    st.sampled_from([*OURS, *THEIRS]).filter(lambda name: name not in ("id", "updated_at")),
    min_size=1,
    max_size=6,
    unique_by=str.lower,
)
ROWS = [["1", "5", "2024-01-01"], ["2", "5", "2024-01-02"], ["3", "", "2024-01-03"], ["4", "0", "2024-01-04"]]


def _csv(path: Path, names: list[str], rows: list[list[str]]) -> None:
    quoted = ",".join('"' + name.replace('"', '""') + '"' for name in ["id", *names, "updated_at"])
    lines = [",".join([row[0], *[row[1]] * len(names), row[2]]) for row in rows]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([quoted, *lines]) + "\n")


def _config(folder: Path, source: str, sink: str) -> None:
    head = f"version: 1\nsource: {source}\nsink: {sink}\n"
    (folder / "tables.yaml").write_text(f"{head}tables:\n  u: {{page_size: 2}}\n")


def _sync(folder: Path) -> None:
    for command in (("setup",), ("sync",), ("verify", "--exact")):
        done = call(folder, *command)
        assert done.code == 0, (command, done.out, done.err)


def _held(path: Path, names: list[str]) -> list[tuple[str, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        cells = ", ".join(f"CAST(u.{identifier(name)} AS VARCHAR)" for name in ["id", *names])
        return sorted(connection.execute(f"SELECT {cells} FROM main.u").fetchall())  # noqa: S608


@pytest.mark.slow
@few(2, suppress_health_check=list(HealthCheck))
@given(names=NAMES)
def test_no_row_is_lost_or_changed_whatever_the_columns_are_called(
    names: list[str], tmp_path_factory: object
) -> None:
    folder: Path = tmp_path_factory.mktemp("names")  # type: ignore[attr-defined]
    _csv(folder / "src" / "u.csv", names, ROWS)
    _config(folder, "{backend: csv, path: src}", "{backend: duckdb, path: new.duckdb}")
    _sync(folder)
    wanted = [(row[0], *[row[1] or None] * len(names)) for row in ROWS]
    assert _held(folder / "new.duckdb", names) == wanted
    _csv(folder / "src" / "u.csv", names, [["1", "7", "2024-02-01"], *ROWS[1:]])
    _csv(folder / "export" / "u.csv", names, [["1", "7", "2024-02-01"], *ROWS, ["5", "", "2024-01-05"]])
    _csv(folder / "parts" / "u.csv", names, ROWS)
    told = json.loads(call(folder, "diff", "src", "parts", "--key", "id", "--format", "json").out)
    assert (told["tables"]["u"]["changed"], told["tables"]["u"]["unchanged"]) == (1, 3)
    done = call(folder, "gap", "import", "export", "--yes", "--accept", "duplicate", "--accept", "null")
    assert done.code == 0, done.out + done.err
    changed = [("1", *["7"] * len(names)), *wanted[1:], ("5", *[None] * len(names))]
    assert _held(folder / "new.duckdb", names) == changed
    done = call(folder, "reconcile", "parts", "new", "--apply", "--table", "u")
    assert _held(folder / "new.duckdb", names)[:4] == wanted, (names, done.out, done.err)
