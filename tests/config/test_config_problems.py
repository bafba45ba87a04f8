"""Every problem of tables.yaml, with its place.

The files in ``problems`` hold the cases: a title, the text, and the problems behind ``=>``. A line
``HEAD`` stands for the three lines of the sound head, ``KEY!`` for a key. In ``tables.txt`` the head and
``tables:`` come first, lines count from ``tables:``, and places begin with the table.
"""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supasync_core.config import load
from supasync_core.model.errors import ConfigError
from tests.config.host import ENVIRON, HEAD, KEY, problems, small_host, table_problems

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests/config/problems"
LITERAL = 'is secret: put it into .env, and write only the reference "${NAME}" here'
SHAPE = 'a key must not be in this file: put it into .env and write "${NAME}" here'
TABLES = "tables: {t: {}}\n"


def cases(name: str) -> list[Any]:
    """The text and the problems of each case, under its title."""
    found = []
    for case in re.split(r"\n*^# ", (CASES / name).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, *lines = case.splitlines()
        text = "\n".join(line for line in lines if not line.startswith("=> "))
        flaws = [line.removeprefix("=> ") for line in lines if line.startswith("=> ")]
        found.append(pytest.param(text.replace("HEAD\n", HEAD), flaws, id=title))
    return found


@pytest.mark.parametrize(("text", "expected"), cases("file.txt"))
def test_problems_of_the_file_are_all_said(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert problems(tmp_path, text) == [f"tables.yaml:{problem}" for problem in expected]


@pytest.mark.parametrize(("sides", "expected"), cases("sides.txt"))
def test_problems_of_either_side_are_all_said(tmp_path: Path, sides: str, expected: list[str]) -> None:
    found = problems(tmp_path, f"version: 1\n{sides}\n{TABLES}", {**ENVIRON, "ANON": "my-anon-text"})
    assert found == [f"tables.yaml:{problem}" for problem in expected]


@pytest.mark.parametrize(("tables", "expected"), cases("tables.txt"))
def test_problems_of_tables_are_all_said(tmp_path: Path, tables: str, expected: list[str]) -> None:
    assert table_problems(tmp_path, tables) == expected


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (KEY, SHAPE),
        ("sb_publishable_abc", SHAPE),
        ("eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2ln", SHAPE),
        ("'${K:-sb_secret_abc}'", SHAPE),
        ("hunter22", LITERAL),
        ("'${K:-hunter22}'", LITERAL),
        ("'x${K}'", LITERAL),
        ("'${K}${K}'", LITERAL),
        ("''", LITERAL),
        ("'${K:-}'", "is empty"),
    ],
)
def test_a_key_is_only_ever_a_reference_and_never_echoed(tmp_path: Path, written: str, sentence: str) -> None:
    text = HEAD.replace('"${SUPABASE_SERVICE_ROLE_KEY}"', written) + TABLES
    environ = {**ENVIRON, "K": "" if sentence == "is empty" else "hunter23"}
    assert problems(tmp_path, text, environ) == [f"tables.yaml:3:52: sink.key: {sentence}"]


@pytest.mark.parametrize(("text", "expected"), cases("keys.txt"))
def test_a_key_anywhere_is_refused_and_never_echoed(tmp_path: Path, text: str, expected: list[str]) -> None:
    found = problems(tmp_path, text.replace("KEY!", KEY), {**ENVIRON, "SECRETS": KEY})
    assert found == [f"tables.yaml:{problem}" for problem in expected]


@pytest.mark.parametrize(("text", "expected"), cases("together.txt"))
def test_problems_of_all_parts_are_said_at_once(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert problems(tmp_path, text, {"SUPABASE_URL": "https://n"}, "K=x\nnonsense here\n") == expected


def test_the_path_is_shown_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(HEAD)
    with pytest.raises(ConfigError, match=r"^t\.yaml:1:1: tables: is missing"):
        load(Path("t.yaml"), ENVIRON, small_host())


@settings(deadline=None)  # it reads and writes files
@given(st.data())
def test_a_line_left_out_or_damaged_never_breaks_the_reading(data: st.DataObject) -> None:
    lines = (ROOT / "tables.yaml").read_text(encoding="utf-8").splitlines()
    place = data.draw(st.integers(0, len(lines) - 1))
    column = data.draw(st.integers(0, len(lines[place])))
    damage = data.draw(st.sampled_from(["", "\t", ":", *"[]{}*&", "${", "'", "#", "- ", "null", "7"]))
    lines[place] = lines[place][:column] + damage + lines[place][column + data.draw(st.integers(0, 9)) :]
    with TemporaryDirectory() as folder:
        found = problems(Path(folder), "\n".join(lines))
    assert all(re.match(r"tables\.yaml:\d+:\d+: ", problem) for problem in found)
    assert not any(
        secret in problem for problem in found for secret in ENVIRON.values() if "://" not in secret
    )
