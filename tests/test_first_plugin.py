"""The tutorial for authors of plugins as a newcomer follows it: each file is saved, each command is run."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.example_packages.site import install, run_with
from tests.servers.command import run

PAGE = Path(__file__).parents[1] / "docs/tutorial/first-plugin.md"
STEP = re.compile(
    r"Save this as `(?P<file>[^`]+)`:\n\n```\w+\n(?P<text>.*?)^```$"
    r"|^```console\n(?P<console>.*?)^```$"
    r"|\b[Ii]n `(?P<changed>[^`]+)`, replace\s`(?P<before>[^`]+)`\sby\s`(?P<after>[^`]+)`",
    re.DOTALL | re.MULTILINE,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project = tmp_path / "supasync-shop"
    for name in ("supasync_shop", "tests"):
        (project / name).mkdir(parents=True)
    (tmp_path / "site").mkdir()
    return project


def commands(console: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a block, and the lines that it is said to print."""
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, *lines = part.splitlines()
        yield command, [" ".join(line.split()) for line in lines]


def obeyed(command: str, folder: Path) -> str:
    """What a command prints."""
    site = folder.parent / "site"
    program, *args = command.split()
    if program == "pip":
        install(folder, site)
        shutil.rmtree(site / "supasync_shop")
        (site / "supasync_shop").symlink_to(folder / "supasync_shop")
        return ""
    if program == "supasync" and "check" not in args:
        return run_with(site, folder, *args).stdout
    path = os.pathsep.join(map(str, (site, *sys.path)))
    if program == "supasync":
        return run(folder, *args, environment={"PYTHONPATH": path}).stdout
    module = ["-m", "pytest", "-p", "no:cacheprovider"] if program == "pytest" else []
    done = subprocess.run(
        [sys.executable, *module, *args],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 or module, done.stdout + done.stderr
    return done.stdout


def pattern(lines: list[str]) -> str:
    """What the lines say; three dots stand for anything, and a line of them alone for any lines."""
    texts = [
        r"(?:.*\n)*" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n" for line in lines
    ]
    return "".join(texts)


@pytest.mark.slow
def test_a_newcomer_who_follows_the_page_gets_what_it_says(folder: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for step in STEP.finditer(page):
        if step["file"]:
            (folder / step["file"]).write_text(step["text"], encoding="utf-8")
        elif step["changed"]:
            file = folder / step["changed"]
            text = file.read_text(encoding="utf-8")
            assert text.count(step["before"]) == 1
            file.write_text(text.replace(step["before"], step["after"]), encoding="utf-8")
        else:
            for command, lines in commands(step["console"]):
                printed = obeyed(command, folder)
                found = "".join(f"{' '.join(line.split())}\n" for line in printed.splitlines())
                assert re.fullmatch(pattern(lines), found), (command, found)
    used = sum(bool(step["file"] or step["console"]) for step in STEP.finditer(page))
    assert used == len(re.findall(r"^```\w+$", page, re.MULTILINE)), "a block that is not executed"
