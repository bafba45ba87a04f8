"""The look for marked rows misses none that commits late, however runs and transactions fall."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.api.backend import Catalog, Source, Surveyed
from supasync_core.api.marked_rows import marked
from supasync_core.api.strategy import Job
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Cursor, Keyset, Span, Window
from supasync_core.model.errors import StateError
from supasync_core.model.state import Deletes, TableState
from supasync_core.model.table import Shape, Table
from supasync_core.model.timestamps import Horizon
from supasync_core.project.live_source import live

OVERLAP = 100
TABLE = Table(name="t", soft_delete="gone_at", overlap=timedelta(seconds=OVERLAP), page_size=2)
BEGINNING = timestamps.parse("2024-01-01T00:00:00Z")
SECOND = 1_000_000
TENTHS = st.integers(0, 600).map(lambda tenths: tenths / 10)


def text(seconds: float) -> str:
    return timestamps.to_text(BEGINNING + round(seconds * SECOND))


@dataclass
class Marks(Source):
    """Rows by key: when each was marked, and when that was committed. Each page takes a second."""

    now: float = 0
    rows_: list[tuple[str, float, float]] = field(default_factory=list)

    def shape(self, table: Table) -> Shape:
        return Shape(known=False)

    def count(self, table: Table, window: Window | None = None) -> int:
        return 1  # there are live rows too

    def read(self, table: Table, window: Window) -> Batch:
        (span,) = window.spans
        assert span.keyset == Keyset("gone_at")
        found = sorted((at, key) for key, at, committed in self.rows_ if committed <= self.now)
        page = [(text(at), key) for at, key in found if _holds(span, text(at), key)][: window.limit]
        asked, self.now = self.now, self.now + 1
        body = json.dumps([{"id": key, "gone_at": at} for at, key in page]).encode()
        times = [BEGINNING + round(each * SECOND) for each in (self.now, asked)]
        return Batch(body, read_at=Horizon(times[0], sent=times[1]))

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        raise AssertionError("nobody asks")


def _holds(span: Span, at: str, key: str) -> bool:
    after = span.after or Cursor("-infinity")
    return (
        (span.start is None or timestamps.parse(at) >= timestamps.parse(span.start))
        and (span.beyond is None or timestamps.parse(at) > timestamps.parse(span.beyond))
        and (timestamps.parse(at), (key,)) > (timestamps.parse(str(after.value)), after.key)
    )


@given(
    marks=st.lists(st.tuples(TENTHS, st.integers(0, OVERLAP - 1)), max_size=12),
    runs=st.lists(st.integers(1, 40), min_size=3, max_size=12),
    stops=st.lists(st.integers(0, 4), max_size=12),
)
def test_every_mark_that_commits_within_the_overlap_is_met(
    marks: list[tuple[float, int]], runs: list[int], stops: list[int]
) -> None:
    source = Marks(rows_=[(f"k{i:02}", at, at + late) for i, (at, late) in enumerate(marks)])
    state, met = TableState(), set[str]()
    for number, wait in enumerate([*runs, 2_000, 2_000]):
        source.now += wait
        job = Job(TABLE, source, state, text(source.now))
        for page, gone in enumerate(marked(job, "gone_at")):
            met |= {key for (key,) in gone.keys}
            state = gone.state
            if number < min(len(runs), len(stops)) and page + 1 == stops[number]:
                break  # the run dies behind this page
    assert met == {key for key, *_ in source.rows_}
    assert state.deletes.settled or not marks


def test_what_is_settled_is_not_read_again() -> None:
    source, state = Marks(rows_=[("a", 10, 10), ("b", 20.5, 20.5)]), TableState()
    found = []
    for wait in (30, 10, 500, 10):
        source.now += wait
        *pages, last = marked(Job(TABLE, source, state, text(source.now)), "gone_at")
        found.append(sorted(key for gone in pages for (key,) in gone.keys))
        state = last.state
    assert found == [["a", "b"], ["a", "b"], ["a", "b"], []]


@pytest.mark.parametrize(
    ("mark", "wanted"),
    [(0, {"a", "b"}), (20, {"a"}), (-3 * 86_400, {"a"})],
    ids=["today", "a second", "a past day"],
)
def test_a_mark_that_may_be_todays_date_is_read_again(mark: float, wanted: set[str]) -> None:
    """An app that marks with the date of today gives all rows of a day the same mark."""
    source, state, met = Marks(rows_=[("a", mark, 20)]), TableState(), set[str]()
    for wait in (500, 500, 500):
        source.now += wait
        for gone in marked(Job(TABLE, source, state, text(source.now)), "gone_at"):
            met |= {key for (key,) in gone.keys}
            state = gone.state
        if state.deletes.settled:
            source.rows_ = [*source.rows_, ("b", mark, source.now)]
    assert met == wanted


@pytest.mark.parametrize("settled", [True, False])
def test_a_stored_mark_that_is_no_time_is_damage(*, settled: bool) -> None:
    state = TableState(deletes=Deletes(until="tomorrow", settled=settled))
    with pytest.raises(StateError, match="the stored state is damaged"):
        list(marked(Job(TABLE, Marks(rows_=[]), state, text(10)), "gone_at"))


class Whole(Marks):
    """A source that can do more."""

    hidden = ("checks",)

    def tables(self, schema: str) -> dict[str, Shape]:
        return {schema: Shape()}


def test_a_source_is_itself_for_tables_without_marks_and_keeps_what_else_it_can() -> None:
    source = Whole()
    assert live(source, [Table(name="t")]) is source
    found = live(source, [TABLE])
    assert isinstance(found, Catalog)
    assert not isinstance(found, Surveyed)
    assert found.tables("public") == {"public": Shape()}
    assert found.count(replace(TABLE, soft_delete=None)) == 1


@dataclass
class Asked(Marks):
    """Keeps what it was asked for, and answers every request with two rows."""

    asked: list[object] = field(default_factory=list)

    def count(self, table: Table, window: Window | None = None) -> int:
        self.asked.append(window)
        return 2

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        self.asked.append((table.columns, table.exclude))
        yield Batch(b'[{"id":1,"n":1.50,"gone_at":null},{"id":2,"n":1.0,"gone_at":"2024-01-01"}]')


@pytest.mark.parametrize(
    ("table", "asked", "body"),
    [
        (TABLE, ((), ()), b'[{"id":1,"n":1.50,"gone_at":null}]'),
        (replace(TABLE, exclude=("gone_at",)), ((), ()), b'[{"id":1,"n":1.50}]'),
        (TABLE.narrowed(["id", "n"]), (("id", "n", "gone_at"), ()), b'[{"id":1,"n":1.50}]'),
        (TABLE.narrowed(["gone_at"]), (("gone_at",), ()), b'[{"id":1,"n":1.50,"gone_at":null}]'),
    ],
)
def test_rows_by_key_leave_marked_ones_out_and_keep_each_text(
    table: Table, asked: object, body: bytes
) -> None:
    source = Asked()
    (batch,) = live(source, [table]).rows(table, ("id",), [("1",), ("2",)])
    assert source.asked == [asked]
    assert batch.body == body


def test_counts_and_windows_ask_for_live_rows_but_one_by_the_mark_itself() -> None:
    source = Asked()
    found = live(source, [TABLE])
    found.count(TABLE)
    found.count(TABLE, Window((Span(Keyset("updated_at")), Span(Keyset("gone_at"))), 5))
    found.count(TABLE.raw())
    assert source.asked == [
        Window((Span(Keyset(None, ("gone_at",))),), 1),
        Window((Span(Keyset("updated_at", ("gone_at",))), Span(Keyset("gone_at"))), 5),
        None,
    ]
