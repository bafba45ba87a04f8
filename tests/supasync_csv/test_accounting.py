"""A file is taken at once only where each of its bytes is in what was read, and every record is sound."""

# ruff: noqa: S608 - names are ours

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supasync_core.diff.engine import DiffEngine
from supasync_core.model.table import Shape, Table
from supasync_core.staging.csv.accounting import count
from supasync_core.staging.csv.file_format import examine
from supasync_core.staging.csv.raw_table import Loaded, Raw

PARTS = ("a", ",", ",", '"', '""', "\n", "\n", "\r\n", "\r", " ", "é", "null", "1,2", '1,"x ""y"""', "\ufeff")
bodies = st.lists(st.sampled_from(PARTS), max_size=14).map("".join).map(str.encode)
broken = st.tuples(bodies, st.sampled_from((b"\xff", b"\xc3", b"\xed\xa0\x80")), bodies).map(b"".join)
rows = st.lists(st.sampled_from(("1,2", ',""', ",", '"a\nb",', '"""","é"', "a b,\\N", 'x"y,z')), max_size=6)


@pytest.fixture(scope="module")
def engine() -> Iterator[DiffEngine]:
    with closing(DiffEngine()) as engine:
        yield engine


@pytest.mark.slow
@given(st.sampled_from(["a,b", '"a\n""x",b']), st.sampled_from(["\n", "\r\n"]), st.one_of(bodies, broken))
@example("a,b", "\n", b"1,2,\n3,4\n")
@example("a,b", "\r\n", b"1,2,\n3,4\r\n")
@example("a,b", "\n", b'1,"2"3\n\n')
@example("a,b", "\n", b'1,"""",\n')
@example("a,b", "\n", b'"')
@example("a,b", "\n", b'1,2\n""')
def test_a_file_taken_at_once_has_no_unsound_record(
    engine: DiffEngine, header: str, end: str, body: bytes
) -> None:
    once, checked = loaded(engine, header.encode() + end.encode() + body)
    assert once is None or once == checked


@pytest.mark.slow
@given(rows, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "closed"]))
def test_a_sound_file_is_taken_at_once(engine: DiffEngine, records: list[str], end: str, closed: str) -> None:
    if end == "\r\n":
        records = [each for each in records if "\n" not in each]
    text = end.join(["a,b", *records]) + (end if closed else "")
    once, checked = loaded(engine, text.encode())
    assert once == checked
    assert once is not None
    assert once[0].rows == len(records)


def loaded(
    engine: DiffEngine, body: bytes
) -> tuple[tuple[Loaded, list[object]] | None, tuple[Loaded, list[object]]]:
    """What was found, and the rows: at once, and record by record."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "file.csv")
        path.write_bytes(body)
        physical = examine(path, None, Path(folder, "draft"), frozenset(), whole=False)
        raw = Raw(engine, Table(name="t"), "file.csv", 0, physical, Path(folder))
        once = raw.load_whole(Shape())
        whole = None if once is None else (once, rows_of(engine, raw))
        return whole, (raw.load_sound(Shape()), rows_of(engine, raw))


def rows_of(engine: DiffEngine, raw: Raw) -> list[object]:
    """The loaded rows, in any order."""
    return [*engine.fetch(f"SELECT * FROM {raw.name} ORDER BY ALL")]


def test_the_end_of_a_line_may_be_cut_by_a_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes("a,b\r\né,2\r\n3,é\r\n".encode())
    whole = count(path, ",", 2)
    for size in range(1, 12):
        monkeypatch.setattr("supasync_core.staging.csv.accounting._PIECE", size)
        assert count(path, ",", 2) == whole
    assert whole.are_in(2, 2, 6, 0)
