"""What no honest server says, or one that is not ours any more, is one sentence and soon over."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from supasync_core.api.registration import Context
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import LargeAnswerError, RefusedError, TransientError
from supasync_postgres import answer_limits, transaction
from supasync_postgres.source import PostgresSource
from supasync_postgres.transaction import Statement
from tests.servers.command import run
from tests.supasync_postgres.databases import HASTY
from tests.supasync_postgres.false_server import FalseServer, described, error, false_server, message, row

Send = Callable[[bytes], None]
MEGABYTE = bytes(1_000_000)


@contextmanager
def opened(server: FalseServer) -> Iterator[PostgresSource]:
    with false_server(server) as listening:
        context = Context({"url": listening.url}, Path(), Ledger(), "OLD")
        with closing(PostgresSource(context, lambda _seconds: None)) as source:
            yield source


def rows_without_end(send: Send) -> None:
    send(described(b"a"))
    while True:
        send(row(MEGABYTE))


def one_row_without_end(send: Send) -> None:
    send(described(b"a") + b"D" + (2_000_000_000).to_bytes(4, "big"))
    while True:
        send(MEGABYTE)


def an_error_without_end(send: Send) -> None:
    send(b"E" + (2_000_000_000).to_bytes(4, "big"))
    while True:
        send(MEGABYTE)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells what a connection has received")
@pytest.mark.parametrize("answer", [rows_without_end, one_row_without_end, an_error_without_end])
def test_what_never_ends_is_cut_off(answer: Callable[[Send], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_limits, "LARGEST", 5_000_000)
    server = FalseServer(answer)
    began = time.monotonic()
    with opened(server) as source, pytest.raises(LargeAnswerError, match="the answer was cut off behind"):
        source.schemas()
    assert time.monotonic() - began < 20
    assert server.logins == 1, "asking again would bring the same"


COPIED_OUT = message(b"H", b"\0\0\1\0\0")


def one_copied_row_without_end(send: Send) -> None:
    send(COPIED_OUT + b"d" + (2_000_000_000).to_bytes(4, "big"))
    while True:
        send(MEGABYTE)


def copied_rows_without_end(send: Send) -> None:
    send(COPIED_OUT)
    while True:
        send(message(b"d", MEGABYTE))


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells what a connection has received")
def test_what_never_ends_is_cut_off_in_a_copy_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_limits, "LARGEST", 20_000_000)
    copy = Statement("COPY (SELECT 1) TO STDOUT")
    with opened(FalseServer(one_copied_row_without_end)) as source, pytest.raises(LargeAnswerError):
        source.database.copied("SELECT 1", copy, None, 8_000_000)
    with opened(FalseServer(copied_rows_without_end)) as source:
        copied = source.database.copied("SELECT 1", copy, None, 8_000_000)
    assert copied.cut
    assert sum(map(len, copied.lines)) < 10_000_000


def test_more_rows_than_anybody_asks_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transaction, "MOST_ROWS", 1000)

    def answer(send: Send) -> None:
        send(described(b"a") + row(b"x") * 1001 + message(b"C", b"SELECT 1001\0") + message(b"Z", b"I"))

    with opened(FalseServer(answer)) as source, pytest.raises(LargeAnswerError, match="1,001"):
        source.schemas()


def test_a_server_before_version_12_is_refused() -> None:
    with opened(FalseServer(version=b"11.22")) as source, pytest.raises(RefusedError) as refused:
        source.schemas()
    assert str(refused.value) == "OLD: its PostgreSQL is version 11, and supasync needs 12 or later"
    assert "upgrade it in the dashboard" in str(refused.value.hint)


@pytest.mark.parametrize(
    "text",
    [b"Tenant or user not found", b"no tenant identifier provided", b"tenant/user postgres.abc not found"],
)
def test_a_project_that_the_pooler_does_not_know_may_be_paused(text: bytes) -> None:
    server = FalseServer(login=error(b"XX000", text))
    with opened(server) as source, pytest.raises(RefusedError, match="is not known to the pooler") as refused:
        source.schemas()
    assert refused.value.reason == "paused"
    assert "the project may be paused (Dashboard -> Restore project)" in str(refused.value.hint)
    assert "postgres.<ref>" in str(refused.value.hint)
    assert server.logins == 1


def test_a_password_that_a_server_repeats_is_shown_nowhere(tmp_path: Path) -> None:
    server = FalseServer(login=error(b"28000", b"go away, hidden-word and hidden%2Dword"))
    with false_server(server):
        url = server.url.replace("someone@", "someone:hidden%2Dword@")
        (tmp_path / "new").mkdir()
        ends = "source: {backend: csv, path: old}\nsink: {backend: csv, path: new}\n"
        (tmp_path / "tables.yaml").write_text(f"version: 1\n{ends}tables: {{t: {{}}}}\n")
        (tmp_path / ".env").write_text(f"NEW_DATABASE_URL={url}\n")
        done = run(tmp_path, "schema", "sql", "--apply", before=HASTY)
    shown = done.stdout + done.stderr
    assert "go away" in shown
    assert "hidden" not in shown


def test_a_full_disk_is_one_sentence_and_not_tried_again() -> None:
    def answer(send: Send) -> None:
        send(error(b"53100", b"could not extend file", b"ERROR") + message(b"Z", b"I"))

    server = FalseServer(answer)
    with opened(server) as source, pytest.raises(RefusedError, match="has no room left on its disk"):
        source.schemas()
    assert server.logins == 1


def test_a_server_that_closes_at_once_is_asked_again_and_then_left() -> None:
    server = FalseServer(lambda _send: None)
    with opened(server) as source, pytest.raises(TransientError, match="OLD did not answer"):
        source.schemas()
    assert server.logins == 5
