"""Sinks that break one promise each."""

import json
import time
from collections.abc import Mapping, Sequence

from supasync_core.api.registration import Fence
from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Window
from supasync_core.model.table import Table
from tests.contracts.honest import COLUMNS, Cells, Disk, HonestSink
from tests.contracts.lies import lie


@lie("test_a_batch_is_written")
class NeverCommits(HonestSink):
    """What is written can be read from it, and is gone when it is opened again."""

    def __init__(self, disk: Disk, fence: Fence | None = None) -> None:
        super().__init__(Disk(dict(disk.rows)), fence)


@lie("test_a_batch_is_written")
class WritesNothing(HonestSink):
    """It says that all rows are written."""

    def keep(self, rows: Mapping[int, Cells]) -> None:
        pass


@lie("test_a_batch_is_written")
class DeletesOnClose(HonestSink):
    """Closing it deletes what it holds."""

    def close(self) -> None:
        self.disk.rows = {}


@lie("test_the_latest_version_replaces_the_row")
class OnlyInserts(HonestSink):
    """A row whose key exists stays as it is."""

    def merged(self, known: Cells | None, cells: Cells) -> Cells:
        return known or super().merged(known, cells)


@lie("test_the_latest_version_replaces_the_row")
class DropsNull(HonestSink):
    """NULL replaces nothing."""

    def merged(self, known: Cells | None, cells: Cells) -> Cells:
        return super().merged(known, {k: v for k, v in cells.items() if v != "null"})


@lie("test_other_columns_of_the_row_stay")
class ReplacesTheRow(HonestSink):
    """Columns that a batch does not have become NULL."""

    def merged(self, known: Cells | None, cells: Cells) -> Cells:
        return super().merged(None, cells)


@lie("test_all_rows_are_written_or_none")
class WritesHalf(HonestSink):
    """Rows before the one that is refused are written."""

    def upsert(self, table: Table, batch: Batch) -> int:
        return sum(super(WritesHalf, self).upsert(table, batch.only([i])) for i in range(batch.count))


@lie("test_the_last_of_several_rows_with_one_key_wins")
class TheFirstWins(HonestSink):
    """Of several rows with one key the first is written."""

    def upsert(self, table: Table, batch: Batch) -> int:
        return super().upsert(table, batch.only(range(batch.count)[::-1]))


@lie("test_the_last_of_several_rows_with_one_key_wins")
class CountsKeys(HonestSink):
    """The number that comes back is that of the keys."""

    def upsert(self, table: Table, batch: Batch) -> int:
        super().upsert(table, batch)
        return len(set(table.keys(batch)))


@lie("test_upserting_twice_keeps_one_row")
class CountsChanges(HonestSink):
    """The number that comes back is that of the rows that have changed."""

    def upsert(self, table: Table, batch: Batch) -> int:
        before = dict(self.disk.rows)
        super().upsert(table, batch)
        return sum(before.get(key) != row for key, row in self.disk.rows.items())


@lie("test_a_value_belongs_to_the_column_of_its_name")
class ByPosition(HonestSink):
    """Each row has the first one's order of columns."""

    def upsert(self, table: Table, batch: Batch) -> int:
        names = batch.columns
        values = [raw_json.cells(text).values() for text in batch.rows.texts]
        rows = [dict(zip(names, each, strict=True)) for each in values]
        return super().upsert(
            table,
            Batch(raw_json.join("{" + ",".join(f'"{k}":{v}' for k, v in row.items()) + "}" for row in rows)),
        )


@lie("test_values_are_read_as_they_are")
class WritesFloats(HonestSink):
    """Numbers pass through double precision."""

    def merged(self, known: Cells | None, cells: Cells) -> Cells:
        return super().merged(known, {**cells, "amount": json.dumps(json.loads(cells.get("amount", "null")))})


@lie("test_values_are_read_as_they_are")
class CutsTexts(HonestSink):
    """A text has at most 255 characters."""

    def merged(self, known: Cells | None, cells: Cells) -> Cells:
        label = json.loads(cells.get("label", "null"))
        return super().merged(known, {**cells, "label": json.dumps(label and label[:255])})


@lie("test_excluded_columns_are_not_written")
class WritesWhatIsExcluded(HonestSink):
    """Columns that are left out are written where a batch has them."""

    def upsert(self, table: Table, batch: Batch) -> int:
        return super().upsert(table.narrowed(()), batch)


@lie("test_excluded_columns_are_not_written")
class ExcludesAnew(HonestSink):
    """Where a column is left out, rows are decoded and printed again."""

    def upsert(self, table: Table, batch: Batch) -> int:
        new = Batch(json.dumps(json.loads(batch.body)).encode()) if table.exclude else batch
        return super().upsert(table, new)


@lie("test_rows_are_deleted_by_key")
class DeletesWhatBeginsLikeIt(HonestSink):
    """Rows whose key begins with the one that is named go too."""

    def is_named(self, row: Cells, key: Sequence[str], wanted: set[tuple[str, ...]]) -> bool:
        return any(row["id"].startswith(each[-1]) for each in wanted)


@lie("test_rows_are_deleted_by_key")
class DeletesNothing(HonestSink):
    """It says that rows are deleted."""

    def delete(self, table: Table, keys: Sequence[Sequence[str]]) -> int:
        table.exact_keys(keys)
        return sum(int(key[-1]) in self.disk.rows for key in keys)


@lie("test_without_a_key_nothing_is_deleted")
class DeletesAll(HonestSink):
    """No key means every row."""

    def delete(self, table: Table, keys: Sequence[Sequence[str]]) -> int:
        return super().delete(table, keys or [(str(key),) for key in self.disk.rows])


@lie("test_batches_of_other_threads_are_written")
class LosesTheOthers(HonestSink):
    """It says that it is parallel, and the first batch is lost where another one was written at once."""

    writing = 0
    crowded = False

    def upsert(self, table: Table, batch: Batch) -> int:
        with self.disk.lock:
            self.writing += 1
            self.crowded |= self.writing > 1
        time.sleep(0.1)  # long enough for another batch in one of the rounds
        super().upsert(table, batch)
        with self.disk.lock:
            self.writing -= 1
            if self.crowded:
                self.disk.rows = {key: row for key, row in self.disk.rows.items() if key >= 10}
        return batch.count


@lie("test_it_can_be_read_page_by_page")
class ReadsAnyOrder(HonestSink):
    """Its pages have no order of their own."""

    def found(self, table: Table, window: Window) -> list[Cells]:
        return super().found(table, window)[::-1]


@lie("test_values_are_the_same_in_a_choice_of_columns")
class ReadsAllColumns(HonestSink):
    """All columns come, whatever is asked for."""

    def printed(self, table: Table, rows: Sequence[Cells]) -> Batch:
        return super().printed(Table(name=table.name, columns=COLUMNS), rows)


@lie("test_a_column_that_it_does_not_have_is_not_passed_over")
class DropsColumns(HonestSink):
    """A column that it does not have is left out of what is written."""

    def upsert(self, table: Table, batch: Batch) -> int:
        known = {*batch.columns} & {*COLUMNS}
        rows = [{k: v for k, v in raw_json.cells(t).items() if k in known} for t in batch.rows.texts]
        texts = ("{" + ",".join(f'"{k}":{v}' for k, v in row.items()) + "}" for row in rows)
        return super().upsert(table, Batch(raw_json.join(texts)))


@lie("test_without_the_lease_nothing_is_written")
class IgnoresTheFence(HonestSink):
    """It writes without the lease."""

    def __init__(self, disk: Disk, fence: Fence | None = None) -> None:
        super().__init__(disk)


@lie("test_without_the_lease_nothing_is_written")
class DeletesWithoutTheFence(HonestSink):
    """It deletes without the lease."""

    def delete(self, table: Table, keys: Sequence[Sequence[str]]) -> int:
        self.fence = Fence()
        return super().delete(table, keys)


@lie("test_what_is_flushed_is_there_before_it_is_closed")
class WritesWhenClosed(HonestSink):
    """It holds rows back, and a flush leaves them there."""

    def __init__(self, disk: Disk, fence: Fence | None = None) -> None:
        super().__init__(Disk(dict(disk.rows)), fence)
        self.real = disk

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.real.rows = dict(self.disk.rows)
