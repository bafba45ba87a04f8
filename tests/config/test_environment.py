"""References to the environment."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.config.environment import Environment, is_reference, read_dotenv

ENVIRONMENT = Environment(
    {"BOTH": "process", "HOLLOW": ""}, {"BOTH": "file", "ONLY": "f${BOTH}", "HOLLOW": "x"}
)


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("plain", "plain"),
        ("${BOTH}", "process"),
        ("a-${BOTH}-${BOTH}", "a-process-process"),
        ("${ONLY}", "f${BOTH}"),
        ("${BOTH:-other}", "process"),
        ("${NONE:-other: text}", "other: text"),
        ("${NONE:-}", ""),
        ("${HOLLOW:-default}", "default"),
        ("$${BOTH}", "${BOTH}"),
        ("$$${BOTH}", "$${BOTH}"),
        ("$BOTH costs 5$", "$BOTH costs 5$"),
    ],
)
def test_references_stand_for_values(text: str, expanded: str) -> None:
    assert ENVIRONMENT.expand(text) == (expanded, [])


def test_a_variable_that_is_not_set_says_where_to_set_it() -> None:
    assert ENVIRONMENT.expand("${NONE} and ${ALSO_NONE}") == (
        None,
        [
            "NONE is not set: write NONE=... into the file .env beside tables.yaml",
            "ALSO_NONE is not set: write ALSO_NONE=... into the file .env beside tables.yaml",
        ],
    )


def test_an_empty_variable_is_as_bad_as_none() -> None:
    assert Environment({}, {"A": ""}).expand("${A}")[1] == [
        "A is empty: write A=... into the file .env beside tables.yaml"
    ]


def test_an_empty_process_variable_that_hides_the_file_is_named() -> None:
    assert ENVIRONMENT.expand("${HOLLOW}")[1] == [
        "HOLLOW is empty in the environment, which takes precedence over .env: set or unset it"
    ]


@pytest.mark.parametrize("text", ["${}", "${1A}", "${A", "${A-b}", "${A:?gone}", "${Ä}", "${ A }"])
def test_a_broken_reference_is_a_flaw(text: str) -> None:
    assert ENVIRONMENT.expand(text) == (
        None,
        ["a reference is written ${NAME} or ${NAME:-default}; for the text ${ write $${"],
    )


@given(st.text())
def test_any_text_can_be_escaped(text: str) -> None:
    assert ENVIRONMENT.expand(text.replace("$", "").replace("{", "$${"))[0] == text.replace("$", "").replace(
        "{", "${"
    )


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("${A}", True),
        ("${A:-}", True),
        ("${A:-b}", False),
        ("x${A}", False),
        ("${A}${B}", False),
        ("$${A}", False),
        ("${A}\n", False),
    ],
)
def test_a_lone_reference_is_told_from_anything_else(text: str, is_one: bool) -> None:  # noqa: FBT001
    assert is_reference(text) is is_one


def test_a_dotenv_is_read_as_it_stands(tmp_path: Path) -> None:
    before = dict(os.environ)
    (tmp_path / ".env").write_text(
        "# keys\r\nexport A=1\r\nB='two words' # why\nC=\"${A}\"\nD=\nE\nA=again\n", encoding="utf-8-sig"
    )
    assert read_dotenv(tmp_path / ".env") == ({"A": "again", "B": "two words", "C": "${A}", "D": ""}, [])
    assert dict(os.environ) == before


def test_without_a_dotenv_there_are_no_variables(tmp_path: Path) -> None:
    assert read_dotenv(tmp_path / ".env") == ({}, [])


def test_a_broken_line_of_a_dotenv_is_named_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('A=1\n\n\nKEY="no end\nB=2\n')
    assert read_dotenv(tmp_path / ".env") == ({"A": "1", "B": "2"}, [(4, "expected NAME=value")])


def test_a_dotenv_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n", encoding="utf-16")
    assert read_dotenv(tmp_path / ".env") == ({}, [(1, "is not UTF-8 text: save it as UTF-8")])


def test_a_dotenv_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert read_dotenv(tmp_path / ".env") == ({}, [(1, "cannot be read: it is not a regular file")])
