"""Two sides of files, no project: what counts as a difference, and how it is told."""

import csv
import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import duckdb
import pytest

from tests.diff.calling import call, csv_file, diff

SPELLINGS = {
    "timestamps": ("2024-01-01 00:00:00+00", "2024-01-01T00:00:00Z"),
    "timestamps of other zones": ("2024-01-01 02:00:00.5+02", "2024-01-01T00:00:00.500000+00:00"),
    "booleans": ("t", "true"),
    "numbers": ("1.50", "1.5"),
    "numbers with exponents": ("1e3", "1000"),
    "whole numbers": ("-7", "-7.0"),
    "uuids": ("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    "documents": ('"{""b"": [1, 2.50], ""a"": null}"', '"{""a"":null,""b"":[1,2.5]}"'),
    "arrays": ('"{1,2,NULL}"', '"[1, 2, null]"'),
}
VALUES = {
    "leading zeros": ("007", "7"),
    "microseconds": ("2024-01-01 00:00:00.000001", "2024-01-01 00:00:00.000002"),
    "letters": ("a", "A"),
    "blanks": ("a", "a "),
    "long numbers": ("12345678901234567890.1", "12345678901234567890.2"),
    "numbers in documents": ('"[12345678901234567890.1]"', '"[12345678901234567890.2]"'),
    "strings in documents": ('"[""1""]"', '"[1]"'),
    "true in documents": ("[true]", "[1]"),
    "the order of lists": ('"[1,2]"', '"[2,1]"'),
    "composed letters": ("\u00e9", "e\u0301"),
    "NULL and an empty text": ("", '""'),
}


def pair(folder: Path, left: str, right: str) -> tuple[str, str]:
    """Two files of one row with this cell."""
    return (
        csv_file(folder / "left.csv", ["id,cell", f"1,{left}"]),
        csv_file(folder / "right.csv", ["id,cell", f"1,{right}"]),
    )


@pytest.mark.parametrize("name", SPELLINGS)
def test_two_spellings_of_one_value_are_no_difference(tmp_path: Path, name: str) -> None:
    assert diff(tmp_path, *pair(tmp_path, *SPELLINGS[name])).counts == (0, 0, 0, 1)


@pytest.mark.parametrize("name", VALUES)
def test_two_values_are_a_difference(tmp_path: Path, name: str) -> None:
    assert diff(tmp_path, *pair(tmp_path, *VALUES[name])).counts == (0, 0, 1, 0)


@pytest.mark.parametrize("name", ["numbers", "documents", "whole numbers"])
def test_strict_tells_numbers_by_their_digits(tmp_path: Path, name: str) -> None:
    assert diff(tmp_path, *pair(tmp_path, *SPELLINGS[name]), "--strict").counts == (0, 0, 1, 0)


def test_rows_columns_and_both_values_are_told(tmp_path: Path) -> None:
    left = csv_file(tmp_path / "users.csv", ["id,name,old", "1,a,x", "2,b,x", "10,c,x", "9,d,x"])
    right = csv_file(tmp_path / "other.csv", ["name,id,new", "a,1,y", "B,2,y", "e,11,y", "d,9,y"])
    told = diff(tmp_path, left, right)
    assert told.counts == (1, 1, 1, 2)
    assert told.row("2")["columns"] == {"name": {"left": "b", "right": "B"}}
    assert told.row("11")["row"] == {"id": "11", "name": "e"}
    assert told.table["left_only_columns"] == ["old"]
    assert told.table["right_only_columns"] == ["new"]


@pytest.mark.parametrize(
    ("options", "counts"),
    [
        (("--columns", "a"), (0, 0, 0, 1)),
        (("--columns", "a,b"), (0, 0, 1, 0)),
        (("--ignore", "b"), (0, 0, 0, 1)),
        (("--ignore", "a", "--ignore", "b"), (0, 0, 0, 1)),
    ],
)
def test_columns_can_be_chosen_and_ignored(
    tmp_path: Path, options: tuple[str, ...], counts: tuple[int, int, int, int]
) -> None:
    left = csv_file(tmp_path / "left.csv", ["id,a,b", "1,x,y"])
    right = csv_file(tmp_path / "right.csv", ["id,a,b", "1,x,z"])
    assert diff(tmp_path, left, right, *options).counts == counts


def test_a_key_may_have_several_columns_null_and_another_spelling(tmp_path: Path) -> None:
    left = csv_file(
        tmp_path / "left.csv", ["at,n,v", "2024-01-01 00:00:00+00,1,a", "2024-01-02 00:00:00+00,,b", ",3,c"]
    )
    right = csv_file(
        tmp_path / "right.csv", ["at,n,v", "2024-01-01T00:00:00Z,1.0,a", "2024-01-02T00:00:00Z,,B", ",3,c"]
    )
    told = diff(tmp_path, left, right, "--key", "at", "--key", "n")
    assert told.counts == (0, 0, 1, 2)


def test_keys_that_do_not_tell_rows_apart_are_named_and_not_compared(tmp_path: Path) -> None:
    left = csv_file(tmp_path / "left.csv", ["id,v", "1,a", "1,b", "2,c", "3,d", "5,x"])
    right = csv_file(tmp_path / "right.csv", ["id,v", "1,a", "2,c", "4,e", "4,f", "5,y"])
    told = diff(tmp_path, left, right)
    assert told.counts == (0, 1, 1, 1)
    assert told.table["duplicates"] == [
        {"key": ["1"], "left": 2, "right": 1},
        {"key": ["4"], "left": 0, "right": 2},
    ]
    assert not told.whole["equal"]


def test_a_file_is_equal_to_itself_in_any_dialect_that_loses_nothing(tmp_path: Path) -> None:
    rows = [["id", "text"], ["1", 'a "quoted",\nline'], ["2", "ünïcode \U0001f600"], ["3", ""]]
    for name, options in {
        "a.csv": {},
        "b.csv": {"delimiter": ";"},
        "c.csv": {"quoting": csv.QUOTE_ALL, "lineterminator": "\r\n"},
    }.items():
        out = StringIO(newline="")
        csv.writer(out, **options).writerows(rows)  # type: ignore[arg-type]
        (tmp_path / name).write_bytes(out.getvalue().encode("utf-8-sig" if name == "b.csv" else "utf-8"))
    assert diff(tmp_path, "a.csv", "b.csv").counts == (0, 0, 0, 3)
    assert diff(tmp_path, "b.csv", "c.csv", "--null", "none").counts == (0, 0, 0, 3)


def test_folders_are_compared_table_by_table(tmp_path: Path) -> None:
    for folder, tables in {"left": ("users", "jobs", "extra"), "right": ("users_rows", "jobs")}.items():
        (tmp_path / folder).mkdir()
        for table in tables:
            csv_file(tmp_path / folder / f"{table}.csv", ["id,v", f"1,{table}"])
    done = call(tmp_path, "diff", "left", "right", "--format", "json")
    whole = json.loads(done.out)
    assert done.code == 1
    assert set(whole["tables"]) == {"users", "jobs"}
    assert whole["left_only"] == ["extra"]
    assert diff(tmp_path, "left", "right", "--table", "jobs").counts == (0, 0, 0, 1)


def test_several_files_of_a_folder_are_one_table(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    csv_file(tmp_path / "parts" / "users.csv", ["id,v", "1,a"])
    csv_file(tmp_path / "parts" / "users-2.csv", ["v,id", "b,2"])
    whole = csv_file(tmp_path / "users.csv", ["id,v", "1,a", "2,b"])
    assert diff(tmp_path, "parts", whole).counts == (0, 0, 0, 2)


def test_a_named_file_is_a_part_of_one_table_and_no_table_of_its_own(tmp_path: Path) -> None:
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
    csv_file(tmp_path / "left" / "t.csv", ["id,v", "1,a"])
    csv_file(tmp_path / "left" / "t_2023.csv", ["id,v", "2,b"])
    csv_file(tmp_path / "right" / "t.csv", ["id,v", "1,a", "2,b"])
    csv_file(tmp_path / "elsewhere.csv", ["id,v", "3,c"])
    found = diff(tmp_path, "left", "right", "--key", "id", "--file", "t=left/t_2023.csv")
    assert found.counts == (0, 0, 0, 2)
    done = call(tmp_path, "diff", "left", "right", "--key", "id", "--file", "t=elsewhere.csv")
    assert (done.code, "is in neither of the two folders" in done.err) == (2, True)
    found = diff(tmp_path, "left", "right/t.csv", "--key", "id", "--table", "t", "--file", "t=elsewhere.csv")
    assert found.keys("removed") == {("3",)}
    done = call(tmp_path, "diff", "left/t.csv", "right/t.csv", "--key", "id", "--file", "t=elsewhere.csv")
    assert (done.code, "neither side is a folder" in done.err) == (2, True)


def test_a_duckdb_file_is_compared_by_its_own_types(tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "there.duckdb") as connection:
        connection.execute(
            "create table users as select 1::bigint as id, 1.50::decimal(9,2) as n, true as b, "
            "timestamptz '2024-01-01 00:00:00+00' as at, [1, 2] as list, '\\xde'::blob as bytes, "
            "1.0000000000000000000001::decimal(38,22)::variant as v"
        )
    cells = '1,1.5,t,2024-01-01 01:00:00+01,"[1,2]",\\xDE,1.0000000000000000000001'
    lines = ["id,n,b,at,list,bytes,v", cells]
    assert diff(tmp_path, csv_file(tmp_path / "users.csv", lines), "there.duckdb").counts == (0, 0, 0, 1)


def test_young_rows_are_left_alone(tmp_path: Path) -> None:
    left = csv_file(
        tmp_path / "l.csv", ["id,v,updated_at", "1,a,2999-01-01", "2,a,2024-01-01", "3,a,2999-01-01"]
    )
    right = csv_file(tmp_path / "r.csv", ["id,v,updated_at", "1,b,2024-01-01", "2,b,2024-01-01"])
    told = diff(tmp_path, left, right, "--min-age", "15m")
    assert told.counts == (0, 0, 1, 0)
    assert told.table["young"] == 2


@pytest.mark.parametrize(
    ("left", "right", "cause"),
    [
        ("1,a,2024-01-01", "2,z,2024-01-05", "late commit"),
        ("1,a,2024-01-09", "2,z,2024-01-05", "not yet copied"),
        ("2,z,2024-01-05", "1,a,2024-01-01\n2,z,2024-01-05", "unknown"),
        ("2,z,2024-01-05", "1,a,2024-01-09\n2,z,2024-01-05", "written in NEW"),
        ("1,a,2024-01-01", "1,b,2024-01-01", "update without a timestamp"),
        ("1,a,2024-01-01", "1,a,2024-01-02", "trigger in NEW"),
        ("1,a,2024-01-01", "1,b,2024-01-02", "written in NEW"),
        ("1,,2024-01-01", '1,"",2024-01-01', "NULL or empty"),
        ("1," + "x" * 10_250 + ",2024-01-01", "1," + "x" * 10_240 + "...,2024-01-01", "cut cell"),
    ],
)
def test_a_likely_cause_is_named(tmp_path: Path, left: str, right: str, cause: str) -> None:
    head = "id,v,updated_at"
    files = (csv_file(tmp_path / "l.csv", [head, left]), csv_file(tmp_path / "r.csv", [head, right]))
    assert diff(tmp_path, *files).row("1")["cause"] == cause


def test_files_without_timestamps_have_no_cause_that_speaks_of_them(tmp_path: Path) -> None:
    left = csv_file(tmp_path / "l.csv", ["id,v", "1,a", "2,a"])
    right = csv_file(tmp_path / "r.csv", ["id,v", "1,b", "3,a"])
    done = call(tmp_path, "diff", left, right, "--key", "id")
    assert done.out.count("unknown") == 4
    assert [word for word in ("timestamp", "sync") if word in done.out] == []


def test_what_a_dashboard_does_not_tell_is_no_difference_and_is_said(tmp_path: Path) -> None:
    (tmp_path / "users_rows.csv").write_bytes(b"id,bio,ok\r\n1,,true\r\n2,x,false")
    psql = csv_file(tmp_path / "users.csv", ["id,bio,ok", '1,"",t', "2,x,f"])
    told = diff(tmp_path, "users_rows.csv", psql)
    assert told.counts == (0, 0, 0, 2)
    assert any("does not distinguish NULL from an empty text in" in note for note in told.table["notes"])


@pytest.mark.parametrize(
    ("right", "changed"), [("12345678901234567890124", 1), ("1.2345678901234568e+22", 0)]
)
def test_javascript_has_rounded_no_number_of_more_digits_than_it_prints(
    tmp_path: Path, right: str, changed: int
) -> None:
    for name, number in (("l.csv", "12345678901234567890123"), ("r.csv", right)):
        (tmp_path / name).write_bytes(f'id,doc\r\n1,"{{""k"":{number}}}"\r\n2,x\r\n'.encode())
    dialects = ("--dialect", "l.csv=table-editor", "--dialect", "r.csv=table-editor")
    assert diff(tmp_path, "l.csv", "r.csv", *dialects).counts == (0, 0, changed, 2 - changed)


def test_every_form_says_the_same(tmp_path: Path) -> None:
    left = csv_file(tmp_path / "l.csv", ["id,v", "1,a", "2,=1+1", "3,c"])
    right = csv_file(tmp_path / "r.csv", ["id,v", "1,a", "2,\x1b[31m", "4,d"])
    table = call(tmp_path, "diff", left, right)
    assert (table.code, "\x1b" in table.out) == (1, False)
    assert "l: 1 added, 1 removed, 1 changed, 1 unchanged" in table.out
    lines = [
        json.loads(line) for line in call(tmp_path, "diff", left, right, "--format", "jsonl").out.splitlines()
    ]
    assert (lines[0]["added"], lines[0]["unchanged"]) == (1, 1)
    assert [line["kind"] for line in lines[1:]] == ["added", "changed", "removed"]
    text = call(tmp_path, "diff", left, right, "--format", "csv").out
    cells = list(csv.DictReader(StringIO(text)))
    assert {row["kind"]: row["count"] for row in cells if row["count"]} == {
        "added": "1",
        "removed": "1",
        "changed": "1",
        "unchanged": "1",
    }
    assert next(row["left"] for row in cells if row["column"]) == "'=1+1"
    bare = call(tmp_path, "diff", left, right, "--format", "csv", "--no-defuse").out
    assert "'=1+1" not in bare


def test_limit_hides_rows_and_says_so(tmp_path: Path) -> None:
    left = csv_file(tmp_path / "l.csv", ["id,v", *(f"{i},a" for i in range(50))])
    right = csv_file(tmp_path / "r.csv", ["id,v", *(f"{i},b" for i in range(50))])
    assert "and 47 more rows" in call(tmp_path, "diff", left, right, "--limit", "3").out
    assert "and 30 more rows" in call(tmp_path, "diff", left, right).out
    assert len(diff(tmp_path, left, right).table["rows"]) == 50
    assert len(diff(tmp_path, left, right, "--limit", "2").table["rows"]) == 2


def test_tables_yaml_gives_key_and_columns_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "tables.yaml").write_text(
        "version: 1\nsource: {backend: csv, path: a}\nsink: {backend: csv, path: b}\n"
        "tables:\n  users: {key: [mail], exclude: [note], timestamp: at}\n"
    )
    left = csv_file(tmp_path / "users.csv", ["mail,v,note,at", "x@y.z,1,a,2024-01-01"])
    right = csv_file(tmp_path / "users_rows.csv", ["mail,v,note,at", "x@y.z,1,b,2024-01-01"])
    assert diff(tmp_path, left, right).counts == (0, 0, 0, 1)


@pytest.mark.slow
def test_a_project_of_files_and_a_path_called_old(tmp_path: Path) -> None:
    (tmp_path / "tables.yaml").write_text(
        "version: 1\nsource: {backend: csv, path: a}\nsink: {backend: duckdb, path: b.duckdb}\n"
        "tables:\n  users: {}\n"
    )
    for folder in ("a", "old"):
        (tmp_path / folder).mkdir()
        csv_file(tmp_path / folder / "users.csv", ["id,v,updated_at", f"1,{folder},2024-01-01"])
    assert call(tmp_path, "setup").code == 0
    assert call(tmp_path, "sync").code == 0
    assert diff(tmp_path, "old", "new").counts == (0, 0, 0, 1)
    assert diff(tmp_path, "./old", "new").counts == (0, 0, 1, 0)
    assert diff(tmp_path, "new", "new").counts == (0, 0, 0, 1)


BAD = {
    "no such side": (("l.csv", "nowhere.csv"), "no such file"),
    "no such side, before no tables.yaml": (("nowhere.csv", "old"), "nowhere.csv: no such file"),
    "no tables.yaml": (("l.csv", "old"), "no such file"),
    "no key": (("l.csv", "keyless.csv"), "--key"),
    "unknown key": (("l.csv", "r.csv", "--key", "nme"), "did you mean name?"),
    "unknown column": (("l.csv", "r.csv", "--ignore", "nam"), "did you mean name?"),
    "unknown dialect": (("l.csv", "r.csv", "--dialect", "psq"), "did you mean psql?"),
    "an unknown kind of file": (("l.csv", "notes.md"), "known format"),
    "a line that is not a record": (("l.csv", "ragged.csv"), "line 3"),
    "no UTF-8": (("l.csv", "latin.csv"), "latin.csv"),
    "UTF-16": (("l.csv", "utf16.csv"), "--encoding"),
    "an empty file": (("l.csv", "empty.csv"), "first line"),
    "a damaged DuckDB file": (("l.csv", "broken.duckdb"), "broken.duckdb"),
    "a bad age": (("l.csv", "r.csv", "--min-age", "soon"), "duration"),
    "a misspelt option": (("l.csv", "r.csv", "--stict"), "--strict"),
    "a missing argument": (("l.csv",), "RIGHT"),
}


@pytest.mark.parametrize("name", BAD)
def test_trouble_is_2_and_says_what_to_do(tmp_path: Path, name: str) -> None:
    csv_file(tmp_path / "l.csv", ["id,name", "1,a"])
    csv_file(tmp_path / "r.csv", ["id,name", "1,a"])
    csv_file(tmp_path / "keyless.csv", ["number,name", "1,a"])
    csv_file(tmp_path / "ragged.csv", ["id,name", "1,a", "2", "3,c"])
    (tmp_path / "latin.csv").write_bytes("id,name\n1,\u00e9\n".encode("latin-1"))
    (tmp_path / "utf16.csv").write_bytes("id,name\n1,a\n".encode("utf-16"))
    (tmp_path / "empty.csv").touch()
    (tmp_path / "notes.md").touch()
    (tmp_path / "broken.duckdb").write_bytes(b"not a database" * 1000)
    args, said = BAD[name]
    done = call(tmp_path, "diff", *args)
    assert done.code == 2, done.out + done.err
    assert said in done.err
    assert "defect" not in done.err


def test_an_encoding_can_be_named(tmp_path: Path) -> None:
    csv_file(tmp_path / "l.csv", ["id,name", "1,\u00e9"])
    (tmp_path / "r.csv").write_bytes("id,name\n1,\u00e9\n".encode("utf-16"))
    assert diff(tmp_path, "l.csv", "r.csv", "--encoding", "r.csv=utf-16").counts == (0, 0, 0, 1)


def test_the_state_that_stands_in_a_duckdb_file_is_no_table_to_compare(tmp_path: Path) -> None:
    """A table of that name with other columns is the user's own."""
    for name, run in (("l", "a"), ("r", "b")):
        with duckdb.connect(str(tmp_path / f"{name}.duckdb")) as connection:
            connection.execute("CREATE TABLE t (id INTEGER)")
            connection.execute("CREATE TABLE sync_metadata (run_id VARCHAR, sync_status VARCHAR, state JSON)")
            connection.execute("INSERT INTO sync_metadata VALUES (?, 'success', '{}')", [run])
    told = diff(tmp_path, "l.duckdb", "r.duckdb")
    assert (told.code, list(told.whole["tables"])) == (0, ["t"])


@pytest.mark.slow
def test_a_table_of_many_columns_takes_no_more_memory_than_is_promised(tmp_path: Path) -> None:
    """1,500 columns, in all of which the texts differ and in one the values too."""
    names = [f"c{i}" for i in range(1500)]
    for side, moment, last in (("l", "2024-01-01 00:00:00", "x"), ("r", "2024-01-01T00:00:00", "y")):
        rows = [[str(row), *[moment] * 1499, last if row == 3 else "x"] for row in range(10)]
        lines = "".join(f"{','.join(row)}\n" for row in [["id", *names], *rows])
        (tmp_path / f"{side}.csv").write_text(lines)
    process = subprocess.run(
        [sys.executable, "-c", _WIDE], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert process.returncode == 1, process.stderr
    counts, memory = process.stdout.rsplit("\n", 2)[0], int(process.stdout.split()[-1])
    assert "1 changed, 9 unchanged" in counts
    assert memory < 650_000


_WIDE = """
import sys
from pathlib import Path
from supasync_core.cli.commands import cli
code = cli.main(["diff", "l.csv", "r.csv"], standalone_mode=False)
print(next(line.split()[1] for line in Path("/proc/self/status").open() if line.startswith("VmHWM")))
sys.exit(code)
"""
"""``ru_maxrss`` would count what the process of the tests held when it forked."""


@pytest.mark.parametrize("place", ["mysql.csv", "mysql.csv.v"])
def test_null_can_be_told_for_one_of_two_files(tmp_path: Path, place: str) -> None:
    csv_file(tmp_path / "psql.csv", ["id,v", "1,", "2,x"])
    csv_file(tmp_path / "mysql.csv", ["id,v", r"1,\N", "2,x"])
    assert diff(tmp_path, "psql.csv", "mysql.csv").counts == (0, 0, 1, 1)
    assert diff(tmp_path, "psql.csv", "mysql.csv", "--null", rf"{place}=\N").counts == (0, 0, 0, 2)


@pytest.mark.parametrize("word", [r"\N", "NA", "NaN", "None", "NULL"])
def test_a_word_that_other_programs_write_for_null_is_pointed_out_until_it_is_told(
    tmp_path: Path, word: str
) -> None:
    csv_file(tmp_path / "l.csv", ["id,v,w", f"1,{word},x", "2,a,b"])
    csv_file(tmp_path / "r.csv", ["id,v,w", "1,,x", "2,a,b"])
    told = diff(tmp_path, "l.csv", "r.csv")
    assert told.counts == (0, 0, 1, 1)
    advice = f"--null 'l.csv.v={word}'" if word == r"\N" else f"--null l.csv.v={word}"
    assert f"l.csv: {word} stands in v: if it is NULL, {advice}" in " ".join(told.table["notes"])
    told = diff(tmp_path, "l.csv", "r.csv", "--null", f"l.csv.v={word}")
    assert told.counts == (0, 0, 0, 2)
    assert "stands in" not in " ".join(told.table["notes"])


def test_the_word_null_points_to_the_dialect_that_writes_it(tmp_path: Path) -> None:
    csv_file(tmp_path / "l.csv", ["id,v", "1,null"])
    csv_file(tmp_path / "r.csv", ["id,v", "1,"])
    told = diff(tmp_path, "l.csv", "r.csv")
    assert "--dialect l.csv=sql-editor, whose NULL it is" in " ".join(told.table["notes"])
    assert diff(tmp_path, "l.csv", "r.csv", "--dialect", "l.csv=sql-editor").counts == (0, 0, 0, 1)


@pytest.mark.parametrize("place", ["nosuch.v", "mysql.csv.w", "mysql.cvs", "other"])
def test_null_for_a_name_that_nobody_has_is_an_error(tmp_path: Path, place: str) -> None:
    csv_file(tmp_path / "mysql.csv", ["id,v", r"1,\N"])
    done = call(tmp_path, "diff", "mysql.csv", "mysql.csv", "--null", rf"{place}=\N")
    assert done.code == 2
    assert f"--null {place}: no such file, table or column" in done.err
    assert not done.out


def test_null_for_a_name_that_nobody_has_is_said_before_anything_is_written(tmp_path: Path) -> None:
    csv_file(tmp_path / "l.csv", ["id,v", "1,a"])
    csv_file(tmp_path / "r.csv", ["id,v", "1,b"])
    done = call(tmp_path, "reconcile", "l.csv", "r.csv", "--apply", "--null", r"l.w=\N")
    assert done.code == 2, done.out
    assert "--null l.w: no such file, table or column" in done.err
    assert (tmp_path / "r.csv").read_text(encoding="utf-8") == "id,v\n1,b\n"
    assert call(tmp_path, "reconcile", "l.csv", "r.csv", "--apply", "--null", r"l.v=\N").code == 0


@pytest.mark.parametrize(
    ("left", "right", "shown"),
    [
        ("", "NULL", ["NULL", '"NULL"']),
        ("a", "a ", ['"a"', '"a "']),
        ("\u00e9", "e\u0301", [r'"\u00e9"', r'"e\u0301"']),
        ("a", "b", [" a ", " b "]),
        ("a", "\u0430", ['"a"', r'"\u0430"']),
        ('""', "''", [' ""', "\"''\""]),
        ("\u00e9t\u00e9", "\u00eat\u00e9", [" \u00e9t\u00e9 ", " \u00eat\u00e9 "]),
    ],
)
def test_cells_that_look_the_same_are_shown_so_that_one_sees_the_difference(
    tmp_path: Path, left: str, right: str, shown: list[str]
) -> None:
    told = call(tmp_path, "diff", *pair(tmp_path, left, right)).out
    assert all(each in told for each in shown), told


def test_a_row_of_one_file_alone_was_not_deleted_in_a_project(tmp_path: Path) -> None:
    csv_file(tmp_path / "left.csv", ["id,v", "1,a"])
    csv_file(tmp_path / "right.csv", ["id,v", "1,a", "2,a"])
    told = call(tmp_path, "diff", "left.csv", "right.csv")
    assert told.code == 1
    assert "unknown" in told.out
    assert "deleted in OLD" not in told.out
    assert "mirror" not in told.out
