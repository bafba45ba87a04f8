"""What a column's cells look like: DuckDB counts it as Python does."""
# ruff: noqa: S608 - our own statement

from pathlib import Path

import duckdb
from hypothesis import example, given, settings
from hypothesis import strategies as st

from supasync_core.model.table import Column, Shape
from supasync_core.staging.csv import looks
from supasync_core.staging.csv.dialects import MARKS
from supasync_core.staging.csv.file_format import Physical

WORDS = ("", "null", "t", "f", "true", "false", "{1}", "[1]", r"a\nb", '"', 'say "hi"', "ünï", *MARKS)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
CELLS = st.lists(st.none() | st.sampled_from(WORDS) | TEXTS)
TYPES = ("text", "boolean", "integer[]")
ENGINE = duckdb.connect()


def physical(*, quoted: bool) -> Physical:
    """A file of one column."""
    return Physical(
        path=Path("a.csv"),
        size=0,
        digest="",
        delimiter=",",
        newline="\n",
        header=("a",),
        quoted=quoted,
        sparing=True,
        closed=True,
    )


@settings(max_examples=25)
@given(cells=CELLS, quoted=st.booleans(), kind=st.sampled_from(TYPES))
@example(cells=[], quoted=True, kind="text")
def test_both_count_the_same(cells: list[str | None], *, quoted: bool, kind: str) -> None:
    shape, form = Shape((Column("a", kind),)), physical(quoted=quoted)
    terms = ", ".join(looks.terms(shape, "a", "c", form, quotes=True))
    query = f"select {terms} from (select unnest(cast($cells as varchar[])) as c)"
    found = ENGINE.execute(query, {"cells": cells}).fetchall()[0]
    assert list(found) == looks.seen(shape, "a", cells, form)
    assert len(found) == looks.COUNTS
