"""`supasync reconcile` into files: no project, no server, the same guards where they make sense."""

import signal
from datetime import date
from pathlib import Path

import duckdb
import pytest

from tests.diff.calling import call, csv_file, diff
from tests.servers.command import run

pytestmark = pytest.mark.slow
APPLY = ("reconcile", "l.csv", "r.csv", "--apply", "--delete", "--max-deletes", "100%")
TABLES_YAML = """\
version: 1
source: {backend: csv, path: a}
sink: {backend: duckdb, path: b.duckdb}
tables: {users: {}}
"""


def two(folder: Path) -> None:
    csv_file(folder / "l.csv", ["id,v,n", "1,a,1.50", '2,"",', "3,,x", "6,t,y"])
    csv_file(folder / "r.csv", ["id,n,v,more", "1,1.5,a,m", "2,,,", "4,z,d,m", "5,z,e,m"])


def test_a_csv_file_is_made_like_another_and_back(tmp_path: Path) -> None:
    two(tmp_path)
    before = (tmp_path / "r.csv").read_text()
    plan = call(tmp_path, "reconcile", "l.csv", "r.csv")
    assert plan.code == 0, plan.err
    assert (tmp_path / "r.csv").read_text() == before
    assert "2 rows are only in r.csv: --delete removes such rows" in plan.out
    assert call(tmp_path, *APPLY).code == 0
    assert diff(tmp_path, "l.csv", "r.csv").counts == (0, 0, 0, 4)
    assert (tmp_path / "r.csv").read_text().splitlines()[1] == "1,1.5,a,m"
    assert '2,,"",' in (tmp_path / "r.csv").read_text()
    undone = call(tmp_path, "reconcile", "undo", "r.csv")
    assert undone.code == 0, undone.out + undone.err
    assert set(before.splitlines()) <= set((tmp_path / "r.csv").read_text().splitlines())
    assert call(tmp_path, "reconcile", "undo", "r.csv").code == 3
    assert (tmp_path / ".supasync").stat().st_mode & 0o077 == 0


KILL = "import os, signal\ndef killed(*_, **_named): os.kill(os.getpid(), signal.SIGKILL)\n"


def test_an_undo_that_is_killed_before_the_file_is_written_can_be_repeated(tmp_path: Path) -> None:
    two(tmp_path)
    before = (tmp_path / "r.csv").read_text()
    assert call(tmp_path, *APPLY).code == 0
    patch = "from supasync_csv import sink\nsink.replace_whole = killed\n"
    assert run(tmp_path, "reconcile", "undo", "r.csv", before=KILL + patch).returncode == -signal.SIGKILL
    undone = call(tmp_path, "reconcile", "undo", "r.csv")
    assert undone.code == 0, undone.out + undone.err
    assert set(before.splitlines()) <= set((tmp_path / "r.csv").read_text().splitlines())


@pytest.mark.parametrize("method", ["upsert", "keep_written"])
def test_a_change_that_was_killed_is_undone_as_far_as_it_was_made(tmp_path: Path, method: str) -> None:
    """Before its rows are written, and before it is noted what the file holds behind that."""
    two(tmp_path)
    rows = [(1, "X", "1.5"), (2, "Y", None), (3, None, "x"), (6, "t", "y")]
    with duckdb.connect(tmp_path / "r.duckdb") as connection:
        connection.execute("create table l (id bigint primary key, v varchar, n varchar)")
        connection.executemany("insert into l values (?, ?, ?)", rows)
    if method == "upsert":
        patch = "from supasync_core.sync import confirmed\nconfirmed.upsert = killed\n"
    else:
        patch = """
from supasync_core.staging.history import History
noted = History.keep_written
def first(self, *given):
    noted(self, *given)
    History.keep_written = killed
History.keep_written = first
from supasync_core.reconcile import apply
send = apply.send
def sent(sink, table, batch):
    found = send(sink, table, batch)
    sink.flush()
    return found
apply.send = sent
"""
    command = ("reconcile", "l.csv", "r.duckdb", "--apply", "--table", "l")
    assert run(tmp_path, *command, before=KILL + patch).returncode == -signal.SIGKILL
    with duckdb.connect(tmp_path / "r.duckdb") as connection:
        (v,) = connection.execute("select v from l where id = 1").fetchone() or ()
    assert v == ("X" if method == "upsert" else "a")
    undone = call(tmp_path, "reconcile", "undo", "r.duckdb")
    assert undone.code == 0, undone.out + undone.err
    with duckdb.connect(tmp_path / "r.duckdb") as connection:
        assert connection.execute("from l order by id").fetchall() == rows


def test_rows_are_put_back_by_the_key_of_their_change_alone(tmp_path: Path) -> None:
    csv_file(tmp_path / "l.csv", ["id,k,v", "1,1,a", "1,2,b"])
    csv_file(tmp_path / "r.csv", ["id,k,v", "1,1,X", "1,3,c", "1,2,q"])
    assert call(tmp_path, *APPLY, "--key", "k").code == 0
    before = (tmp_path / "r.csv").read_text()
    refused = call(tmp_path, "reconcile", "undo", "r.csv")
    assert refused.code == 3
    assert "its rows were not changed by the key id: nothing was undone" in refused.err
    assert (tmp_path / "r.csv").read_text() == before
    assert call(tmp_path, "reconcile", "undo", "r.csv", "--key", "k").code == 0
    assert {"1,1,X", "1,3,c", "1,2,q"} <= {*(tmp_path / "r.csv").read_text().splitlines()}


def test_a_typed_duckdb_file_keeps_its_types(tmp_path: Path) -> None:
    two(tmp_path)
    with duckdb.connect(tmp_path / "r.duckdb") as connection:
        connection.execute("create table l (id bigint primary key, v varchar, n varchar, moment date)")
        connection.execute("insert into l values (9, 'x', 'y', '2024-01-01')")
    done = call(tmp_path, "reconcile", "l.csv", "r.duckdb", "--apply", "--table", "l")
    assert done.code == 0, done.out + done.err
    with duckdb.connect(tmp_path / "r.duckdb") as connection:
        assert connection.execute("from l order by id").fetchall() == [
            (1, "a", "1.50", None),
            (2, "", None, None),
            (3, None, "x", None),
            (6, "t", "y", None),
            (9, "x", "y", date(2024, 1, 1)),
        ]


def test_the_ceiling_holds_for_files_too(tmp_path: Path) -> None:
    csv_file(tmp_path / "l.csv", ["id,v", "1,a"])
    csv_file(tmp_path / "r.csv", ["id,v", *(f"{i},a" for i in range(1, 41))])
    before = (tmp_path / "r.csv").read_text()
    done = call(tmp_path, "reconcile", "l.csv", "r.csv", "--apply", "--delete")
    assert done.code == 3
    assert "39 rows would be removed; the limit is 2" in done.out
    assert (tmp_path / "r.csv").read_text() == before
    assert call(tmp_path, *APPLY[:5], "--max-deletes", "39").code == 0
    assert diff(tmp_path, "l.csv", "r.csv").whole["equal"]


def test_newer_rows_are_said_before_they_are_written_over(tmp_path: Path) -> None:
    csv_file(tmp_path / "l.csv", ["id,v,updated_at", "1,a,2024-01-01"])
    csv_file(tmp_path / "r.csv", ["id,v,updated_at", "1,b,2024-01-02"])
    done = call(tmp_path, "reconcile", "l.csv", "r.csv")
    assert "1 of the updates replace rows that are newer in r.csv" in done.out


def test_a_table_whose_key_repeats_is_left_alone(tmp_path: Path) -> None:
    csv_file(tmp_path / "l.csv", ["id,v", "1,a", "1,b", "2,c"])
    csv_file(tmp_path / "r.csv", ["id,v", "1,a"])
    before = (tmp_path / "r.csv").read_text()
    done = call(tmp_path, "reconcile", "l.csv", "r.csv", "--apply")
    assert done.code == 3
    assert "cannot be told apart" in done.out
    assert (tmp_path / "r.csv").read_text() == before


@pytest.mark.parametrize(
    ("right", "text"),
    [
        ("dashboard.csv", b"id,v\r\n1,\r\n2,b"),
        ("semicolon.csv", b"id;v\n1;a\n"),
        ("tabs.tsv", b"id\tv\n1\ta\n"),
    ],
)
def test_a_file_in_another_dialect_is_not_written_to(tmp_path: Path, right: str, text: bytes) -> None:
    csv_file(tmp_path / "l.csv", ["id,v", "1,a", "2,b"])
    (tmp_path / right).write_bytes(text)
    done = call(tmp_path, "reconcile", "l.csv", right, "--apply")
    assert done.code == 3, done.out + done.err
    assert "as psql writes it" in done.err or "cannot be written to" in done.err
    assert (tmp_path / right).read_bytes() == text


@pytest.mark.parametrize("key", [(), ("--key", "id")], ids=["", "with-key"])
@pytest.mark.parametrize("right", ["a", "a/users.csv", "b.duckdb", ".", "old"])
def test_a_project_is_not_written_to_by_its_path(tmp_path: Path, right: str, key: tuple[str, ...]) -> None:
    (tmp_path / "tables.yaml").write_text(TABLES_YAML)
    (tmp_path / "a").mkdir()
    csv_file(tmp_path / "a" / "users.csv", ["id,v,updated_at", "1,a,2024-01-01"])
    csv_file(tmp_path / "users.csv", ["id,v,updated_at", "1,b,2024-01-01"])
    assert call(tmp_path, "setup").code == 0
    assert call(tmp_path, "sync").code == 0
    before = (tmp_path / "a" / "users.csv").read_bytes(), (tmp_path / "b.duckdb").read_bytes()
    done = call(tmp_path, "reconcile", "users.csv", right, "--apply", *key)
    assert done.code == 2, done.out + done.err
    assert before == ((tmp_path / "a" / "users.csv").read_bytes(), (tmp_path / "b.duckdb").read_bytes())


def test_a_project_of_files_is_reconciled_under_its_lease(tmp_path: Path) -> None:
    (tmp_path / "tables.yaml").write_text(TABLES_YAML)
    (tmp_path / "a").mkdir()
    csv_file(tmp_path / "a" / "users.csv", ["id,v,updated_at", "1,a,2024-01-01"])
    assert call(tmp_path, "setup").code == 0
    assert call(tmp_path, "sync").code == 0
    csv_file(tmp_path / "a" / "users.csv", ["id,v,updated_at", "1,b,2024-01-01", "2,c,2020-01-01"])
    done = call(tmp_path, "reconcile", "old", "new", "--apply")
    assert done.code == 0, done.out + done.err
    assert diff(tmp_path, "old", "new").whole["equal"]
    status = call(tmp_path, "status")
    assert "last run: success" in status.out
    assert "(reconcile)" in status.out
    (tmp_path / "tables.yaml").write_text(TABLES_YAML.replace("users", "others"))
    undone = call(tmp_path, "reconcile", "undo")
    assert undone.code == 3, "the table whose rows it changed is not declared any more"
    assert "rows of public.users were overwritten, and tables.yaml no longer has such a table" in undone.err
    (tmp_path / "tables.yaml").write_text(TABLES_YAML)
    undone = call(tmp_path, "reconcile", "undo")
    assert "users: 1 row restored" in undone.out
    assert undone.code == 0
    assert call(tmp_path, "sync").code == 0


@pytest.mark.parametrize(
    ("source", "code"), [("{backend: rest, url: '${NOT_SET}'}", 0), ("{backend: csv, path: '${NOT_SET}'}", 2)]
)
def test_a_file_is_written_to_where_tables_yaml_names_projects_alone(
    tmp_path: Path, source: str, code: int
) -> None:
    two(tmp_path)
    text = (
        f"version: 1\nsource: {source}\nsink: {{backend: rest, url: '${{NOT_SET}}'}}\ntables: {{l: {{}}}}\n"
    )
    (tmp_path / "tables.yaml").write_text(text)
    before = (tmp_path / "r.csv").read_bytes()
    done = call(tmp_path, *APPLY[:4], "--key", "id")
    assert done.code == code, done.out + done.err
    assert (before == (tmp_path / "r.csv").read_bytes()) == bool(code)


def test_where_holds_for_a_project_of_files_and_what_it_leaves_out_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "tables.yaml").write_text(
        TABLES_YAML.replace("{users: {}}", "{users: {where: \"v <> 'x'\"}}")
    )
    (tmp_path / "a").mkdir()
    lines = ["id,v,updated_at", "1,a,2024-01-01", "2,b,2024-01-01", "3,x,2024-01-01"]
    csv_file(tmp_path / "a" / "users.csv", lines)
    assert call(tmp_path, "setup").code == 0
    assert call(tmp_path, "sync").code == 0
    assert diff(tmp_path, "old", "new").counts == (0, 0, 0, 2)
    csv_file(tmp_path / "a" / "users.csv", [*lines[:2], "2,x,2024-01-01"])
    assert diff(tmp_path, "old", "new").counts == (1, 0, 0, 1)
    done = call(tmp_path, "reconcile", "old", "new", "--apply", "--delete")
    assert done.code == 3
    assert "rows excluded by where:" in done.err
    assert diff(tmp_path, "old", "new").counts == (1, 0, 0, 1)


def test_old_is_not_written_to_under_another_name_of_its_file(tmp_path: Path) -> None:
    for name in ("old.duckdb", "other.duckdb"):
        with duckdb.connect(tmp_path / name) as connection:
            connection.execute("create table users (id int primary key, updated_at timestamptz)")
            connection.execute("insert into users values (1, '2024-01-01 00:00:00+00')")
    (tmp_path / "link.duckdb").hardlink_to(tmp_path / "old.duckdb")
    (tmp_path / "export").mkdir()
    csv_file(tmp_path / "export" / "users.csv", ["id,updated_at", "2,2024-02-01 00:00:00+00"])
    before = (tmp_path / "old.duckdb").read_bytes()
    ends = "version: 1\nsource: {backend: duckdb, path: old.duckdb}\ntables: {users: {}}\n"
    new, link = (f"{{backend: duckdb, path: {name}.duckdb}}" for name in ("new", "link"))
    imported = ("gap", "import", "export", "--dialect", "psql", "--yes")
    for more, *command in (
        (f"sink: {link}\n", "setup"),
        (f"sink: {new}\nstaging: {link}\n", *imported),
        (f"sink: {new}\nstaging: {new}\n", "setup"),
        (f"sink: {new}\n", *imported, "--sink", "duckdb:old.duckdb"),
        (f"sink: {new}\n", *imported, "--sink", "duckdb:link.duckdb"),
        (f"sink: {new}\n", *imported, "--sink", "duckdb:new.duckdb"),
        (f"sink: {new}\n", "reconcile", "other.duckdb", "link.duckdb", "--apply"),
    ):
        (tmp_path / "tables.yaml").write_text(ends + more)
        done = call(tmp_path, *command)
        assert done.code == 2, done.out + done.err
        assert (tmp_path / "old.duckdb").read_bytes() == before
