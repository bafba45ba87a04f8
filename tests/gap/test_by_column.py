"""Staged rows handed over by column hold what the same rows hold as pages of JSON."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from supasync_core.api.row_formats import ARROW
from supasync_core.model.arrow_batch import ArrowBatch
from supasync_core.model.batch import Batch
from supasync_core.model.table import Column, Shape, Table
from supasync_core.staging import staged_streams
from supasync_core.staging.staging_file import Staging
from supasync_duckdb.sink import DuckdbSink
from tests.servers.command import run

TABLE = Table(name="jobs", timestamp=())
TYPES = {
    "id": "bigint",
    "rowid": "text",
    "n": "numeric",
    "doc": "jsonb",
    "tags": "text[]",
    "own": "public.mood",
}
SHAPE = Shape(tuple(Column(name, kind) for name, kind in TYPES.items()))
ROWS = [
    r'{"id":1,"rowid":"a \"b\" \\ \u001e ü","n":1.50,"doc":{"a":[1,2.5,null],"b":"x"},"tags":["x",null]}',
    r'{"id":2,"rowid":"null","n":12345678901234567890.123456789,"doc":"null","tags":[],"own":null}',
    r'{"id":3,"rowid":"","n":null,"doc":null,"tags":null,"own":"{}"}',
    r'{"id":4,"rowid":null,"n":-0.0,"doc":[],"tags":["\"","\\"],"own":""}',
]


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[Staging]:
    with closing(Staging(tmp_path / "staging.duckdb")) as made:
        yield made


def _staged(staging: Staging, rows: list[str]) -> None:
    """Stage the rows, all of which are new."""
    staging.replace(TABLE, SHAPE, [Batch(f"[{','.join(rows)}]".encode())])
    staging.load_sink_rows(TABLE, SHAPE, [])
    assert staging.compare(TABLE, SHAPE, older=False).new == len(rows)


def _written(path: Path, batches: Iterator[Batch], made: str = "") -> list[tuple[object, ...]]:
    """What a file holds after it took the batches; ``made`` creates a table of the file first."""
    with duckdb.connect(str(path)) as connection:
        connection.execute(made or "select 1")
    with closing(DuckdbSink(path)) as sink:
        sink.informed(TABLE, SHAPE)
        for batch in batches:
            assert sink.upsert(TABLE, batch) == batch.count
    with duckdb.connect(str(path)) as connection:
        rows = connection.execute('select id, "rowid", n, doc, tags, own from jobs').fetchall()
    return sorted(rows, key=lambda row: str(row[0]).strip('"'))


@pytest.mark.parametrize("made", ["", "create table jobs (id json, n json)"])
def test_each_cell_is_the_same(
    staging: Staging, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    """In a table that the sink creates, and in one that has rows and lacks columns."""
    monkeypatch.setattr(staged_streams, "_FEWEST", 1)
    monkeypatch.setattr(staged_streams, "_MOST", 3)
    _staged(staging, ROWS)
    made += made and "; insert into jobs values (2, '7'), (9, '9')"
    paged = _written(tmp_path / "paged.duckdb", staging.batches(TABLE), made)
    batches = list(staging.batches(TABLE, [ARROW]))
    assert [(type(batch), batch.count) for batch in batches] == [(ArrowBatch, 3), (ArrowBatch, 1)]
    assert _written(tmp_path / "columns.duckdb", iter(batches), made) == paged
    keys = [str(json.loads(str(row[0]))) for row in paged]
    assert keys == ["1", "2", "3", "4", *(["9"] if made else [])]
    assert json.loads(str(paged[0][1])) == 'a "b" \\ \x1e ü'
    assert json.loads(str(paged[1][2])) == "12345678901234567890.123456789"


def test_its_json_is_that_of_the_pages(staging: Staging) -> None:
    _staged(staging, ROWS)
    (paged,) = staging.batches(TABLE)
    (columns,) = staging.batches(TABLE, [ARROW])
    assert sorted(columns.rows.texts) == sorted(paged.rows.texts)
    assert columns.columns == paged.columns


def test_a_table_that_may_refuse_rows_takes_its_json(staging: Staging, tmp_path: Path) -> None:
    _staged(staging, ROWS)
    made = 'create table jobs (id bigint primary key, "rowid" text, n text, doc json, tags json, own json)'
    found = _written(tmp_path / "typed.duckdb", staging.batches(TABLE, [ARROW]), made)
    assert [row[0] for row in found] == [1, 2, 3, 4]
    assert found[0][1:3] == ('a "b" \\ \x1e ü', "1.50")


def test_large_rows_and_rows_without_a_key_go_by_pages(staging: Staging) -> None:
    """Pages keep memory bounded for the first, and refuse the others."""
    _staged(staging, [ROWS[0], f'{{"id":5,"doc":"{"x" * 600_000}"}}'])
    assert not any(isinstance(batch, ArrowBatch) for batch in staging.batches(TABLE, [ARROW]))
    _staged(staging, ROWS[:2])
    staging.fetch("update ready.jobs set id = null where id = '2'")
    assert not any(isinstance(batch, ArrowBatch) for batch in staging.batches(TABLE, [ARROW]))


def test_a_rehearsal_is_repeated_with_what_has_changed(tmp_path: Path) -> None:
    """Rows that are new replace none, rows that have changed replace theirs."""
    (tmp_path / "old").mkdir()
    (tmp_path / "old/jobs.csv").write_text("id,text,updated_at\n")
    (tmp_path / "tables.yaml").write_text(
        "version: 1\nsource: {backend: csv, path: old}\nsink: {backend: duckdb, path: new.duckdb}\n"
        "tables: {jobs: {}}\n"
    )
    rehearsal = ("gap", "import", "export", "--sink", "duckdb:rehearsal.duckdb", "--dialect", "psql", "--yes")
    (tmp_path / "export").mkdir()
    for changed, sent in (("one", 3), ("two", 2)):
        texts = ["a,b", 'c""d', changed, *(["new"] if changed == "two" else [])]
        lines = [f'{i},"{text}",2024-01-01 00:00:0{i}+00' for i, text in enumerate(texts)]
        (tmp_path / "export/jobs.csv").write_text("\n".join(["id,text,updated_at", *lines, ""]))
        done = run(tmp_path, *rehearsal)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"jobs: {sent}/{sent} rows synced" in done.stdout + done.stderr
        with duckdb.connect(str(tmp_path / "rehearsal.duckdb")) as connection:
            found = connection.execute("select text ->> '$' from jobs order by id").fetchall()
        assert [text for (text,) in found] == [text.replace('""', '"') for text in texts]
