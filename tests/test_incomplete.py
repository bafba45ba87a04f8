"""A run that did not bring every row says so, whoever's source, way of reading or sink it was."""

from pathlib import Path

import duckdb
import pytest

from tests.diff.calling import call, csv_file
from tests.e2e.workspace import Completed

YAML = """\
version: 1
source: {{backend: {source}, path: old}}
sink: {{backend: {sink}, path: new.duckdb}}
plugins: [mine.py]
defaults: {{page_size: 50}}
tables: {{people: {{strategy: {plugin}}}, pets: {{strategy: incremental, depends_on: [people]}}}}
"""
MINE = """
from dataclasses import replace
from supasync_core import hookimpl
from supasync_core.api.strategy import Piece
from supasync_core.model.batch import Batch, Span, Window
from supasync_core.api.registration import Backend, Setting
from supasync_csv.source import CsvSource
from supasync_duckdb.sink import DuckdbSink
from supasync_duckdb.store import DuckdbStore
from supasync_tables.incremental import Incremental

LOST = {lost}

class Short(CsvSource):
    def read(self, table, window):
        if LOST == "cursor":
            spans = tuple(replace(span, after=None) for span in window.spans)
            return super().read(table, replace(window, spans=spans))
        page = super().read(table, window)
        if LOST == "ends" and window.spans[0].after is not None and table.name == "people":
            return Batch(b"[]", total=page.total)
        if LOST == "holes" and page.count > 1 and table.name == "people":
            return Batch(page.only(range(1, page.count)).body, total=page.total)
        return page

class Lazy(Incremental):
    def read(self, job):
        yield Piece(None, job.state)

class Loop(Lazy):
    # Pages without the loop of `supasync_core.api.pages`, as anybody may write it.

    def read(self, job):
        span = Span(self.keysets(job.table)[0])
        while (page := job.source.read(job.table, Window((span,), job.table.page_size))).count:
            span = replace(span, after=job.table.place(page.rows[-1], span.keyset.column))
            yield Piece(page, job.state)
        yield Piece(None, job.state)

class Nothing(Lazy):
    def read(self, job):
        yield from ()

class Deaf(DuckdbSink):
    def upsert(self, table, batch):
        return batch.count

class Miscounts(DuckdbSink):
    def upsert(self, table, batch):
        return super().upsert(table, batch) - 1

class Drops(DuckdbSink):
    def upsert(self, table, batch):
        return super().upsert(table, batch.only(range(batch.count - 1)))

PATH = {{"path": Setting()}}

def path(context):
    return (context.folder / context.settings["path"]).resolve()

@hookimpl
def supasync_register_sources(registry):
    registry.add("short", Backend("short", lambda c: Short(path(c)), PATH, lambda c: "short"))

@hookimpl
def supasync_register_sinks(registry):
    for kind in (Deaf, Miscounts, Drops):
        name = kind.__name__.lower()
        registry.add(name, Backend(name, lambda c, kind=kind: kind(path(c)), PATH, lambda c: "new"))

@hookimpl
def supasync_register_state_stores(registry):
    for name in ("deaf", "miscounts", "drops"):
        registry.add(name, Backend(name, lambda c: DuckdbStore(path(c)), PATH, lambda c: "new"))

@hookimpl
def supasync_register_strategies(registry):
    registry.add("lazy", Lazy)
    registry.add("nothing", Nothing)
    registry.add("loop", Loop)
"""


def synced(
    folder: Path,
    *,
    source: str = "csv",
    sink: str = "duckdb",
    plugin: str = "incremental",
    lost: str = "none",
) -> Completed:
    """Set up and sync 120 people and a pet between CSV files and DuckDB, with one part that misbehaves."""
    (folder / "old").mkdir()
    header, stamp = ["id,name,updated_at"], "2024-01-01 00:00:00+00"
    csv_file(folder / "old" / "people.csv", header + [f"{n},person {n},{stamp}" for n in range(120)])
    csv_file(folder / "old" / "pets.csv", [*header, f"1,rex,{stamp}"])
    (folder / "mine.py").write_text(MINE.format(lost=repr(lost)))
    (folder / "tables.yaml").write_text(YAML.format(source=source, sink=sink, plugin=plugin))
    done = call(folder, "setup")
    assert done.code == 0, done.err
    return call(folder, "sync")


@pytest.mark.slow
@pytest.mark.parametrize("plugin", ["incremental", "append", "snapshot"])
@pytest.mark.parametrize("lost", ["ends", "holes"])
def test_fewer_rows_than_the_source_counted_are_incomplete(tmp_path: Path, plugin: str, lost: str) -> None:
    done = synced(tmp_path, source="short", plugin=plugin, lost=lost)
    assert done.code == 4, done.out + done.err
    assert "people: incomplete" in done.out
    assert "of 120 rows came from OLD" in done.err
    assert "partial" in done.out or "failed" in done.out
    status = call(tmp_path, "status")
    assert "last run: success" not in status.out
    assert "health: good" not in status.out


@pytest.mark.slow
@pytest.mark.parametrize("plugin", ["incremental", "append", "snapshot", "loop"])
def test_a_source_that_ignores_the_cursor_ends_the_table_at_once(tmp_path: Path, plugin: str) -> None:
    done = synced(tmp_path, source="short", plugin=plugin, lost="cursor")
    assert done.code == 4, done.out + done.err
    assert "people: failed: the server returns the same pages again and again" in done.err
    assert "people: failed, 50 rows synced" in done.out  # of 120: the first page


@pytest.mark.parametrize("plugin", ["lazy", "nothing"])
def test_a_way_of_reading_that_reads_nothing_is_incomplete(tmp_path: Path, plugin: str) -> None:
    done = synced(tmp_path, plugin=plugin)
    assert done.code == 4, done.out + done.err
    assert "people: 0 of 120 rows came from OLD" in done.err.replace("incomplete: ", "")


def test_tables_that_wait_for_an_incomplete_one_are_not_run(tmp_path: Path) -> None:
    done = synced(tmp_path, source="short", lost="ends")
    assert "pets: skipped" in done.out


@pytest.mark.slow
@pytest.mark.parametrize("plugin", ["incremental", "append"])
@pytest.mark.parametrize("lost", ["ends", "holes"])
def test_an_incomplete_table_stays_incomplete_until_every_row_has_come(
    tmp_path: Path, plugin: str, lost: str
) -> None:
    """The second run went on behind the last page, and called that a success."""
    loses, whole = MINE.format(lost=repr(lost)), MINE.format(lost=repr("none"))

    def sync(mine: str, *, rows: int) -> None:
        (tmp_path / "mine.py").write_text(mine)
        done = call(tmp_path, "sync")
        assert done.code == (0 if mine == whole else 4), done.out + done.err
        with duckdb.connect(str(tmp_path / "new.duckdb")) as new:
            [(found,)] = new.sql("select count(*) from people").fetchall()
        assert found == rows if mine == whole else found < rows

    synced(tmp_path, source="short", plugin=plugin, lost=lost)
    sync(loses, rows=120)
    sync(whole, rows=120)
    with (tmp_path / "old" / "people.csv").open("a") as file:
        file.writelines(f"{n},person {n},2024-02-{n % 28 + 1:02} 00:00:00+00\n" for n in range(120, 240))
    sync(loses, rows=240)
    sync(loses, rows=240)
    sync(whole, rows=240)


@pytest.mark.parametrize("plugin", ["incremental", "append", "snapshot"])
def test_a_sink_that_writes_nothing_is_no_success(tmp_path: Path, plugin: str) -> None:
    done = synced(tmp_path, sink="deaf", plugin=plugin)
    assert done.code == 3, done.out + done.err
    assert "NEW confirmed rows and does not have the first of them" in done.err
    assert "people: failed" in done.out


@pytest.mark.slow
@pytest.mark.parametrize("sink", ["miscounts", "drops"])
def test_a_sink_that_confirms_fewer_rows_is_not_believed(tmp_path: Path, sink: str) -> None:
    done = synced(tmp_path, sink=sink)
    assert done.code == 3, done.out + done.err
    assert "people: NEW confirmed 49 of 50 rows" in done.err.replace("failed: ", "")
    assert call(tmp_path, "state", "show").out.count("people") <= 1
    (tmp_path / "tables.yaml").write_text((tmp_path / "tables.yaml").read_text().replace(sink, "duckdb"))
    done = call(tmp_path, "sync")
    assert done.code == 0, done.out + done.err
    with duckdb.connect(str(tmp_path / "new.duckdb")) as new:
        assert new.sql("select count(*) from people").fetchall() == [(120,)]


def test_the_hint_for_rows_without_a_number_holds_for_a_file_too(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "old.duckdb")) as old:
        old.execute("create table people (id int, ver int); insert into people values (1, 1), (2, null)")
    config = (
        "version: 1\nsource: {backend: duckdb, path: old.duckdb}\nsink: {backend: duckdb, path: new.duckdb}\n"
        "tables: {people: {strategy: {append: {column: ver}}}}\n"
    )
    (tmp_path / "tables.yaml").write_text(config)
    call(tmp_path, "setup")
    done = call(tmp_path, "sync")
    assert (done.code, "of a file: where: ver is not null" in done.err) == (3, True), done.err
    (tmp_path / "tables.yaml").write_text(config.replace("ver}}}", "ver}}, where: ver is not null}"))
    done = call(tmp_path, "sync", "--full", "people")
    assert done.code == 0, done.out + done.err
