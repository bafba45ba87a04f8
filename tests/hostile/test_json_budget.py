"""What an answer may become in memory is bounded by what was asked, before it is decoded."""

import gzip
import json
import re
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supasync_core.api.registration import Context
from supasync_core.model import json_budget, raw_json
from supasync_core.model.batch import Batch, Cursor, Keyset, Span, Window
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import SupasyncError
from supasync_core.model.json_budget import MOST_COLUMNS, refuse_columns, refuse_many, whole_rows
from supasync_core.model.same_value import same_json
from supasync_core.model.table import Table
from supasync_rest.retry_policy import RetryPolicy
from supasync_rest.source import RestSource
from tests.examples import few
from tests.hostile.server import answer, serving

TABLE = Table(name="users", key=("id",))
ONE = Window((Span(Keyset(None)),), 1)
MANY = Window((Span(Keyset(None)),), 1000)
MB = 1_000_000


@contextmanager
def memory_below(most: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def row(*cells: bytes) -> bytes:
    return b'[{"id":1,' + b",".join(cells) + b"}]"


OBJECTS = b'"a":[' + b"{}," * 4 * MB + b"{}]"
BOMBS: dict[str, Callable[[], bytes]] = {
    "rows": lambda: b"[" + b"{}," * 5 * MB + b"{}]",
    "columns": lambda: row(*(b'"a%d":1' % n for n in range(MB))),
    "no objects": lambda: b"[" + b"1," * 8 * MB + b"1]",
    "two broken rows": lambda: b'[{"id":"\\ud800"},' + b"{}," * 5 * MB + b"{}]",
}


@cache
def packed_bomb(name: str) -> bytes:
    return answer(gzip.compress(BOMBS[name](), 1), "Content-Encoding: gzip", "Content-Range: 0-0/9")


ASKED: dict[str, Callable[[RestSource], object]] = {
    "one row": lambda old: old.read(TABLE, ONE),
    "a page": lambda old: old.read(TABLE, MANY),
    "one looked up": lambda old: list(old.rows(TABLE, ("id",), [("1",)])),
    "two looked up": lambda old: list(old.rows(TABLE, ("id",), [("1",), ("2",)])),
    "a long key looked up": lambda old: list(old.rows(TABLE, ("id",), [("1" * 9_000,)])),
    "columns of a row": lambda old: old.shape(TABLE),
}


@pytest.mark.slow
@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("asked", ASKED)
def test_more_rows_or_columns_than_were_asked_for_are_never_made(
    asked: str, bomb: str, tmp_path: Path
) -> None:
    """15 MB of rows of three bytes became 300 MB, and 256 MB are admitted."""
    packed = packed_bomb(bomb)
    hidden = answer(status="404 No")
    with (
        serving(lambda request: [hidden if b"/v1/?" in request else packed]) as url,
        closing(source(url, tmp_path)) as old,
        memory_below(150 * MB),
    ):
        try:
            ASKED[asked](old)
        except SupasyncError as err:
            assert "rows" in str(err) or "unusable" in str(err) or "JSON" in str(err)  # noqa: PT017 - either way


def source(url: str, folder: Path) -> RestSource:
    settings = {"url": url, "key": "sb_secret_Invented0Invented1Invented2"}
    context = Context(settings=settings, folder=folder, ledger=Ledger(), project="OLD")
    return RestSource(context, RetryPolicy(attempts=1))


def test_a_large_document_stays_its_text_and_its_row_passes(tmp_path: Path) -> None:
    sent = answer(gzip.compress(row(OBJECTS), 1), "Content-Encoding: gzip", "Content-Range: 0-0/1")
    with serving(lambda _: [sent]) as url, closing(source(url, tmp_path)) as old, memory_below(80 * MB):
        page = old.read(TABLE, ONE)
        assert page.body == row(OBJECTS)
        assert TABLE.keys(page) == [("1",)]
        assert str(page.rows[0]["a"])[:4] == "[{},"


@pytest.mark.slow
@pytest.mark.parametrize("broken", [b"", b'"s":"\\ud800",'])
def test_a_large_row_is_found_without_decoding_it(broken: bytes) -> None:
    """Half of a surrogate pair leaves it to the standard library, which decodes to find an end."""
    body = b'[{"id":1,' + broken + OBJECTS + b"}]"
    with memory_below(150 * MB if broken else 40 * MB):  # its text, twice and in parts
        page = Batch(body)
        assert page.rows[0]["id"] == "1"


def test_large_documents_are_compared_by_their_text() -> None:
    mine, theirs = (b"[" + blank + b"{}," * 3 * MB + b"{}]" for blank in (b"", b" "))
    with memory_below(100 * MB):
        assert not same_json(mine.decode(), theirs.decode())


VALUES = st.recursive(
    st.none() | st.integers() | st.text('"\\,{}[]: a\ud800'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('"\\,{}[]: a'), inner),
    max_leaves=20,
)


@pytest.mark.slow
@given(st.lists(VALUES, max_size=6), st.integers(1, 6), st.sampled_from([None, 1]))
@example([["]", {"}": "]"}], "\ud800"], 1, None)
def test_as_many_elements_are_counted_as_there_are(
    values: list[object], most: int, indent: int | None
) -> None:
    body = json.dumps(values, indent=indent).encode()
    if len(values) > most:
        with pytest.raises(ValueError, match=str(most)):
            refuse_many(body, most)
    else:
        refuse_many(body, most)


@few(30)
@given(VALUES, st.integers(0, 4))
def test_columns_are_counted_past_what_is_in_their_values(value: object, over: int) -> None:
    large, most = json_budget.LARGE, json_budget.MOST_COLUMNS
    inner = json.dumps({"x": value, "y": '"a": ' * 9}).encode()
    names = MOST_COLUMNS - 2 + over
    text = b"{" + b",".join(b'"n%d":%s' % (n, inner if n < 9 else b"1") for n in range(names)) + b"}"
    text += b" " * (large + 1 - len(text))
    if names > most:
        with pytest.raises(ValueError, match="1,664 columns"):
            refuse_columns(text)
    else:
        refuse_columns(text)
        assert len(raw_json.raw_cells(memoryview(text))) == names


@pytest.mark.slow
@few(30)
@given(st.lists(st.dictionaries(st.text('"\\,{}[]: aä'), VALUES), max_size=4), st.data())
def test_of_an_answer_that_breaks_off_every_whole_row_is_kept(
    rows: list[dict[str, object]], data: st.DataObject
) -> None:
    texts = [json.dumps(each, ensure_ascii=False).encode("utf-8", "surrogatepass") for each in rows]
    body = b"[" + b",\n ".join(texts) + b"]"
    cut = data.draw(st.integers(1, len(body)))
    ends = [len(b",\n ".join(texts[: n + 1])) + 1 for n in range(len(texts))]
    whole = [text for text, end in zip(texts, ends, strict=True) if end <= cut]
    assert whole_rows(body[:cut]) == b"[" + b",\n ".join(whole) + b"]"


def test_all_rows_of_one_value_are_looked_up_of_a_server_that_cuts_answers(tmp_path: Path) -> None:
    """Of a parent with more children than max-rows, the rest was taken for not there."""

    def said(request: bytes) -> list[bytes]:
        asked = re.search(rb"offset=(\d+)&limit=(\d+)", request)
        start, most = (int(asked[1]), int(asked[2])) if asked else (0, 1000)
        rows = b",".join(b'{"id":%d,"parent":7}' % n for n in range(start, min(start + most, 2300)))
        return [answer(b"[" + rows + b"]", "Content-Range: 0-9/2300", status="206 Partial Content")]

    with serving(said) as url, closing(source(url, tmp_path)) as old:
        found = [row["id"] for batch in old.rows(TABLE, ("parent",), [("7",)]) for row in batch.rows]
    assert found == [str(n) for n in range(2300)]


def test_more_rows_than_were_asked_for_are_a_failure(tmp_path: Path) -> None:
    rows = answer(b'[{"id":1},{"id":2}]')
    with (
        serving(lambda _: [rows]) as url,
        closing(source(url, tmp_path)) as old,
        pytest.raises(SupasyncError, match="more rows than were asked for"),
    ):
        old.read(TABLE, ONE)


def test_the_way_past_too_many_rows_that_begin_like_a_long_key_is_told(tmp_path: Path) -> None:
    behind = Window((Span(Keyset(None), after=Cursor(None, ("m" * 9_000,))),), 1)
    with (
        serving(lambda _: [answer(b'[{"id":"mm"}]')]) as url,
        closing(source(url, tmp_path)) as old,
        pytest.raises(SupasyncError, match="more than 100 pages of rows begin like it") as told,
    ):
        old.read(TABLE, behind)
    assert told.value.hint is not None
    assert "raise page_size: of users (now 1,000)" in told.value.hint
    assert "where: id=not.like.BEGINNING*" in told.value.hint
