"""A name in a command that is printed to be pasted is one argument of it, and nothing more."""

import ast
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.model.printable import argument, command

ROOT = Path(__file__).parent.parent.parent
CODE = sorted([*ROOT.glob("supasync_core/**/*.py"), *ROOT.glob("plugins/**/*.py")])
BEFORE = re.compile(
    r"(supasync( -?-?[a-z-]+)+ |--(full|table|file|null|dialect|encoding|accept) |chmod \S+ |\bcd )$"
)
"""Behind this an argument of a command is printed; a message that begins so says what a person gave."""
SAFE = {"command", "argument", "quote"}


@given(st.text(min_size=1))
def test_a_name_is_one_argument(name: str) -> None:
    words = shlex.split(command("sync", "--full", name))
    assert words == ["supasync", "sync", "--full", name if name.isprintable() else "NAME"]
    assert shlex.split(argument(name)) == words[-1:]


@pytest.mark.slow
def test_no_command_is_put_together_by_hand() -> None:
    found = [(path.name, text) for path in CODE for text in unquoted(ast.parse(path.read_text("utf-8")))]
    assert found == []


def unquoted(tree: ast.AST) -> Iterator[str]:
    """What f-strings put behind the words of a command, unless `command` or `argument` quotes it."""
    quoted = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _is_safe(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        for before, each in pairwise(node.values):
            words = str(before.value) if isinstance(before, ast.Constant) else ""
            if not BEFORE.search(words) or not isinstance(each, ast.FormattedValue):
                continue
            given = before is node.values[0] and words.startswith("--")
            value = each.value
            safe = isinstance(value, ast.Name) and (value.id in quoted or value.id.isupper())
            if not (given or safe or _is_safe(value)):
                yield ast.unparse(node)


def _is_safe(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] in SAFE
