"""`supasync storage sync`: what is copied, what is left alone, and what OLD is asked for."""

import json

import httpx

from tests.supasync_account.storages import EMPTY, Side, Storages

ONE = "c4ca4238a0b923820dcc509a6f75849b"
"""The MD5 of ``1``."""
ROBOTS = "select name, metadata ->> 'xRobotsTag' from storage.objects order by 1"
ODD = (
    "a b/c&d=e.txt",
    "x//y",
    "/lead",
    "trail/",
    "a'b(c)!.txt",
    "p-0500",
    "p-0500-thumb",
    "k",
    "k-b",
    "Fo/x",
    "fo/x",
)


def test_buckets_and_objects_arrive_as_they_are(both: Storages) -> None:
    both.old.bucket("docs", public=True, file_size_limit=1_000_000, allowed_mime_types=["text/*"])
    both.old.bucket("plain")
    for name in ODD:
        both.old.put("docs", name, name.encode(), cache_control="public, max-age=31536000, immutable")
    both.old.put(
        "plain", "empty", b"", content_type="text/plain; charset=utf-8", cache_control="max-age=3600"
    )
    both.old.put("plain", "meta", b"m", x_metadata="eyJ0YWdzIjpbImEiLDFdLCJ1Ijoi5Lit5paHIn0=")
    done = both.run("sync")
    assert "13 objects to copy: " in done.err
    assert "storage: 13 objects copied" in done.out
    both.assert_equal()
    again = both.run("sync", "--json").json
    assert (again["copied"], again["objects"]) == (0, 13)


def test_no_name_of_a_bucket_leads_to_another_one(both: Storages) -> None:
    """Without ``authenticated/``, ``object/info/public/a/1.png`` is ``1.png`` of the bucket ``a``."""
    both.old.bucket("a", public=True)
    both.old.put("a", "1.png", b"1", x_metadata="eyJhIjoxfQ==")
    for name in ("public", "authenticated"):
        both.old.bucket(name)
        for file in ("1.png", "a/1.png"):
            both.old.put(name, file, b"1")
    both.run("sync")
    both.assert_equal()
    assert "equal" in both.run("verify", "--exact").out


def asked(both: Storages) -> set[tuple[str, str]]:
    """What OLD was asked, without the names of objects."""
    return {(method, "/".join(path.split("/")[:5])) for method, path in both.old.sent()}


def test_old_is_only_read_and_listed_and_an_idle_run_costs_little(both: Storages) -> None:
    both.old.bucket("docs")
    both.old.put("docs", "a/b", b"1")
    both.old.sent()
    both.run("sync")
    both.run("verify", "--exact")
    assert asked(both) == {
        ("GET", "/storage/v1/bucket"),
        ("GET", "/storage/v1/object/authenticated"),
        ("GET", "/storage/v1/object/info"),
        ("POST", "/storage/v1/object/list-v2"),
    }
    both.new.sent()
    assert both.space.supasync("sync").code == 0
    assert len(both.old.sent()) == 2
    assert len(both.new.sent()) == 1


def test_changes_of_old_follow_and_those_of_new_stay(both: Storages) -> None:
    both.old.bucket("docs")
    for name in ("mine", "theirs", "both"):
        both.old.put("docs", name, b"1")
    both.run("sync")
    both.old.put("docs", "mine", b"22")
    both.new.put("docs", "theirs", b"new")
    both.old.put("docs", "both", b"old")
    both.new.put("docs", "both", b"new")
    done = both.run("sync", code=3)
    assert "not copied: docs/both: NEW has another object of this name, left as it is" in done.err
    assert "1 object copied" in done.out
    assert both.new.get("docs", "mine") == b"22"
    assert both.new.get("docs", "both") == b"new"
    done = both.run("verify", code=1)
    assert "docs/both: bytes" in done.out
    assert "docs/theirs: size, bytes" in done.out
    assert "docs/theirs: NEW has another object" in both.run("sync", code=3).err
    both.run("sync", "--accept", "newer")
    both.assert_equal()


def test_what_new_has_lost_is_copied_again(both: Storages) -> None:
    both.old.bucket("docs", public=True)
    for name in ("a", "b"):
        both.old.put("docs", name, name.encode())
    both.run("sync")
    both.new.remove("docs", "a")
    assert "docs/a" in both.run("verify", code=1).out
    assert "1 object copied" in both.run("sync").out
    both.new.database.paste(EMPTY)
    assert "2 objects would be copied" in both.run("sync", "--dry-run").out
    assert "2 objects copied" in both.space.supasync("sync").out
    both.assert_equal()
    both.old.database.paste(EMPTY)
    both.old.bucket("other")
    assert "OLD has no bucket docs any more: 2 objects that were copied stay in NEW" in both.run("sync").out
    assert "bucket docs" in both.run("verify", code=1).out


def test_what_is_in_new_already_is_not_sent(both: Storages) -> None:
    for side in (both.old, both.new):
        side.bucket("docs")
        side.put("docs", "same", b"1", x_metadata="eyJhIjoxfQ==", x_robots_tag=side.key[-3:])
    both.new.put("docs", "other", b"2")
    both.old.put("docs", "other", b"3")
    found = both.run("sync", "--json", code=3).json
    assert (found["copied"], found["equal"]) == (0, 1)
    assert [each["name"] for each in found["named"]] == ["docs/other", "docs/same"]


def test_deletes_are_counted_or_mirrored_and_undone(both: Storages) -> None:
    both.old.bucket("docs")
    told = {"cache_control": "max-age=7", "x_metadata": "eyJhIjoxfQ==", "x_robots_tag": "noindex"}
    for number in range(21):
        both.old.put("docs", f"o-{number}", str(number).encode(), **told)
    both.run("sync")
    before = both.new.objects(), both.new.database.paste(ROBOTS)
    for number in range(1, 3):
        both.old.remove("docs", f"o-{number}")
    assert "2 objects of NEW deleted in OLD" in both.run("sync").out
    done = both.run("sync", "--deletes", "mirror", code=3)
    assert (
        "docs: 2 objects were deleted in OLD, and none of them in NEW: the limit is 1 at a time" in done.err
    )
    both.old.put("docs", "o-2", b"2", **told)
    other = {"kind": "answer", "status": 200, "body": "x", "path": "/object/authenticated/docs/o-1"}
    for etag, why in (("", "NEW: docs/o-1 changes"), (ONE, "not read as it is stored")):
        both.new.end.server.behave()
        both.new.end.server.misbehave({**other, "headers": {"etag": etag}, "times": None})
        assert why in both.run("sync", "--deletes", "mirror", code=3).err
    both.new.end.server.behave()
    assert "1 deleted" in both.run("sync", "--deletes", "mirror").out
    both.assert_equal()
    assert both.run("sync", "--undo").out == "storage: 1 object put back\n"
    assert (both.new.objects(), both.new.database.paste(ROBOTS)) == before
    assert "the staging has nothing that could be put back" in both.run("sync", "--undo", code=2).err


def test_an_object_that_changed_in_new_is_not_deleted(both: Storages) -> None:
    both.old.bucket("docs")
    both.old.put("docs", "a", b"1")
    both.run("sync")
    both.new.put("docs", "a", b"new")
    both.old.remove("docs", "a")
    done = both.run("sync", "--deletes", "mirror", code=3)
    assert "docs/a: deleted in OLD, not in NEW: it has changed in NEW" in done.err


def test_limits_of_new_and_names_without_files_are_named(both: Storages) -> None:
    both.old.bucket("docs", file_size_limit=100_000_000)
    both.old.bucket("small")
    both.new.bucket("small", file_size_limit=1)
    both.old.put("small", "two", b"22")
    both.old.put("docs", "a", b"1")
    both.old.database.paste(
        "insert into storage.buckets (id, name, public) values ('by-sql', 'by-sql', null)"
    )
    both.old.database.paste(
        "update storage.buckets set created_at = null, updated_at = null where id = 'by-sql';"
        "insert into storage.objects (bucket_id, name) values ('docs', 'null-meta');"
        "insert into storage.objects (bucket_id, name, metadata, created_at, updated_at) values "
        "('docs', 'list-meta', '[]', null, null), ('docs', 'never', '{}', 'infinity', 'infinity');"
        "insert into storage.objects (bucket_id, name, metadata) "
        """values ('docs', 'café', '{"size": 3, "eTag": "\\"x\\"", "mimetype": "text/plain"}')"""
    )
    done = both.run("sync", code=3)
    for name in ("null-meta", "list-meta", "never"):
        assert f"docs/{name}: OLD lists it without a size or an ETag" in done.err
    assert "docs/café: it is listed and cannot be read" in done.err
    assert "small/two: NEW: The object exceeded the maximum allowed size" in done.err
    assert "docs: its settings were not taken over: NEW: raise the limit of the project" in done.err
    assert both.new.get("docs", "a") == b"1"


def test_max_per_run_spreads_a_bucket(both: Storages) -> None:
    both.old.bucket("docs", public=True)
    for number in range(4):
        both.old.put("docs", str(number), b"x" * 400)
    both.old.put("docs", "large", b"x" * 2000)
    done = both.run("sync", "--max-per-run", "0.001MB")
    assert "2 objects copied" in done.out
    assert "3 objects, 2.8 kB, left for later runs by max_per_run" in done.out
    assert both.new.buckets()[0][2] is False
    assert "2 objects copied (800 bytes)" in both.run("sync", "--max-per-run", "0.001MB").out
    for number in range(4):
        both.old.put("docs", f"new-{number}", b"x" * 400)
    assert "1 object copied (2.0 kB)" in both.run("sync", "--max-per-run", "0.001MB").out
    both.run("sync", "--max-per-run", "0.002MB")
    both.assert_equal()


def served_to_anybody(side: Side, name: str) -> bool:
    """Whether somebody without a key reads the object."""
    url = side.end.server.url.removesuffix("/rest/v1") + f"/storage/v1/object/public/docs/{name}"
    return httpx.get(url, trust_env=False).is_success


def test_no_file_of_a_private_bucket_is_public_in_new(both: Storages) -> None:
    both.old.bucket("docs", public=True)
    both.old.put("docs", "open", b"open")
    both.run("sync")
    assert served_to_anybody(both.new, "open")
    both.old.ask("PUT", "bucket/docs", json={"public": False, "file_size_limit": 190_000_000})
    for number in range(3):
        both.old.put("docs", f"secret-{number}", b"x" * 400)
    both.new.sent()
    done = both.run("sync", "--max-per-run", "0.001MB")
    assert (
        "note: docs: private in OLD: NEW's public bucket was made private before its files came" in done.err
    )
    written = [path for method, path in both.new.sent() if method in ("PUT", "POST") and "list" not in path]
    assert written[0] == "/storage/v1/bucket/docs"
    assert both.new.get("docs", "secret-0") == b"x" * 400
    assert not served_to_anybody(both.new, "secret-0")
    done = both.run("sync", code=3)
    assert "docs: its settings were not taken over: NEW: raise the limit of the project" in done.err
    assert not served_to_anybody(both.new, "secret-2")


def test_files_wait_where_the_public_bucket_of_new_may_not_be_changed(both: Storages) -> None:
    both.old.bucket("docs")
    both.old.put("docs", "passport", b"private")
    both.new.bucket("docs", public=True)
    said = "not copied: docs: public in NEW and private in OLD, so its files wait: make it private in NEW, or"
    assert said in both.run("sync", "--dry-run").err
    done = both.run("sync", code=3)
    assert said in done.err
    assert "storage: 0 objects copied" in done.out
    assert both.new.objects() == []
    unheard = {"kind": "answer", "status": 200, "body": "{}", "method": "PUT", "path": "/bucket/docs"}
    both.space.new.server.misbehave(unheard)
    done = both.run("sync", "--accept", "newer", code=3)
    assert "docs: NEW still shows it as public after it was made private, so its files wait" in done.err
    assert both.new.objects() == []
    both.run("sync", "--accept", "newer")
    both.assert_equal()
    assert not served_to_anybody(both.new, "passport")


def test_a_bucket_that_becomes_private_meanwhile_is_not_opened_in_new(both: Storages) -> None:
    both.old.bucket("docs", public=True)
    both.old.put("docs", "a", b"1")
    both.space.old.server.misbehave({"kind": "hold-before", "path": "/object/authenticated/docs/a"})
    with both.space.command("storage", "sync") as process:
        both.space.old.server.wait_held()
        both.old.ask("PUT", "bucket/docs", json={"public": False})
        both.space.old.server.release()
        assert "docs: its settings change in OLD: NEW's bucket stays private" in process.communicate()[1]
    assert not served_to_anybody(both.new, "a")
    both.run("sync")
    both.assert_equal()


def test_what_comes_into_a_bucket_that_becomes_private_meanwhile_is_public_nowhere(both: Storages) -> None:
    both.old.bucket("docs", public=True)
    both.old.put("docs", "a", b"1")
    both.run("sync")
    for place, name in (("/object/list-v2/docs", "secret"), ("/object/authenticated/docs/b", "b")):
        both.old.put("docs", name, b"open")
        both.space.old.server.behave()
        both.space.old.server.misbehave({"kind": "hold-before", "path": place})
        with both.space.command("storage", "sync") as process:
            both.space.old.server.wait_held()
            both.old.ask("PUT", "bucket/docs", json={"public": False})
            both.old.put("docs", name, b"passport")
            both.space.old.server.release()
            err = process.communicate()[1]
        assert process.returncode == 4, err
        assert "private" in err
        assert not served_to_anybody(both.new, name)
        both.run("sync")
        both.assert_equal()
        both.old.ask("PUT", "bucket/docs", json={"public": True})
        both.run("sync")
    both.old.bucket("hidden")
    both.old.put("hidden", "a", b"passport")
    both.new.bucket("hidden", public=True)
    shown = [each for each in both.new.ask("GET", "bucket").json() if each["id"] != "hidden"]
    told = {"status": 200, "body": json.dumps(shown), "headers": {"content-type": "application/json"}}
    both.space.new.server.misbehave({"kind": "answer", "method": "GET", "path": "/v1/bucket", **told})
    done = both.run("sync", code=4)
    assert "hidden: public in NEW, and private in OLD by now: the next run copies its files" in done.err
    assert [bucket for bucket, *_ in both.new.objects()] == ["docs"] * 3
