"""What every source promises, as tests."""

# ruff: noqa: S101, PLR2004, D102 - these are tests, though they are shipped: a name says what is tested

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar

import pytest

from supasync_core.api.backend import Catalog, Clocked, Divisible, Side, Source, Surveyed, missing_columns
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Cursor, Span, Window
from supasync_core.model.errors import SchemaError, SupasyncError
from supasync_core.testing.sample_table import (
    ALL,
    CREATED,
    EVENTS,
    TIMELESS,
    UPDATED,
    event,
    events,
    ids,
    moment,
)
from supasync_core.testing.side_contract import SideContract, walk

_CLOCKS_DIFFER = 60_000_000
"""Microseconds by which the source's clock and that of this machine may differ."""


class SourceContract(SideContract):
    """What every source promises. ``filled`` makes a source whose events are the rows of a batch."""

    where: ClassVar[str | None] = None
    """A filter in the backend's own language for the rows whose id is above 2, as ``id > 2``; None where it
    has no filters, and then it refuses a table that has one."""

    @pytest.fixture
    def filled(self) -> Callable[[Batch], Source]:
        raise NotImplementedError

    @pytest.fixture
    def holding(self, filled: Callable[[Batch], Source]) -> Callable[[Batch], Side]:
        return filled

    def test_paging_visits_every_row_once(self, filled: Callable[[Batch], Source]) -> None:
        """Rows of one timestamp may lie on both sides of a page's border."""
        source = filled(events(*(event(n, "12:00" if n in {2, 3, 4, 5} else f"13:{n:02}") for n in range(8))))
        assert walk(source, Span(UPDATED), limit=2) == [2, 3, 4, 5, 0, 1, 6, 7]

    def test_keys_alone_give_an_order(self, filled: Callable[[Batch], Source]) -> None:
        """Rows without any timestamp are visited once too, though their order is the backend's own."""
        source = filled(events(*(event(n) for n in (1, 2, 10, 11, 100)), event(5, "12:00")))
        assert sorted(walk(source, Span(TIMELESS), limit=2)) == [1, 2, 10, 11, 100]

    def test_a_counted_total_is_exact(self, filled: Callable[[Batch], Source]) -> None:
        source = filled(events(*(event(n, f"12:{n:02}") for n in range(7))))
        window = Window((Span(UPDATED, start=moment("12:02")),), limit=2, counted=True)
        assert source.read(EVENTS, window).total == 5
        assert source.count(EVENTS, window) == 5
        assert source.count(EVENTS) == 7

    def test_a_total_is_not_counted_unasked(self, filled: Callable[[Batch], Source]) -> None:
        assert filled(events(event(1, "12:00"))).read(EVENTS, Window((Span(UPDATED),), 5)).total is None

    def test_a_page_tells_when_it_was_read(self, filled: Callable[[Batch], Source]) -> None:
        """Where the source has a clock: never later than the answer, for cursors may move as far as that."""
        source = filled(events(event(1, "12:00")))
        read_at = source.read(EVENTS, Window((Span(UPDATED),), 5)).read_at
        if read_at is not None:
            assert read_at.began <= read_at.at
            assert read_at.at <= timestamps.now() + _CLOCKS_DIFFER, "a horizon in the future hides later rows"
        if isinstance(source, Clocked):
            assert read_at is not None
            assert read_at.at == source.now()

    def test_its_tables_are_listed_with_their_columns(self, filled: Callable[[Batch], Source]) -> None:
        """Where the source can list them: in their order, and none of a schema that is not there."""
        source = filled(events(event(1, "12:00")))
        if isinstance(source, Catalog):
            tables = source.tables("public")
            assert isinstance(tables, Mapping), "tables returns shapes by name"
            assert not isinstance(source.hidden, str), "hidden is a sequence of texts"
            shape = tables["events"]
            assert [column.name for column in shape.columns] == [
                column.name for column in source.shape(EVENTS).columns
            ]
            assert not shape.view

    def test_an_empty_window_is_an_empty_batch(self, filled: Callable[[Batch], Source]) -> None:
        source = filled(events(event(1, "12:00")))
        batch = source.read(EVENTS, Window((Span(UPDATED, beyond=moment("12:00")),), 5, counted=True))
        assert (batch.count, batch.total) == (0, 0)

    def test_a_window_of_several_spans_holds_the_rows_of_all(self, filled: Callable[[Batch], Source]) -> None:
        """They come in the first span's order, NULL last."""
        rows = [event(1), event(2, created="09:00"), event(3, "12:00"), event(4, "11:00", "10:00"), event(5)]
        spans = (Span(UPDATED), Span(CREATED), Span(TIMELESS))
        batch = filled(events(*rows)).read(EVENTS, Window(spans, 10, counted=True))
        assert ids(batch)[:2] == [4, 3]
        assert sorted(ids(batch)[2:]) == [1, 2, 5]
        assert batch.total == 5

    def test_rows_of_any_spans_come_by_key_where_the_source_says_so(
        self, filled: Callable[[Batch], Source]
    ) -> None:
        """Page after page behind the last key; a source without ``orders_by_key`` is not asked for that."""
        rows = [event(n, "12:00" if n % 3 else None, "11:00" if n % 2 else None) for n in range(12)]
        source, found = filled(events(*reversed(rows))), list[int]()
        if getattr(source, "orders_by_key", False) is not True:
            return
        after: Cursor | None = None
        while True:
            spans = (
                Span(UPDATED, start=moment("11:30"), after=after),
                Span(CREATED, beyond=moment("11:00"), after=after),
                Span(TIMELESS, after=after),
            )
            page = source.read(EVENTS, Window(spans, 2, by_key=True))
            if not page.count:
                break
            found, after = [*found, *ids(page)], Cursor(None, EVENTS.key_of(page.rows[-1]))
        assert found == [n for n in range(12) if n % 3 or n % 2 == 0]

    def test_ranges_end_with_keys_of_the_sources_own_order(self, filled: Callable[[Batch], Source]) -> None:
        """Every row is in one range, however many keys lie between two; optional: see `Divisible`.

        Rows that are marked as deleted do not count.
        """
        marked = [event(n, "12:00") for n in (3, 13, 101, 4)]
        source = filled(events(*(event(n) for n in (11, 2, 100, 1, 12, 10, 9, 5000)), *marked))
        table = replace(EVENTS, soft_delete="updated_at")
        if not isinstance(source, Divisible):
            return
        first = source.read(EVENTS, Window((Span(TIMELESS),), 1))
        behind, found = EVENTS.key_of(first.rows[0]), ids(first)
        while to := source.key_behind(table, behind, 3):
            part = Span(TIMELESS, after=Cursor(None, behind), to=to)
            held = walk(source, part, limit=2)
            assert len(held) == 3, "a range has as many rows as were asked for"
            found, behind = [*found, *held], to
        assert len(found) == 7, "the first row, and two ranges of three"
        assert found + walk(source, Span(TIMELESS, after=Cursor(None, behind)), limit=2) == walk(
            source, Span(TIMELESS), limit=2
        )

    def test_the_keysets_of_a_table_share_no_row(self, filled: Callable[[Batch], Source]) -> None:
        rows = [event(1), event(2, created="09:00"), event(3, "12:00"), event(4, "11:00", "10:00")]
        source = filled(events(*rows))
        walks = [walk(source, Span(keyset), limit=1) for keyset in (UPDATED, CREATED, TIMELESS)]
        assert walks == [[4, 3], [2], [1]]

    def test_until_and_beyond_split_a_keyset(self, filled: Callable[[Batch], Source]) -> None:
        """Each row is on one side of the horizon."""
        source = filled(events(*(event(n, f"12:{n:02}") for n in range(5))))
        assert walk(source, Span(UPDATED, until=moment("12:02"))) == [0, 1, 2]
        assert walk(source, Span(UPDATED, beyond=moment("12:02"))) == [3, 4]

    def test_start_is_inclusive(self, filled: Callable[[Batch], Source]) -> None:
        """The overlap is read from its first moment."""
        source = filled(events(*(event(n, f"12:{n:02}") for n in range(3))))
        assert walk(source, Span(UPDATED, start=moment("12:01"))) == [1, 2]

    def test_after_is_exclusive(self, filled: Callable[[Batch], Source]) -> None:
        """The row at the place itself is not read again, rows of the same timestamp are."""
        source = filled(events(*(event(n, "12:00") for n in (1, 2, 3))))
        assert walk(source, Span(UPDATED, after=Cursor(moment("12:00"), ("2",)))) == [3]

    def test_after_a_value_alone_reads_the_rows_of_that_value(
        self, filled: Callable[[Batch], Source]
    ) -> None:
        """Without a key it is the place before the first of them."""
        source = filled(events(event(1, "11:59"), event(2, "12:00"), event(3, "12:01")))
        assert walk(source, Span(UPDATED, after=Cursor(moment("12:00")))) == [2, 3]

    def test_bounds_compare_moments_not_texts(self, filled: Callable[[Batch], Source]) -> None:
        """Another offset, or Z, is the same moment."""
        source = filled(events(event(1, "12:00"), event(2, "12:01")))
        for same in ("2024-05-01T14:00:00+02:00", "2024-05-01T12:00:00Z", "2024-05-01T12:00:00.000000Z"):
            assert walk(source, Span(UPDATED, beyond=same)) == [2]

    @pytest.mark.parametrize(
        "texts",
        [
            ("2024-05-01T12:00:00.000001+00:00", "2024-05-01T12:00:00.000002+00:00"),
            ("2024-05-01T12:00:00.1+00:00", "2024-05-01T12:00:00.12+00:00"),
            ("0044-03-15T00:00:00+00:00 BC", "0001-01-01T00:00:00+00:00"),
            ("9999-12-31T00:00:00+00:00", "10000-01-01T00:00:00+00:00"),
            ("-infinity", "infinity"),
        ],
    )
    def test_a_cursor_is_the_rows_own_text(
        self, filled: Callable[[Batch], Source], texts: tuple[str, str]
    ) -> None:
        """It leads to the next row, whatever the timestamp."""
        rows = ({"id": str(n), "updated_at": json.dumps(text)} for n, text in enumerate(texts))
        source = filled(events(*rows))
        first, second = source.read(EVENTS, Window((Span(UPDATED),), 2)).rows
        place = EVENTS.place(first, "updated_at")
        assert place == Cursor(first["updated_at"], ("0",))
        assert walk(source, Span(UPDATED, after=place)) == [int(second["id"])] == [1]

    def test_key_ranges_share_no_row(self, filled: Callable[[Batch], Source]) -> None:
        """``after`` is exclusive, ``to`` inclusive, in the backend's own order of keys; counts agree."""
        source = filled(events(*(event(n, "12:00") for n in (1, 2, 10, 11, 100))))
        ordered = walk(source, Span(ALL))
        first, last = ((str(ordered[i]),) for i in (1, 3))
        ranges: tuple[tuple[Span, list[int]], ...] = (
            (Span(ALL, to=first), ordered[:2]),
            (Span(ALL, after=Cursor(None, first), to=last), ordered[2:4]),
            (Span(ALL, after=Cursor(None, last)), ordered[4:]),
            (Span(UPDATED, after=Cursor(None, first), to=last), ordered[2:4]),
            (Span(UPDATED, to=first, beyond=moment("12:00")), []),
        )
        for span, expected in ranges:
            assert source.count(EVENTS, Window((span,), 1)) == len(expected)
            assert sorted(ids(source.read(EVENTS, Window((span,), 9)))) == sorted(expected)

    def test_a_filter_holds_everywhere(self, filled: Callable[[Batch], Source]) -> None:
        """Where rows are read, counted and looked up; a source without filters refuses it in each place."""
        source = filled(events(*(event(n, f"12:{n:02}") for n in range(1, 5))))
        table = replace(EVENTS, where=self.where or "there is (no such filter")
        window = Window((Span(UPDATED, start=moment("12:02")),), 9, counted=True)
        asked: tuple[tuple[Callable[[], object], object], ...] = (
            (lambda: ids(source.read(table, window)), [3, 4]),
            (lambda: source.read(table, window).total, 2),
            (lambda: source.count(table), 2),
            (lambda: source.count(table, window), 2),
            (lambda: [each for b in source.rows(table, ["id"], [["2"], ["3"]]) for each in ids(b)], [3]),
        )
        for ask, expected in asked:
            if self.where is None:
                with pytest.raises(SupasyncError):
                    ask()
            else:
                assert ask() == expected

    def test_a_survey_tells_no_later_time_than_its_own(self, filled: Callable[[Batch], Source]) -> None:
        """Where the source can tell of open transactions: cursors move as far as its horizon."""
        source = filled(events(event(1, "12:00")))
        survey = source.survey([(EVENTS, ["updated_at"])]) if isinstance(source, Surveyed) else None
        if survey is not None and survey.horizon is not None:
            assert survey.horizon <= survey.now <= timestamps.now() + _CLOCKS_DIFFER

    def test_its_shape_has_the_columns_of_its_rows(self, filled: Callable[[Batch], Source]) -> None:
        """Where it knows them: what a check compares is what is copied."""
        source = filled(events(event(1, "12:00")))
        shape = source.shape(EVENTS)
        if shape.known:
            assert shape.names == set(source.read(EVENTS, Window((Span(UPDATED),), 5)).columns)

    def test_missing_columns_are_named(self, filled: Callable[[Batch], Source]) -> None:
        """So that tables.yaml can be checked before anything is read."""
        source = filled(events(event(1)))
        assert missing_columns(source, EVENTS, ["id", "colour", "label"]) == ["colour"]

    def test_a_missing_table_is_a_schema_error(self, filled: Callable[[Batch], Source]) -> None:
        """It never looks like an empty one."""
        source, table = filled(events(event(1))), replace(EVENTS, name="elsewhere")
        asked: tuple[Callable[[], object], ...] = (
            lambda: source.read(table, Window((Span(UPDATED),), 5)),
            lambda: source.count(table),
            lambda: list(source.rows(table, ["id"], [["1"]])),
        )
        for ask in asked:
            with pytest.raises(SchemaError, match="elsewhere"):
                ask()
