"""A server that answers Auth's requests with whatever it likes: each command ends, and says why."""

import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager

import pytest

from supasync_account.auth import keys_api, keys_listing
from supasync_account.auth.keys_account import LONGEST_BAN, one_account, page_of_accounts
from supasync_account.auth.keys_api import KeysApi
from supasync_account.auth.keys_changes import ban
from supasync_account.auth.keys_flaws import DEEP, uncopyable
from supasync_account.auth.keys_listing import Listing, listed
from supasync_account.auth.keys_plan import Lists, plan
from supasync_account.auth.keys_records import KeyRecords
from supasync_account.auth.keys_referrers import held
from supasync_account.decoding import same_values
from supasync_account.project_client import http_client
from supasync_account.storage.header_values import encoded_json
from supasync_account.storage.object_listing import looked_up, pages
from supasync_account.storage.old_answers import OldAnswers
from supasync_account.storage.storage_client import StorageClient
from supasync_account.storage.storage_errors import ObjectError
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


ID = "00000000-0000-4000-8000-0000000000{:02}"


def users(*numbers: int) -> bytes:
    """The accounts of these numbers as a list of Auth has them."""
    return json.dumps(
        {"users": [{"id": ID.format(each), "email": f"u{each}@example.test"} for each in numbers]}
    ).encode()


def counting(answers: Iterator[bytes]) -> tuple[Said, list[bytes]]:
    """What says one of these for each request, and the requests that came."""
    asked: list[bytes] = []

    def one(request: bytes) -> Iterator[bytes]:
        asked.append(request)
        yield next(answers)

    return one, asked


@pytest.mark.parametrize(
    ("pages", "found"),
    [([users()], 0), ([users(1, 2)], 2), ([users(1), users(2)], 2), ([answer(b"{}", status="500 x")], 0)],
    ids=["empty", "one page", "two pages", "none that can be read"],
)
def test_a_list_without_an_end_ends(pages: list[bytes], found: int) -> None:
    total = f"X-Total-Count: {10**11}"

    whole = [page if page.startswith(b"HTTP") else answer(page, total) for page in pages]
    said, asked = counting(itertools.cycle(whole))
    with auth(said) as api:
        listing = listed(api)
    assert (len(listing.accounts), listing.whole) == (found, False)
    assert len(asked) < 100


def test_a_deleted_account_stands_for_no_other_that_pages_have_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of one creation time: the last one is on no page of two walks, and the first one is deleted."""
    monkeypatch.setattr(keys_listing, "FIRST_PAGE", 8)
    first = [range(1, 6), range(1, 6), range(6, 11), range(10, 12)]
    then = [range(7, 12), range(2, 7), range(2, 3)]
    last = [range(2, 6), range(6, 10), range(10, 13)]
    counted = [(12, first), (11, then), (11, last)]
    told = [answer(users(*page), f"X-Total-Count: {total}") for total, pages in counted for page in pages]
    said, asked = counting(iter(told))
    with auth(said) as api:
        listing = listed(api)
    assert (sorted(listing.accounts), listing.whole) == ([ID.format(each) for each in range(2, 13)], True)
    assert len(asked) == len(told)
    said, _ = counting(itertools.repeat(answer(users(1, 1), "X-Total-Count: 2")))
    with auth(said) as api:
        assert not listed(api).whole


@pytest.mark.parametrize("total", ["9" * 5000, "9" * 13, "-1", "1e3"])
def test_a_total_that_no_project_has_is_not_usable(total: str) -> None:
    said, _ = counting(itertools.repeat(answer(users(1), f"X-Total-Count: {total}")))
    with (
        auth(said) as api,
        pytest.raises(TransientError, match="X-Total-Count, or with one that no project has"),
    ):
        listed(api)


def test_pages_of_marks_that_repeat_are_not_usable() -> None:
    rows = [{"id": ID.format(each), "old_mark": "a", "new_mark": "b"} for each in range(9)]
    for told in ([rows], [rows[:4], rows[4:]], [rows[5:], rows[:5]]):
        whole = [answer(json.dumps(page).encode()) for page in told]
        said, asked = counting(itertools.cycle(whole))
        with auth(said, "NEW") as api, pytest.raises(TransientError, match="is not usable: the page repeats"):
            KeyRecords(api).all()
        assert len(asked) <= len(told) + 1


@pytest.mark.parametrize("row", [{"id": ID.format(77)}, {"id": [[]]}, {}, 7])
def test_rows_that_were_not_asked_for_say_nothing(row: object) -> None:
    key = {"schema": "public", "table": "notes", "parent": "users", "hidden": False, "column": "id"}
    told = [answer(json.dumps(each).encode()) for each in ({"behind_accounts": [key]}, [row])]
    said, asked = counting(itertools.chain(told, itertools.repeat(told[1])))
    with auth(said, "NEW") as api:
        found = held(api, [ID.format(1)])
    assert (found.rows, found.unseen, len(asked)) == ({}, ["notes"], 2)


def test_an_answer_that_is_larger_than_any_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is not asked for again: that costs as much each time."""
    monkeypatch.setattr(keys_api, "LARGEST", 100_000)
    monkeypatch.setattr(keys_api, "ATTEMPTS", 5)
    endless = itertools.chain([answer(b"", length=False)], itertools.repeat(b" " * 9_000, 1000))
    with auth(lambda _: endless) as api:
        with pytest.raises(TransientError, match="larger than 100,000 bytes"):
            api.get("/auth/v1/admin/users")
        assert api.ledger.total("OLD").received >= 100_000
        assert api.ledger.total("OLD").requests == 1


@pytest.mark.parametrize("depth", [200, 254, 256, 900, 100_000])
def test_metadata_that_is_nested_too_deeply_is_one_accounts_flaw(depth: int) -> None:
    deep = '{"b\\"]":' + "[" * (depth - 1) + '"]]"' + "]" * (depth - 1) + "}"
    one, other = (
        f'{{"id":"{ID.format(each)}","email":"u{each}@example.test","user_metadata":{text}}}'
        for each, text in ((1, deep), (2, '{"name":"[[["}'))
    )
    page = f'{{"aud":"x","users":[{one},{other}]}}'.encode()
    found = page_of_accounts(page)
    assert found == [one_account(one.encode()), one_account(other.encode())]
    assert found[0].too_deep == (depth > 256)
    assert (uncopyable(found[0]) or "").endswith("deeply than supasync reads") == (depth > 256)
    assert uncopyable(found[1]) is None
    changed = one_account(one.replace('"]]"', '"]"').encode())
    assert changed.mark != found[0].mark


def test_a_ban_that_no_auth_prints_is_the_longest_that_it_takes() -> None:
    [account] = page_of_accounts(b'{"users":[{"id":"a","banned_until":"infinity"}]}')
    assert ban(account, time.time()) == {"ban_duration": f"{LONGEST_BAN}s"}


def test_what_is_nested_too_deeply_in_new_is_not_written_over() -> None:
    text = f'{{"id":"{ID.format(1)}","email":"a@example.test","user_metadata":%s}}'
    deep = '{"a":' + "[" * 900 + "]" * 900 + "}"
    plain, nested = (one_account((text % each).encode()) for each in ('{"a":1}', deep))
    for there, here, said in (
        (plain, nested, f"not updated: in NEW {DEEP}"),
        (nested, plain, f"not updated: {DEEP}"),
        (nested, nested, None),
    ):
        old, new = (Listing({each.id: each}, 1, whole=True) for each in (there, here))
        made = plan(Lists(old, new, {}, time.time()), accept_newer=True)
        assert (made.refused.get(plain.id), dict(made.changed)) == (said, {})


def test_a_number_of_any_length_is_no_internal_error() -> None:
    account = one_account(f'{{"id":"x","email":"a@b.c","user_metadata":{{"n":{"1" * 5000}}}}}'.encode())
    assert "a number that Auth rounds" in (uncopyable(account) or "")


def test_an_object_whose_metadata_is_nested_too_deeply_is_refused_alone() -> None:
    deep = "[" * 3000 + "]" * 3000

    class Session:
        def query(self, *_args: object, **_named: object) -> list[tuple[str, str]]:
            return [("deep", deep), ("flat", '{"a": 1}')]

    known = OldAnswers(Session()).metadata("docs", ["deep", "flat", "none"])  # type: ignore[arg-type]
    assert known == {"flat": {"a": 1}, "none": None}
    nested: list[object] = []
    for _level in range(3000):
        nested = [nested]
    with pytest.raises(ObjectError, match="its user metadata is nested more deeply"):
        encoded_json(nested)
    info = answer(f'{{"size":1,"etag":"x","metadata":{deep}}}'.encode())
    with (
        serving(lambda _: [info]) as url,
        closing(StorageClient(ApiAccess(url, KEY), "OLD", Ledger())) as storage,
    ):
        with pytest.raises(ObjectError, match="nested more deeply than supasync reads"):
            storage.send("GET", "object/info/authenticated/docs/deep").json()
        with pytest.raises(ObjectError, match="Storage's answer is not understood"):
            looked_up(storage, "docs", "deep")  # in a listing, where its own address is refused
        with pytest.raises(ObjectError, match="Storage's answer is not understood"):
            list(pages(storage, "docs"))


def test_user_metadata_of_files_is_compared_with_its_types() -> None:
    assert same_values({"a": [1, None], "b": 1}, {"b": 1, "a": [1, None]})
    for one, other in ((True, 1), (False, 0), (1, 1.0), ("1", 1), ({}, None)):
        assert not same_values({"a": one}, {"a": other})
