"""The row with the most digits behind the point is found, whatever else the page holds."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from supasync_core.model.batch import Batch
from supasync_core.model.table import Column, Shape
from supasync_core.sync.longest_fractions import LongestFractions
from supasync_core.sync.trailing_blanks import TrailingBlanks

KINDS = {'n"\u00e9': "numeric", "at": "timestamp with time zone", "t": "text", "f": "double precision"}
NUMBERS = st.one_of(st.none(), st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str))
MOMENTS = st.one_of(
    st.none(),
    st.datetimes().map(lambda at: at.isoformat() + "+00:00"),
    st.just("0044-03-15T00:00:00.5+00:00 BC"),
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            'n"\u00e9': NUMBERS,
            "at": MOMENTS,
            "t": st.sampled_from(['"at":"1.123456"', "1.1234567", '\\"n":1.99']),
        }
    ),
    max_size=6,
)


def batch(rows: list[dict[str, Any]]) -> Batch:
    return Batch(json.dumps(rows, ensure_ascii=False).encode())


def digits(value: str | None) -> int:
    text = (value or "").split("+")[0].split("-")[-1]
    return len(text.partition(".")[2].rstrip("0"))


@given(st.lists(ROWS, max_size=4))
def test_a_row_with_the_most_digits_of_each_column_is_always_among_them(
    pages: list[list[dict[str, Any]]],
) -> None:
    fractions = LongestFractions(KINDS)
    taken = [page[place] for page in pages for place in fractions.places(batch(page))]
    for name in ('n"\u00e9', "at"):
        most = max((digits(row[name]) for page in pages for row in page), default=0)
        assert max((digits(row[name]) for row in taken), default=0) == most


def test_a_page_without_more_digits_brings_no_row() -> None:
    fractions = LongestFractions(KINDS)
    row = {"at": "2024-01-01T00:00:00.123456+00:00"}
    assert fractions.places(batch([row, row])) == [0]
    assert fractions.places(batch([row, row])) == []
    assert fractions.places(batch([])) == []


def test_numbers_that_are_no_texts_are_seen_too() -> None:
    fractions = LongestFractions({"n": "numeric"})
    assert fractions.places(Batch(b'[{"n":1.50},{"n": -1.25},{"n":7}]')) == [1]


@given(st.lists(st.lists(st.text(st.sampled_from('aé \t"\\'), max_size=5), max_size=5), max_size=4))
def test_the_longest_text_before_a_blank_is_always_among_them(pages: list[list[str]]) -> None:
    old = Shape((Column("t", "text"), Column("u", "text")))
    new = Shape((Column("t", "character varying", length=3), Column("u", "text")))
    blanks = TrailingBlanks.of(["t", "u"], old, new)
    taken = [
        page[place] for page in pages for place in blanks.places(batch([{"t": t, "u": t} for t in page]))
    ]
    ending = [len(t) for page in pages for t in page if t.endswith(" ")]
    assert max((len(t) for t in taken if t.endswith(" ")), default=0) == max(ending, default=0)
    assert TrailingBlanks.of(["u"], old, new).places(batch([{"u": "a "}])) == []
