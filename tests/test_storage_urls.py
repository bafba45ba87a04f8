"""URLs of OLD's Storage in rows: counted by column and replaced, whatever they are written in."""

import json
import re
import sys
from collections import Counter
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.model.batch import Batch
from supasync_core.model.copy_batch import CopyBatch
from supasync_core.model.storage_urls import StorageUrls
from supasync_core.model.table import Column

OLD = "https://abcdefghijklmnopqrst.supabase.co"
NEW = "https://zyxwvutsrqponmlkjihg.supabase.co"
FILE = "/storage/v1/object/public/avatars/a%20b.png"
URLS = StorageUrls(OLD)


def of(*rows: Any) -> Batch:
    return Batch(json.dumps(rows).encode())


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        (OLD + FILE, NEW + FILE),
        ("http" + OLD[5:] + FILE, NEW + FILE),
        (OLD[6:] + FILE, NEW[6:] + FILE),
        (OLD.upper() + FILE, NEW + FILE),
        ("Https://AbcDefghijklmnopqrst.Supabase.co" + FILE, NEW + FILE),
        ("https://abcdefghijklmnopqrst.storage.supabase.co" + FILE, NEW + FILE),
        ((OLD + FILE).replace("/", "\\/"), (NEW + FILE).replace("/", "\\/")),
        (f"![x]({OLD}{FILE}) and {OLD}{FILE}", f"![x]({NEW}{FILE}) and {NEW}{FILE}"),
        (
            "/_next/image?url=https%3A%2F%2Fabcdefghijklmnopqrst.supabase.co%2Fstorage%2Fv1%2Fobject",
            "/_next/image?url=https%3A%2F%2Fzyxwvutsrqponmlkjihg.supabase.co%2Fstorage%2Fv1%2Fobject",
        ),
    ],
)
def test_each_way_to_write_one_is_kept(text: str, becomes: str) -> None:
    assert URLS.replaced(text, NEW) == becomes
    assert URLS.counts(of({"id": 1, "url": text})) == {"url": 1}
    assert not URLS.counts(of({"id": 1, "url": becomes}))


@pytest.mark.parametrize(
    "text",
    [
        OLD,
        OLD + "/rest/v1/jobs",
        OLD + "/storage/v2/object",
        "https://x.abcdefghijklmnopqrst.supabase.co" + FILE,
        OLD + ".example.test" + FILE,
        OLD.replace(".co", "xco") + FILE,
    ],
)
def test_nothing_else_is_touched(text: str) -> None:
    assert URLS.replaced(text, NEW) == text
    assert not URLS.counts(of({"id": 1, "url": text}))


@given(st.text(), st.text())
def test_what_stands_around_one_stays(before: str, after: str) -> None:
    told = json.dumps({"a": before + OLD + FILE + after})
    assert json.loads(URLS.replaced(told, NEW)) == {"a": before + NEW + FILE + after}


def test_servers_of_ones_own_may_have_a_port_and_a_path() -> None:
    urls = StorageUrls("http://127.0.0.1:8000/supabase")
    text = "http://127.0.0.1:8000/supabase/storage/v1/object/a http://127.0.0.1:8000/storage/v1/object/a"
    assert urls.replaced(text, NEW) == f"{NEW}/storage/v1/object/a http://127.0.0.1:8000/storage/v1/object/a"
    assert StorageUrls(OLD).replaced(OLD + FILE, "http://localhost:1/x") == f"http://localhost:1/x{FILE}"


def test_rows_are_counted_by_column() -> None:
    rows = [{"id": 1, "a": OLD + FILE, "b": [OLD + FILE]}, {"id": 2, "a": OLD + FILE, "b": None}]
    assert URLS.counts(of(*rows, {"id": 3, "a": "", "b": {}})) == {"a": 2, "b": 1}


def test_rows_as_copy_prints_them_are_counted_too() -> None:
    columns = (Column("id", "integer"), Column("a", "text"), Column("b", "jsonb"))
    escaped = (OLD + FILE).replace("/", "\\\\/")
    lines = [f"1\t{OLD}{FILE}\t\\N\n".encode(), f'2\tx\t"{escaped}"\n'.encode()]
    batch = CopyBatch(lines=lines, cells=columns)
    assert URLS.counts(batch) == {"a": 1, "b": 1}
    assert "_json" not in vars(batch)


@pytest.mark.parametrize(
    ("text", "otherwise"),
    [
        (OLD + FILE, False),
        (NEW + FILE, False),
        ("https://x.abcdefghijklmnopqrst.supabase.co" + FILE, False),
        (OLD + ".example.test" + FILE, False),
        (OLD + "/rest/v1/jobs", True),
        ("https://AbcDefghijklmnopqrst.Supabase.co/rest/v1/jobs", True),
        (f"{OLD}{FILE} of {OLD}", True),
        ("https://abcdefghijklmnopqrst.supabase.co//storage/v1/object", True),
        ("see\nabcdefghijklmnopqrst.supabase.co", True),
        ("https://user@abcdefghijklmnopqrst.supabase.co" + FILE, True),
        ("https%253A%252F%252Fabcdefghijklmnopqrst.supabase.co%252Fstorage", True),
        ("https:&#x2F;&#x2F;ABCDEFGHIJKLMNOPQRST.SUPABASE.CO&#x2F;storage", True),
        (r"https:\u002f\u002fabcdefghijklmnopqrst.storage.supabase.co\u002fstorage", True),
    ],
)
def test_what_stays_of_an_address_is_counted_by_itself(text: str, otherwise: bool) -> None:  # noqa: FBT001 - a case
    found = {"url": 1} if otherwise else {}
    assert URLS.others(of({"id": 1, "url": text}, {"id": 2, "url": None})) == found
    lines = [f"1\t{text}\n".encode(), b"2\t\\N\n"]
    copied = CopyBatch(lines=lines, cells=(Column("id", "integer"), Column("url", "text")))
    assert URLS.others(copied) == found


@pytest.mark.parametrize(
    ("old", "new", "text", "otherwise"),
    [
        ("https://a.test/old", "https://a.test/new", "https://a.test/new/storage/v1/object/a", False),
        ("https://a.test/old", "https://a.test/new", "https://a.test/old/rest/v1/jobs", True),
        ("https://a.test/old", "https://a.test/new", "https%253A%252F%252Fa.test%252Fold%252Fstorage", True),
        ("https://a.test/old", "https://a.test", "https://a.test/storage/v1/object/a", False),
        ("https://a.test/old", "https://a.test", "https://a.test/old/rest/v1/jobs", True),
        ("https://a.test", "https://a.test/new", "https://a.test/new/storage/v1/object/a", False),
        ("https://a.test", "https://a.test/new", "https://a.test/rest/v1/jobs", True),
        ("https://a.test", "https://a.test/new", "https://a.test/newer", True),
        ("https://a.test", "https://a.test:8443", "https://a.test:8443/storage/v1/object/a", False),
        ("https://a.test", None, "https://a.test:8443/x https%3A%2F%2Fa.test%3A8443%2Fx", False),
        ("https://a.test", None, "https://a.test:443/rest/v1/jobs", True),
        ("https://a.test:8443", "https://a.test", "https://a.test/storage/v1/object/a", False),
        ("https://a.test:8443", "https://a.test", "https%253A%252F%252Fa.test%253A8443%252Fstorage", True),
        (OLD, NEW, "postgres://abcdefghijklmnopqrst.supabase.co:5432/postgres", True),
    ],
)
def test_an_address_is_a_host_with_its_port_and_path(
    old: str,
    new: str | None,
    text: str,
    otherwise: bool,  # noqa: FBT001 - a case
) -> None:
    found = {"url": 1} if otherwise else {}
    assert StorageUrls(old, new).others(of({"id": 1, "url": text})) == found


def test_no_pattern_runs_through_texts_in_which_a_host_stands() -> None:
    """It is tried at the host: a search takes more of the processor than all else that is done with a row."""
    calls: Counter[str] = Counter()

    def seen(_frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and isinstance(getattr(called, "__self__", None), re.Pattern):
            calls[called.__name__] += 1

    hosts, before = 20, sys.getprofile()
    batch = of(*({"id": n, "url": OLD + FILE, "text": "lorem ipsum " * 100} for n in range(hosts)))
    for look in (URLS.counts, URLS.others, lambda batch: URLS.replaced(batch.body.decode(), NEW)):
        look(batch)
        calls.clear()
        sys.setprofile(seen)
        look(batch)
        sys.setprofile(before)
        assert {*calls} == {"match"}
        assert calls["match"] <= 6 * hosts
