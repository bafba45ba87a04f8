"""YAML as values that know their place."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.config.document import (
    Entry,
    Listing,
    Mark,
    Nothing,
    Problems,
    Scalar,
    Section,
    Value,
    parse,
)


def read(text: str) -> tuple[Value | None, list[str]]:
    """The value of a text without references, and what is wrong with it."""
    problems = Problems("f")
    value = parse(text, lambda scalar: (scalar, []), problems)
    return value, problems.lines()


def plain(value: Value | None) -> object:
    """The value without its places."""
    match value:
        case Section():
            return {name: plain(entry.value) for name, entry in value.entries.items()}
        case Listing():
            return [plain(item) for item in value.items]
        case Scalar():
            return value.value
    return None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "a: on\nb: 007\nc: 1.50\nd: 2024-01-01\n=: =",
            {"a": "on", "b": "007", "c": "1.50", "d": "2024-01-01", "=": "="},
        ),
        ("a:\nb: ~\nc: null\nd: 'null'\ne: ''", {"a": None, "b": None, "c": None, "d": "null", "e": ""}),
        ("a: &x [1, {b: 2}]\nc: *x", {"a": ["1", {"b": "2"}], "c": ["1", {"b": "2"}]}),
        ("on: yes\nnull: no\n1: 2", {"on": "yes", "null": "no", "1": "2"}),
        ("a: >\n  two\n  lines\n", {"a": "two lines\n"}),
        ("a: !!str 5", {"a": "5"}),
        ("", None),
        ("# only words\n", None),
        ("---\n", None),
    ],
)
def test_scalars_are_texts(text: str, value: object) -> None:
    found, flaws = read(text)
    assert (plain(found), flaws) == (value, [])


def test_every_value_knows_its_place() -> None:
    value, _ = read("\n  a:  1\n  b: [x,\n    y]\n  c:\n")
    assert value == Section(
        Mark(2, 3),
        {
            "a": Entry(Mark(2, 3), "a", Scalar(Mark(2, 7), "1", "1")),
            "b": Entry(
                Mark(3, 3),
                "b",
                Listing(Mark(3, 6), (Scalar(Mark(3, 7), "x", "x"), Scalar(Mark(4, 5), "y", "y"))),
            ),
            "c": Entry(Mark(5, 3), "c", Nothing(Mark(5, 5))),
        },
    )


@pytest.mark.parametrize(
    ("text", "flaws"),
    [
        ("a:\n\t- b", ["f:2:1: has a tab: indent YAML with spaces"]),
        (
            "a: b: c",
            ["f:1:5: has a second colon: quote a text that has one, or fix the indent"],
        ),
        ("a: @x", ["f:1:4: is not YAML: found character '@' that cannot start any token"]),
        (
            "a:\n  {url: ${X}}",
            [
                (
                    "f:2:10: is not YAML: expected ',' or '}', but got '{'"
                    '; write references in quotes: "${NAME}"'
                ),
            ],
        ),
        (
            "a: [1,\nb: 2\n",
            [
                (
                    "f:3:1: is not YAML: expected ',' or ']', but got '<stream end>'"
                    " (while parsing a flow sequence from line 1)"
                ),
            ],
        ),
        ("a: 'x", ["f:1:6: is not YAML: found unexpected end of stream"]),
        ("a: 1\n---\nb: 2\n", ["f:2:1: has a second document: the file may have only one"]),
        ("a: *x", ["f:1:4: is not YAML: found undefined alias 'x'"]),
        ("a: 1\nb: x\0y", ["f:2:5: has a character that YAML does not allow: U+0000"]),
        ("[" * 5000, ["f:1:1: is nested too deeply"]),
        ("a: &x [*x]", ["f:1:4: a: contains itself through an alias"]),
        ("&x a: &y {b: *y}", ["f:1:7: a.b: contains itself through an alias"]),
        ("a: !secret x", ["f:1:4: a: the tag !secret is not supported"]),
        (
            "a: !!python/object/apply:os.system [ls]",
            ["f:1:4: a: the tag tag:yaml.org,2002:python/object/apply:os.system is not supported"],
        ),
        (
            "a: &x {b: 1}\nc: {<<: *x}",
            ["f:2:5: c: << is not supported: write common settings under defaults"],
        ),
        (
            "t: {[a, b]: 1, '': 2}\n? - b\n: 3",
            [
                "f:1:5: t: expected a name before the colon",
                "f:1:16: t: expected a name before the colon",
                "f:2:3: expected a name before the colon",
            ],
        ),
        (
            "t:\n  a: 1\n  b: 2\n  a: 3\n  a: 4",
            ["f:4:3: t.a: is given twice, first on line 2", "f:5:3: t.a: is given twice, first on line 2"],
        ),
        (
            "k: sb_secret_x\nl: [eyJhbGciOiJIUzI1NiJ9]",
            [
                'f:1:4: k: a key must not be in this file: put it into .env and write "${NAME}" here',
                'f:2:5: l: a key must not be in this file: put it into .env and write "${NAME}" here',
            ],
        ),
    ],
)
def test_what_is_wrong_with_the_writing_is_said_with_its_place(text: str, flaws: list[str]) -> None:
    assert read(text)[1] == flaws


def test_an_alias_of_an_alias_is_a_value() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 6)]
    assert read("\n".join(lines))[1] == []


def test_references_are_expanded_in_values_and_their_flaws_keep_the_place() -> None:
    problems = Problems("f")
    value = parse(
        "r: 1\nl: [r, bad]\n", lambda text: (None, ["no"]) if text == "bad" else ("R", []), problems
    )
    assert plain(value) == {"r": "R", "l": ["R", None]}
    assert problems.lines() == ["f:2:8: l: no"]


def test_problems_come_in_the_order_of_the_file_and_those_of_other_files_last() -> None:
    problems = Problems("f")
    problems.add(Mark(1, 1), "", "other", path="e")
    for at in (Mark(10, 1), Mark(2, 11), Mark(2, 3)):
        problems.add(at, "place", "sentence")
    assert problems.lines() == [
        "f:2:3: place: sentence",
        "f:2:11: place: sentence",
        "f:10:1: place: sentence",
        "e:1:1: other",
    ]


@given(st.text() | st.text("a: -[]{}&*!|>'\"%@\n\t,#?<$~"))
def test_any_text_is_a_value_or_a_problem(text: str) -> None:
    value, flaws = read(text)
    assert all(re.match(r"f:[1-9]\d*:[1-9]\d*: .", flaw) for flaw in flaws)
    assert value is None or isinstance(value, Scalar | Nothing | Listing | Section)
