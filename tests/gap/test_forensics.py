"""Damage that dashboards and people do to CSV is named by file, line, key and column."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest.mock import patch

import pytest

from supasync_core.gap.csv.settle_nulls import Undecided, settle
from supasync_core.gap.csv.stage_files import stage
from supasync_core.gap.import_plan import KINDS, TableImport
from supasync_core.model.batch import Batch
from supasync_core.model.table import Column, Shape, Table
from supasync_core.staging import staging_file
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.csv.export_finding import ExportFinding, LoadedFile
from supasync_core.staging.csv.file_format import examine
from supasync_core.staging.csv.raw_table import Raw
from supasync_core.staging.staging_file import Staging

JOBS = Table(name="jobs")
SHAPE = Shape(
    (
        Column("id", "bigint", nullable=False, key=True),
        Column("note", "text", nullable=True),
        Column("name", "text", nullable=False),
        Column("done", "boolean", nullable=True),
        Column("cost", "numeric", nullable=True),
        Column("ratio", "double precision", nullable=True),
        Column("tags", "text[]", nullable=True),
        Column("doc", "jsonb", nullable=True),
        Column("raw", "bytea", nullable=True),
        Column("ref", "uuid", nullable=True),
        Column("updated_at", "timestamp with time zone", nullable=False),
    )
)
NAMES = [column.name for column in SHAPE.columns]
ROW = {
    "id": "1",
    "note": "n",
    "name": "a",
    "done": "true",
    "cost": "1.50",
    "ratio": "0.5",
    "tags": '["a",null]',
    "doc": '{"a":1}',
    "raw": '{"type":"Buffer","data":[222,173,3]}',
    "ref": "00000000-0000-4000-8000-000000000001",
    "updated_at": "2024-01-01 00:00:00.1+00",
}


@dataclass
class Bench:
    """A staging, and files put into it."""

    folder: Path
    staging: Staging
    undecided: list[Undecided] = field(default_factory=list)

    def load(
        self, body: bytes | str, file: str = "jobs.csv", **choices: object
    ) -> tuple[list[LoadedFile], list[ExportFinding]]:
        """Stage one file of the table jobs."""
        path = self.folder / file
        path.write_bytes(body if isinstance(body, bytes) else body.encode())
        staged = stage(self.staging, TableImport(JOBS, (path,), SHAPE), Choices(**choices))  # type: ignore[arg-type]
        self.undecided = staged.undecided
        return staged.loaded, staged.findings

    def settle(self) -> list[ExportFinding]:
        """Decide by NEW's rows what the file left open."""
        return settle(self.staging, JOBS, SHAPE, self.undecided, as_null=False)

    def rows(self) -> list[dict[str, object]]:
        """What is staged."""
        return [row for batch in self.staging.rows(JOBS) for row in json.loads(batch.body)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    staging = Staging(tmp_path / "staging.duckdb")
    yield Bench(tmp_path, staging)
    staging.close()


def text(*rows: dict[str, str], end: str = "\r\n", names: list[str] = NAMES) -> str:
    """A file as the dashboard writes it."""
    cells = [[_quoted({**ROW, **row}[name]) for name in names] for row in rows]
    return end.join(",".join(line) for line in [names, *cells])


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(letter in cell for letter in ',"\r\n') else cell


def kinds(findings: list[ExportFinding]) -> set[tuple[str, str | None, int | None]]:
    """Kind, column and line of each error."""
    return {(each.kind, each.column, each.line) for each in findings if each.level == "error"}


def test_a_sound_file_has_no_errors_and_becomes_what_the_types_need(bench: Bench) -> None:
    loaded, found = bench.load(text(ROW))
    assert kinds(found) == set()
    assert [each.dialect for each in loaded] == ["table-editor"]
    (row,) = bench.rows()
    assert row["raw"] == "\\xdead03"
    assert row["tags"] == ["a", None]
    assert row["doc"] == {"a": 1}
    assert row["cost"] == "1.50"


@pytest.mark.parametrize(
    ("column", "cell", "kind"),
    [
        ("note", "x" * 10240 + "...", "cut"),
        ("tags", json.dumps([str(i) for i in range(50)] + ["..."], separators=(",", ":")), "cut"),
        ("tags", "a,b", "type"),
        ("id", "", "key"),
        ("id", "1x", "type"),
        ("id", "9223372036854775808", "type"),
        ("done", "maybe", "type"),
        ("cost", "1,50", "type"),
        ("ratio", "half", "type"),
        ("ref", "0000", "type"),
        ("raw", '{"type":"Buffer","data":[256]}', "type"),
        ("doc", '{"a":1', "type"),
        ("doc", '{"a":12345678901234567000}', "json"),
        ("doc", "17", "json"),
        ("updated_at", "yesterday", "type"),
        ("updated_at", "", "type"),
        ("note", "", "null"),
    ],
)
def test_a_damaged_cell_is_named_with_its_line_and_column(
    bench: Bench, column: str, cell: str, kind: str
) -> None:
    _, found = bench.load(text({"note": "two\r\nlines"}, {"id": "2", column: cell}), "jobs_rows.csv")
    found += bench.settle()
    errors = kinds(found)
    assert (kind, column, None if kind == "null" else 4) in errors, errors
    if kind not in ("key", "null") and column != "id":
        assert any(each.key == ("2",) for each in found)


@pytest.mark.parametrize("rows", [100, 500, 1000, 1500])
def test_a_round_number_of_rows_is_suspicious(bench: Bench, rows: int) -> None:
    _, found = bench.load(text(*({"id": str(i)} for i in range(rows))))
    assert ("rows", None, None) in kinds(found)
    _, found = bench.load(text(*({"id": str(i)} for i in range(rows + 1))))
    assert kinds(found) == set()


def test_a_file_that_cannot_be_read_is_accepted_by_nobody(bench: Bench) -> None:
    _, found = bench.load(b"id,note\n1,Bj\xf8rn\n")
    assert [each.kind for each in found] == ["encoding"]
    assert "--encoding" in found[0].text
    assert not {"encoding", "file"} & set(KINDS)


def test_a_line_that_ends_otherwise_is_named_and_read(bench: Bench) -> None:
    lines = [",".join(NAMES), *(",".join([f"{i}", *[""] * 9, ROW["updated_at"]]) for i in range(1, 11))]
    body = "\r\n".join(lines[:3]) + "\n" + "\r\n".join(lines[3:]) + "\r\n"
    _, found = bench.load(body)
    assert ("ragged", 3) in {(each.kind, each.line) for each in found if each.level == "error"}
    assert len(bench.rows()) == 10


def test_a_ragged_line_is_named_and_left_out(bench: Bench) -> None:
    _, found = bench.load(text(ROW) + "\r\n2,x\r\n" + text({"id": "3"}).partition("\r\n")[2])
    assert kinds(found) == {("ragged", None, 3)}
    assert [row["id"] for row in bench.rows()] == ["1", "3"]


def test_a_header_that_does_not_match_is_named(bench: Bench) -> None:
    names = [name if name != "cost" else "costs" for name in NAMES]
    body = text(ROW).replace(",cost,", ",costs,")
    _, found = bench.load(body)
    assert kinds(found) == {("header", "cost", None), ("header", "costs", None)}
    assert "costs" in names


def test_a_key_with_different_content_is_named_and_the_newest_kept(bench: Bench) -> None:
    old, new = {"updated_at": "2024-01-01 00:00:00+00"}, {"updated_at": "2024-01-02 00:00:00+00", "name": "b"}
    _, found = bench.load(text(new, old))
    assert [each.key for each in found if each.kind == "duplicate" and each.level == "error"] == [("1",)]
    assert [row["name"] for row in bench.rows()] == ["b"]


def test_the_same_row_twice_is_no_error(bench: Bench) -> None:
    _, found = bench.load(text(ROW, ROW))
    assert kinds(found) == set()
    assert len(bench.rows()) == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"id,name\r\n1,caf\xe9\r\n", "byte 14"),
        ("id,name\r\n1,x".encode("utf-16"), "UTF-16"),
        (b"id,name\r\n1,a\0b\r\n", "NUL"),
        (b"id,name\r\n1,\xc3", "middle of a character"),
        (b"", "has missing or duplicate column names"),
        (b"id,id\r\n1,2", "has missing or duplicate column names"),
        (b"name\r\na", "no key column id"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(bench: Bench, body: bytes, said: str) -> None:
    _, found = bench.load(body)
    (error,) = (each for each in found if each.level == "error" and said in each.text)
    assert error.kind not in KINDS, "it is never accepted"
    assert bench.rows() == []


def test_another_encoding_is_read_when_told(bench: Bench) -> None:
    _, found = bench.load(text({"name": "café"}).encode("latin-1"), encodings={"*": "latin-1"})
    assert kinds(found) == set()
    assert bench.rows()[0]["name"] == "café"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_bom_and_delimiter_are_seen(bench: Bench, delimiter: str) -> None:
    row = {"tags": "", "raw": "", "doc": ""}
    body = "\ufeff" + text(row).replace(",", delimiter)
    _, found = bench.load(body)
    assert kinds(found) == set()
    assert bench.rows()[0]["name"] == "a"


@pytest.mark.parametrize(
    ("row", "end"), [({"note": ""}, "\r\n"), ({"note": "", "name": ""}, "\n")], ids=["crlf", "not null"]
)
def test_what_psql_cannot_have_written_is_not_read_as_psql(
    bench: Bench, row: dict[str, str], end: str
) -> None:
    body = text({**row, "done": "t", "tags": "{a,NULL}", "raw": "\\xdead"}, end=end) + end
    loaded, found = bench.load(body)
    found += bench.settle()
    assert [each.dialect for each in loaded] == ["rfc4180"]
    assert ("null", "note", None) in kinds(found)


def test_a_last_value_that_may_be_cut_off_with_its_line_is_said(bench: Bench) -> None:
    whole = text({"done": "", "tags": "", "raw": "", "doc": ""}, end="\n") + "\n"
    quoted = "\n".join('"' + line.replace(",", '","') + '"' for line in whole.splitlines())
    for body, cut in ((whole, False), (whole[:-1], True), (quoted, False)):
        loaded, found = bench.load(body)
        assert [each.dialect for each in loaded] == ["rfc4180"]
        said = [each.level for each in found if "has no line end at its end" in each.text]
        assert said == ["warning"] * cut


def test_line_ends_inside_of_cells_do_not_tell_the_dialect(bench: Bench) -> None:
    body = text({"note": "", "name": "a\r\n" * 9, "done": "t", "tags": "{a}", "raw": ""}, end="\n") + "\n"
    loaded, _ = bench.load(body)
    assert [each.dialect for each in loaded] == ["psql"]


def test_null_is_learnt_from_rows_that_the_sink_has(bench: Bench) -> None:
    body = text({"note": ""}, {"id": "2", "note": ""}, {"id": "3", "note": ""})
    bench.load(body, "jobs_rows.csv")
    there = {**ROW, "note": None, "updated_at": "2024-01-01T00:00:00.1+00:00"}
    bench.staging.load_sink_rows(JOBS, SHAPE, [Batch(json.dumps([there]).encode())])
    found = bench.settle()
    assert [each.level for each in found] == ["warning"]
    assert [row["note"] for row in bench.rows()] == [None] * 3
    bench.load(body, "jobs_rows.csv")
    bench.staging.load_sink_rows(JOBS, SHAPE, [Batch(json.dumps([{**there, "note": ""}]).encode())])
    bench.settle()
    assert [row["note"] for row in bench.rows()] == [""] * 3


@pytest.mark.parametrize(
    ("there", "staged", "levels"),
    [
        (["null"], ["null", None, None], ["error", "warning"]),
        (["null", None], ["null", None, None], ["warning", "warning"]),
        (["null", ""], ["null", "", ""], ["warning", "warning"]),
        ([None], [None, "", ""], ["warning", "warning"]),
        ([], ["null", None, None], ["error", "error"]),
    ],
)
def test_empty_cells_and_the_word_null_of_one_column_are_decided_apart(
    bench: Bench, there: list[str | None], staged: list[str | None], levels: list[str]
) -> None:
    plain = {"done": "t", "tags": "{a,NULL}", "raw": "\\xdead"}
    notes = ("null", "", "")
    bench.load(text(*({**plain, "id": str(at), "note": note} for at, note in enumerate(notes, 1))))
    rows = [{**ROW, "id": str(at), "note": note} for at, note in enumerate(there, 1)]
    bench.staging.load_sink_rows(JOBS, SHAPE, [Batch(json.dumps(rows).encode())])
    found = bench.settle()
    assert [each.level for each in found] == levels
    assert [row["note"] for row in bench.rows()] == staged
    ways = "jobs.note=null (the word is NULL, empty is a text), --null jobs.note=empty (empty is NULL)"
    assert all(ways in each.text for each in found if each.level == "error")


def test_what_is_learnt_of_one_file_changes_no_cell_of_another(bench: Bench) -> None:
    plain = {"done": "t", "tags": "{a,NULL}", "raw": "\\xdead", "note": ""}
    psql = text(
        {**plain, "id": "2"}, {**plain, "id": "3", "note": "q"}, {**plain, "id": "4", "note": "'"}, end="\n"
    )
    body = psql.replace(",q,", ',"",') + "\n"
    (bench.folder / "jobs.csv").write_text(text(plain))
    (bench.folder / "more.csv").write_text(body)
    paths = tuple(bench.folder / name for name in ("jobs.csv", "more.csv"))
    part = stage(bench.staging, TableImport(JOBS, paths, SHAPE), Choices())
    assert [each.dialect for each in part.loaded] == ["rfc4180", "psql"]
    bench.staging.load_sink_rows(JOBS, SHAPE, [Batch(json.dumps([{**ROW, "note": ""}]).encode())])
    settle(bench.staging, JOBS, SHAPE, part.undecided, as_null=False)
    assert [row["note"] for row in bench.rows()] == ["", None, "", "'"]


@pytest.mark.parametrize(("told", "value"), [("empty", None), ("none", "")])
def test_null_is_what_the_user_says(bench: Bench, told: str, value: str | None) -> None:
    _, found = bench.load(text({"note": ""}), "jobs_rows.csv", nulls={"jobs.note": told})
    found += bench.settle()
    assert kinds(found) == set()
    assert bench.rows()[0]["note"] == value


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("id=gt.1", "23"),
        ("id=not.gt.1", "1"),
        ("name=eq.a&done=is.false", "2"),
        ("note=is.null", "3"),
        ("note=not.is.null", "12"),
        ("ref=eq.00000000-0000-4000-8000-00000000000A", "3"),
        ("updated_at=gte.2024-01-01T01:00:00Z", "2"),
        ("cost=eq.1.5", "123"),
        ("cost=gt.1", None),
        ("note=gt.a", None),
        ("doc->>a=eq.1", None),
        ("or=(id.eq.1,id.eq.2)", None),
        ("updated_at=gt.now", None),
    ],
)
def test_rows_that_where_leaves_out_are_not_staged_and_that_is_said(
    bench: Bench, where: str, kept: str | None
) -> None:
    rows = [
        {"id": "1", "done": "true"},
        {"id": "2", "done": "false", "updated_at": "2024-01-01 02:00:00+00"},
        {"id": "3", "note": "", "name": "b", "ref": "00000000-0000-4000-8000-00000000000a"},
    ]
    path = bench.folder / "jobs.csv"
    path.write_text(text(*rows))
    table = replace(JOBS, where=where)
    choices = Choices(language="rest", nulls={"jobs.note": "empty"})
    found = stage(bench.staging, TableImport(table, (path,), SHAPE), choices).findings
    said = [each.text for each in found if each.kind == "where"]
    assert "".join(sorted(str(row["id"]) for row in bench.rows())) == (kept or "123")
    assert len(said) == (kept != "123")
    assert ("is not applied" in "".join(said)) == (kept is None)


def hinted(found: list[ExportFinding]) -> str:
    return " ".join(each.text for each in found if (each.kind, each.level) == ("null", "warning"))


def test_words_that_others_write_for_null_are_pointed_out(bench: Bench) -> None:
    _, found = bench.load(text({"note": r"\N", "cost": r"\N"}, {"note": "NA", "ratio": "NaN"}))
    assert r"jobs.csv: \N stands in note, cost: if it is NULL, --null 'jobs.csv=\N'" in hinted(found)
    assert "NA stands in note: if it is NULL, --null jobs.csv.note=NA" in hinted(found)
    assert "NaN" not in hinted(found)
    _, found = bench.load(text({"note": r"\N", "cost": r"\N"}), nulls={"jobs.csv": r"\N"})
    assert (hinted(found), kinds(found)) == ("", set())
    assert (bench.rows()[0]["note"], bench.rows()[0]["cost"]) == (None, None)


def test_the_word_null_points_to_the_dialect(bench: Bench) -> None:
    _, found = bench.load(text({"cost": "null", "note": ""}, {"done": "t"}, end="\n"))
    assert "the word null stands in cost" in hinted(found)
    assert "--dialect jobs.csv=sql-editor, whose NULL it is" in hinted(found)


def test_older_and_equal_rows_are_told_apart(bench: Bench) -> None:
    bench.load(text({"id": "1"}, {"id": "2", "name": "x"}, {"id": "3"}, {"id": "4"}))
    there = [
        {**ROW, "id": 1, "cost": "1.50", "done": True, "ratio": 0.5, "raw": "\\xdead03", "doc": {"a": 1}},
        {**ROW, "id": 2, "updated_at": "2023-01-01T00:00:00+00:00"},
        {**ROW, "id": 3, "updated_at": "2025-01-01T00:00:00+00:00", "name": "later"},
    ]
    for row in there:
        row["tags"] = ["a", None]
    bench.staging.load_sink_rows(JOBS, SHAPE, [Batch(json.dumps(there).encode())])
    counts = bench.staging.compare(JOBS, SHAPE, older=False)
    assert (counts.new, counts.changed, counts.unchanged, counts.older) == (1, 1, 1, 1)
    sent = [row["id"] for batch in bench.staging.batches(JOBS) for row in batch.rows]
    assert sent == ["2", "4"]
    bench.staging.compare(JOBS, SHAPE, older=True)
    sent = [row["id"] for batch in bench.staging.batches(JOBS) for row in batch.rows]
    assert sent == ["2", "3", "4"]


@pytest.mark.parametrize(
    ("doc", "counts"),
    [('{"b": 2, "a": 1.50}', (0, 1)), ('{"b": 2, "a": 1.5}', (1, 0)), ('{"b": 2}', (1, 0))],
)
def test_a_jsonb_is_the_same_in_another_order_and_another_one_in_other_digits(
    bench: Bench, doc: str, counts: tuple[int, int]
) -> None:
    """As a file that psql wrote of a json column stands against NEW's jsonb."""
    bench.load(text({"doc": '{"a":1.50,"b":2}', "tags": "{a}", "raw": "\\xde"}, end="\n"))
    there = json.dumps([{**ROW, "id": 1, "tags": ["a"], "done": True, "raw": "\\xde", "doc": 0}])
    bench.staging.load_sink_rows(JOBS, SHAPE, [Batch(there.replace('"doc": 0', f'"doc": {doc}').encode())])
    found = bench.staging.compare(JOBS, SHAPE, older=False)
    assert (found.changed, found.unchanged) == counts


@pytest.mark.slow
def test_a_file_larger_than_the_memory_is_read(tmp_path: Path) -> None:
    with (
        patch.object(staging_file, "MEMORY", "130MB"),
        closing(Staging(tmp_path / "small.duckdb")) as staging,
    ):
        _read_what_does_not_fit(Bench(tmp_path, staging))


def _read_what_does_not_fit(bench: Bench) -> None:
    line = text({"note": "x" * 4000}).split("\r\n")[1]
    many = "\r\n".join(line.replace("1", str(i), 1) for i in range(1, 40_002))
    loaded, findings = bench.load(f"{','.join(NAMES)}\r\n{many}", "jobs_rows.csv")
    assert [each.rows for each in loaded] == [40_001]
    assert kinds(findings) == set()


def test_a_cell_may_be_longer_than_a_line_of_most_files(bench: Bench) -> None:
    loaded, findings = bench.load(text({"note": "x" * 5_000_000}, {"id": "2"}), "jobs_rows.csv")
    assert [each.rows for each in loaded] == [2]
    assert kinds(findings) == set()


def test_the_cells_of_a_wide_table_are_counted_like_those_of_a_narrow_one(bench: Bench) -> None:
    cells = ["", '""', "null", "t", "true", "{1}", "[1]", r"\N", "NA", "NaN", "None", "NULL", r"a\nb", "x"]
    width = 70
    names = [f"n{i}" for i in range(width)]
    kinds = ["text", "boolean", "integer[]", "bigint"]
    shape = Shape(tuple(Column(name, kinds[i % 4]) for i, name in enumerate(names)))
    rows = [",".join(cells[(i * 5 + row * 3) % len(cells)] for i in range(width)) for row in range(9)]
    path = bench.folder / "wide.csv"
    path.write_text("\n".join([",".join(names), *rows]) + "\n")
    physical = examine(path, None, bench.folder / "d.csv", frozenset())
    raw = Raw(bench.staging, JOBS, "wide.csv", 0, physical, bench.folder)
    found = raw.load(shape).cells
    with patch("supasync_core.staging.csv.raw_table._WIDE", 1000):
        assert raw.load(shape).cells == found
    assert len({each.marks for each in found}) > 3
    with patch.object(bench.staging, "fetch", wraps=bench.staging.fetch) as asked:
        counts = raw.counted([f"rowid < {i % 10}" for i in range(200)])
    assert counts == [i % 10 for i in range(200)]
    assert max(call.args[0].count("FILTER") for call in asked.call_args_list) <= 64
