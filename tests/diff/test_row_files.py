"""Parquet, JSON lines and packed CSV as sides: the same rows are equal in each, to the last digit."""
# ruff: noqa: S608 - our own statements

import gzip
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.diff.calling import call, csv_file, diff

COLUMNS = {"id": "bigint", "name": "varchar", "large": "bigint", "price": "decimal(38, 10)", "ok": "boolean"}
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=6)
ROW = st.fixed_dictionaries(
    {
        "name": st.none() | TEXTS,
        "large": st.none() | st.integers(-(2**63), 2**63 - 1),
        "price": st.none() | st.decimals(-(10**27), 10**27, places=10).map("{:f}".format),
        "ok": st.none() | st.sampled_from(["true", "false"]),
    }
)
FORMATS = ("csv", "csv.gz", "parquet", "jsonl", "ndjson.gz")
Row = Mapping[str, Any]


def written(folder: Path, stem: str, form: str, rows: Sequence[Row]) -> str:
    """The rows as a file of that format; its name."""
    path = folder / f"{stem}.{form}"
    if form == "parquet":
        with duckdb.connect() as connection:
            names = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
            connection.execute(f"create table t ({names})")
            for row in rows:
                connection.execute("insert into t values (?, ?, ?, ?, ?)", [row[name] for name in COLUMNS])
            connection.execute(f"copy t to '{path}' (format parquet)")
        return path.name
    if form.startswith("csv"):
        body = "".join(",".join(map(_csv, each)) + "\n" for each in [[*COLUMNS], *map(_values, rows)])
    else:
        body = "".join(_json(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(body.encode(), 1) if form.endswith("gz") else body.encode())
    return path.name


def _values(row: Row) -> list[Any]:
    return [row[name] for name in COLUMNS]


def _csv(value: object) -> str:
    """As psql writes it: NULL is empty, an empty text is in quotes."""
    text = "" if value is None else str(value).replace('"', '""')
    return text if value is None or (text and not {*text} & {*'",\n'}) else f'"{text}"'


def _json(row: Row) -> str:
    cells = {name: json.dumps(value, ensure_ascii=False) for name, value in row.items()}
    for name in ("price", "ok"):
        cells[name] = row[name] or "null"
    return "{" + ", ".join(f'"{name}": {cell}' for name, cell in cells.items()) + "}"


@pytest.mark.slow
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, min_size=1, max_size=4), st.sampled_from(FORMATS), st.sampled_from(FORMATS), st.data())
def test_the_same_rows_are_equal_in_any_format_and_one_other_cell_is_found(
    tmp_path: Path, rows: list[Row], left: str, right: str, data: st.DataObject
) -> None:
    rows = [{"id": number, **row} for number, row in enumerate(rows)]
    psql = ("--dialect", "psql")
    one, other = written(tmp_path, "l", left, rows), written(tmp_path, "r", right, rows)
    assert diff(tmp_path, one, other, *psql).counts == (0, 0, 0, len(rows))
    number = data.draw(st.integers(0, len(rows) - 1))
    large = rows[number]["large"]
    changed = {**rows[number], "large": 7 if large is None else large - 1 if large > 0 else large + 1}
    other = written(tmp_path, "r", right, [*rows[:number], changed, *rows[number + 1 :]])
    told = diff(tmp_path, one, other, *psql)
    assert told.counts == (0, 0, 1, len(rows) - 1)
    assert [*told.row(str(number))["columns"]] == ["large"]


def test_every_digit_counts_and_null_is_neither_an_empty_text_nor_a_missing_name(tmp_path: Path) -> None:
    def lines(name: str, *rows: str) -> str:
        return csv_file(tmp_path / name, rows)

    left = lines(
        "l.jsonl",
        '{"id":1,"n":9007199254740993,"t":""}',
        '{"id":2,"n":0.12345678901234567890,"t":null}',
        "",
        '{"n":1.50,"id":3,"doc":{"a":[1,2.50]}}',
    )
    right = lines(
        "r.ndjson",
        '{"id": 1, "n": 9007199254740992, "t": null, "doc": null}',
        '{"id": 2, "n": 0.12345678901234567891, "t": null, "doc": null}',
        '{"id": 3, "n": 1.5, "t": null, "doc": {"a": [1, 2.5]}}',
    )
    told = diff(tmp_path, left, right)
    assert {key: [*told.row(key)["columns"]] for key in "12"} == {"1": ["n", "t"], "2": ["n"]}
    assert told.counts == (0, 0, 2, 1)
    assert (
        "left: l.jsonl: 3 rows lack columns that other rows have, and has NULL there" in (told.table["notes"])
    )
    assert diff(tmp_path, left, right, "--strict").keys("changed") == {("1",), ("2",), ("3",)}


def test_parquet_is_compared_by_its_own_types(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select 1::utinyint as id, .5::decimal(3,2) as n, 0.1::float as f, 'nan'::double as d, "
            "timestamptz '2024-01-01 00:00:00.000001+00' as zoned, timestamp '2024-01-01 12:00' as unzoned, "
            "date '2024-01-01' as day, time '10:00' as clock, '\\xde'::blob as bytes, uuid() as own, "
            "[{'a': 1::hugeint, 'b': null}] as nested, map {'k': [1.50]} as pairs, ''::varchar as empty) "
            f"to '{tmp_path / 'users.parquet'}'"
        )
        own = connection.sql(f"select own from '{tmp_path / 'users.parquet'}'").fetchall()[0][0]
    names = "id,n,f,d,zoned,unzoned,day,clock,bytes,own,nested,pairs,empty"
    cells = (
        "1,0.50,0.1,NaN,2024-01-01 01:00:00.000001+01,2024-01-01T12:00:00,2024-01-01,10:00:00,\\xDE,"
        f'{str(own).upper()},"[{{""b"":null,""a"":1}}]","{{""k"":[1.5]}}",""'
    )
    told = diff(tmp_path, csv_file(tmp_path / "users.csv", [names, cells]), "users.parquet")
    assert told.counts == (0, 0, 0, 1), told.table["rows"]


def parquet(path: Path, query: str) -> str:
    with duckdb.connect() as connection:
        connection.execute(f"copy ({query}) to '{path}' (format parquet)")
    return path.name


def test_a_timestamp_without_zone_is_utc_beside_a_text_with_one(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        values = "(1, timestamp '2024-01-01 12:00'), (2, timestamp '2024-01-01 12:00')"
        connection.execute(
            f"copy (select * from (values {values}) t(id, seen)) to '{tmp_path / 'l.parquet'}'"
        )
    lines = ('{"id":1,"seen":"2024-01-01T12:00:00+02:00"}', '{"id":2,"seen":"2024-01-01T14:00:00+02:00"}')
    told = diff(tmp_path, "l.parquet", csv_file(tmp_path / "r.jsonl", lines))
    assert told.keys("changed") == {("1",)}


def test_columns_of_several_files_are_told_apart_by_case(tmp_path: Path) -> None:
    for folder in ("l", "r"):
        (tmp_path / folder).mkdir()
    csv_file(tmp_path / "l/users.jsonl", ('{"id":1,"Name":"a"}',))
    csv_file(tmp_path / "l/users-2.jsonl", ('{"id":2,"name":"b"}',))
    csv_file(tmp_path / "r/users.jsonl", ('{"id":1,"Name":"a","name":"a"}', '{"id":2,"name":"b"}'))
    told = diff(tmp_path, "l", "r", "--key", "id")
    assert told.keys("changed") == {("1",)}
    assert [*told.row("1")["columns"]] == ["name"]


def test_one_file_is_read_whatever_its_name_and_its_folder_are_called(tmp_path: Path) -> None:
    folder = tmp_path / "year=2024"
    folder.mkdir()
    parquet(folder / "x.parquet", "select 1 as id, 'a' as v")
    (folder / "x.parquet").rename(folder / "[ab]*?.parquet")
    parquet(folder / "a.parquet", "select 1 as id, 'other' as v")
    left = csv_file(tmp_path / "l.csv", ["id,v", "1,a"])
    assert diff(tmp_path, left, "year=2024/[ab]*?.parquet").counts == (0, 0, 0, 1)


def test_a_folder_may_hold_several_formats_but_one_of_each_table(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    csv_file(one / "users.csv", ["id,v", "1,a", "2,b"])
    parquet(other / "users-1.parquet", "select 1 as id, 'a' as v")
    parquet(other / "users-2.parquet", "select 2 as id, 'b' as v")
    csv_file(one / "jobs.jsonl", ['{"id":1,"v":"x"}'])
    (other / "jobs_rows.csv.gz").write_bytes(gzip.compress(b"id,v\n1,x\n"))
    done = call(tmp_path, "diff", "one", "other")
    assert (done.code, done.out.splitlines()[-1]) == (0, "equal: 2 tables")
    csv_file(other / "users.csv", ["id,v", "3,c"])
    done = call(tmp_path, "diff", "one", "other")
    assert done.code == 2
    assert "files of several formats hold it: users.csv, users-1.parquet, users-2.parquet" in done.err


@pytest.mark.slow
def test_a_project_is_compared_with_such_a_file_and_made_like_it(tmp_path: Path) -> None:
    (tmp_path / "tables.yaml").write_text(
        "version: 1\nsource: {backend: csv, path: a}\nsink: {backend: duckdb, path: b.duckdb}\n"
        "tables:\n  users: {}\n"
    )
    (tmp_path / "a").mkdir()
    csv_file(tmp_path / "a" / "users.csv", ["id,v,updated_at", "1,a,2024-01-01", "2,b,2024-01-01"])
    parquet(tmp_path / "a" / "users.parquet", "select 9 as id")  # the project has CSV alone
    assert call(tmp_path, "setup").code == 0
    assert call(tmp_path, "sync").code == 0
    query = (
        "select id, v, timestamptz '2024-01-01 00:00:00+00' as updated_at from (values (1, 'a'), {}) t(id, v)"
    )
    parquet(tmp_path / "users.parquet", query.format("(9007199254740993, 'c')"))
    told = diff(tmp_path, "users.parquet", "new")
    assert told.counts == (1, 1, 0, 1)
    done = call(tmp_path, "reconcile", "users.parquet", "new", "--apply")
    assert done.code == 0, done.out + done.err
    assert diff(tmp_path, "new", "users.parquet").keys("removed") == {("2",)}
    for name in ("users.parquet", "users.csv.gz", "users.jsonl"):
        (tmp_path / name).touch()
        done = call(tmp_path, "reconcile", "old", name, "--apply")
        assert (done.code, done.err.splitlines()[0]) == (2, f"error: RIGHT {name} cannot be written to")
    (tmp_path / "f").mkdir()
    shutil.copy(tmp_path / "users.parquet", tmp_path / "f")
    done = call(tmp_path, "reconcile", "new", "f", "--apply")
    assert done.code == 3
    assert "users.parquet cannot be written to" in done.err


BAD = {
    "l.csv.gz": (b"id,v\n1,a\n", "is not gzip data"),
    "cut.csv.gz": (gzip.compress(os.urandom(9999).hex().encode())[:-20], "is cut off"),
    "array.jsonl": (b'[{"id":1}]', "has no object in line 1"),
    "two.jsonl": (b'{"id":1}\n{"id":2},{"id":3}', "is not JSON in line 2"),
    "broken.jsonl": (b'{"id":1}\n\n{"id":', "is not JSON in line 3"),
    "crossing.jsonl": (b'{"id":1,"v":[{}\n{}]}', "is not JSON in line 1"),
    "twice.jsonl": (b'{"id":1,"v":2,"v":2}', "has the name v twice in line 1"),
    "escaped.jsonl": (b'{"id":1,"v":2,"\\u0076":3}', "has the name v twice in line 1"),
    "latin.jsonl": ('{"id":1,"v":"é"}'.encode("latin-1"), "is not UTF-8 in line 1"),
    "utf16.jsonl": ('{"id":1}'.encode("utf-16"), "is not UTF-8 in line 1"),
    "half.jsonl": (b'{"id":1,"v":"\\ud800"}', "has half of a surrogate pair in line 1"),
    "deep.jsonl": (
        b'{"id":1,"v":' + b"[" * 99_999 + b"]" * 99_999 + b"}",
        "has a line 1 that is nested too deep",
    ),
    "own.jsonl": (
        b"".join(b'{"id":1,"c%d":1}\n' % number for number in range(2000)),
        "has more than 1,600 different names by line 1600",
    ),
    "text.parquet": (b"id,v\n1,a\n", "cannot be read as Parquet"),
    "cut.parquet": (b"PAR1" + b"\0" * 100 + b"PAR1", "cannot be read as Parquet"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_to_its_end_is_trouble_in_one_sentence(tmp_path: Path, name: str) -> None:
    body, said = BAD[name]
    (tmp_path / name).write_bytes(body)
    done = call(tmp_path, "diff", csv_file(tmp_path / "l.csv", ["id,v", "1,a"]), name)
    assert (done.code, done.out) == (2, "")
    assert f"{name} {said}" in done.err, done.err


def test_parquet_whose_names_or_texts_duckdb_would_change_is_refused(tmp_path: Path) -> None:
    left = csv_file(tmp_path / "l.csv", ["id,v", "1,a"])
    names = parquet(tmp_path / "names.parquet", "select 1 as id, 2 as aaaa, 3 as bbbb")
    path = tmp_path / names
    path.write_bytes(path.read_bytes().replace(b"bbbb", b"AAAA"))
    done = call(tmp_path, "diff", left, names)
    assert (done.code, "DuckDB cannot tell them apart" in done.err) == (2, True), done.err
    texts = tmp_path / parquet(tmp_path / "texts.parquet", "select 1 as id, 'secret' as v")
    texts.write_bytes(texts.read_bytes().replace(b"secret", b"sec\xffet"))
    done = call(tmp_path, "diff", left, texts.name)
    assert (done.code, "a text in it is not UTF-8" in done.err, "sec" in done.err) == (2, True, False)


def test_no_more_is_unpacked_than_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil.disk_usage(tmp_path)._replace(free=100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: free)
    left = csv_file(tmp_path / "l.csv", ["id,v", "1,a"])
    bombs = {"bomb.csv.gz": b"id,v\n" + b"1,a\n" * 999_999, "bomb.jsonl.gz": b'{"id":1}\n' * 999_999}
    for name, body in bombs.items():
        (tmp_path / name).write_bytes(gzip.compress(body))
        done = call(tmp_path, "diff", left, name)
        assert (done.code, f"{name} unpacks to more than 50.0 kB" in done.err) == (2, True), done.err


@pytest.mark.skipif(os.name != "posix", reason="a pipe with a name")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    left = csv_file(tmp_path / "l.csv", ["id,v", "1,a"])
    for name in ("pipe.parquet", "pipe.jsonl", "pipe.jsonl.gz", "pipe.csv.gz"):
        os.mkfifo(tmp_path / name)
        done = call(tmp_path, "diff", left, name)
        assert (done.code, f"{name} is not a regular file" in done.err) == (2, True)


def test_choices_of_csv_are_refused_for_other_files(tmp_path: Path) -> None:
    name = parquet(tmp_path / "r.parquet", "select 1 as id, 'a' as v")
    left = csv_file(tmp_path / "l.csv", ["id,v", "1,a"])
    done = call(tmp_path, "diff", left, name, "--dialect", f"{name}=psql")
    assert (done.code, done.err) == (2, f"error: --dialect {name}: only CSV has such a choice\n")


def test_a_packed_csv_may_have_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "r.csv.gz").write_bytes(gzip.compress("id,v\n1,\u00e9\n".encode("cp1252")))
    left = csv_file(tmp_path / "l.csv", ["id,v", "1,\u00e9"])
    assert diff(tmp_path, left, "r.csv.gz", "--encoding", "r.csv.gz=cp1252").counts == (0, 0, 0, 1)
