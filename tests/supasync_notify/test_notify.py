"""Who is told of what: one message per change, one ping per run, and never at the run's expense."""

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from supasync_core.model.budget import Share
from supasync_core.model.errors import RefusedError, SupasyncError
from supasync_core.model.report import Report, TableResult
from supasync_notify import supasync_run_finished
from supasync_notify.delivery import PING, WEBHOOK
from tests.supasync_notify.listener import Listener, listening

GOOD = Report(command="sync", run="1", tables=())


@pytest.fixture
def heard() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def quota() -> Report:
    error = RefusedError("OLD is over its organisation's quota (402)", hint="wait")
    error.reason, error.project = "quota", "OLD"
    return Report(command="sync", run="1", tables=(), stopped=error)


def bad(text: str = "NEW has no table jobs") -> Report:
    return Report(command="sync", run="1", tables=(), stopped=SupasyncError(text))


def at(part: int) -> Report:
    share = Share(project="OLD", what="requests", used=part, budget=100)
    return Report(command="sync", run="1", tables=(), shares=(share,))


def tell(heard: Listener, folder: Path, report: Report, code: int) -> tuple[list[str], list[str]]:
    environment = {PING: f"{heard.url}/uuid?rid=1", WEBHOOK: f"{heard.url}/hook/secret"}
    supasync_run_finished(report, code, folder, environment)
    return heard.take()


def test_a_ping_comes_with_every_run_and_says_how_it_ended(heard: Listener, tmp_path: Path) -> None:
    codes = (0, 1, 2, 3, 4, 5, 130)
    pings = [tell(heard, tmp_path, GOOD, code)[0] for code in codes]
    suffixes = ["", "/fail", "/fail", "/fail", "/log", "/log", "/log"]
    assert pings == [[f"/uuid{suffix}?rid=1"] for suffix in suffixes]


def test_a_message_comes_once_per_change(heard: Listener, tmp_path: Path) -> None:
    told = [
        tell(heard, tmp_path, report, code)[1]
        for report, code in (
            (GOOD, 0),
            (bad(), 3),
            (bad("another sentence"), 3),
            (bad(), 4),
            (quota(), 3),
            (quota(), 3),
            (GOOD, 0),
            (GOOD, 0),
        )
    ]
    assert [len(texts) for texts in told] == [0, 1, 0, 0, 1, 0, 1, 0]
    assert told[1] == [
        f"supasync ({tmp_path.name}): sync fails (exit 3): the run was stopped\nmore: supasync status"
    ]
    assert "OLD: quota\n" in told[4][0]
    assert "works again" in told[6][0]


def test_a_message_links_to_the_report_page(heard: Listener, tmp_path: Path) -> None:
    shown = replace(bad("x" * 3000), page="https://status.example.test/supasync.html")
    (text,) = tell(heard, tmp_path, shown, 3)[1]
    assert text.endswith("\nreport: https://status.example.test/supasync.html")


def test_a_first_run_that_fails_is_told(heard: Listener, tmp_path: Path) -> None:
    assert len(tell(heard, tmp_path, bad(), 2)[1]) == 1


def test_each_level_of_a_budget_is_told_once_and_again_next_month(heard: Listener, tmp_path: Path) -> None:
    parts = (10, 61, 75, 85, 99, 120, 130, 3, 62)
    told = [tell(heard, tmp_path, at(part), 0)[1] for part in parts]
    assert [len(texts) for texts in told] == [0, 1, 0, 1, 0, 1, 0, 0, 1]
    assert "OLD has used 61 % of 100 requests a month" in told[1][0]


def test_a_message_that_was_not_taken_comes_after_the_next_run(
    heard: Listener, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heard.status = 500
    tell(heard, tmp_path, bad(), 3)
    note = capsys.readouterr().err
    assert "answers 500" in note
    assert heard.url not in note
    heard.status = 200
    assert len(tell(heard, tmp_path, bad(), 3)[1]) == 1
    assert tell(heard, tmp_path, bad(), 3)[1] == []


def test_a_redirect_is_not_followed(heard: Listener, tmp_path: Path) -> None:
    heard.status = 302
    assert tell(heard, tmp_path, GOOD, 0)[0] == ["/uuid?rid=1"]


@pytest.mark.parametrize(
    "url",
    [
        "http://chat.example.test/secret",
        "ftp://localhost/secret",
        "https://",
        "secret",
        "https://[secret",
        "https://secret\x00.test",
        "https://nobody-has-this-name.invalid/secret",
        "http://127.0.0.1:1/secret",
        "https://127.0.0.1:99999/secret",
    ],
)
def test_an_address_that_cannot_be_used_is_a_note_without_the_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    supasync_run_finished(bad(), 3, tmp_path, {PING: url, WEBHOOK: url})
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("no notification was sent") == 2
    assert "secret" not in told.err


def test_somebody_who_never_answers_costs_a_few_seconds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supasync_notify.delivery.TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        supasync_run_finished(GOOD, 0, tmp_path, {PING: f"http://127.0.0.1:{silent.getsockname()[1]}/x"})
    assert time.monotonic() - began < 2
    assert "ReadTimeout" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"run": 7, "OLD requests": "x"}', '"ok"', "\udcff", "[" * 100_000]
)
def test_a_damaged_memory_is_an_empty_one(heard: Listener, tmp_path: Path, text: str) -> None:
    (tmp_path / ".supasync").mkdir()
    path = tmp_path / ".supasync" / "notify.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert len(tell(heard, tmp_path, bad(), 3)[1]) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert tell(heard, tmp_path, bad(), 3)[1] == []


def test_a_memory_that_is_a_link_is_not_followed(heard: Listener, tmp_path: Path) -> None:
    (tmp_path / ".supasync").mkdir()
    (tmp_path / "endless").write_text('{"run": "failing"}')
    (tmp_path / ".supasync" / "notify.json").symlink_to(tmp_path / "endless")
    assert len(tell(heard, tmp_path, bad(), 3)[1]) == 1
    assert (tmp_path / "endless").read_text() == '{"run": "failing"}'


def test_other_commands_tell_nobody(heard: Listener, tmp_path: Path) -> None:
    report = Report(command="quarantine retry", run="1", tables=(), stopped=SupasyncError("x"))
    assert tell(heard, tmp_path, report, 3) == ([], [])


def test_without_an_address_nothing_is_kept(tmp_path: Path) -> None:
    supasync_run_finished(bad(), 3, tmp_path, {})
    assert list(tmp_path.iterdir()) == []


def test_a_long_message_is_cut_to_what_chats_take(heard: Listener, tmp_path: Path) -> None:
    tables = tuple(TableResult(name=f"t{n}", status="failed", error="x") for n in range(900))
    (text,) = tell(heard, tmp_path, Report(command="sync", run="1", tables=tables), 3)[1]
    assert 1800 < len(text) < 1900


def test_no_key_is_in_a_message(heard: Listener, tmp_path: Path) -> None:
    tables = (TableResult(name="sb_secret_Vq8Zt1x2y3w4", status="failed", error="sb_secret_Vq8Zt1x2y3w4"),)
    (text,) = tell(heard, tmp_path, Report(command="sync", run="1", tables=tables), 3)[1]
    assert "***: failed" in text
    assert "secret" not in text
