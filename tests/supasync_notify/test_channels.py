"""Which channels there are, what each is sent, and how a person tries them before they are needed."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import duckdb
import pytest

from supasync_core.model.errors import SupasyncError
from supasync_core.model.report import Report
from supasync_notify import supasync_run_finished
from supasync_notify.delivery import PING, SERVICES, WEBHOOK, _field, flaw
from supasync_notify.services import by_services
from tests.diff.calling import call
from tests.servers.command import run
from tests.supasync_notify.listener import Listener, listening

BAD = Report(command="sync", run="1", tables=(), stopped=SupasyncError("NEW has no table jobs"))
SECRET = "tokenofachat"
pytestmark = pytest.mark.filterwarnings(
    "ignore:'imghdr' is deprecated:DeprecationWarning"
)  # Apprise imports it


@pytest.fixture
def heard() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def services(heard: Listener) -> str:
    """Two addresses as Apprise writes them: both lead to the listener."""
    place = heard.url.removeprefix("http://")
    return f"json://{place}/one/{SECRET} json://{place}/two/{SECRET}"


def project(folder: Path, **variables: str) -> Path:
    with duckdb.connect(str(folder / "old.duckdb")) as connection:
        connection.execute("create table users (id bigint primary key)")
    (folder / "new.duckdb").write_bytes((folder / "old.duckdb").read_bytes())
    (folder / "tables.yaml").write_text(
        "version: 1\nsource: {backend: duckdb, path: old.duckdb}\nsink: {backend: duckdb, path: new.duckdb}\n"
        "tables: {users: {strategy: snapshot}}\n"
    )
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    return folder


@pytest.mark.parametrize(
    ("url", "field"),
    [
        ("https://discord.com/api/webhooks/1/abc", "content"),
        ("https://discord.com/api/webhooks/1/abc/slack", "text"),
        ("https://hooks.slack.com/services/a/b", "text"),
        ("https://chat.example.test/discord.com", "text"),
        ("https://[broken", "text"),
    ],
)
def test_discord_gets_the_text_under_its_own_name(url: str, field: str) -> None:
    assert _field(url) == field


@pytest.mark.slow
def test_services_get_each_change_and_a_failed_one_again(heard: Listener, tmp_path: Path) -> None:
    environment = {SERVICES: services(heard), WEBHOOK: f"{heard.url}/hook"}
    supasync_run_finished(BAD, 3, tmp_path, environment)
    texts = heard.take()[1]
    assert len(texts) == 3
    assert len(set(texts)) == 1
    heard.status = 500
    supasync_run_finished(Report(command="sync", run="2", tables=()), 0, tmp_path, environment)
    heard.take()
    heard.status = 200
    supasync_run_finished(Report(command="sync", run="3", tables=()), 0, tmp_path, environment)
    assert [("works again" in text) for text in heard.take()[1]] == [True, True, True]
    assert SECRET not in (tmp_path / ".supasync/notify.json").read_text()


@pytest.mark.slow
def test_a_test_tries_each_and_prints_what_it_answers(heard: Listener, tmp_path: Path) -> None:
    places = {WEBHOOK: f"{heard.url}/hook/{SECRET}", PING: f"{heard.url}/uuid", SERVICES: services(heard)}
    folder = project(tmp_path, **places)
    done = call(folder, "notify", "--test")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"{WEBHOOK} answers 200",
        f"{SERVICES} was accepted",
        f"{PING} answers 200",
    ]
    pings, texts = heard.take()
    assert (pings, len(texts)) == (["/uuid/log"], 3)
    for heard.status in (404, 307):  # a redirect would take the message and its keys elsewhere
        done = call(folder, "notify", "--test")
        assert (done.code, SECRET in done.out + done.err) == (3, False)
        assert f"{SERVICES} was not accepted by JSON, JSON" in done.out
        assert len(heard.take()[1]) == 3


def test_without_test_nothing_is_sent(heard: Listener, tmp_path: Path) -> None:
    done = call(project(tmp_path, **{WEBHOOK: f"{heard.url}/hook"}), "notify")
    assert (done.code, done.out, heard.take()) == (0, f"{WEBHOOK}: is set; --test tries it\n", ([], []))


def test_where_none_is_set_it_says_how(tmp_path: Path) -> None:
    done = call(project(tmp_path), "notify", "--test")
    assert (done.code, SERVICES in done.err) == (2, True)


def test_check_names_what_cannot_be_used_and_no_address(tmp_path: Path) -> None:
    folder = project(tmp_path, **{WEBHOOK: f"http://example.test/{SECRET}", SERVICES: f"bogus{SECRET}"})
    done = call(folder, "check", "--json")
    found = [each["text"] for each in json.loads(done.out)["findings"]]
    assert f"{WEBHOOK} must begin with https://" in found
    assert f"{SERVICES} Apprise does not know address 1 of it: its list says how each is written" in found
    assert SECRET not in done.out + done.err


def test_services_without_apprise_are_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    assert flaw(SERVICES, "json://x") == 'needs one more package: pip install "supasync[notify]"'


@contextmanager
def answering(begin: bytes, more: bytes, wait: float) -> Iterator[str]:
    """HOST:PORT of a server whose answers have no end."""

    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(1 << 16)
                connection.sendall(begin)
                while True:
                    connection.sendall(more)
                    time.sleep(wait)
            except OSError:
                return

    def accept(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=accept, args=(server,), daemon=True).start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)


def test_answers_without_an_end_hold_neither_a_test_nor_a_run_nor_the_other_channels(
    heard: Listener, tmp_path: Path
) -> None:
    hurry = "import supasync_notify.bounded as bounded; bounded.SECONDS = 1.0"
    with answering(b"HTTP/1.1 200 OK\r\nX: ", b"y", 0.2) as place:
        drips = {WEBHOOK: f"http://{place}/", SERVICES: f"json://{place}/", PING: f"{heard.url}/uuid"}
        folder = project(tmp_path, **drips)
        done = run(folder, "notify", "--test", before=hurry)
        assert (done.returncode, done.stderr) == (3, "")
        assert done.stdout.splitlines()[0] == f"{WEBHOOK} did not answer in 1 s"
        assert done.stdout.splitlines()[1].startswith(f"{SERVICES} did not answer in 1 s")
        assert done.stdout.splitlines()[2] == f"{PING} answers 200"
        done = run(folder, "sync", "--table", "nobody", before=hurry)
        assert (done.returncode, done.stderr.count("did not answer in 1 s")) == (2, 2), done.stderr
    assert heard.take()[0] == ["/uuid/log", "/uuid/fail"]


@pytest.mark.slow
def test_a_service_whose_answer_is_too_large_is_read_no_further() -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 65536, 0) as place:
        done = by_services(f"json://{place}/", "text", 60)
    assert (done.accepted, done.words) == (False, "was not accepted by JSON")
