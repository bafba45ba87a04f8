"""A server that answers Auth's requests with whatever it likes: each command ends, and says why."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager

import pytest

from supasync_account.auth import keys_api
from supasync_account.auth.keys_api import KeysApi
from supasync_account.project_client import http_client
from supasync_account.storage.storage_client import StorageClient
from supasync_core.api.run_step import ApiAccess
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import TransientError
from supasync_core.model.secret import Secret
from supasync_core.system import connections
from tests.hostile.server import answer, serving
from tests.hostile.test_deadline import DRIPS, dripping

KEY = Secret("sb_secret_of_nobody")
Said = Callable[[bytes], Iterable[bytes]]


@contextmanager
def auth(said: Said, project: str = "OLD") -> Iterator[KeysApi]:
    with serving(said) as url, closing(KeysApi(project, url, KEY, Ledger())) as api:
        yield api


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "DEADLINE", 0.1)
    monkeypatch.setattr(keys_api, "ATTEMPTS", 1)
    monkeypatch.setattr(keys_api, "FIRST", 0.0)
    monkeypatch.setattr("supasync_account.storage.storage_client.PAUSES", ())


NAME = (
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03",
    b"a",
)
"""Of a file, in front of what is packed: it never ends, and nothing is unpacked meanwhile."""


@pytest.mark.parametrize("drip", [*DRIPS.values(), NAME], ids=[*DRIPS, "a name in gzip"])
def test_an_answer_that_drips_ends_for_every_client(drip: tuple[bytes, bytes]) -> None:
    began = time.monotonic()
    with auth(lambda _: dripping(*drip)) as api, pytest.raises(TransientError, match="did not come"):
        api.get("/auth/v1/admin/users")
    with (
        serving(lambda _: dripping(*drip)) as url,
        closing(StorageClient(ApiAccess(url, KEY), "OLD", Ledger())) as storage,
        pytest.raises(TransientError, match="does not answer"),
    ):
        storage.send("GET", "bucket")
    assert time.monotonic() - began < 4


def test_a_proxys_answer_that_drips_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda _: dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")) as url:
        monkeypatch.setenv("https_proxy", url)
        with (
            closing(KeysApi("OLD", "https://abcdefgh.example.test", KEY, Ledger())) as api,
            pytest.raises(TransientError, match=r"did not come \(ReadTimeout: the answer took more than"),
        ):
            api.get("/auth/v1/admin/users")


def test_each_answer_of_a_kept_connection_has_its_own_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "DEADLINE", 0.4)

    def slow(_: bytes) -> Iterator[bytes]:
        for _answer in range(3):
            time.sleep(0.2)
            yield answer(b"{}").replace(b"Connection: close\r\n", b"")

    with serving(slow) as url, http_client(url) as http:
        assert [http.get(url).status_code for _ in range(3)] == [200] * 3
