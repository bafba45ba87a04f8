"""What `supasync schedule` prints is read as it is meant: by sh behind a crontab, by systemd, as XML."""

import itertools
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supasync_core.model.errors import ConfigError
from supasync_core.schedule import cron, systemd, windows
from supasync_core.schedule.job import _EVERY, Job, minute, minutes
from tests.servers.command import COMMAND, run

ODD = 'it\'s 100% "odd" $HOME \\ & (ü) `x`'
TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
paths = st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=" ", exclude_characters="/"), min_size=1
)
"""Of what can be printed; its categories rule out the rest, where a filter would throw most texts away."""


def job(folder: str = "/srv/a folder", every: int = 60, at: int = 7, program: str = "/opt/supasync") -> Job:
    return Job(
        command=(program,),
        config=f"{folder}/tables.yaml",
        folder=folder,
        log=f"{folder}/sync.log",
        mark="0a1b2c3d",
        every=every,
        minute=at,
    )


def handed_on(command: str, escaped: str) -> str:
    """What a cron hands to sh: it takes the backslash away before these characters (do_command.c)."""
    found: list[str] = []
    behind = False
    for char in command:
        if behind:
            found[-1:] = [char] if char in escaped else ["\\", char]
            behind = False
        elif char == "%":
            break
        else:
            found.append(char)
            behind = char == "\\"
    return "".join(found)


def behind_cron(text: str) -> str:
    """The command of the line as Debian's cron and as cronie hand it on, which have to agree."""
    command = text.splitlines()[1].split(" ", 5)[5]
    assert len(command.encode()) < 1000
    debian, cronie = handed_on(command, "%\\"), handed_on(command, "%")
    assert debian == cronie
    return cronie


@given(paths)
def test_sh_behind_a_crontab_sees_every_path_as_it_is(name: str) -> None:
    words = shlex.split(behind_cron(cron.text(job(f"/srv/{name}", program=f"/opt/{name}/supasync"))))
    folder = f"/srv/{name}"
    assert words == [
        *("cd", folder, "&&", f"/opt/{name}/supasync", "--config", f"{folder}/tables.yaml", "sync"),
        *(">>", f"{folder}/sync.log", "2>&1"),
    ]


@given(st.text("a\\%' \"$", min_size=1))
@example("a\\%b")
@example("c\\\\d")
@example("c\\")
def test_no_backslash_is_lost_in_a_crontab(name: str) -> None:
    test_sh_behind_a_crontab_sees_every_path_as_it_is.hypothesis.inner_test(name)  # type: ignore[attr-defined]


def test_a_line_for_a_long_path_is_shortened_or_refused() -> None:
    folder = "/srv/" + "ü" * 400
    words = shlex.split(behind_cron(cron.text(job(folder))))
    assert words[:3] == ["cd", folder, "&&"]
    assert words[3:] == ["/opt/supasync", "--config", "./tables.yaml", "sync", ">>", "./sync.log", "2>&1"]
    with pytest.raises(ConfigError, match=r"would have 1,\d\d\d bytes") as told:
        cron.text(job(folder + "/" + "b" * 200))
    assert "shorter" in str(told.value.hint)


@given(st.sampled_from(_EVERY), st.text())
def test_runs_are_evenly_spread_and_never_at_the_full_hour(every: int, holder: str) -> None:
    at = minute(holder, every)
    times = cron.text(job(every=every, at=at)).splitlines()[1].split(" ")[:2]
    listed = [
        [*range(span)] if each == "*" else [int(n) for n in each.split(",")]
        for each, span in zip(times, (60, 24), strict=True)
    ]
    runs = sorted(60 * hour + each for hour in listed[1] for each in listed[0])
    assert len(runs) == 24 * 60 // every
    assert {later - sooner for sooner, later in itertools.pairwise(runs)} <= {every}
    assert all(run % 60 for run in runs) or every < 60
    assert 0 not in {run % every for run in runs}
    assert minute(holder, every) == at


@pytest.mark.parametrize("every", _EVERY)
def test_systemd_reads_the_same_times(every: int) -> None:
    timer = systemd.units(job(every=every, at=minute("somebody", every)))["supasync-0a1b2c3d.timer"]
    (times,) = re.findall(r"OnCalendar=(.*)", timer)
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd here")
    done = subprocess.run(
        ["systemd-analyze", "calendar", "--iterations=3", times], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    moments = re.findall(
        r"(?:Next elapse|Iter\. #\d|Iteration #\d): \w+ \d+-\d+-\d+ (\d+):(\d+):00", done.stdout
    )
    found = [60 * int(hour) + int(number) for hour, number in moments]
    assert len(found) == 3
    assert {(later - sooner) % (24 * 60) for sooner, later in itertools.pairwise(found)} == {
        every % (24 * 60)
    }


def test_systemd_takes_both_units_with_odd_paths(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd here")
    folder = tmp_path / ODD
    folder.mkdir()
    program = folder / "supasync"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name, unit in systemd.units(job(str(folder), program=str(program))).items():
        (tmp_path / name).write_text(unit)
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", tmp_path / name],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_the_commands_for_systemd_write_the_units(tmp_path: Path) -> None:
    odd = job(f"/srv/{ODD}")
    text = systemd.text(odd).replace("systemctl", "echo")
    subprocess.run(["sh"], input=text, text=True, check=True, env={"HOME": str(tmp_path)}, cwd=tmp_path)
    folder = tmp_path / ".config/systemd/user"
    assert {path.name: path.read_text() for path in folder.iterdir()} == systemd.units(odd)


@given(st.sampled_from(_EVERY), st.sampled_from(["a&b", "ü <x>", "it's ^(1)!", "C:"]))
def test_the_task_is_xml_in_ascii_with_the_paths_as_they_are(every: int, name: str) -> None:
    text = windows.text(job(f"C:\\{name}", every=every))
    assert text.isascii()
    task = ET.fromstring(text)  # noqa: S314 - our own
    assert [child.tag.removeprefix(TASK) for child in task] == [
        *("RegistrationInfo", "Triggers", "Principals", "Settings", "Actions")
    ]
    assert task.findtext(f".//{TASK}WorkingDirectory") == f"C:\\{name}"
    assert task.findtext(f".//{TASK}Arguments") == (
        f'/d /s /c ""/opt/supasync" "--config" "C:\\{name}/tables.yaml" "sync" >> "C:\\{name}/sync.log" 2>&1"'
    )
    assert ET.fromstring(text.encode("utf-16").decode("utf-16")) is not None  # noqa: S314 - our own
    assert re.fullmatch(r"PT\d+[MH]|P1D", task.findtext(f".//{TASK}Interval") or "")


@pytest.mark.parametrize(
    ("maker", "folder"),
    [
        (cron, "a\nb"),
        (cron, "a\x00b"),
        (systemd, "a\rb"),
        (systemd, "a "),
        (windows, "100%"),
        (windows, 'a"b'),
    ],
)
def test_what_cannot_be_written_there_is_refused(maker: object, folder: str) -> None:
    with pytest.raises(ConfigError, match="write the job yourself"):
        maker.text(job(f"/srv/{folder}"))  # type: ignore[attr-defined]


@pytest.mark.parametrize("every", [timedelta(minutes=7), timedelta(hours=5), timedelta(days=2), timedelta(0)])
def test_what_no_clock_can_be_set_to_is_refused(every: timedelta) -> None:
    with pytest.raises(ConfigError, match="must divide an hour or a day evenly"):
        minutes(every)


@pytest.fixture
def odd_folder(tmp_path: Path, demo_in: Callable[[Path], Path]) -> Path:
    """A configuration between two files, in a folder with an odd name."""
    return demo_in(tmp_path / ODD.replace("\\", ""))  # which DuckDB takes for a slash


@pytest.mark.slow
def test_the_printed_line_runs_this_very_configuration(odd_folder: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [COMMAND, "schedule", "cron", "--every", "30m"],
        cwd=odd_folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "every 30m: 1,440 runs in 30 days, about" in done.stderr
    assert "write interval: 30m into" in done.stderr
    ran = subprocess.run(["/bin/sh", "-c", behind_cron(done.stdout)], cwd=tmp_path, env={}, check=False)
    assert ran.returncode == 0
    assert "success: " in (odd_folder / "sync.log").read_text()
    again = subprocess.run(
        [COMMAND, "schedule", "cron", "--every", "30m"],
        cwd=odd_folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout == done.stdout


def test_bad_wishes_are_usage_errors(odd_folder: Path) -> None:
    for args in (
        ["launchd"],
        ["cron", "--every", "soon"],
        ["cron", "--every", "7m"],
        ["cron", "--every", "0m"],
        [],
    ):
        done = run(odd_folder, "schedule", *args)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


def test_variables_that_only_this_shell_has_are_warned_of(odd_folder: Path) -> None:
    path = odd_folder / "tables.yaml"
    path.write_text(path.read_text().replace("version: 1", 'version: 1\ninterval: "${HERE_ALONE}"', 1))
    done = subprocess.run(
        [str(COMMAND), "schedule", "cron"],
        cwd=odd_folder,
        env={"HERE_ALONE": "2h"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "warning: the scheduler does not see this shell's environment" in done.stderr
    assert "HERE_ALONE is not set: write HERE_ALONE=... into the file .env" in done.stderr
