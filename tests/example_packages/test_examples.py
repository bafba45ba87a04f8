"""The example packages do what our own backends do, from `setup` to `cutover`, by the installed command."""

# ruff: noqa: S608 - fixed names

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.example_packages.site import ROOT, install, run_with

EXAMPLES = sorted(each.parent.name for each in ROOT.glob("examples/*/pyproject.toml"))
MOST_LINES = {"supasync_sqlite": 150, "supasync_jsonl": 110}
"""Of source, sink and state store together; the switch of an app is not counted."""
ROWS = 1200
TABLES = """\
version: 1
source: {backend: %(kind)s, path: old%(end)s}
sink: {backend: %(kind)s, path: new%(end)s}
cutover: {env: app.env}
tables:
  users: {key: id, timestamp: updated_at}
  orders: {key: [user_id, number], timestamp: updated_at, depends_on: users}
"""
Row = dict[str, object]


def user(number: int, name: str = "first", day: int = 1) -> Row:
    return {"id": number, "name": f"{name} {number}", "score": number / 7, "updated_at": stamp(number, day)}


def order(number: int) -> Row:
    return {"user_id": number % 40, "number": f"N {number}", "amount": "1.50", "updated_at": stamp(0, 1)}


def stamp(number: int, day: int) -> str:
    return f"2026-01-{day:02} {number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}+00:00"


def into_sqlite(place: Path, users: list[Row], orders: list[Row]) -> None:
    """As the app that owns the file writes it."""
    place.unlink(missing_ok=True)
    with closing(sqlite3.connect(place)) as connection, connection:
        connection.execute(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, score REAL, updated_at DATETIME)"
        )
        connection.execute(
            "CREATE TABLE orders (user_id INT, number VARCHAR(9) COLLATE NOCASE, amount DECIMAL, "
            "updated_at TEXT, PRIMARY KEY (user_id, number))"
        )
        for table, rows in (("users", users), ("orders", orders)):
            connection.executemany(
                f"INSERT INTO {table} VALUES (?, ?, ?, ?)", [[*row.values()] for row in rows]
            )


def into_jsonl(place: Path, users: list[Row], orders: list[Row]) -> None:
    place.mkdir(exist_ok=True)
    for table, rows in (("users", users), ("orders", orders)):
        (place / f"{table}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


WRITE: dict[str, tuple[str, Callable[[Path, list[Row], list[Row]], None]]] = {
    "supasync_sqlite": (".sqlite", into_sqlite),
    "supasync_jsonl": ("", into_jsonl),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples, installed."""
    folder = tmp_path_factory.mktemp("site")
    for name in EXAMPLES:
        install(ROOT / "examples" / name, folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_migrates_an_app(site: Path, tmp_path: Path, example: str) -> None:
    """Every row arrives, changes follow, a wrong value is found, and the app can be switched."""
    end, write = WRITE[example]
    old, kind = tmp_path / f"old{end}", example.removeprefix("supasync_")
    (tmp_path / "tables.yaml").write_text(TABLES % {"kind": kind, "end": end})
    (tmp_path / "app.env").write_text(f"DATABASE={old}\nCOLOUR=blue\n")
    users, orders = [user(n) for n in range(ROWS)], [order(n) for n in range(ROWS)]
    write(old, users, orders)

    def call(*args: str, code: int = 0) -> str:
        done = run_with(site, tmp_path, *args)
        assert done.returncode == code, (args, done.stdout, done.stderr)
        return done.stdout

    call("setup")
    assert f"{2 * ROWS:,} rows synced" in call("sync")
    assert "users: equal\n" in call("verify", "--exact")
    changed = [user(n, "second", 2) if n % 100 == 0 else each for n, each in enumerate(users)]
    write(old, [*changed, user(ROWS, day=3)], orders)
    assert "success" in call("sync")
    assert "users: equal\n" in call("verify", "--exact")
    assert "1,201 unchanged" in call("diff", "old", "new", "--table", "users")
    write(old, [*changed, user(ROWS, "third", 4)], orders)
    assert "1 changed" in call("diff", "old", "new", code=1)
    call("verify", "--exact", code=1)
    assert '"public"."users"' in call("gap", "sql")
    (tmp_path / "gap").mkdir()
    (tmp_path / "gap" / "users.csv").write_text(
        f"id,name,score,updated_at\n{ROWS},third {ROWS},{ROWS / 7},{stamp(ROWS, 4)}\n"
    )
    call("gap", "import", "gap", "--dialect", "psql", "--yes")
    assert "users: no difference in keys and timestamps" in call("verify")  # a CSV has texts, no numbers
    assert "ok        env: the app's .env can be switched" in call("cutover", "--plan")
    assert json.loads(call("status", "--json"))["health"] == "good"


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_as_short_as_its_readme_says(example: str) -> None:
    package = ROOT / "examples" / example / example
    registration, backend = ((package / f"{name}.py").read_text("utf-8") for name in ("__init__", "backend"))
    counted = registration.partition("@hookimpl\ndef supasync_register_switches")[0] + backend
    assert len(counted.splitlines()) < MOST_LINES[example]
    assert (package / "__init__.py").read_text("utf-8").count("HOOKS = 1\n") == 1


def test_a_source_of_sqlite_is_never_written_to(site: Path, tmp_path: Path) -> None:
    """Not even where the file is missing: none is made, and the message says so."""
    (tmp_path / "tables.yaml").write_text(TABLES % {"kind": "sqlite", "end": ".sqlite"})
    done = run_with(site, tmp_path, "setup")
    assert done.returncode == 3
    assert "unable to open database file" in done.stderr + done.stdout
    assert not (tmp_path / "old.sqlite").exists()


def test_a_timestamp_that_is_none_is_named(site: Path, tmp_path: Path) -> None:
    (tmp_path / "tables.yaml").write_text(TABLES % {"kind": "sqlite", "end": ".sqlite"})
    into_sqlite(tmp_path / "old.sqlite", [user(1) | {"updated_at": "yesterday"}], [order(1)])
    run_with(site, tmp_path, "setup")
    done = run_with(site, tmp_path, "sync")
    assert done.returncode == 3, done.stdout + done.stderr
    assert (
        "the timestamp column updated_at holds 'yesterday', which is not a timestamp"
        in done.stdout + done.stderr
    )
