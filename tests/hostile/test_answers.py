"""Whatever a server answers, a request ends soon, takes little memory, and says that it is not usable."""

import gzip
import itertools
import json
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import yaml

from supasync_core.api.registration import Context
from supasync_core.model.batch import Cursor, Keyset, Span, Window
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import SupasyncError, TableError, TransientError
from supasync_core.model.table import Table
from supasync_rest import paging, transport
from supasync_rest.description import parse_description
from supasync_rest.messages import Response
from supasync_rest.retry_policy import RetryPolicy
from supasync_rest.source import RestSource
from supasync_rest.store import RestStore
from tests.hostile.server import answer, serving
from tests.servers.command import run

TABLE = Table(name="users", key=("id",))
WINDOW = Window((Span(Keyset("updated_at"), after=Cursor("2024-01-01T00:00:00", ("7",))),), 100)
FIRST = Window((Span(Keyset("updated_at")),), 1)
ROW = b'[{"id":8,"updated_at":"2024-01-02T00:00:00"}]'
SAME = b'[{"id":7,"updated_at":"2024-01-01T00:00:00"}]'
CHUNKED = "Transfer-Encoding: chunked"
KEY = "sb_secret_Invented0Invented1Invented2"


def source(url: str, folder: Path) -> RestSource:
    context = Context(settings={"url": url, "key": KEY}, folder=folder, ledger=Ledger(), project="OLD")
    return RestSource(context, RetryPolicy(attempts=2, sleep=lambda _: None))


def endless(_: bytes) -> Iterator[bytes]:
    yield answer(length=False)
    yield from itertools.repeat(b"[" * 65_536)


ANSWERS = {
    "deep": answer(b"[" * 200_000),
    "half": answer(ROW[:-5]),
    "html": answer(b"<title>" * 50_000),
    "no utf-8": answer(b'[{"id":"\xff\xfe","updated_at":"2024"}]'),
    "other columns": answer(b'[{"other":1}]'),
    "the same row": answer(SAME),
    "no rows": answer(b"[1,2]"),
    "object": answer(b'{"a":1}'),
    "chunk size": answer(b"ffffffffffffffffffffff\r\nabc", CHUNKED, length=False),
    "chunk words": answer(b"-1\r\nabc\r\nzz\r\n", CHUNKED, length=False),
    "not gzip": answer(b"abc", "Content-Encoding: gzip"),
    "length": answer(ROW, "Content-Length: 99999999999999999999", length=False),
    "age": answer(ROW, "Age: " + "9" * 5_000),
    "no http": b"SSH-2.0-x\r\n\r\n",
    "headers": b"HTTP/1.1 200 OK\r\n" + b"".join(b"a%d: b\r\n" % n for n in range(5_000)) + b"\r\n",
}
SOUND = {
    "date": "Date: Fri, 31 Dec 9999 23:59:59 -2359",
    "date words": "Date: yesterday (((((",
    "range": "Content-Range: 0-0/" + "9" * 5_000,
    "after": "Retry-After: " + "9" * 400,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_none_is_a_failure_for_now(name: str, tmp_path: Path) -> None:
    began = time.monotonic()
    with (
        serving(lambda _: [ANSWERS[name]]) as url,
        closing(source(url, tmp_path)) as old,
        pytest.raises(TransientError) as told,
    ):
        _ = [row["id"] for row in old.read(TABLE, WINDOW).rows]
    assert time.monotonic() - began < 5
    assert "OLD" in str(told.value)
    assert len(str(told.value)) < 1_000


@pytest.mark.parametrize("name", SOUND)
def test_an_absurd_header_is_as_good_as_none(name: str, tmp_path: Path) -> None:
    with serving(lambda _: [answer(ROW, SOUND[name])]) as url, closing(source(url, tmp_path)) as old:
        assert old.read(TABLE, WINDOW).count == 1


def test_an_answer_that_is_cut_off_leaves_its_connection_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a table's first page of large rows."""
    monkeypatch.setattr(transport, "_CONNECTIONS", 2)
    large = b",".join(
        b'{"id":%d,"updated_at":"2024-01-02T00:00:00","v":"%s"}' % (n, b"x" * 10**6) for n in range(9)
    )
    seen: list[int] = []
    tables = [replace(TABLE, name=f"t{n}") for n in range(4)]
    with serving(lambda _: [answer(b"[" + large + b"]")]) as url, closing(source(url, tmp_path)) as old:
        reading = threading.Thread(
            target=lambda: seen.extend(old.read(each, replace(FIRST, limit=9)).count for each in tables),
            daemon=True,
        )
        reading.start()
        reading.join(30)
    assert seen == [3, 3, 3, 3]


@cache
def spaces() -> bytes:
    return gzip.compress(b"[" + b" " * 200_000_000, 1)


@pytest.mark.parametrize("status", ["200 OK", "400 No", "500 No"])
def test_a_bomb_takes_no_more_memory_than_an_answer_may(
    status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "LARGEST_ROW", 10_000_000)
    packed = answer(spaces(), "Content-Encoding: gzip", status=status)
    with serving(lambda _: [packed]) as url, closing(source(url, tmp_path)) as old:
        tracemalloc.start()
        try:
            with pytest.raises(TableError):
                old.read(TABLE, FIRST)
            assert tracemalloc.get_traced_memory()[1] < 80_000_000
        finally:
            tracemalloc.stop()


BOMBS = {
    "lists": (b'{"paths": {}, "definitions": {"a": [', b"[],", 13_000_000, b"[]]}}"),
    "objects": (b"[", b"{},", 13_000_000, b"{}]"),
    "numbers": (b"[", b"1,", 20_000_000, b"1]"),
    "entities": (b"<", b"&lt;", 10_000_000, b""),
}
"""What begins an answer, what comes how often, and what ends it."""


@cache
def packed_bomb(name: str) -> bytes:
    begins, piece, times, ends = BOMBS[name]
    return answer(gzip.compress(begins + piece * times + ends, 1), "Content-Encoding: gzip")


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("asked", ["description", "state", "columns"])
def test_an_answer_that_is_not_rows_is_a_small_one(name: str, asked: str, tmp_path: Path) -> None:
    """39 kB on the wire became gigabytes, and minutes of looking for the key in them."""
    packed = packed_bomb(name)
    context = Context(settings={"url": "", "key": KEY}, folder=tmp_path, ledger=Ledger(), project="NEW")
    began = time.monotonic()
    with serving(lambda _: [packed]) as url, closing(source(url, tmp_path)) as old:
        context = replace(context, settings={"url": url, "key": KEY})
        with closing(RestStore(context, RetryPolicy(attempts=1))) as store:
            ask: Callable[[], object] = {
                "description": lambda: old.tables("public"),
                "state": lambda: store.past(1),
                "columns": lambda: old.has_columns(TABLE, ["id"]),
            }[asked]
            tracemalloc.start()
            try:
                with pytest.raises(TableError):
                    ask()
                assert tracemalloc.get_traced_memory()[1] < 150_000_000
            finally:
                tracemalloc.stop()
    assert time.monotonic() - began < 20


def test_half_of_a_key_at_the_end_of_what_is_shown_is_not(tmp_path: Path) -> None:
    """A page is looked through for the key up to a length, which may lie within the key."""
    before = b"<html>" + b" " * (64_000 - 6 - 7 - len(KEY) // 2) + b"<title>"
    with (
        serving(lambda _: [answer(before + KEY.encode() + b"</title>")]) as url,
        closing(source(url, tmp_path)) as old,
        pytest.raises(TransientError) as told,
    ):
        old.read(TABLE, WINDOW)
    assert KEY[: len(KEY) // 2 - 2] not in str(told.value)
    assert "HTML" in str(told.value)


def test_a_body_without_an_end_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "LARGEST_ROW", 10_000_000)
    with (
        serving(endless) as url,
        closing(source(url, tmp_path)) as old,
        pytest.raises(TransientError, match="more than 10,000,000 bytes"),
    ):
        old.read(TABLE, FIRST)


@pytest.mark.parametrize("status", ["401 No", "500 No"])
def test_an_error_page_of_titles_is_read_at_once(status: str, tmp_path: Path) -> None:
    page = answer(b"<title>" * 5_000, status=status)
    began = time.monotonic()
    with (
        serving(lambda _: [page]) as url,
        closing(source(url, tmp_path)) as old,
        pytest.raises(SupasyncError),
    ):
        old.read(TABLE, WINDOW)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize("command", ["check", "setup"])
@pytest.mark.parametrize(
    "said",
    [
        answer(b"", f"Proxy-Status: PostgREST; error={KEY}", status="400 No"),
        answer(json.dumps({"code": KEY, "message": f"bad {KEY}"}).encode(), status="400 No"),
        answer(json.dumps({"message": f"bad {KEY[:9]}\n{KEY[9:]}"}).encode(), status="400 No"),
        answer("".join(f"&#{ord(letter)};" for letter in KEY).encode(), status="403 No"),
    ],
)
def test_no_command_prints_the_key_that_a_server_repeats(
    tmp_path: Path, said: bytes, command: str, form: list[str]
) -> None:
    with serving(lambda _: [said]) as url:
        end = {"backend": "rest", "url": url, "key": "${KEY}"}
        other = {**end, "url": url.replace("127.0.0.1", "localhost")}
        settings = {"version": 1, "source": end, "sink": other, "tables": {"users": {"key": "id"}}}
        (tmp_path / "tables.yaml").write_text(yaml.safe_dump(settings))
        (tmp_path / ".env").write_text(f"KEY={KEY}\n")
        done = run(tmp_path, command, *form)
    shown = done.stdout + done.stderr
    assert done.returncode == 3, shown
    for part in (KEY, KEY[10:], "&#115;&#98;"):
        assert part not in shown


@pytest.mark.parametrize(
    "said",
    [b'"x"', b"5", b'{"a":1}', b"[1]", b'[{"run_id":"a"}]', b'["run_id"]', b"[" * 100_000, b"null"],
)
def test_a_record_that_is_none_is_a_failure_for_now(said: bytes, tmp_path: Path) -> None:
    with serving(lambda _: [answer(said)]) as url:
        context = Context(settings={"url": url, "key": KEY}, folder=tmp_path, ledger=Ledger(), project="NEW")
        with closing(RestStore(context, RetryPolicy(attempts=2, sleep=lambda _: None))) as store:
            with pytest.raises(TransientError):
                store.past(1)
            with pytest.raises(TransientError):
                store.past(0, "2024-01-01")


@pytest.mark.parametrize(
    "column",
    [{"format": 5}, {"format": []}, {"maxLength": "x"}, {"description": []}, {"enum": 5}, [1], None],
)
def test_a_description_of_odd_columns_is_none(column: object) -> None:
    document = {"paths": {}, "definitions": {"t": {"properties": {"id": column}}}}
    assert parse_description(Response(200, {}, json.dumps(document).encode())) is None


def test_a_description_of_half_references_is_read_at_once() -> None:
    text = "<fk table='" * 100_000
    document = {"paths": {}, "definitions": {"t": {"properties": {"id": {"description": text}}}}}
    began = time.monotonic()
    told = parse_description(Response(200, {}, json.dumps(document).encode()))
    assert told is not None
    assert told["t"].columns[0].refers is None
    assert time.monotonic() - began < 5


VALUE = b"mine@example.test"
TOLD = {
    "no head": b'[{"id":8,"email":"' + VALUE + b'"}]\r\n\r\n',
    "no head, of any length": b"x" * 9_000 + VALUE + b"\r\n\r\n",
    "version": b"HTTP/" + VALUE + b" 200 OK\r\n\r\n",
    "chunk": answer(b'[{"id":8,"email":"' + VALUE + b'"}]\r\n', CHUNKED, length=False),
    "chunk behind one": answer(b"1\r\n[\r\n" + VALUE + b"\r\n", CHUNKED, length=False),
    "rows with a failure": answer(b'[{"id":8,"email":"' + VALUE + b'"}]', status="500 No"),
    "rows with an odd status": answer(b'[{"id":8,"email":"' + VALUE + b'"}]', status="999 No"),
    "half a row": answer(b'{"id":8,"email":"' + VALUE, status="400 No"),
    "a value": answer(b'"' + VALUE + b'"', status="400 No"),
}


@pytest.mark.parametrize("name", TOLD)
def test_no_value_of_an_answer_that_is_none_is_told(name: str, tmp_path: Path) -> None:
    with (
        serving(lambda _: [TOLD[name]]) as url,
        closing(source(url, tmp_path)) as old,
        pytest.raises(SupasyncError) as told,
    ):
        _ = [row["id"] for row in old.read(TABLE, WINDOW).rows]
    assert VALUE.decode() not in str(told.value)
    assert len(str(told.value)) < 600
