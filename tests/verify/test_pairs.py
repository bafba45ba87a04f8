"""Random pairs of tables with known differences: verification finds exactly them, whatever the table."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from supasync_core.verify import TableVerdict
from tests.verify.conftest import Pair

PAGE_SIZE = 2
"""Of the table ``logs``."""
MISHAPS = ("fine", "fine", "missing", "extra", "stamped", "silent")


@dataclass(frozen=True)
class Kind:
    """A table: the SQL names of its key, the keys that a number stands for, whether rows are stamped."""

    key: tuple[str, ...]
    keys: Sequence[tuple[str, ...]]
    stamped: bool = True
    whole: bool = False


WORDS = ("", "a", "A", "b", "ä", "a,b", 'q"', "x.y", "(z)", "null", " ", "Zz")
KINDS = {
    "plain": Kind(("id",), [(str(n),) for n in (1, 2, 3, 9, 10, 11, 99, 100, 2**53 + 1, 2**53 + 2)]),
    "pairs": Kind(("tenant", "code"), [(t, w) for t in ("1", "2") for w in WORDS]),
    "mixed": Kind(("code",), [(str(n),) for n in (1, 2, 3, 9, 10, 11, 20, 99, 100, 101, 200, 1000)]),
    "logs": Kind(("id",), [(str(n),) for n in range(1, 12)], stamped=False),
    "small": Kind(("code",), [(w,) for w in WORDS], stamped=False, whole=True),
}


@st.composite
def mishaps(draw: st.DrawFn) -> tuple[str, dict[tuple[str, ...], str]]:
    """A table, and what happened to each of some of its rows."""
    name = draw(st.sampled_from(sorted(KINDS)))
    keys = draw(st.lists(st.sampled_from(KINDS[name].keys), unique=True))
    return name, {key: draw(st.sampled_from(MISHAPS)) for key in keys}


def fill(ends: Pair, name: str, happened: dict[tuple[str, ...], str]) -> None:
    """Put each row into OLD and NEW as it was before and after its mishap."""
    old, new = [], []
    for key, what in happened.items():
        row = dict(zip(KINDS[name].key, key, strict=True)) | {"label": "x"}
        if KINDS[name].stamped:
            row["updated_at"] = "2024-01-01T00:00:00.1+00:00"
        if what != "extra":
            changed = {"silent": {"label": "y"}, "stamped": {"updated_at": "2024-01-01T00:00:00.2+00:00"}}
            old.append(row | (changed.get(what, {}) if KINDS[name].stamped or what == "silent" else {}))
        if what != "missing":
            new.append(row)
    for run, rows in ((ends.old, old), (ends.new, new)):
        table = sql.Identifier(name)
        statement = sql.SQL(
            "truncate {0}; insert into {0} select * from jsonb_populate_recordset(null::{0}, {1})"
        )
        run(statement.format(table, sql.Literal(json.dumps(rows))))


def expected(
    name: str, happened: dict[tuple[str, ...], str], *, exact: bool
) -> dict[str, set[tuple[str, ...]]]:
    """What a verification must find."""
    kind = KINDS[name]
    seen = {"stamped"} if kind.stamped else set()
    in_old = sum(what != "extra" for what in happened.values())
    if exact or kind.whole or (not kind.stamped and 0 < in_old <= PAGE_SIZE):  # a small table is read whole
        seen.add("silent")
    return {
        "missing": {key for key, what in happened.items() if what == "missing"},
        "extra": {key for key, what in happened.items() if what == "extra"},
        "changed": {key for key, what in happened.items() if what in seen},
    }


def found(verdict: TableVerdict) -> dict[str, set[tuple[str, ...]]]:
    """What it found."""
    assert verdict.error is None
    return {name: set(getattr(verdict, name)) for name in ("missing", "extra", "changed")}


@settings(max_examples=30, deadline=None)
@given(case=mishaps(), exact=st.booleans())
def test_exactly_what_differs_is_found(
    shared: Pair,
    case: tuple[str, dict[tuple[str, ...], str]],
    exact: bool,  # noqa: FBT001 - drawn
) -> None:
    name, happened = case
    fill(shared, name, happened)
    shared.forget()
    verdict = shared.one(name, exact=exact)
    wanted = expected(name, happened, exact=exact)
    assert found(verdict) == wanted
    assert verdict.equal == (not any(wanted.values()))
    assert verdict.compared == sum(what not in {"missing", "extra"} for what in happened.values())


@settings(max_examples=8, deadline=None)
@given(case=mishaps().filter(lambda case: case[0] != "logs"))
def test_a_silent_update_is_seen_by_the_rows_version_once_the_row_was_seen(
    shared: Pair, case: tuple[str, dict[tuple[str, ...], str]]
) -> None:
    name, happened = case
    kind = KINDS[name]
    fill(shared, name, dict.fromkeys(happened, "fine"))
    shared.forget()
    assert shared.one(name).equal
    silent = {key for key, what in happened.items() if what == "silent"}
    for key in silent:
        row = dict(zip(kind.key, key, strict=True))
        same = sql.SQL(" and ").join(
            sql.SQL("{}::text = {}").format(sql.Identifier(column), sql.Literal(text))
            for column, text in row.items()
        )
        shared.old(sql.SQL("update {} set label = 'y' where {}").format(sql.Identifier(name), same))
    for _ in range(2):  # a difference that nobody fixed is found again
        assert found(shared.one(name))["changed"] == silent
