"""A DuckDB file that somebody else made is data: nothing in it runs here, and nothing is fetched for it."""
# ruff: noqa: S608 - fixed names

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from supasync_core.model.errors import SupasyncError
from supasync_core.model.table import Table
from supasync_core.staging.connection import (
    open_in_memory,
    open_to_look,
    open_to_read,
    open_to_write,
    translate_errors,
)
from tests.servers.command import run

SECRET = "content of a file of mine"
OPEN = (open_to_read, open_to_write, open_to_look)
ROWS = "create table users (id int, name varchar); insert into users values (1, 'A');"
PLANTED = {
    "to_json": "create macro to_json(x) as (select content from read_text('{mine}'))",
    "lower": "create macro lower(x) as (select content from read_text('{mine}'))",
    "||": """create macro "||"(a, b) as (select content from read_text('{mine}'))""",
    "duckdb_functions": "create macro duckdb_functions() as table select 1 as function_name where false",
    "json": "create type json as enum ('a')",
}


@pytest.fixture(autouse=True, scope="module")
def macros_unlisted() -> None:
    """Look for macros here: files of these tests have them."""


def made(path: Path, planted: str = "") -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"{ROWS} {planted}")
    return path


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.txt"
    path.write_text(SECRET)
    return path


@pytest.mark.parametrize("name", PLANTED)
def test_a_given_file_reads_no_other_file(tmp_path: Path, mine: Path, name: str) -> None:
    made(tmp_path / "good.duckdb")
    made(tmp_path / "given.duckdb", PLANTED[name].format(mine=mine))
    for args in (("given.duckdb", "good.duckdb"), ("good.duckdb", "given.duckdb")):
        done = run(tmp_path, "diff", *args, "--key", "id", "--format", "jsonl")
        assert SECRET not in done.stdout + done.stderr
        assert done.returncode == 2
        assert f"macro, type or schema {name}" in done.stderr


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("opened", OPEN)
def test_no_file_is_opened_whose_names_take_the_place_of_duckdbs_own(
    tmp_path: Path, mine: Path, name: str, opened: object
) -> None:
    path = made(tmp_path / "given.duckdb", PLANTED[name].format(mine=mine))
    with pytest.raises(SupasyncError, match="replaces one of DuckDB's own"):
        opened(path)  # type: ignore[operator]


@pytest.mark.parametrize("opened", OPEN)
def test_what_a_file_brings_of_its_own_name_reads_no_other_file(
    tmp_path: Path, mine: Path, opened: object
) -> None:
    path = made(
        tmp_path / "given.duckdb", f"create macro peek() as (select content from read_text('{mine}'))"
    )
    with closing(opened(path)) as connection:  # type: ignore[operator]
        assert connection.execute("select name from main.users").fetchall() == [("A",)]
        for query in ("select peek()", f"select * from read_csv('{mine}')", f"attach '{mine}' as other"):
            with pytest.raises(duckdb.Error, match="disabled by configuration"):
                connection.execute(query)
        for setting in ("enable_external_access = true", "autoinstall_known_extensions = true"):
            with pytest.raises(duckdb.Error, match="locked"):
                connection.execute(f"set {setting}")


CODE = {
    "view": "create schema gap; create view gap.memory as "
    "select 'a' as name, content as value from read_text('{mine}')",
    "macro": "create macro peek() as (select content from read_text('{mine}'))",
    "table macro": "create macro peek() as table select content from read_text('{mine}')",
    "trigger": "create table log (x varchar); create trigger peek after insert on users "
    "insert into log select content from read_text('{mine}')",
}
if not duckdb.execute("from duckdb_functions() where function_name = 'duckdb_triggers'").fetchall():
    del CODE["trigger"]  # before DuckDB 2.0


@pytest.mark.parametrize("name", CODE)
def test_a_staging_holds_no_sql(
    tmp_path: Path, demo_in: Callable[[Path], Path], mine: Path, name: str
) -> None:
    folder = demo_in(tmp_path / "demo")
    (folder / "given").mkdir()
    (folder / "given" / "users.csv").write_text("id,email\n1,a@example.test\n")
    made(folder / "staging.duckdb", CODE[name].format(mine=mine))
    with (folder / "tables.yaml").open("a") as settings:
        settings.write("staging: {backend: duckdb, path: staging.duckdb}\n")
    done = run(folder, "gap", "import", "given", "--dry-run")
    assert done.returncode in (2, 3)
    assert name.rsplit(maxsplit=1)[-1] in done.stderr
    assert "never runs SQL stored in a file" in done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_a_view_of_a_given_file_is_no_table(tmp_path: Path, mine: Path) -> None:
    with duckdb.connect(str(tmp_path / "given.duckdb")) as connection:
        connection.execute(f"create view users as select 1 as id, content as name from read_text('{mine}')")
    made(tmp_path / "good.duckdb")
    for sides in (("given.duckdb", "good.duckdb"), ("good.duckdb", "given.duckdb")):
        done = run(tmp_path, "diff", *sides, "--key", "id", "--format", "jsonl")
        assert done.returncode == 2
        assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize("opened", OPEN)
def test_a_file_of_another_kind_makes_duckdb_fetch_nothing(
    tmp_path: Path, opened: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    with closing(sqlite3.connect(tmp_path / "given.duckdb")) as other:
        other.execute("create table users (id int)")
        other.commit()
    with pytest.raises(SupasyncError, match="cannot be read as a DuckDB file"):
        opened(tmp_path / "given.duckdb")  # type: ignore[operator]
    assert list(home.iterdir()) == []


def test_writing_and_looking_share_a_file_and_let_go_of_it(tmp_path: Path) -> None:
    path = made(tmp_path / "own.duckdb")
    with closing(open_to_write(path)) as one, closing(open_to_write(path)) as two:
        one.execute("insert into main.users values (2, 'B')")
        assert two.execute("select count(*) from main.users").fetchall() == [(2,)]
        with closing(open_to_look(path)) as look:
            assert look.execute("select count(*) from main.users").fetchall() == [(2,)]
        with pytest.raises(SupasyncError, match="in use"):
            open_to_read(path)
        one.execute("checkpoint")
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("select count(*) from users").fetchall() == [(2,)]


@pytest.mark.parametrize(
    ("spilled", "said"), [("spilled", "no room left for the temporary files"), ("", "takes more memory than")]
)
def test_a_file_that_holds_more_than_this_machine_does_is_said_to(
    tmp_path: Path, spilled: str, said: str
) -> None:
    folder = str(tmp_path / spilled) if spilled else ""
    settings = ["memory_limit = '20MB'", "max_temp_directory_size = '2MB'", f"temp_directory = '{folder}'"]
    with (
        closing(open_in_memory(settings)) as connection,
        pytest.raises(SupasyncError, match=said) as raised,
        translate_errors(tmp_path / "given.duckdb", Table(name="users")),
    ):
        connection.execute("create table rows as select md5(range::varchar) as v from range(4000000)")
    assert str(raised.value).startswith("users: ")


@pytest.mark.parametrize("folder", ["g[ab]", "q?", "s*", "it's"])
def test_the_file_that_was_named_is_the_one_that_is_read(tmp_path: Path, folder: str) -> None:
    for place, text in ((folder, "right"), ("ga", "wrong"), ("qx", "wrong"), ("sx", "wrong")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "users.csv").write_text(f"id,name\n1,{text}\n")
    (tmp_path / "right.csv").write_text("id,name\n1,right\n")
    done = run(tmp_path, "diff", f"{folder}/users.csv", "right.csv", "--key", "id")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("value", [10**30, 10**50, "x", "\ud800"])
def test_a_value_that_does_not_fit_is_no_reason_to_move_the_file_away(tmp_path: Path, value: object) -> None:
    with (
        pytest.raises(SupasyncError, match=r"a value is outside of what a column of .* holds") as raised,
        duckdb.connect() as connection,
        translate_errors(tmp_path / "staging.duckdb"),
    ):
        connection.execute("SELECT CAST(? AS BIGINT)", [value])
    assert "the file is whole" in str(raised.value.hint)
