"""The sink `csv`: files as psql writes them, whole or not at all, and read back without loss."""

import json
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.api.backend import missing_columns
from supasync_core.model.batch import Batch, Keyset, Span, Window
from supasync_core.model.errors import RefusedError, SupasyncError
from supasync_core.model.table import Column, Shape, Table
from supasync_csv.sink import CsvSink
from supasync_csv.source import CsvSource
from tests.examples import few

TABLE = Table(name="jobs", timestamp=())
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def _upsert(path: Path, body: bytes, shape: Shape | None = None) -> None:
    with closing(CsvSink(path)) as sink:
        if shape:
            sink.typed(TABLE, shape)
        sink.upsert(TABLE, Batch(body))


def test_a_file_is_written_as_psql_writes_it(tmp_path: Path) -> None:
    """NULL is nothing, an empty text is two quotes."""
    _upsert(tmp_path, b'[{"id":1,"a":"","b":null,"c":"x \\"y\\", z","d":{"k" : 1.50}},{"id":2,"a":true}]')
    assert (tmp_path / "jobs.csv").read_bytes() == (
        b'id,a,b,c,d\n1,"",,"x ""y"", z","{""k"" : 1.50}"\n2,true,,,\n'
    )


def test_a_json_string_keeps_its_quotes_where_the_types_are_told(tmp_path: Path) -> None:
    """Else it cannot be told from other JSON."""
    for shape, cell in ((Shape((Column("id"), Column("doc", "json"))), b'"""1"""'), (Shape(), b"1")):
        path = tmp_path / str(len(shape.columns)) / "jobs.csv"
        _upsert(path, b'[{"id":7,"doc":"1"}]', shape)
        assert path.read_bytes() == b"id,doc\n7," + cell + b"\n"


def test_rows_are_replaced_in_a_file_that_was_there(tmp_path: Path) -> None:
    """New columns are added, other rows stay as they were."""
    (tmp_path / "jobs.csv").write_text('id,a\n1,x\n2,""\n3,\n', encoding="utf-8")
    _upsert(tmp_path, b'[{"id":1,"a":"new","b":5}]')
    assert (tmp_path / "jobs.csv").read_text(encoding="utf-8") == 'id,a,b\n1,new,5\n2,"",\n3,,\n'


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    """And no draft is left behind."""
    _upsert(tmp_path / "out", b'[{"id":1}]')
    assert {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "out").iterdir()} == {
        "jobs.csv": 0o600
    }


def test_what_could_not_be_written_is_written_by_the_next_flush(tmp_path: Path) -> None:
    """What a sink has taken counts as written: it must not lose that."""
    blocker = tmp_path / "out"
    with closing(CsvSink(blocker)) as sink:
        blocker.touch()
        sink.upsert(TABLE, Batch(b'[{"id":1}]'))
        for _ in range(2):
            with pytest.raises(RefusedError, match="cannot be written"):
                sink.flush()
        blocker.unlink()
        sink.upsert(TABLE, Batch(b'[{"id":2}]'))
        sink.flush()
        assert (blocker / "jobs.csv").read_text(encoding="utf-8") == "id\n1\n2\n"


def test_a_file_in_another_form_is_left_alone(tmp_path: Path) -> None:
    """It is somebody else's."""
    path = tmp_path / "jobs.csv"
    path.write_text("id,a\n1\n", encoding="utf-8")
    with pytest.raises(SupasyncError, match=r"jobs\.csv"):
        _upsert(tmp_path, b'[{"id":1}]')
    assert path.read_text(encoding="utf-8") == "id,a\n1\n"


def test_asking_creates_no_file(tmp_path: Path) -> None:
    """A table that is not there yet lacks nothing."""
    with closing(CsvSink(tmp_path / "out")) as sink:
        assert sink.shape(TABLE).known is False
        assert missing_columns(sink, TABLE, ["id"]) == []
        assert sink.count(TABLE) == 0
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@few(10)
@given(texts=st.lists(TEXTS, min_size=1, max_size=20), name=st.sampled_from(["a", 'a "b", c', "é\nf"]))
def test_texts_come_back_as_they_went(texts: list[str | None], name: str) -> None:
    """Quotes, commas, line ends, blanks; NULL is not the empty text."""
    rows = [{"id": str(n), name: text} for n, text in enumerate(texts)]
    with TemporaryDirectory() as folder:
        _upsert(Path(folder), json.dumps(rows).encode())
        with closing(CsvSource(Path(folder))) as source:
            batch = source.read(TABLE, Window((Span(Keyset(None)),), 100))
    assert sorted(batch.rows, key=lambda row: int(row["id"])) == rows
