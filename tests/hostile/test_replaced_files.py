"""The file that was checked is the file that is read, and nothing beside it is read with it."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from supasync_core.model.batch import Batch
from supasync_core.model.errors import SchemaError, TransientError
from supasync_core.model.table import Table
from supasync_core.staging.csv.scanner import scan
from supasync_core.staging.csv.unchanged import unchanged
from supasync_csv.sink import CsvSink
from supasync_csv.workspace import Workspace
from tests.servers.command import run

TABLE = Table(name="users")


def replaced(path: Path, other: Path) -> None:
    other.replace(path)


def written_to(path: Path, _: Path) -> None:
    path.write_text("id\n9\n")


def replaced_and_put_back(path: Path, other: Path) -> None:
    kept = path.with_name("kept")
    path.rename(kept)
    other.rename(path)
    path.rename(other)
    kept.rename(path)


def made_a_link(path: Path, other: Path) -> None:
    path.unlink()
    path.symlink_to(other)


def gone(path: Path, _: Path) -> None:
    path.unlink()


SWAPS = (replaced, written_to, replaced_and_put_back, made_a_link, gone)


def two(folder: Path) -> tuple[Path, Path]:
    path, other = folder / "users.csv", folder / "other.csv"
    path.write_text("id\n1\n")
    other.write_text("id\n2\n")
    return path, other


@pytest.mark.parametrize("swap", SWAPS)
def test_a_file_that_is_swapped_after_its_check_is_not_read(
    tmp_path: Path, swap: Callable[[Path, Path], None]
) -> None:
    path, other = two(tmp_path)
    with (
        pytest.raises(SchemaError, match=r"users\.csv was changed or replaced while it was read"),
        unchanged([path, other], TABLE),
    ):
        swap(path, other)


def test_a_file_that_stays_is_read(tmp_path: Path) -> None:
    with unchanged(two(tmp_path), TABLE):
        pass


def test_the_reader_of_csv_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its look at the records and DuckDB's read of them."""
    path, other = two(tmp_path)

    def swap_and_scan(path: Path, columns: Sequence[str], *, longest: int) -> str:
        other.replace(path)
        return scan(path, columns, longest=longest)

    monkeypatch.setattr("supasync_csv.workspace.scan", swap_and_scan)
    with (
        closing(Workspace()) as space,
        pytest.raises(SchemaError, match="was changed or replaced while it was read"),
    ):
        space.load(TABLE, path, lambda name: name)


def test_a_file_that_others_have_changed_since_is_left_as_they_wrote_it(tmp_path: Path) -> None:
    path, _ = two(tmp_path)
    sink = CsvSink(tmp_path)
    sink.upsert(TABLE, Batch(b'[{"id":"4"}]'))
    sink.flush()
    sink.upsert(TABLE, Batch(b'[{"id":"5"}]'))
    sink.upsert(Table(name="posts"), Batch(b'[{"id":"6"}]'))
    path.write_text("id\n1\n3\n4\n")
    with pytest.raises(TransientError, match="was changed by another program meanwhile"):
        sink.close()
    assert path.read_text() == "id\n1\n3\n4\n"
    assert path.with_name("posts.csv").read_text() == "id\n6\n", "it keeps no other table from its file"
    with closing(CsvSink(tmp_path)) as sink:
        sink.upsert(TABLE, Batch(b'[{"id":"5"}]'))
    assert path.read_text() == "id\n1\n3\n4\n5\n"


def test_a_duckdb_file_with_a_log_beside_it_is_refused(tmp_path: Path) -> None:
    """DuckDB replays it: rows that the file does not have would be compared."""
    (tmp_path / "mine").mkdir()
    with duckdb.connect(str(tmp_path / "mine" / "given.duckdb")) as made:
        made.execute("create table users (id int); insert into users values (1); checkpoint")
        made.execute("insert into users values (2)")
        for suffix in (".duckdb", ".duckdb.wal"):
            shutil.copy(tmp_path / "mine" / f"given{suffix}", tmp_path / f"given{suffix}")
    (tmp_path / "users.csv").write_text("id\n1\n")
    args = ("diff", "given.duckdb", "users.csv", "--key", "id", "--table", "users")
    refused = run(tmp_path, *args)
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert "given.duckdb.wal lies beside the file, and DuckDB would replay it" in refused.stderr
    (tmp_path / "given.duckdb.wal").unlink()
    done = run(tmp_path, *args)
    assert done.returncode == 0, done.stdout + done.stderr
