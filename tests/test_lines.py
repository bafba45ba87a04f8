"""What a command prints where nobody watches: times, a log, and silence where all is well."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from supasync_core.cli.lines import stamped
from tests.diff.calling import call
from tests.kept_folder import as_kept, keep
from tests.servers.command import TIME, run, start, without_times

KEY = "sb_secret_of_the_log_0123456789"
TABLES_YAML = """\
version: 1
source: {backend: duckdb, path: old.duckdb}
sink: {backend: duckdb, path: new.duckdb}
tables: {users: }
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lines")
    for name, rows in (("old", 3), ("new", 0)):
        with duckdb.connect(str(folder / f"{name}.duckdb")) as connection:
            connection.execute("create table users (id bigint primary key, updated_at timestamptz)")
            stamps = "select n, timestamptz '2024-01-01 00:00:00+00' from range(?) _(n)"
            connection.execute(f"insert into users {stamps}", [rows])
    (folder / "tables.yaml").write_text(TABLES_YAML)
    assert call(folder, "setup").code == 0
    return keep(folder)


@pytest.fixture
def folder(prepared: Path) -> Path:
    """OLD has three rows; NEW has a baseline."""
    return as_kept(prepared)


def raw(folder: Path, *args: str) -> tuple[int, str, str]:
    """The exit code, and both streams as they are."""
    with start(folder, *args, environment={"TZ": "Asia/Kolkata"}) as process:
        out, err = process.communicate(timeout=60)
        return process.wait(), out, err


def break_new(folder: Path) -> None:
    """Take from NEW a column that OLD has."""
    with duckdb.connect(str(folder / "new.duckdb")) as connection:
        connection.execute("alter table users drop column updated_at")


def test_off_a_terminal_every_line_of_a_run_starts_with_a_time_and_its_distance_from_utc(
    folder: Path,
) -> None:
    code, out, err = raw(folder, "sync", "--verbose")
    assert (code, without_times(out).splitlines()[0]) == (0, "users: 3/3 rows synced")
    lines = [*out.splitlines(), *err.splitlines()]
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+05:30 ", line) for line in lines), lines
    break_new(folder)
    code, out, err = raw(folder, "sync")
    assert code == 3
    assert len(err.splitlines()) > 1
    assert all(map(TIME.match, [*out.splitlines(), *err.splitlines()])), out + err
    assert all(map(TIME.match, raw(folder, "sync", "--nope")[2].splitlines()))


def test_what_a_script_reads_has_no_times(folder: Path) -> None:
    assert raw(folder, "sync", "--json")[1].startswith("{\n")
    for command in ("status", "schema sql", "verify", "sync --help"):
        assert not TIME.search(raw(folder, *command.split())[1]), command


@pytest.mark.parametrize("options", ["--quiet sync", "sync --quiet", "-q sync", "sync -q"])
def test_quiet_prints_nothing_where_all_is_well(folder: Path, options: str) -> None:
    assert raw(folder, *options.split()) == (0, "", "")


def test_quiet_prints_errors_and_the_result_of_what_failed(folder: Path) -> None:
    for command in ("sync", "check", "verify"):
        assert raw(folder, command, "--quiet") == (0, "", ""), command
    break_new(folder)
    code, out, err = map(str, raw(folder, "sync", "--quiet"))
    assert (code, "users: failed" in out) == ("3", True)
    assert "users: failed: " in err
    done = run(folder, "check", "-q")
    assert (done.returncode, done.stderr) == (3, "")
    assert "problem: " in done.stdout


def test_quiet_leaves_what_was_asked_for(folder: Path) -> None:
    for command in ("status", "schema sql", "sync --json"):
        assert raw(folder, "--quiet", *command.split())[1], command


def test_verbose_and_quiet_exclude_each_other(folder: Path) -> None:
    done = run(folder, "--verbose", "sync", "--quiet")
    assert (done.returncode, "give one of them" in done.stderr) == (2, True)
    assert run(folder, "status", "-v").stderr.splitlines()[0].startswith("tables.yaml: OLD is duckdb:")


def test_the_log_has_every_line_with_its_time_whatever_is_shown(folder: Path) -> None:
    assert raw(folder, "--quiet", "sync", "--log-file", "run.log") == (0, "", "")
    log = folder / "run.log"
    assert log.stat().st_mode & 0o777 == 0o600
    first = log.read_text()
    assert all(map(TIME.match, first.splitlines()))
    assert "users: 3/3 rows synced" in first
    break_new(folder)
    log.chmod(0o644)
    done = run(folder, "sync", "--json", "--log-file", "run.log")
    assert log.stat().st_mode & 0o777 == 0o600
    added = without_times(log.read_text().removeprefix(first))
    assert added == done.stderr, "appended, without the result for a script"
    run(folder, "status", "--log-file", "run.log")
    assert "last complete read" in log.read_text()


def a_fifo(path: Path) -> None:
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("made", [a_fifo, a_folder, a_loop])
def test_a_log_that_cannot_be_a_file_of_ours_is_refused(folder: Path, made: Callable[[Path], None]) -> None:
    made(folder / "run.log")
    done = run(folder, "sync", "--log-file", "run.log")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--log-file: " in done.stderr


def test_a_log_is_not_appended_to_what_is_no_log(folder: Path) -> None:
    (folder / ".env").write_text("A=1\n")
    (folder / ".env").chmod(0o640)
    for name in ("old.duckdb", "tables.yaml", ".env"):
        before = (folder / name).read_bytes()
        done = run(folder, "status", "--log-file", name)
        assert (done.returncode, "what it holds was not written by supasync" in done.stderr) == (2, True)
        assert (folder / name).read_bytes() == before
    assert (folder / ".env").stat().st_mode & 0o777 == 0o640


def test_a_log_where_others_may_swap_it_is_refused(folder: Path) -> None:
    (folder / "open").mkdir()
    (folder / "open").chmod(0o777)
    done = run(folder, "sync", "--log-file", "open/run.log")
    assert (done.returncode, "could be swapped" in done.stderr) == (2, True)
    assert not (folder / "open/run.log").exists()


def test_a_log_that_ends_early_is_said_even_with_quiet_and_changes_no_exit_code(folder: Path) -> None:
    log = folder / "run.log"
    log.write_text(stamped("success\n"))
    os.truncate(log, 1 << 30)
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30,) * 2)"
    done = run(folder, "sync", "--quiet", "--log-file", "run.log", before=full)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "note: --log-file has not all lines: File too large\n"


def test_quiet_prints_a_diff_where_both_sides_differ_and_leaves_the_forms_for_programs(folder: Path) -> None:
    assert raw(folder, "diff", "old", "old.duckdb", "--quiet") == (0, "", "")
    code, out, _ = raw(folder, "diff", "old", "new", "--quiet")
    assert (code, "3 removed" in out) == (1, True), out
    for form in ("json", "jsonl", "csv", "html"):
        assert raw(folder, "diff", "old", "old.duckdb", "--quiet", "--format", form)[1], form


def test_no_key_is_in_the_log(tmp_path: Path) -> None:
    (tmp_path / "tables.yaml").write_text(
        'version: 1\nsource: {backend: rest, url: "http://127.0.0.1:9", key: "${K}"}\n'
        'sink: {backend: rest, url: "http://127.0.0.1:9", key: "${K}"}\ntables: {users: }\n'
    )
    given = {"K": KEY}
    done = run(tmp_path, "sync", KEY, "--log-file", "run.log", environment=given)
    assert done.returncode == 2
    assert KEY not in (tmp_path / "run.log").read_text()


def test_a_line_that_comes_in_pieces_has_one_time() -> None:
    assert without_times(stamped("a\nb")) == "a\nb"
    assert len(TIME.findall(stamped("a\nb\n"))) == 2
    assert len(TIME.findall(stamped("a\nb\n", begins=False))) == 1
    assert len(TIME.findall(stamped("\n\n"))) == 2


def test_status_prints_this_machines_times_with_their_age_and_exact_ones_on_request(folder: Path) -> None:
    raw(folder, "sync")
    shown = raw(folder, "status")[1]
    assert re.search(
        r"^last run: success, \d\d:\d\d, (just now|\d+ min ago), 3 rows \(sync\)$", shown, re.MULTILINE
    )
    assert re.search(r"^last success: \d\d:\d\d, (just now|\d+ min ago)$", shown, re.MULTILINE)
    exact = raw(folder, "status", "--utc")[1]
    assert re.search(r"^last success: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$", exact, re.MULTILINE)
