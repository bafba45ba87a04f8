from __future__ import annotations

import gzip
import subprocess
import sys
import threading
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.postgrest.conftest import SECRET_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgrest.launch import Server

HEADERS = {"apikey": SECRET_KEY, "Accept-Encoding": "identity"}
ROW = '[{"id":%d,"label":"new"}]'
POST_FOREVER = """
import sys, urllib.request
url, key, body = sys.argv[1:]
headers = {"apikey": key, "Content-Type": "application/json"}
urllib.request.urlopen(urllib.request.Request(url, body.encode(), headers))
"""


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers=HEADERS, timeout=5) as opened:
        yield opened


def insert(client: httpx.Client, key: int) -> httpx.Response:
    return client.post("/items", content=ROW % key, headers={"Content-Type": "application/json"})


def stored(client: httpx.Client, key: int) -> bool:
    return bool(client.get("/items", params={"id": f"eq.{key}"}).json())


def test_requests_are_counted_with_their_bytes(server: Server, client: httpx.Client) -> None:
    page = client.get("/items?select=id&order=id&limit=2&columns=n0123456789ab")
    insert(client, 200)
    assert server.requests() == [
        {
            "method": "GET",
            "path": "/rest/v1/items?select=id&order=id&limit=2",
            "status": 200,
            "bytes_in": 0,
            "bytes_out": len(page.content),
            "word": "n0123456789ab",
        },
        {
            "method": "POST",
            "path": "/rest/v1/items",
            "status": 201,
            "bytes_in": 26,
            "bytes_out": 0,
            "word": "",
        },
    ]


def test_a_rule_fires_from_its_nth_match_and_then_stops(server: Server, client: httpx.Client) -> None:
    server.misbehave(
        {"kind": "answer", "method": "GET", "path": "items", "nth": 2, "times": 2, "status": 503}
    )
    assert [client.get("/items?limit=1").status_code for _ in range(4)] == [200, 503, 503, 200]


def test_a_rule_without_end_fires_until_told_to_behave(server: Server, client: httpx.Client) -> None:
    server.misbehave({"kind": "answer", "times": None, "status": 402, "body": '{"message":"over quota"}'})
    assert [client.get("/items").json() for _ in range(3)] == [{"message": "over quota"}] * 3
    server.behave()
    assert client.get("/items?limit=0").json() == []


def test_an_unknown_key_or_kind_in_a_rule_is_an_error(server: Server) -> None:
    with pytest.raises(ValueError, match="unknown keys in a fault rule: tiems"):
        server.misbehave({"kind": "reset", "tiems": 1})
    with pytest.raises(ValueError, match="unknown kind of fault: rset"):
        server.misbehave({"kind": "rset"})


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (429, {"Retry-After": "0"}, ""),
        (500, {"Content-Type": "application/json"}, '{"code":"57014"}'),
        (540, {"Content-Type": "text/html"}, "<html>paused</html>"),
        (200, {"Content-Type": "text/html"}, "<html>login</html>"),
    ],
)
def test_any_answer_can_be_made_up(
    server: Server, client: httpx.Client, status: int, headers: dict[str, str], body: str
) -> None:
    server.misbehave({"kind": "answer", "status": status, "headers": headers, "body": body})
    answer = client.get("/items")
    assert (answer.status_code, answer.text) == (status, body)
    assert headers.items() <= {name.title(): value for name, value in answer.headers.items()}.items()


@pytest.mark.parametrize("kind", ["reset", "reset-body"])
def test_a_connection_breaks_before_or_within_the_answer(
    server: Server, client: httpx.Client, kind: str
) -> None:
    server.misbehave({"kind": kind})
    with pytest.raises(httpx.NetworkError):
        client.get("/items")


@pytest.mark.parametrize(("kind", "key", "committed"), [("reset", 300, False), ("reset-after", 301, True)])
def test_a_reset_comes_before_or_after_the_commit(
    server: Server, client: httpx.Client, kind: str, key: int, *, committed: bool
) -> None:
    server.misbehave({"kind": kind, "method": "POST"})
    with pytest.raises(httpx.NetworkError):
        insert(client, key)
    assert stored(client, key) is committed


def test_an_error_can_hide_a_commit(server: Server, client: httpx.Client) -> None:
    server.misbehave({"kind": "answer-after", "method": "POST", "status": 504, "body": "<html></html>"})
    assert insert(client, 305).status_code == 504
    assert stored(client, 305)


def test_an_answer_can_be_late(server: Server, client: httpx.Client) -> None:
    server.misbehave({"kind": "delay", "seconds": 0.2})
    late, usual = (client.get("/items?limit=1").elapsed.total_seconds() for _ in range(2))
    assert late > 0.2
    assert late > usual


@pytest.mark.parametrize(("kind", "key", "committed"), [("hang", 310, False), ("hang-after", 311, True)])
def test_a_hang_comes_before_or_after_the_commit(
    server: Server, client: httpx.Client, kind: str, key: int, *, committed: bool
) -> None:
    client.timeout = httpx.Timeout(0.3)
    server.misbehave({"kind": kind, "method": "POST", "seconds": 1})
    with pytest.raises(httpx.ReadTimeout):
        insert(client, key)
    client.timeout = httpx.Timeout(5)
    assert stored(client, key) is committed


def test_connections_can_be_refused_for_a_while(server: Server, client: httpx.Client) -> None:
    client.get("/items?limit=0")
    server.refuse()
    with pytest.raises(httpx.NetworkError):
        client.get("/items?limit=0")
    with pytest.raises(httpx.ConnectError):
        client.get("/items?limit=0")
    server.accept()
    assert client.get("/items?limit=0").status_code == 200


def test_a_truncated_body_has_status_200_and_a_fitting_length(server: Server, client: httpx.Client) -> None:
    whole = client.get("/items").content
    server.misbehave({"kind": "truncate"})
    answer = client.get("/items")
    assert (answer.status_code, answer.content) == (200, whole[: len(whole) // 2])


def test_a_slow_body_arrives_whole(server: Server, client: httpx.Client) -> None:
    server.misbehave({"kind": "slow-body", "pieces": 3, "seconds": 0.05})
    answer = client.get("/items")
    assert len(answer.json()) == len(client.get("/items").json())
    assert answer.elapsed.total_seconds() < 5


def test_a_redirect_names_another_place(server: Server, client: httpx.Client) -> None:
    server.misbehave({"kind": "redirect", "location": "http://elsewhere.example.test/"})
    answer = client.get("/items")
    assert (answer.status_code, answer.headers["Location"]) == (307, "http://elsewhere.example.test/")


def test_max_rows_can_change_between_two_requests(server: Server, client: httpx.Client) -> None:
    server.misbehave({"kind": "max-rows", "max_rows": 7})
    assert [len(client.get("/items?id=lte.20").json()) for _ in range(2)] == [7, 20]


def test_bodies_above_a_size_are_too_large(server: Server, client: httpx.Client) -> None:
    server.misbehave({"kind": "too-large", "bytes": 25, "times": None})
    assert insert(client, 320).status_code == 413
    assert insert(client, 3).status_code == 409


def test_the_clock_can_be_wrong_or_missing_or_aged(server: Server, client: httpx.Client) -> None:
    right = parsedate_to_datetime(client.get("/items?limit=0").headers["Date"])
    server.misbehave({"kind": "clock", "seconds": -3600})
    wrong = parsedate_to_datetime(client.get("/items?limit=0").headers["Date"])
    assert 3590 < (right - wrong).total_seconds() < 3610
    server.misbehave({"kind": "no-date"}, {"kind": "age", "seconds": 30})
    answer = client.get("/items?limit=0")
    assert ("Date" in answer.headers, answer.headers["Age"]) == (False, "30")


def test_the_total_can_be_that_of_the_page(server: Server, client: httpx.Client) -> None:
    server.misbehave({"kind": "page-total"})
    answer = client.get("/items?limit=3", headers={"Prefer": "count=exact"})
    assert answer.headers["Content-Range"] == "0-2/3"


@pytest.mark.parametrize(("kind", "key"), [("hold-before", 330), ("hold-after", 331)])
def test_a_held_request_goes_on_when_released(
    server: Server, client: httpx.Client, kind: str, key: int
) -> None:
    server.misbehave({"kind": kind, "method": "POST"})
    posting = threading.Thread(target=insert, args=(client, key))
    posting.start()
    server.wait_held()
    with httpx.Client(base_url=server.url, headers=HEADERS) as other:
        assert stored(other, key) is (kind == "hold-after")
    server.release()
    posting.join()
    assert stored(client, key)


@pytest.mark.parametrize("kind", ["hold-before", "hold-after"])
def test_a_client_can_be_killed_at_a_request_boundary(
    server: Server, client: httpx.Client, kind: str
) -> None:
    key = {"hold-before": 340, "hold-after": 341}[kind]
    server.misbehave({"kind": kind, "method": "POST"})
    arguments = [f"{server.url}/items", SECRET_KEY, ROW % key]
    with subprocess.Popen([sys.executable, "-c", POST_FOREVER, *arguments]) as killed:
        server.wait_held()
        killed.kill()
    assert stored(client, key) is (kind == "hold-after")


def test_large_answers_are_compressed_for_clients_that_take_it(client: httpx.Client) -> None:
    plain = client.get("/items?order=id")
    with client.stream("GET", "/items?order=id", headers={"Accept-Encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
        assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == plain.content
