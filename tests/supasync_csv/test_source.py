"""The source `csv`: what psql wrote is what PostgreSQL will read; a file in another form is named."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from supasync_core.model import raw_json
from supasync_core.model.batch import Keyset, Span, Window
from supasync_core.model.errors import SchemaError
from supasync_core.model.row_key import ROW_KEY
from supasync_core.model.table import Column, Shape, Table
from supasync_core.model.timestamps import Horizon
from supasync_csv.source import CsvSource

TABLE = Table(name="jobs", timestamp=())
WHOLE = Window((Span(Keyset(None)),), 1000, counted=True)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[CsvSource]:
    """A folder of files."""
    with closing(CsvSource(tmp_path)) as opened:
        yield opened


def _write(folder: Path, content: str, encoding: str = "utf-8") -> Path:
    path = folder / "jobs.csv"
    path.write_bytes(content.encode(encoding))
    return path


def test_null_and_the_empty_text_are_told_apart(tmp_path: Path, source: CsvSource) -> None:
    """Empty without quotes is NULL; the word null is a text."""
    _write(tmp_path, 'id,a\n1,\n2,""\n3,null\n4,"null"\n')
    assert [row["a"] for row in source.read(TABLE, WHOLE).rows] == [None, "", "null", "null"]


@pytest.mark.parametrize(
    ("content", "cells"),
    [
        ('id,a\n1,"line 1\nline 2"\n2,"x\r\ny"\n', ["line 1\nline 2", "x\r\ny"]),
        ('id,a\r\n1,"x\ny"\r\n2,z\r\n', ["x\ny", "z"]),
        ('id,a\n1,"say ""hi"", ok"\n2,#x\n', ['say "hi", ok', "#x"]),
        ("\ufeffid,a\n1,x\n2,y", ["x", "y"]),
        ("id,a\n1, x \n2,\\N\n", [" x ", "\\N"]),
        ("id,a\n", []),
    ],
)
def test_cells_are_read_as_rfc_4180_has_them(
    tmp_path: Path, source: CsvSource, content: str, cells: list[str]
) -> None:
    """Line ends, quotes and blanks; a byte order mark is not part of a name."""
    _write(tmp_path, content)
    batch = source.read(TABLE, WHOLE)
    assert [row["a"] for row in batch.rows] == cells
    assert batch.total == len(cells)


def test_a_cell_may_be_large(tmp_path: Path, source: CsvSource) -> None:
    """Beyond DuckDB's default of 2 MB a line."""
    _write(tmp_path, f'id,a\n1,{"x" * 5_000_000}\n2,"{"y" * 5_000_000}"\n')
    assert [len(row["a"]) for row in source.read(TABLE, WHOLE).rows] == [5_000_000, 5_000_000]


@pytest.mark.parametrize(
    "content",
    ["id,a\n1\n2,3\n", "id,a\n1,2,3\n", 'id,a\n1,"x\n', 'id,a\n1,"x"secret\n', "id,a\r\n1,x\n2,y\r\n"],
)
def test_a_file_in_another_form_is_refused(tmp_path: Path, source: CsvSource, content: str) -> None:
    """No line is skipped; the message names the file and shows no value."""
    path = _write(tmp_path, content)
    with pytest.raises(SchemaError) as refused:
        source.read(TABLE, WHOLE)
    assert str(path) in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("content", ["", "id,id\n1,2\n", "id,\n1,2\n", "id,ID\n1,2\n"])
def test_a_first_line_must_name_each_column_once(tmp_path: Path, source: CsvSource, content: str) -> None:
    """DuckDB itself would give the twins new names."""
    _write(tmp_path, content)
    with pytest.raises(SchemaError, match="jobs"):
        source.read(TABLE, WHOLE)


@pytest.mark.parametrize("lines", [0, 20_000])
def test_text_that_is_no_utf_8_is_refused(tmp_path: Path, source: CsvSource, lines: int) -> None:
    """It is not guessed at, wherever it stands."""
    _write(tmp_path, "id,a\n" + "1,x\n" * lines + "1,é\n", encoding="latin-1")
    with pytest.raises(SchemaError, match=r"UTF-8|Invalid unicode"):
        source.read(TABLE, WHOLE)


def test_json_and_arrays_leave_as_json_where_the_types_are_told(tmp_path: Path, source: CsvSource) -> None:
    """Array texts of psql stay texts, PostgreSQL reads those too."""
    _write(tmp_path, 'id,doc,tags,n\n1,"{""a"" : 1.50}","[""x""]",7\n2,"""s""","{x,NULL}",\n3,,,\n')
    source.typed(TABLE, Shape((Column("doc", "jsonb"), Column("tags", "text[]"), Column("n", "bigint"))))
    assert source.read(TABLE, WHOLE).body.decode() == (
        '[{"id":"1","doc":{"a" : 1.50},"tags":["x"],"n":"7"},\n'
        '{"id":"2","doc":"s","tags":"{x,NULL}","n":null},\n'
        '{"id":"3","doc":null,"tags":null,"n":null}]'
    )


def test_types_may_be_told_late(tmp_path: Path, source: CsvSource) -> None:
    """The file is loaded again then."""
    _write(tmp_path, "id,doc\n1,[1]\n")
    assert source.read(TABLE, WHOLE).rows == [{"id": "1", "doc": "[1]"}]
    source.typed(TABLE, Shape((Column("doc", "json"),)))
    assert source.read(TABLE, WHOLE).rows == [{"id": "1", "doc": ["1"]}]


def test_a_cell_that_is_no_json_is_refused(tmp_path: Path, source: CsvSource) -> None:
    """It would break the whole batch, and as a string it would be another value."""
    _write(tmp_path, 'id,doc\n1,"{""a"":1}"\n2,\n7,{oops\n')
    source.typed(TABLE, Shape((Column("doc", "json"),)))
    with pytest.raises(
        SchemaError, match=r"a cell is not JSON, in column doc of the row with key 7$"
    ) as refused:
        source.read(TABLE, WHOLE)
    assert refused.value.hint == "jobs holds JSON there: correct the file"
    for key, told in (("id", "NULL"), (ROW_KEY, "-")):
        _write(tmp_path, "id,doc\n,{oops\n")
        table = replace(TABLE, key=(key,))
        source.typed(table, Shape((Column("doc", "json"),)))
        with pytest.raises(SchemaError, match=f"in column doc of the row with key {told}$"):
            source.read(table, WHOLE)


def test_a_key_is_a_text_whatever_it_looks_like(tmp_path: Path, source: CsvSource) -> None:
    """As a document it could not be a key."""
    _write(tmp_path, 'id,tags\n"[0.0,1.0]",[1]\n')
    source.typed(TABLE, Shape(known=False))
    assert source.read(TABLE, WHOLE).body.decode() == '[{"id":"[0.0,1.0]","tags":[1]}]'


def test_a_page_is_read_at_the_time_when_the_file_was_written(tmp_path: Path, source: CsvSource) -> None:
    """It holds nothing younger; a time in the future is not believed."""
    path = _write(tmp_path, "id\n1\n")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert source.now() is None
    assert source.read(TABLE, WHOLE).read_at == Horizon(1_700_000_000_000_000)
    assert source.now() == 1_700_000_000_000_000


def test_a_single_file_is_the_table_of_its_name(tmp_path: Path) -> None:
    """No other table is read from it."""
    path = _write(tmp_path, "id\n1\n")
    with closing(CsvSource(path)) as source:
        assert source.count(TABLE) == 1
        with pytest.raises(SchemaError, match="holds the table jobs"):
            source.count(Table(name="users"))


def test_a_missing_file_names_those_that_are_there(tmp_path: Path, source: CsvSource) -> None:
    """So that a wrong name is seen."""
    _write(tmp_path, "id\n1\n")
    with pytest.raises(SchemaError) as missing:
        source.shape(Table(name="users"))
    assert "users.csv" in str(missing.value)
    assert "jobs" in str(missing.value.hint)


@pytest.mark.parametrize("name", ["../jobs", "a/b", ".."])
def test_a_table_name_is_no_path(source: CsvSource, name: str) -> None:
    """Nothing outside of the folder is read."""
    with pytest.raises(SchemaError):
        source.shape(Table(name=name))


def test_documents_stay_json_where_no_side_knows_the_types(tmp_path: Path, source: CsvSource) -> None:
    """A file goes into DuckDB, and from there into a json column, or into a text column as its very text."""
    _write(tmp_path, 'id,a\n1,"{""k"" : 1.50}"\n2,[1]\n3,"{a,NULL}"\n4,12\n')
    source.typed(TABLE, Shape(known=False))
    body = source.read(TABLE, WHOLE).body.decode()
    assert [raw_json.cells(row)["a"] for row in raw_json.split(body.encode())] == [
        '{"k" : 1.50}',
        "[1]",
        '"{a,NULL}"',
        '"12"',
    ]
