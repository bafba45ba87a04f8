"""Records of CSV files: none is cut, none is lost, and each line that is none is told."""

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.staging.csv.records import lines, look
from tests.diff.calling import call, diff

ENDS = ("\n", "\r\n", "\r")
texts = st.text(st.sampled_from('ab ,;"\n\r\u00e9\U0001f600'), max_size=6)
fields = st.tuples(texts, st.booleans())
files = st.integers(1, 4).flatmap(
    lambda width: st.tuples(
        st.just(width),
        st.lists(
            st.one_of(
                st.lists(fields, min_size=width, max_size=width), st.lists(fields, min_size=1, max_size=6)
            )
        ),
    )
)


def written(field: tuple[str, bool]) -> str:
    """The field, in quotes where it must be or is wanted."""
    text, quoted = field
    if quoted or text.startswith('"') or set(text) & set(",\n\r"):
        return '"' + text.replace('"', '""') + '"'
    return text


@given(files, st.data())
def test_every_record_is_kept_as_it_is_or_named_by_its_line(
    made: tuple[int, list[list[tuple[str, bool]]]], data: st.DataObject
) -> None:
    width, records = made
    end = data.draw(st.sampled_from(ENDS), "the header's line end")
    text, line = ",".join("h" * width) + end, 2
    sound, bad, starts, others = [], [], [], []
    for number, record in enumerate(records):
        own = data.draw(st.sampled_from(ENDS) if number % 3 == 2 else st.just(end), "a line end")
        body = ",".join(map(written, record))
        body = body or '""'  # an empty line is not a record
        text += body + own
        if len(record) == width:
            sound.append(body)
            starts.append(line)
            others += [line] * (own != end)
        else:
            bad.append(line)
        line += len(io.StringIO(body + own, newline="").readlines())
    with TemporaryDirectory() as folder:
        path, draft = Path(folder, "file.csv"), Path(folder, "draft.csv")
        path.write_bytes(text.encode())
        found = look(path, ",", width, draft)
        target = "\n" if end == "\r" else end
        assert found.path.read_bytes().decode() == target.join([",".join("h" * width), *sound, ""])
        assert [each.line for each in found.bad] == bad
        assert (found.mixed.line if found.mixed else None) == (others[0] if others else None)
        assert lines(path, set(range(1, len(sound) + 1)), ",") == dict(enumerate(starts, 1))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@given(
    st.lists(
        st.sampled_from((b"1,a", b"1,\xff", b"\xc3,a", b"1,\xf0\x9f\x98\x80", b'"\n",\xe9', b"1,a,\xff")),
        max_size=12,
    )
)
def test_lines_that_are_no_text_are_named_and_no_other(end: str, records: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        path, draft = Path(folder, "file.csv"), Path(folder, "draft.csv")
        path.write_bytes(end.encode().join([b"id,v", *records, b""]))
        found = look(path, ",", 2, draft)
        kept = found.path.read_bytes().decode().replace("\r", "\n").replace("\n\n", "\n")
    texts = [each for each in records if each in {b"1,a", b"1,\xf0\x9f\x98\x80"}]
    assert kept == "\n".join(["id,v", *(each.decode() for each in texts), ""])
    wrong = {True: "has 3 fields, the header has 2", False: "is not UTF-8"}
    assert [each.text for each in found.bad] == [
        wrong[each.count(b",") == 2] for each in records if each not in texts
    ]


def test_a_million_lines_that_are_no_text_hide_no_other_and_take_no_memory(tmp_path: Path) -> None:
    wrong, sound = 30_000, 4_000
    (tmp_path / "left.csv").write_bytes(b"id,v\n" + b"0,\xff\n" * wrong + b"1,a\n" * sound)
    (tmp_path / "right.csv").write_text("id,v\n1,a\n")
    found = look(tmp_path / "left.csv", ",", 2, tmp_path / "draft.csv")
    assert (len(found.bad), found.more, found.bad[-1].line) == (1_000, wrong - 1_000, 1_001)
    assert found.path.read_bytes().count(b"\n") == 1 + sound
    done = call(tmp_path, "diff", "left.csv", "right.csv")
    assert (done.code, "left.csv, line 2, is not UTF-8" in done.err) == (2, True), done.err


def test_a_file_of_many_blocks_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    rows = [f'{i},"a, ""b""",' for i in range(9_000)]
    rows[8_500] += ","
    path.write_text("\n".join(["id,note,none", *rows]))
    found = look(path, ",", 3, tmp_path / "draft.csv")
    assert [(each.line, each.text) for each in found.bad] == [(8_502, "has 4 fields, the header has 3")]
    with found.path.open(newline="") as file:
        assert sum(1 for _ in csv.reader(file)) == 9_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("id,v\n1,a,\n2,b\n", "line 2, has 3 fields, the header has 2"),
        ('id,v\n1,"a\nb",""\n', "line 2, has 3 fields, the header has 2"),
        ('id,v\n1,"a\nb"\n2\n', "line 4, has 1 field, the header has 2"),
        ("id,v\n1,a\rb\n2,b\n", "line 3, has 1 field, the header has 2"),
        ('id,v\n1,"a\n2,b\n', "line 2, has an unclosed quote"),
    ],
)
def test_a_file_with_a_ragged_line_is_compared_and_copied_by_nobody(
    tmp_path: Path, body: str, told: str
) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "u.csv").write_text("id,v\n1,a\n")
    (tmp_path / "new.csv").write_text("id,v\n1,a\n2,b\n")
    (tmp_path / "tables.yaml").write_text(
        "version: 1\nsource: {backend: csv, path: old}\nsink: {backend: duckdb, path: new.duckdb}\n"
        "tables: {u: {strategy: snapshot}}\n"
    )
    call(tmp_path, "setup")
    (tmp_path / "old" / "u.csv").write_bytes(body.encode())
    done = call(tmp_path, "diff", "old/u.csv", "new.csv", "--key", "id")
    assert (done.code, told in done.err) == (2, True), done.err
    done = call(tmp_path, "sync")
    assert (done.code, told in done.err) == (3, True), done.err


@pytest.mark.parametrize("body", ["id,v\r1,a\r2,b\r", "id,v\r\n1,a\n2,b\r\n", "id,v\n1,a\r\n2,b"])
def test_lines_may_end_in_any_way(tmp_path: Path, body: str) -> None:
    (tmp_path / "left.csv").write_bytes(body.encode())
    (tmp_path / "right.csv").write_text("id,v\n1,a\n2,b\n")
    assert diff(tmp_path, "left.csv", "right.csv").counts == (0, 0, 0, 2)


def test_a_file_of_another_encoding_is_told_how_to_read_it(tmp_path: Path) -> None:
    (tmp_path / "left.csv").write_bytes("id,v\n1,Bj\u00f8rn\n".encode("cp1252"))
    done = call(tmp_path, "diff", "left.csv", "left.csv")
    assert (done.code, "--encoding" in done.err) == (2, True)
