"""What OLD may be sent, and that a name is written as its bytes: no server is needed for either."""

import gzip
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_account.storage.guarded_transport import ANSWER, GuardedTransport, may_be_sent
from supasync_account.storage.storage_client import path_of
from supasync_account.storage.storage_errors import ObjectError
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import InternalError

ORIGIN = httpx.URL("https://old.example.test")
KEYS = st.text(alphabet="ab.%/?#&=+ '()\\\"~\u00e9\u4e2d", min_size=1, max_size=20)


def through(answer: httpx.Response) -> tuple[httpx.Client, Ledger]:
    """A client behind the guard, in front of a server that always answers this."""
    ledger = Ledger()
    inner = httpx.MockTransport(lambda _request: answer)
    guard = GuardedTransport(inner, ORIGIN, "OLD", ledger, may_be_sent)
    return httpx.Client(transport=guard), ledger


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/storage/v1/object/docs/a"),
        ("POST", "/storage/v1/object/list/docs"),
        ("POST", "/storage/v1/object/list-v2/docs/more"),
        ("POST", "/storage/v1/object/list-v2/docs?x=1"),
        ("POST", "/storage/v1/object/list-v2/../docs"),
        ("POST", "/storage/v1/object/copy"),
        ("POST", "/storage/v1/bucket"),
        ("POST", "/storage/v1/bucket/docs/empty"),
        ("PUT", "/storage/v1/bucket/docs"),
        ("DELETE", "/storage/v1/object/docs"),
        ("PATCH", "/storage/v1/upload/resumable/x"),
        ("OPTIONS", "/storage/v1/upload/resumable"),
        ("GET", "/storage/v1/object/sign/docs/a"),
        ("GET", "/rest/v1/rpc/anything"),
        ("GET", "/auth/v1/admin/users?page=2&per_page=1"),
    ],
)
def test_old_is_sent_nothing_else(method: str, path: str) -> None:
    assert not may_be_sent(method, path.encode())
    client, ledger = through(httpx.Response(200))
    with pytest.raises(InternalError, match="is not sent: it is not allowed"):
        client.send(httpx.Request(method, f"https://old.example.test{path.replace('/../', '/%2E%2E/')}"))
    assert ledger.total().requests == 0


@given(st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]), KEYS, KEYS)
def test_whatever_a_bucket_or_an_object_is_called(method: str, bucket: str, key: str) -> None:
    read = path_of("object", "authenticated", bucket, key=key)
    listed = path_of("object", "list-v2", bucket)
    assert may_be_sent(method, f"/storage/v1/{read}".encode()) == (method in ("GET", "HEAD"))
    assert may_be_sent(method, f"/storage/v1/{listed}".encode()) == (method == "POST")


@given(KEYS)
def test_a_name_travels_as_its_bytes(key: str) -> None:
    url = httpx.URL("https://old.example.test/storage/v1/" + path_of("object", "docs", key=key))
    sent = url.raw_path.decode()
    assert sent.startswith("/storage/v1/object/docs/")
    assert unquote(sent.removeprefix("/storage/v1/object/docs/")) == key


def test_a_name_with_half_of_a_character_is_refused_in_a_sentence() -> None:
    with pytest.raises(ObjectError, match="no address takes its name"):
        path_of("object", "docs", key="a\ud800")


def test_another_host_is_never_sent_the_key() -> None:
    client, ledger = through(httpx.Response(200))
    with pytest.raises(InternalError, match="another host"):
        client.get("https://other.example.test/storage/v1/bucket")
    assert ledger.total().requests == 0


def test_bytes_are_counted_as_they_travel_and_unpacked_to_a_limit() -> None:
    packed = gzip.compress(b"x" * 100_000)
    stream = httpx.ByteStream(packed)
    client, ledger = through(httpx.Response(200, headers={"content-encoding": "gzip"}, stream=stream))
    assert client.get("https://old.example.test/storage/v1/bucket").content == b"x" * 100_000
    assert len(packed) < ledger.total("OLD").received < 1_000
    bomb = httpx.ByteStream(gzip.compress(b"\0" * (ANSWER + 1)))
    client, _ = through(httpx.Response(200, headers={"content-encoding": "gzip"}, stream=bomb))
    with pytest.raises(httpx.ReadError, match="has more than"):
        client.get("https://old.example.test/storage/v1/bucket")
