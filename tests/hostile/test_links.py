"""Links that another user has planted in a folder of files lead no reading and no writing elsewhere."""

import os
import subprocess
from pathlib import Path

import duckdb
import pytest

from supasync_core.model.errors import SupasyncError
from supasync_core.system import links
from tests.servers import command

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and owners are POSIX's")
OTHER = 12_345
SETTINGS = """version: 1
source: {{backend: {source}}}
sink: {{backend: {sink}}}
tables:
  users: {{key: id, timestamp: updated_at}}
"""


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir(mode=0o700)
    (folder / "victim").write_text("precious\n")
    with duckdb.connect(str(folder / "old.duckdb")) as connection:
        connection.execute("create table users (id int, updated_at timestamptz)")
        connection.execute("insert into users values (1, '2026-01-01')")
    return folder


def run(folder: Path, *args: str, **settings: str) -> subprocess.CompletedProcess[str]:
    if settings:
        (folder / "tables.yaml").write_text(SETTINGS.format(**settings))
    return command.run(folder, *args)


def both(folder: Path, sink: str) -> str:
    asked = {"source": "duckdb, path: old.duckdb", "sink": sink}
    return "".join(done.stderr for done in (run(folder, "setup", **asked), run(folder, "sync")))


@pytest.mark.parametrize("name", ["users.csv", ".supasync-state.json", ".supasync-state.json.lock"])
@pytest.mark.parametrize("there", [True, False])
def test_a_csv_sink_writes_through_no_planted_link(
    shared: Path, mine: Path, name: str, *, there: bool
) -> None:
    victim = mine / ("victim" if there else "made")
    (shared / name).symlink_to(victim)
    both(mine, f"csv, path: {shared}")
    assert (mine / "victim").read_text() == "precious\n"
    assert not (mine / "made").exists()


@pytest.mark.parametrize("name", ["new.duckdb", "new.duckdb.wal", "folder"])
def test_a_duckdb_sink_is_written_to_no_folder_where_others_may_swap_it(
    shared: Path, mine: Path, name: str
) -> None:
    (shared / name).symlink_to(mine / "made" if name != "folder" else mine)
    path = shared / "folder" / "new.duckdb" if name == "folder" else shared / "new.duckdb"
    told = both(mine, f"duckdb, path: {path}")
    assert "may" in told
    assert not (mine / "made").exists()
    assert not (mine / "new.duckdb").exists()


@pytest.mark.parametrize("kind", ["csv", "duckdb"])
def test_a_planted_link_is_not_read(shared: Path, mine: Path, kind: str) -> None:
    (mine / "secret.csv").write_text("secret\nvalue\n")
    (shared / f"users.{kind}").symlink_to(mine / ("secret.csv" if kind == "csv" else "old.duckdb"))
    (mine / "users.csv").write_text("secret\nother\n")
    source = f"csv, path: {shared}" if kind == "csv" else f"duckdb, path: {shared}/users.duckdb"
    found = run(mine, "setup", source=source, sink="duckdb, path: new.duckdb")
    assert "is a link that another user may change" in found.stdout + found.stderr
    done = run(mine, "diff", str(shared / f"users.{kind}"), "users.csv", "--key", "secret")
    assert done.returncode not in {0, 1}
    assert "is a link that another user may change" in done.stderr


def test_own_links_in_own_folders_are_followed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    (folder / "users.csv").symlink_to(Path("..") / "folder" / "real.csv")
    links.replace_whole(tmp_path / "link" / "users.csv", lambda file: file.write(b"id\n"))
    assert (folder / "real.csv").read_bytes() == b"id\n"
    assert (folder / "users.csv").is_symlink()
    assert links.real(tmp_path / "link" / "users.csv") == folder / "real.csv"
    (folder / "circle").symlink_to("circle")
    with pytest.raises(SupasyncError, match="too many links"):
        links.real(folder / "circle")


@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root is asked")
def test_root_writes_no_file_into_the_folder_of_another_user_unless_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(tmp_path, OTHER, OTHER)
    for write in (links.own, lambda path: links.replace_whole(path, lambda file: file.write(b"1"))):
        monkeypatch.delenv("SUPASYNC_AS_ROOT", raising=False)
        with pytest.raises(SupasyncError, match="another user"):
            write(tmp_path / "users.csv")
        monkeypatch.setenv("SUPASYNC_AS_ROOT", "yes")
        write(tmp_path / "users.csv")
    monkeypatch.delenv("SUPASYNC_AS_ROOT")
    (tmp_path / "link").symlink_to(tmp_path / "users.csv")
    os.lchown(tmp_path / "link", OTHER, OTHER)
    with pytest.raises(SupasyncError, match="another user"):
        links.real(tmp_path / "link")
