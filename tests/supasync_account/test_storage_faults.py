"""Servers that break off, are busy, refuse or change: nothing is lost, and nothing wrong is a success."""

import signal

import pytest

from supasync_core.model.printable import sql_text
from tests.hostile.names import ATTACKS
from tests.hostile.test_names import is_harmless
from tests.supasync_account.storages import PAGES_OF_ONE, Storages

LIST = "/storage/v1/object/list-v2/"
READ = "/storage/v1/object/authenticated/"
SENT = "/storage/v1/object/docs/"

BUCKET = (
    '[{"id": "docs", "name": "docs", "owner": "", "public": false, "created_at": "2026-01-01T00:00:00Z", '
    '"updated_at": "2026-01-01T00:00:00Z", "file_size_limit": null, "allowed_mime_types": null}]'
)
OBJECT = (
    '{"hasNext": false, "folders": [], "objects": [{"id": "x", "key": "a", "name": "a", '
    '"updated_at": "2026-01-01T00:00:00+14:00", "created_at": "2026-01-01T00:00:00Z", '
    '"metadata": {"size": 1, "eTag": "x", "mimetype": "a/b", "cacheControl": "no-cache"}}]}'
)
ONE = OBJECT.partition('"objects": [')[2].removesuffix("]}")


@pytest.fixture(autouse=True)
def twelve(both: Storages) -> None:
    """A bucket with objects."""
    both.old.bucket("docs")
    for number in range(12):
        both.old.put("docs", f"o-{number:02}", str(number).encode() * 100, cache_control="max-age=5")
    both.old.sent()


def told(status: int, error: str, http: int = 400) -> dict[str, object]:
    """An answer of Storage."""
    body = f'{{"statusCode": "{status}", "error": "{error}", "message": "{error} it is", "code": "{error}"}}'
    return {"kind": "answer", "status": http, "body": body, "headers": {"content-type": "application/json"}}


def test_a_busy_or_broken_server_is_asked_again(both: Storages) -> None:
    html = {"kind": "answer", "status": 502, "body": "<html>bad gateway</html>", "path": "/v1/bucket$"}
    both.space.old.server.misbehave(
        html,
        {**told(429, "SlowDown"), "path": LIST},
        {**told(503, "DatabaseTimeout"), "path": READ, "times": 2},
        {"kind": "reset-body", "path": f"{READ}docs/o-03"},
        {"kind": "reset", "path": f"{READ}docs/o-04"},
    )
    both.space.new.server.misbehave(
        {"kind": "reset-after", "method": "POST", "path": f"{SENT}o-05"},
        {"kind": "reset", "method": "POST", "path": f"{SENT}o-06"},
        {**told(544, "DatabaseTimeout"), "method": "POST", "path": f"{SENT}o-07"},
    )
    done = both.run("sync")
    assert "12 objects copied" in done.out
    assert "OLD: Storage does not answer (OLD: HTTP 502); retry 1 of 4 in 0." in done.err
    assert "docs/o-06 was not copied (" in done.err
    both.assert_equal()
    assert both.new.sent().count(("POST", f"{SENT}o-08")) == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            {**told(402, "exceed_egress_quota", 402)},
            "OLD: Storage answers 402: the organisation is over its quota",
        ),
        ({**told(403, "AccessDenied")}, "OLD: Storage refuses the key: AccessDenied it is"),
    ],
)
def test_a_project_that_refuses_in_the_middle_ends_the_run_and_the_next_continues(
    both: Storages, fault: dict[str, object], said: str
) -> None:
    both.space.old.server.misbehave({**fault, "path": f"{READ}|/v1/bucket", "nth": 6, "times": None})
    done = both.run("sync", code=3)
    assert said in done.err
    both.space.old.server.behave()
    sent = {path for method, path in both.new.sent() if method == "POST" and path.startswith(SENT)}
    assert 1 <= len(sent) <= 6
    both.run("sync")
    both.assert_equal()
    again = [path for method, path in both.new.sent() if method == "POST" and path.startswith(SENT)]
    assert not sent.intersection(again)


def test_what_a_gateway_says_is_understood(both: Storages) -> None:
    body = '{"message": "restricted due to exceed_egress_quota"}'
    both.space.old.server.misbehave({"kind": "answer", "status": 402, "body": body, "path": "/v1/bucket$"})
    assert "OLD: Storage answers 402: the organisation is over its quota" in both.run("sync", code=3).err
    both.space.new.server.misbehave({"kind": "answer", "status": 540, "body": "", "path": "/v1/bucket$"})
    assert "NEW is paused" in both.run("verify", code=2).err


def test_a_listing_that_breaks_off_is_no_end_of_it(both: Storages) -> None:
    both.run("sync")
    both.space.old.server.misbehave({**told(403, "AccessDenied"), "path": LIST, "times": None})
    done = both.run("sync", "--deletes", "mirror", code=3)
    assert "OLD: Storage refuses the key" in done.err
    assert len(both.new.objects()) == 12


def test_a_bucket_that_cannot_be_listed_or_made_stops_no_other(both: Storages) -> None:
    for bucket in ("a", "b"):
        both.old.bucket(bucket)
        both.old.put(bucket, "x", b"1")
    both.old.database.paste("""insert into storage.buckets (id, name) values ('c#', 'c#'), ('c/d', 'c/d')""")
    busy = {**told(544, "DatabaseTimeout"), "times": None}
    both.space.old.server.misbehave({**busy, "path": f"{LIST}a"})
    done = both.run("sync", code=3)
    assert "not copied: a: not finished: OLD: Storage does not answer: OLD: DatabaseTimeout it is" in done.err
    assert "not copied: c#: not finished: NEW: Bucket name invalid" in done.err
    unnamed = "'c/d': OLD has a bucket of this name, which no address can name: its files are not copied"
    assert f"not copied: {unnamed}; remove it in OLD, or name the others under buckets:" in done.err
    assert {bucket for bucket, *_ in both.new.objects()} == {"b", "docs"}
    assert "does not answer" in both.run("sync", "--dry-run", code=4).err
    both.space.old.server.behave()
    both.space.new.server.misbehave({**busy, "path": f"{LIST}b"})
    both.old.put("b", "y", b"1")
    assert "b: not finished: NEW: Storage does not" in both.run("sync", code=3).err
    both.space.new.server.behave()
    both.space.old.server.misbehave({**busy, "path": LIST})
    both.old.sent()
    both.run("sync", code=3)
    assert len(both.old.sent()) == 1 + 3 * 5, "each is asked for five times, and then nothing is"
    both.space.old.server.behave()
    both.run("sync", code=3)
    assert {"bucket 'c/d', which no address can name", "bucket c#"} == set(
        both.run("verify", "--json", code=1).json["missing"]
    )
    checked = both.space.supasync("check")
    assert (checked.code, unnamed in checked.out) == (0, True), checked.out
    assert (
        "OLD: no address can name the bucket 'c/d': its files were not counted"
        in both.space.supasync("account").err
    )
    done = both.space.supasync("--config", "other.yaml", "init")
    assert done.code == 0, done.err
    assert f"# {unnamed}" in (both.space.folder / "other.yaml").read_text()
    assert both.space.supasync("--config", "other.yaml", "check").code == 0


def test_a_key_that_sees_no_buckets_is_no_proof_of_none(both: Storages) -> None:
    both.run("sync")
    nothing = {"kind": "answer", "status": 200, "body": "[]", "times": None, "path": "/bucket$"}
    both.space.old.server.misbehave(nothing)
    done = both.run("sync", "--deletes", "mirror", code=3)
    assert "OLD shows no buckets, and 12 objects were copied from there" in done.err
    both.space.again()
    both.space.old.server.misbehave(nothing)
    assert "OLD shows no buckets; a key that may not see them" in both.run("sync").out


def test_an_object_that_changes_while_it_is_copied_is_copied_again(both: Storages) -> None:
    both.space.old.server.misbehave({"kind": "hold-before", "path": f"{READ}docs/o-03"})
    with both.space.command("storage", "sync") as process:
        both.space.old.server.wait_held()
        both.old.put("docs", "o-03", b"changed", cache_control="max-age=6")
        both.space.old.server.release()
        assert process.wait() == 0
    both.assert_equal()
    assert both.new.get("docs", "o-03") == b"changed"
    both.old.put("docs", "o-04", b"now")
    kept = {"status": 200, "body": "before", "headers": {"etag": "x"}, "times": None}
    both.space.old.server.misbehave({"kind": "answer", "path": f"{READ}docs/o-04", **kept})
    assert "docs/o-04: OLD: docs/o-04 changes while it is copied" in both.run("sync", code=4).err


def test_an_object_that_disappears_is_a_note(both: Storages) -> None:
    both.space.old.server.misbehave({"kind": "hold-before", "path": "/info/authenticated/docs/o-03"})
    with both.space.command("storage", "sync") as process:
        both.space.old.server.wait_held()
        both.old.remove("docs", "o-03")
        both.space.old.server.release()
        assert "note: docs/o-03: deleted in OLD while it was copied" in process.communicate()[1]
    both.assert_equal()


def test_what_is_listed_and_denied_is_not_taken_for_deleted(both: Storages) -> None:
    denied = {**told(404, "NoSuchKey"), "path": "/object/info/authenticated/docs/o-03", "times": None}
    both.space.old.server.misbehave(denied)
    done = both.run("sync", code=3)
    assert "not copied: docs/o-03: OLD lists it, and says that it is not there; remove it in OLD" in done.err
    assert "11 objects copied" in done.out
    both.space.old.server.misbehave(denied, {"kind": "reset", "path": LIST, "nth": 2, "times": None})
    done = both.run("sync", code=4)
    assert "docs/o-03: OLD: nobody can tell whether it was deleted: OLD: Storage does not answer" in done.err
    both.space.old.server.behave()
    both.run("sync")
    both.assert_equal()


def test_a_listing_that_a_cache_has_kept_decides_nothing(both: Storages) -> None:
    both.run("sync")
    json = {"content-type": "application/json"}
    kept = {"kind": "answer", "status": 200, "times": None, "path": LIST}
    kept["body"] = both.old.ask("POST", "object/list-v2/docs", json={"limit": 1000}).text
    both.old.put("docs", "new", b"1")
    for headers, said in (
        ({"age": "86400"}, "a cache answers in its place (Age: 86400)"),
        ({"date": "Mon, 01 Jan 2024 00:00:00 GMT"}, "a cache answers in its place (Date: "),
    ):
        both.space.old.server.behave()
        both.space.old.server.misbehave({**kept, "headers": json | headers})
        assert said in both.run("sync", code=4).err
        assert said in both.run("verify", code=2).err
    both.space.old.server.behave()
    both.run("sync")
    both.assert_equal()


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/v1/bucket$", "null", "OLD: Storage's answer is not understood"),
        ("/v1/bucket$", '{"a": 1}', "OLD: Storage's answer is not understood"),
        ("/v1/bucket$", "[1]", "OLD: Storage's answer is not understood"),
        ("/v1/bucket$", BUCKET.replace("docs", "a\\ud800"), "OLD: Storage's answer is not understood"),
        (
            "/v1/bucket$",
            BUCKET.replace("docs", ".."),
            "not copied: '..': OLD has a bucket of this name, which no",
        ),
        (
            "/v1/bucket$",
            BUCKET.replace("docs", ""),
            "not copied: '': OLD has a bucket of this name, which no",
        ),
        (LIST, OBJECT.replace("2026-", "0001-"), "docs/a: "),
        (LIST, OBJECT.replace('"size": 1', f'"size": 1{"0" * 30}'), "docs/a: OLD lists it without a size"),
        (LIST, OBJECT.replace('"size": 1', '"size": true'), "docs/a: OLD lists it without a size"),
        (LIST, OBJECT.replace('"a"', '"a\\ud800"'), "OLD: Storage's answer is not understood"),
        (LIST, OBJECT.replace(ONE, f"{ONE}, {ONE}"), "OLD: the listing of the bucket docs does not go on"),
        (
            "/object/info/authenticated/docs/o-03",
            '{"size": 100, "etag": "x", "metadata": {"a": "\\ud800"}}',
            "object/info of docs/o-03 has metadata that no request can hold",
        ),
    ],
)
def test_no_answer_is_an_internal_error(both: Storages, path: str, body: str, said: str) -> None:
    json = {"content-type": "application/json"}
    answer = {"kind": "answer", "status": 200, "times": None, "path": path, "body": body, "headers": json}
    both.space.old.server.misbehave(answer)
    done = both.run("sync", code=3)
    assert said in done.err
    assert "staging" not in done.err


def test_a_listing_without_an_end_is_stopped_by_the_limits_of_a_run(both: Storages) -> None:
    before = both.space.before
    both.space.before += PAGES_OF_ONE
    try:
        assert (
            "OLD: the listing of the bucket docs was stopped behind 1 object"
            in both.run("verify", code=2).err
        )
        done = both.space.supasync("account")
        assert "OLD: files were not counted: OLD: the listing of the bucket docs was stopped" in done.err
    finally:
        both.space.before = before


def test_a_killed_run_continues_where_it_was(both: Storages) -> None:
    both.space.new.server.misbehave({"kind": "hold-before", "path": f"{SENT}o-0[6-9]", "times": None})
    with both.space.command("storage", "sync") as process:
        both.space.new.server.wait_held()
        process.send_signal(signal.SIGKILL)
        process.wait()
    both.space.new.server.behave()
    changed, *there = {name for _, name, *_ in both.new.objects()}
    both.old.put("docs", changed, b"changed since", cache_control="max-age=5")
    both.new.database.paste("update public.sync_metadata set lease_until = now() where lease_until > now()")
    busy = {**told(503, "SlowDown"), "method": "POST", "path": f"{SENT}{changed}", "times": None}
    both.space.new.server.misbehave(busy)
    assert f"docs/{changed}: NEW: SlowDown it is" in both.run("sync", code=4).err
    both.space.new.server.behave()
    both.new.sent()
    both.run("sync")
    both.assert_equal()
    sent = {path.rpartition("/")[2] for method, path in both.new.sent() if method == "POST"}
    assert sent.intersection(there) == set()


def test_a_redirect_is_not_followed(both: Storages) -> None:
    both.space.old.server.misbehave({"kind": "redirect", "path": READ, "location": "http://127.0.0.1:1/x"})
    both.run("sync", code=3)


LARGE = bytes(range(256)) * 28_000
"""7.2 MB: two pieces of a resumable upload."""
PIECES = "/storage/v1/upload/resumable"


@pytest.mark.parametrize("cache", ["max-age=60", "no-cache", "public, max-age=9, immutable"])
def test_a_large_upload_that_is_cut_goes_on_in_pieces(both: Storages, cache: str) -> None:
    told = {"cache_control": cache, "x_metadata": "eyJhIjoxfQ==", "content_type": "application/x-a"}
    both.old.put("docs", "large", LARGE, **told)
    both.space.new.server.misbehave(
        {"kind": "reset", "method": "POST", "path": f"{SENT}large"},
        {"kind": "reset", "method": "PATCH", "path": PIECES, "nth": 2},
    )
    both.run("sync")
    both.assert_equal()
    sent = [method for method, path in both.new.sent() if path.startswith(PIECES)]
    assert sent.count("PATCH") == 3
    assert both.run("sync", "--json").json["copied"] == 0
    assert both.run("verify").out.splitlines()[-1] == "equal, as far as was compared"


def test_a_large_upload_whose_last_request_failed_is_finished_by_the_next_run(both: Storages) -> None:
    both.old.put("docs", "large", LARGE, cache_control="public, max-age=9, immutable")
    both.space.new.server.misbehave(
        {"kind": "reset", "method": "POST", "path": f"{SENT}large"},
        {**told(413, "EntityTooLarge"), "path": "/object/copy$"},
    )
    assert "docs/large: NEW: EntityTooLarge it is" in both.run("sync", code=3).err
    both.run("sync")
    both.assert_equal()


def test_a_large_upload_goes_on_whatever_new_says_of_it(both: Storages) -> None:
    def pieces(**fault: object) -> None:
        first = {"kind": "reset", "method": "POST", "path": f"{SENT}large"}
        both.space.new.server.behave()
        both.space.new.server.misbehave(first, {"kind": "answer", "path": PIECES, **fault})

    both.new.bucket("docs")
    both.old.put("docs", "large", LARGE)
    named = {"upload-metadata": "bucketName ZG9jcw==,objectName bGFyZ2U=,contentType dGV4dC9wbGFpbg=="}
    made = {"tus-resumable": "1.0.0", "upload-length": str(len(LARGE)), **named}
    place = both.new.ask("POST", "upload/resumable", headers=made).headers["location"].rpartition("/")[2]
    # A server of one's own does not know what its gateway puts before its path.
    pieces(method="POST", status=201, headers={"location": f"http://localhost/upload/resumable/{place}"})
    both.space.new.server.misbehave({"kind": "answer", "status": 409, "method": "PATCH", "path": PIECES})
    both.run("sync")
    both.assert_equal()
    both.space.new.server.behave()
    both.old.put("docs", "large", LARGE[1:])
    both.old.put("docs", "later", b"1")
    pieces(method="POST", status=201, headers={"location": "http://[upload/resumable/x"}, times=None)
    done = both.run("sync", code=3)
    assert "not copied: docs/large: NEW: the address of a resumable upload is not understood" in done.err
    assert both.new.get("docs", "later") == b"1"
    both.old.put("docs", "large", LARGE[::-1])
    pieces(method="PATCH", status=410)
    complete = {"upload-offset": str(len(LARGE))}
    both.space.new.server.misbehave(
        {"kind": "answer", "status": 200, "method": "HEAD", "path": PIECES, "headers": complete}
    )
    done = both.run("sync", code=4)
    assert "not copied: docs/large: NEW: docs/large is still the one that was to be replaced" in done.err
    both.run("sync")
    both.assert_equal()


def test_files_that_fail_in_a_row_do_not_keep_the_others_from_their_turn(both: Storages) -> None:
    for fault in (told(503, "DatabaseTimeout"), {"kind": "reset"}):
        both.space.new.server.behave()
        both.space.new.server.misbehave({**fault, "method": "POST", "path": f"{SENT}o-0[0-5]", "times": None})
        done = both.run("sync", "--json", code=4)
        assert both.new.objects() == [] or fault["kind"] == "reset"
        assert "5 objects in a row were not copied: " in str(done.json["notes"]) or fault["kind"] == "reset"
        assert len(done.json["named"]) + done.json["left"] + done.json["copied"] == 12
    assert {name for _, name, *_ in both.new.objects()} == {f"o-{each:02}" for each in range(6, 12)}
    both.space.new.server.behave()
    both.run("sync")
    both.assert_equal()


def test_buckets_that_cannot_be_listed_do_not_keep_the_others_from_their_turn(both: Storages) -> None:
    for name in ("a1", "a2", "a3"):
        both.old.bucket(name)
        both.old.put(name, "x", b"x")
    slow = {**told(544, "DatabaseTimeout", 544), "times": None}
    both.space.old.server.misbehave({**slow, "path": f"{LIST}a"})
    done = both.run("sync", code=4)
    assert "not copied: docs: left for the next run, since 3 buckets before it failed" in done.err
    done = both.run("sync", "--json", code=4)
    assert (done.json["copied"], [each["name"] for each in done.json["named"]]) == (12, ["a1", "a2", "a3"])
    both.space.old.server.behave()
    both.run("sync")
    both.assert_equal()


def test_files_that_old_does_not_serve_hold_up_no_deletes_and_no_rules(both: Storages) -> None:
    both.old.bucket("open", public=True)
    for name in (*(f"bad-{each:02}" for each in range(20)), "good", "gone"):
        both.old.put("open", name, b"x")
    busy = {**told(500, "InternalError", 500), "times": None}
    both.space.old.server.misbehave({**busy, "path": f"{READ}open/bad"})
    done = both.run("sync", "--json", code=4)
    assert (len(done.json["named"]), done.json["left"], done.json["copied"]) == (20, 0, 14)
    assert both.new.buckets() == both.old.buckets()
    both.old.remove("open", "gone")
    both.space.old.server.behave()
    both.space.new.server.misbehave({**busy, "method": "POST", "path": "/object/(docs|open)/"})
    for number in range(12):
        both.old.put("docs", f"o-{number:02}", b"changed")
    both.new.sent()
    done = both.run("sync", "--deletes", "mirror", "--json", code=4)
    assert (done.json["left"] > 0, done.json["deleted"]) == (True, 1)
    assert done.json["notes"][-1].endswith(" left for the next run")
    both.run("sync", code=4)
    sent = {path for method, path in both.new.sent() if method == "POST"}
    assert {f"{SENT}o-{each:02}" for each in range(10)} <= sent, "the next run begins with the first one left"


def test_the_next_run_continues_a_large_upload_where_new_has_it(both: Storages) -> None:
    both.old.put("docs", "large", LARGE)
    both.space.new.server.misbehave(
        {"kind": "reset", "method": "POST", "path": f"{SENT}large"},
        {"kind": "reset", "method": "PATCH", "path": PIECES, "nth": 2, "times": None},
    )
    done = both.run("sync", code=4)
    assert "not copied: docs/large: OLD or NEW: Storage does not answer" in done.err
    assert "12 objects copied" in done.out
    both.space.new.server.behave()
    both.new.sent()
    both.run("sync")
    both.assert_equal()
    sent = [method for method, path in both.new.sent() if path.startswith(PIECES)]
    assert sent == ["OPTIONS", "HEAD", "PATCH"]


def test_hostile_names_of_buckets_and_objects_are_plain_lines(both: Storages) -> None:
    for name in (sql_text(f"{number}{name}"[:60]) for number, name in enumerate(ATTACKS)):
        both.old.database.paste(
            f"insert into storage.buckets (id, name, allowed_mime_types) "  # noqa: S608 - quoted
            f"values ({name}, {name}, array[{name}]);"
            f"insert into storage.objects (bucket_id, name, metadata) values ({name}, {name}, "
            '\'{"size": 3, "eTag": "x", "mimetype": "text/plain"}\')'
        )
    for done in (both.run("sync", code=3), both.run("verify", code=1)):
        is_harmless(done)
        assert "FORGED" in done.out + done.err
    is_harmless(both.space.supasync("account"))
    assert len(both.new.objects()) == 12
