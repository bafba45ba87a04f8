"""Odd places: names beyond UTF-8, locales without it, files that cannot be made, a program replaced."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.model.errors import StateError
from supasync_core.staging.connection import open_to_write
from supasync_core.system import lock
from supasync_core.system.faults import explain
from tests.servers.command import COMMAND, run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="names of files are bytes")
ASCII = {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
"""A locale without UTF-8: Python would take another one for C by itself."""
HOLDER = """
from pathlib import Path
from sys import argv
from supasync_core.system import lock
print(lock.holder(Path(argv[1])))
"""


def ran(folder: Path, *args: str, **environment: str) -> tuple[int, str]:
    """The exit code and stderr; a locale is what a new interpreter obeys."""
    if not environment:
        done = run(folder, *args)
        return done.returncode, done.stderr
    env = {"PATH": os.environ["PATH"], **environment}
    done = subprocess.run([COMMAND, *args], cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.fixture
def demo(tmp_path: Path, demo_in: Callable[[Path], Path]) -> Path:
    folder = demo_in(tmp_path / "größe")
    text = (folder / "tables.yaml").read_text("utf-8")
    (folder / "tables.yaml").write_text(
        text.replace("usage_logs:  {", "usage_logs:  {deletes: report, "), "utf-8"
    )
    return folder


@pytest.mark.slow
def test_a_locale_without_utf_8_is_the_same_installation_and_the_same_files(demo: Path) -> None:
    assert ran(demo, "sync")[0] == 0
    for command in ("sync", "verify", "check"):
        assert ran(demo, command, **ASCII) == (0, ran(demo, command)[1]), command


@pytest.mark.parametrize("name", ["größe".encode(), b"gr\xf6\xdfe"])
def test_the_holder_has_one_name_under_every_locale(tmp_path: Path, name: bytes) -> None:
    folder = os.path.join(os.fsencode(tmp_path), name)  # noqa: PTH118 - bytes
    os.mkdir(folder)  # noqa: PTH102 - bytes
    told = [
        subprocess.run(
            [sys.executable, "-c", HOLDER, folder], env=env, capture_output=True, check=True
        ).stdout
        for env in ({"PYTHONUTF8": "1"}, ASCII)
    ]
    assert told[0] == told[1]


def test_a_folder_that_is_not_utf_8_is_named_where_duckdb_cannot_use_it(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/gr\xf6"))
    with pytest.raises(StateError, match="a path that is not UTF-8"):
        open_to_write(folder / "staging.duckdb")


def test_a_holder_that_is_garbage_is_a_name_all_the_same(tmp_path: Path) -> None:
    (lock.folder(tmp_path) / "holder").write_bytes(b"\xff\xfe\n")
    assert lock.holder(tmp_path) == lock.holder(tmp_path)


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    """A scheduler goes on in the folder that it was given."""
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f"cd {gone} && rmdir {gone} && exec {COMMAND} status"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "error: the folder that supasync was started in is gone" in done.stderr


@pytest.mark.parametrize("target", ["/proc/nothing/there", "last-success"])
def test_a_link_in_place_of_a_file_of_ours_is_named_and_no_defect(demo: Path, target: str) -> None:
    own = demo / ".supasync" / "last-success"
    own.unlink(missing_ok=True)
    own.symlink_to(target)
    code, told = ran(demo, "sync")
    assert code == 3, told
    assert "error: .supasync/last-success is a link\n  move it away" in told
    assert "defect" not in told


@given(st.sampled_from(sorted(errno.errorcode)))
def test_whatever_a_file_system_refuses_names_the_file(number: int) -> None:
    known = explain(OSError(number, os.strerror(number), "/srv/app/.supasync/alive"))
    assert str(known) == f"/srv/app/.supasync/alive: {os.strerror(number)}"
    assert known.exit_code == 3
    if number in (errno.EROFS, errno.EACCES, errno.ENOSPC):
        assert known.hint


REPLACED = """
import sys
from supasync_core.project import lease
from supasync_core.cli import main

class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("supasync"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

taken = lease.Lease.take.__func__

def begun(cls, *args, **kwargs):
    sys.meta_path.insert(0, Gone())
    return taken(cls, *args, **kwargs)

lease.Lease.take = classmethod(begun)
main(sys.argv[1:])
"""
"""The command, whose files are gone from the moment at which a run begins."""


@pytest.mark.slow
@pytest.mark.parametrize(("deletes", "code"), [(False, 0), (True, 3)])
def test_a_program_that_is_replaced_during_a_run_goes_on_or_says_so(
    demo: Path, code: int, *, deletes: bool
) -> None:
    if not deletes:
        text = (demo / "tables.yaml").read_text("utf-8")
        (demo / "tables.yaml").write_text(text.replace("deletes: report, ", ""), "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", REPLACED, "sync"], cwd=demo, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert "defect" not in done.stderr
    assert ("was supasync replaced while it ran?" in done.stderr) is deletes


@pytest.mark.slow
@pytest.mark.parametrize("args", [["--help"], ["sync", "--help"], ["state", "reset", "--help"]])
def test_help_is_whole_without_docstrings(args: list[str]) -> None:
    told = [
        subprocess.run(
            [sys.executable, *options, "-m", "supasync_core", *args],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for options in ([], ["-OO"])
    ]
    assert told[0] == told[1]
