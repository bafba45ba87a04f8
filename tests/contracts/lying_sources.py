"""Sources that break one promise each."""

import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from supasync_core.model import raw_json, timestamps
from supasync_core.model.batch import Batch, Span, Window
from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Column, Shape, Table
from supasync_core.model.timestamps import Horizon
from tests.contracts.honest import COLUMNS, Cells, Disk, HonestSource, texts
from tests.contracts.lies import lie


@lie("test_a_filter_holds_everywhere")
class IgnoresWhere(HonestSource):
    """`where` is ignored."""

    def all(self, table: Table) -> list[Cells]:
        return super().all(table.whole())


@lie("test_a_filter_holds_everywhere")
class CountsWithoutWhere(HonestSource):
    """`where` is ignored when rows are counted."""

    def count(self, table: Table, window: Window | None = None) -> int:
        return super().count(table.whole(), window)


@lie("test_a_filter_holds_everywhere")
class LooksUpWithoutWhere(HonestSource):
    """`where` is ignored when rows are looked up."""

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        return super().rows(table.whole(), columns, values)


@lie("test_a_timestamp_keeps_its_moment_and_a_zone")
class CutsZones(HonestSource):
    """The zone of a timestamp is cut off."""

    def cell(self, row: Cells, name: str) -> str:
        return re.sub(r'(:\d\d(?:\.\d+)?)[+-][\d:]+"$', r'\1"', super().cell(row, name))


@lie("test_a_timestamp_keeps_its_moment_and_a_zone")
class CutsMicroseconds(HonestSource):
    """A timestamp has milliseconds alone."""

    def cell(self, row: Cells, name: str) -> str:
        return re.sub(r"(\.\d{3})\d+", r"\1", super().cell(row, name)) if name.endswith("_at") else row[name]


@lie("test_a_page_tells_when_it_was_read")
class Ahead(HonestSource):
    """Its horizon is an hour ahead."""

    def read(self, table: Table, window: Window) -> Batch:
        return replace(super().read(table, window), read_at=Horizon(timestamps.now() + 3_600_000_000))


@lie("test_rows_are_found_by_their_values")
class FindsNothing(HonestSource):
    """`rows()` is always empty."""

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        self.all(table)
        yield Batch(b"[]")


@lie("test_rows_are_found_by_their_values")
class FindsAnyColumn(HonestSource):
    """`rows()` finds rows in which each value is one of those asked for, in whatever tuple."""

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        kinds = [set(each) for each in zip(*values, strict=True)]
        found = [
            row
            for row in self.all(table)
            if values and all(v in k for v, k in zip(texts(row, columns), kinds, strict=True))
        ]
        yield self.printed(table, found)


@lie("test_rows_are_found_by_their_values")
class FindsEitherCase(HonestSource):
    """`rows()` finds `A` where `a` is asked for."""

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        wanted = {tuple(text.lower() for text in each) for each in values}
        found = [
            r for r in self.all(table) if tuple((t or "\0").lower() for t in texts(r, columns)) in wanted
        ]
        yield self.printed(table, found)


@lie("test_many_rows_are_found_at_once")
class FindsAHundred(HonestSource):
    """`rows()` finds the first hundred values."""

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        return super().rows(table, columns, values[:100])


@lie("test_values_are_read_as_they_are")
class RoundsJson(HonestSource):
    """A bare JSON number is printed again: 1.50 becomes 1.5."""

    def cell(self, row: Cells, name: str) -> str:
        text = super().cell(row, name)
        return json.dumps(json.loads(text)) if name == "payload" and not text.startswith("{") else text


@lie("test_values_are_read_as_they_are")
class ReadsFloats(HonestSource):
    """Numbers pass through double precision."""

    def cell(self, row: Cells, name: str) -> str:
        return json.dumps(json.loads(row[name])) if name == "amount" else row[name]


@lie("test_values_are_read_as_they_are")
class GuessesTypes(HonestSource):
    """A text of digits becomes a number."""

    def cell(self, row: Cells, name: str) -> str:
        return re.sub(r'^"0*(\d+)"$', r"\1", row[name]) if name == "label" else row[name]


@lie("test_values_are_read_as_they_are")
class Trims(HonestSource):
    """Blanks around a text are cut off, and an empty text is NULL."""

    def cell(self, row: Cells, name: str) -> str:
        value = json.loads(row[name]) if name == "label" else None
        return json.dumps(value.strip() or None) if isinstance(value, str) else row[name]


@lie("test_values_are_the_same_in_a_choice_of_columns")
class PrintsChoicesAnew(HonestSource):
    """Where columns are chosen or left out, rows are decoded and printed again."""

    def printed(self, table: Table, rows: Sequence[Cells]) -> Batch:
        batch = super().printed(table, rows)
        chosen = table.columns or table.exclude
        return Batch(json.dumps(json.loads(batch.body)).encode()) if chosen else batch


@lie("test_values_are_the_same_in_a_choice_of_columns")
class CutsZerosWhereExcluded(HonestSource):
    """Where a column is left out, a number loses its trailing zeros, and nothing else changes."""

    def printed(self, table: Table, rows: Sequence[Cells]) -> Batch:
        cut = [row | {"amount": re.sub(r"(\.\d*?)0+$", r"\1", row["amount"])} for row in map(dict, rows)]
        return super().printed(table, cut if table.exclude else rows)


@lie("test_values_are_the_same_in_a_choice_of_columns")
class PrintsExponentsAnew(HonestSource):
    """Where a column is left out, 1e2 becomes 100."""

    def printed(self, table: Table, rows: Sequence[Cells]) -> Batch:
        plain = [row | {"payload": row["payload"].replace("1e2", "100")} for row in map(dict, rows)]
        return super().printed(table, plain if table.exclude else rows)


@lie("test_values_are_the_same_in_a_choice_of_columns")
class CutsFractionsWhereExcluded(HonestSource):
    """Where the label is left out, timestamps lose their fractions."""

    def printed(self, table: Table, rows: Sequence[Cells]) -> Batch:
        cut = [{name: re.sub(r"(:\d\d)\.\d+", r"\1", text) for name, text in row.items()} for row in rows]
        return super().printed(table, cut if "label" in table.exclude else rows)


@lie("test_values_are_the_same_in_a_choice_of_columns")
class LooksUpChoicesAsFloats(HonestSource):
    """What `rows()` finds passes through double precision where a column is left out."""

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        for batch in super().rows(table, columns, values):
            yield Batch(json.dumps(json.loads(batch.body)).encode()) if table.exclude else batch


@lie("test_values_are_the_same_in_a_choice_of_columns")
class IgnoresColumns(HonestSource):
    """All columns come, whatever is asked for."""

    def printed(self, table: Table, rows: Sequence[Cells]) -> Batch:
        return super().printed(table.narrowed(()), rows)


@lie("test_other_threads_may_use_it")
class NotParallel(HonestSource):
    """It says that it is parallel, and keeps the question of a thread where others put theirs."""

    def found(self, table: Table, window: Window) -> list[Cells]:
        self.window = window
        time.sleep(0.01)
        return super().found(table, self.window)


@lie("test_paging_visits_every_row_once")
class IgnoresAfter(HonestSource):
    """The cursor is ignored: the first page comes again and again."""

    def is_after(self, row: Cells, span: Span) -> bool:
        return True


@lie("test_paging_visits_every_row_once")
class Wanders(HonestSource):
    """The cursor is ignored, and each page begins elsewhere, so that no place comes twice."""

    pages = 0

    def read(self, table: Table, window: Window) -> Batch:
        self.pages += 1
        return Batch(f'[{{"id":{self.pages},"updated_at":null}}]'.encode())


@lie("test_after_is_exclusive")
class Inclusive(HonestSource):
    """The cursor's own row comes again."""

    def is_after(self, row: Cells, span: Span) -> bool:
        same = span.after is not None and span.after.key == (row["id"],)
        return same or super().is_after(row, span)


@lie("test_paging_visits_every_row_once")
class AfterTheMoment(HonestSource):
    """Only later moments come after a cursor: rows of one timestamp are lost at a page's border."""

    def is_after(self, row: Cells, span: Span) -> bool:
        after, column = span.after, span.keyset.column
        if after is None or after.value is None or column is None or row[column] == "null":
            return super().is_after(row, span)
        return timestamps.parse(json.loads(row[column])) > timestamps.parse(after.value)


@lie("test_paging_visits_every_row_once")
class OrdersByKey(HonestSource):
    """Rows come in the order of the key, whatever order is asked for."""

    def place(self, row: Cells, column: str | None) -> tuple[Any, ...]:
        return super().place(row, None)


@lie("test_a_window_of_several_spans_holds_the_rows_of_all")
class NullFirst(HonestSource):
    """NULL comes first."""

    def place(self, row: Cells, column: str | None) -> tuple[Any, ...]:
        null, *rest = super().place(row, column)
        return (not null, *rest)


@lie("test_a_window_of_several_spans_holds_the_rows_of_all")
class LosesTheLast(HonestSource):
    """The last row of each page is lost."""

    def read(self, table: Table, window: Window) -> Batch:
        page = super().read(table, window)
        return replace(page, body=page.only(range(page.count - 1)).body) if page.count > 1 else page


@lie("test_paging_visits_every_row_once")
class DropsDuplicates(HonestSource):
    """Of the rows of one timestamp one comes."""

    def found(self, table: Table, window: Window) -> list[Cells]:
        return list({row["updated_at"]: row for row in super().found(table, window)}.values())


@lie("test_a_page_is_no_longer_than_its_limit")
class IgnoresTheLimit(HonestSource):
    """A page has all rows."""

    def read(self, table: Table, window: Window) -> Batch:
        return super().read(table, replace(window, limit=10_000))


@lie("test_counts_are_those_of_the_rows")
class CountsTheTable(HonestSource):
    """A window has as many rows as the table."""

    def count(self, table: Table, window: Window | None = None) -> int:
        return super().count(table)


@lie("test_counts_are_those_of_the_rows")
class CountsThePage(HonestSource):
    """A window has no more rows than its limit."""

    def count(self, table: Table, window: Window | None = None) -> int:
        return min(super().count(table, window), window.limit if window else 10**9)


@lie("test_a_counted_total_is_exact")
class TotalsThePage(HonestSource):
    """The total is that of the page."""

    def read(self, table: Table, window: Window) -> Batch:
        page = super().read(table, window)
        return replace(page, total=page.count if window.counted else None)


@lie("test_bounds_compare_moments_not_texts")
class ComparesTexts(HonestSource):
    """Timestamps are compared as texts."""

    def holds(self, row: Cells, span: Span) -> bool:
        beyond, column = span.beyond, span.keyset.column
        if beyond is not None and column is not None and row[column] != "null":
            return str(json.loads(row[column])) > beyond
        return super().holds(row, span)


@lie("test_a_missing_table_is_a_schema_error")
class InventsTables(HonestSource):
    """A table that is not there looks empty."""

    def all(self, table: Table) -> list[Cells]:
        return super().all(table) if table.name == "events" else []


@lie("test_a_missing_table_is_a_schema_error")
class CountsMissingTables(HonestSource):
    """A table that is not there has no rows when they are counted."""

    def count(self, table: Table, window: Window | None = None) -> int:
        try:
            return super().count(table, window)
        except SchemaError:
            return 0


@lie("test_missing_columns_are_named")
class HasEveryColumn(HonestSource):
    """Its shape has whatever column a check might ask for."""

    def shape(self, table: Table) -> Shape:
        return Shape(tuple(map(Column, (*COLUMNS, "colour"))))


@lie("test_its_shape_has_the_columns_of_its_rows")
class HidesAColumn(HonestSource):
    """Its rows have a column more than its shape."""

    def shape(self, table: Table) -> Shape:
        return Shape(super().shape(table).columns[:-1])


@lie("test_values_are_the_same_in_a_choice_of_columns")
class ReadsWhatIsExcluded(HonestSource):
    """Columns that are left out come all the same."""

    def printed(self, table: Table, rows: Sequence[Cells]) -> Batch:
        return super().printed(replace(table, exclude=()), rows)


@lie("test_values_are_read_as_they_are")
class LooksUpAnew(HonestSource):
    """What `rows()` finds is decoded and printed again."""

    def rows(self, table: Table, columns: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Batch]:
        for batch in super().rows(table, columns, values):
            yield Batch(json.dumps(json.loads(batch.body)).encode())


def filled(kind: type[HonestSource], disk: Disk, batch: Batch) -> HonestSource:
    """One of these over the rows of a batch."""
    disk.rows = {int(cells["id"]): cells for cells in map(raw_json.cells, batch.rows.texts)}
    return kind(disk)
