"""Bytes that change on the way, and uploads that go on: NEW has what OLD has, or it is said."""

import hashlib

import pytest

from supasync_account.storage.guarded_transport import LIST, purpose_of
from tests.supasync_account.storages import Storages

READ = "/storage/v1/object/authenticated/docs/"
SENT = "/storage/v1/object/docs/"
PIECES = "/storage/v1/upload/resumable"
MB = 1024 * 1024
LARGE = b"A" * 6 * MB + b"B" * 6 * MB + b"C" * 1024


@pytest.fixture(autouse=True)
def docs(both: Storages) -> None:
    """A bucket."""
    both.old.bucket("docs")


def answered(body: bytes, status: int, **headers: str) -> dict[str, object]:
    """An answer with other bytes."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"kind": "answer", "status": status, "body": body.decode(), "headers": told}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (206, f"bytes 0-{6 * MB - 1}/{len(LARGE)}"),
        (200, f"bytes {6 * MB}-{12 * MB - 1}/{len(LARGE)}"),
        (206, f"bytes {6 * MB}-{12 * MB - 1}/{len(LARGE)}"),
    ],
    ids=["another range", "no range", "as asked, with other bytes"],
)
def test_a_piece_with_other_bytes_is_not_taken(both: Storages, status: int, told: str) -> None:
    both.old.put("docs", "a", b"first")
    both.old.put("docs", "large", LARGE)
    etag = hashlib.md5(LARGE, usedforsecurity=False).hexdigest()
    both.space.new.server.misbehave({"kind": "reset", "method": "POST", "path": f"{SENT}large"})
    fault = answered(LARGE[: 6 * MB], status, etag=f'"{etag}"', content_range=told)
    both.space.old.server.misbehave({**fault, "nth": 3, "path": f"{READ}large"})
    done = both.run("sync")
    assert "docs/large was not copied (OLD: docs/large came with other bytes than" in done.err
    both.assert_equal()


def test_bytes_that_changed_before_anything_could_prove_it_are_copied_again(both: Storages) -> None:
    for number in range(5):
        both.old.put("docs", f"o-{number}", b"good-%d" % number)
    etag = hashlib.md5(b"good-0", usedforsecurity=False).hexdigest()
    fault = {**answered(b"EVIL-0", 200, etag=f'"{etag}"'), "path": f"{READ}o-0"}
    both.space.old.server.misbehave(fault)
    assert "docs/o-0 was not copied (OLD: docs/o-0 came with other bytes than" in both.run("sync").err
    both.assert_equal()
    both.old.put("docs", "o-0", b"next-0")
    etag = hashlib.md5(b"next-0", usedforsecurity=False).hexdigest()
    both.space.old.server.misbehave({**fault, "headers": {"etag": f'"{etag}"'}})
    both.run("sync")
    both.assert_equal()


def test_an_upload_goes_on_only_with_all_that_it_began_with(both: Storages) -> None:
    both.old.put("docs", "large", LARGE, content_type="text/html", x_metadata="eyJhIjoxfQ==")
    both.space.new.server.misbehave(
        {"kind": "reset", "method": "POST", "path": f"{SENT}large"},
        {"kind": "reset", "method": "PATCH", "path": PIECES, "nth": 2, "times": None},
    )
    both.run("sync", code=4)
    both.space.new.server.behave()
    both.old.put("docs", "large", LARGE, content_type="image/png", x_metadata="eyJhIjoyfQ==")
    both.run("sync")
    both.assert_equal()
    assert both.run("sync", "--json").json["copied"] == 0


def test_what_new_confirms_and_does_not_replace_is_not_copied(both: Storages) -> None:
    both.old.put("docs", "large", LARGE)
    both.run("sync")
    both.old.put("docs", "large", LARGE[::-1])
    kept = {"kind": "answer", "status": 200, "body": "{}", "method": "POST", "path": f"{SENT}large"}
    both.space.new.server.misbehave({**kept, "headers": {"content-type": "application/json"}})
    assert "docs/large was not copied (NEW: docs/large is still the one" in both.run("sync").err
    both.assert_equal()


UNTAGS = """
create function storage.untags() returns trigger language plpgsql as
  $$begin new.metadata := new.metadata - 'xRobotsTag'; return new; end$$;
create trigger untags before insert or update on storage.objects
  for each row when (new.name = 'small') execute function storage.untags();
"""


def test_a_large_file_keeps_its_robots_tag_and_follows_a_new_one(both: Storages) -> None:
    robots = "select metadata ->> 'xRobotsTag' from storage.objects where name = 'large'"
    both.old.put("docs", "large", LARGE, x_robots_tag="noindex")
    both.space.new.server.misbehave({"kind": "reset", "method": "POST", "path": f"{SENT}large"})
    both.run("sync")
    assert both.new.database.paste(robots) == [("noindex",)]
    both.old.put("docs", "large", LARGE, x_robots_tag="all")
    both.run("sync")
    assert both.new.database.paste(robots) == [("all",)]
    changed = """metadata || '{"xRobotsTag": "none"}' where name = 'large'"""
    both.new.database.paste(f"update storage.objects set metadata = {changed}")  # noqa: S608 - our own
    said = "1 object has another x-robots-tag in NEW, such as docs/large"
    assert said in both.run("verify").out
    both.run("sync")
    assert said not in both.run("verify").out
    both.old.put("docs", "small", b"1", x_robots_tag="none")
    both.space.new.run(UNTAGS)
    try:
        both.run("sync")
        both.run("verify")
        done = both.run("sync")
        assert "storage: 1 object copied" in done.out
        assert "docs/small: NEW has kept another x-robots-tag than was sent" in done.out + done.err
        assert said.replace("large", "small") in both.run("verify").out
        assert "storage: 0 objects copied" in both.run("sync").out
        both.old.put("docs", "small", b"1", x_robots_tag="none")
        assert "storage: 0 objects copied" in both.run("sync").out
    finally:
        both.space.new.run("drop function storage.untags() cascade")


def test_an_upload_that_failed_makes_ours_what_it_has_left_and_nothing_else(both: Storages) -> None:
    both.old.put("docs", "left", LARGE)
    both.old.put("docs", "theirs", LARGE)
    both.space.new.server.misbehave(
        {"kind": "answer-after", "status": 413, "method": "POST", "path": f"{SENT}left"}
    )
    both.space.new.server.misbehave(
        {"kind": "answer", "status": 415, "method": "POST", "path": f"{SENT}theirs"}
    )
    both.run("sync", code=3)
    both.old.put("docs", "left", LARGE[1:])
    both.new.put("docs", "theirs", LARGE[::-1])
    done = both.run("sync", code=3)
    assert "storage: 1 object copied" in done.out
    assert both.new.get("docs", "left") == LARGE[1:]
    assert "docs/theirs: NEW has another object of this name" in done.err
    assert both.new.get("docs", "theirs") == LARGE[::-1]


def test_a_value_that_no_header_takes_is_that_file_s_own_refusal(both: Storages) -> None:
    odd = ["image/\u0414", "text/plain\\r\\nx-upsert: true", " ", "a/b ", "a\\u0001b"]
    names = ["accent", "form", *(f"o-{number}" for number in range(3))]
    for name in (*names, *(f"a-{number}" for number in range(len(odd))), "a-cache"):
        both.old.put("docs", name, name.encode())
    told = [("mimetype", value, f"a-{number}") for number, value in enumerate(odd)]
    told += [("mimetype", "multipart/form-data; boundary=B", "form")]
    told += [("mimetype", "image/\u00e9", "accent"), ("cacheControl", "max-age=1\u2013", "a-cache")]
    for key, value, name in told:
        changed = f"metadata || jsonb_build_object('{key}', E'{value}'::text) where name = '{name}'"
        both.old.database.paste(f"update storage.objects set metadata = {changed}")  # noqa: S608 - our own
    done = both.run("sync", code=3)
    assert done.err.count("no request can carry its Content-Type, '") == len(odd)
    assert "docs/a-0: no request can carry its Content-Type, 'image/\\u0414'; give it another" in done.err
    assert "docs/a-cache: no request can carry its Cache-Control, 'max-age=1\\u2013'" in done.err
    assert [name for _, name, *_ in both.new.objects()] == names
    assert both.new.objects()[0][4] == "image/\u00e9"
    assert both.new.get("docs", "form") == b"form"


def test_a_name_of_a_file_or_a_bucket_makes_no_listing_of_its_request() -> None:
    """A request that lists has headers of its own: an upload would lose its cache control to them."""
    objects = "/storage/v1/object"
    for path in (
        f"{objects}/many/info/a",
        f"{objects}/buckets/a",
        f"{objects}/info/a",
        f"{objects}/a/bucket",
    ):
        assert purpose_of("POST", path.encode()) == "storage write"
    assert purpose_of("GET", f"{objects}/authenticated/a/info/list-v2/bucket".encode()) == "storage read"
    for method, path in (
        ("GET", "/storage/v1/bucket"),
        ("PUT", "/storage/v1/bucket/a"),
        ("GET", f"{objects}/info/a/b"),
        ("POST", f"{objects}/list-v2/a"),
    ):
        assert purpose_of(method, path.encode()) == LIST


DROPS = """
create function storage.drops() returns trigger language plpgsql as
  $$begin new.user_metadata := null; return new; end$$;
create trigger drops before insert or update on storage.objects
  for each row when (new.name >= 'y') execute function storage.drops();
"""


def test_user_metadata_that_new_does_not_keep_is_no_success(both: Storages) -> None:
    for name in "axyz":
        both.old.put("docs", name, name.encode(), x_metadata="eyJhIjoxfQ==")
    both.space.new.server.misbehave({"kind": "reset-after", "method": "POST", "path": f"{SENT}y"})
    both.space.new.run(DROPS)
    try:
        done = both.run("sync", code=3)
        for name in "yz":
            said = f"docs/{name} was stored with another content type, cache control or user metadata"
            assert said in done.err
        assert "2 objects copied" in done.out
    finally:
        both.space.new.run("drop function storage.drops() cascade")
    both.run("sync", "--accept", "newer")
    both.assert_equal()


def test_what_comes_with_other_bytes_each_time_is_not_merely_left_by_max_per_run(both: Storages) -> None:
    both.old.put("docs", "o", b"good" * 250)
    etag = hashlib.md5(b"good" * 250, usedforsecurity=False).hexdigest()
    faults = [
        {**answered(body * 250, 200, etag=f'"{etag}"'), "nth": nth}
        for nth, body in enumerate((b"EVIL", b"evil"), 1)
    ]
    both.space.old.server.misbehave(*({**each, "path": f"{READ}o"} for each in faults))
    done = both.run("sync", "--max-per-run", "0.001MB", code=4)
    assert "not copied: docs/o: OLD: docs/o came with other bytes than its ETag says" in done.err
    both.run("sync", "--max-per-run", "0.001MB")
    both.assert_equal()
