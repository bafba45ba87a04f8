"""What counts as copied: NEW was asked, and what turned out to differ is sent again."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from supasync_core.system import lock
from tests.supasync_account.storages import CONFIG, Side, Storages

SENT = "/storage/v1/object/docs/"
INFO = "/storage/v1/object/info/authenticated/docs/"
LIST = "/storage/v1/object/list-v2/docs"
AT_ONCE = """
from supasync_account.storage import storage_transfer
storage_transfer._AT_ONCE = 1
"""
"""What is confirmed is remembered at once."""
IN_ONE_SECOND = """
from types import SimpleNamespace
from supasync_account.storage import storage_progress, storage_sync
from supasync_core.model.timestamps import to_text
storage_sync.timestamps = SimpleNamespace(to_text=to_text, now=lambda: 1_780_000_000_000_000)
storage_progress.timestamps = SimpleNamespace(to_text=to_text, now=lambda: 1_780_000_000_500_000)
"""
"""The run begins at a whole second, which is printed without a fraction, and copies half a second later."""


def confirmed(name: str) -> dict[str, object]:
    """A server that confirms an upload and does not keep it."""
    told = {"content-type": "application/json"}
    body = f'{{"Id": "x", "Key": "docs/{name}"}}'
    where = {"method": "POST", "path": f"{SENT}{name}$"}
    return {"kind": "answer", "status": 200, "body": body, "headers": told, **where}


def filled(side: Side, number: int) -> None:
    """A bucket with objects."""
    side.bucket("docs")
    for each in range(number):
        side.put("docs", f"o-{each:02}", b"%d" % each)


def test_what_new_confirms_and_does_not_keep_is_not_copied(both: Storages) -> None:
    filled(both.old, 5)
    both.space.new.server.misbehave(confirmed("o-03"))
    both.new.sent()
    done = replace(both.space, before=both.space.before + IN_ONE_SECOND).supasync("sync")
    assert done.code == 4
    assert "not copied: docs/o-03: NEW confirmed it and does not show it; the next run sends" in done.err
    assert "storage: 4 objects copied (4 bytes)" in done.out
    asked = [path.removeprefix(INFO) for _, path in both.new.sent() if INFO in path]
    assert sorted(asked) == [f"o-{each:02}" for each in range(5)]
    assert "1 object copied" in both.space.supasync("sync").out
    both.assert_equal()
    for number, refused in (("06", {"status": 406}), ("07", {"status": 200, "body": "[]"})):
        refusal = {"kind": "answer", "body": "", "times": None, "method": "GET", **refused}
        both.space.new.server.misbehave({**refusal, "path": f"{INFO}o-{number}$"})
        both.old.put("docs", f"o-{number}", b"6")
    for copied in ("2 objects", "0 objects"):
        done = both.space.supasync("sync")
        assert (done.code, f"{copied} copied" in done.out) == (0, True), done.err
    both.assert_equal()


def test_a_name_that_a_firewall_refuses_to_look_up_is_found_in_a_listing(both: Storages) -> None:
    filled(both.old, 3)
    for name in ("a.php", "wp-login"):
        both.old.put("docs", name, b"w", x_metadata="eyJhIjoxfQ==")
    refused = {"kind": "answer", "status": 403, "body": "<html>Forbidden</html>", "times": None}
    refused["headers"] = {"content-type": "text/html"}
    both.space.new.server.misbehave({**refused, "method": "GET", "path": f"{INFO}(a.php|o-00|wp-login)$"})
    done = both.run("sync")
    assert "storage: 5 objects copied" in done.out
    assert "note: docs/a.php: NEW does not show its user metadata: a firewall may refuse its name" in done.err
    assert "docs/o-00" not in done.err
    assert "0 objects copied" in both.run("sync").out
    both.assert_equal()
    assert "docs/a.php: user metadata: not read" in both.run("verify", "--exact", code=1).out


def test_a_file_whose_address_is_refused_is_named_and_all_others_are_copied(both: Storages) -> None:
    filled(both.old, 5)
    refused = {"kind": "answer", "status": 403, "body": "", "times": None}
    both.space.old.server.misbehave({**refused, "path": "/object/authenticated/docs/o-00"})
    both.space.old.server.misbehave({**refused, "path": f"{INFO}o-01"})
    both.space.new.server.misbehave({**refused, "method": "POST", "path": f"{SENT}o-02"})
    done = both.run("sync", code=3)
    assert "not copied: docs/o-00: OLD: Storage lists, and refuses this address: HTTP 403" in done.err
    assert "not copied: docs/o-01: OLD lists it, and does not show its user metadata" in done.err
    assert "not copied: docs/o-02: NEW: Storage lists, and refuses this address: HTTP 403" in done.err
    assert "storage: 2 objects copied" in done.out
    both.space.new.server.behave()
    both.space.new.server.misbehave({**refused, "path": "/v1/bucket"})
    assert "NEW: Storage refuses the key: HTTP 403" in both.run("sync", code=3).err


def test_where_all_are_refused_few_are_read_and_others_elsewhere_have_their_turn(both: Storages) -> None:
    filled(both.old, 60)
    refused = {"kind": "answer", "status": 403, "body": "", "times": None, "method": "POST"}
    both.space.new.server.misbehave({**refused, "path": SENT})
    both.old.sent()
    done = both.run("sync", code=3)
    assert "NEW: Storage lists, and refused 20 objects in a row: HTTP 403" in done.err
    assert len([each for _, each in both.old.sent() if "/object/authenticated/docs/o-" in each]) < 25
    both.space.new.server.behave()
    both.space.new.server.misbehave({**refused, "path": f"{SENT}o-[1-3]"})
    both.run("sync", code=3)
    kept = {name for _, name, *_ in both.new.objects()}
    assert kept == {f"o-{each:02}" for each in range(60) if each // 10 not in (1, 2, 3)}


def test_bytes_that_did_not_come_prove_nothing(both: Storages) -> None:
    filled(both.old, 1)
    both.run("sync")
    both.new.put("docs", "o-00", b"X")
    for end in (both.space.old, both.space.new):
        end.server.misbehave(
            {"kind": "reset", "path": "/object/authenticated/docs/o"},
            {"kind": "answer", "status": 200, "body": "", "path": "/object/authenticated/docs/o", "nth": 2},
        )
    verdict = both.run("verify", "--exact", "--json", code=1).json
    assert verdict["changed"] == {"docs/o-00": ["not read: OLD: 0 bytes came, and 1 are listed"]}
    assert verdict["methods"] == {}


def test_what_was_doubted_is_known_where_old_deletes_it(both: Storages) -> None:
    filled(both.old, 3)
    both.run("sync")
    file_of(both.new, "o-00").write_bytes(b"!")
    both.run("verify", "--exact", code=1)
    for number in range(2):
        both.old.remove("docs", f"o-0{number}")
    assert "2 objects of NEW deleted in OLD" in both.run("sync").out
    both.space.write("tables.yaml", CONFIG.replace("{}", "{deletes: mirror, exclude: [docs/o-01]}"))
    done = both.run("sync", code=3)
    assert "docs/o-00: deleted in OLD, not in NEW: NEW: docs/o-00 was not read as it is stored" in done.err
    assert len(both.new.objects()) == 3


def test_many_are_looked_up_by_one_listing_and_what_is_not_as_it_was_sent_is_named(both: Storages) -> None:
    filled(both.old, 24)
    both.new.bucket("docs")
    both.space.new.server.misbehave(
        confirmed("o-03"), {"kind": "hold-before", "method": "POST", "path": f"{SENT}o-23"}
    )
    both.new.sent()
    with both.space.command("storage", "sync") as process:
        both.space.new.server.wait_held()
        both.new.put("docs", "o-04", b"theirs")
        both.space.new.server.release()
        out, err = process.communicate()
        assert process.returncode == 3
    assert "docs/o-03: NEW confirmed it and does not show it" in err
    assert "docs/o-04: NEW has another object than was sent; to take OLD's: supasync storage sync" in err
    assert "storage: 22 objects copied" in out
    asked = [path for _, path in both.new.sent()]
    assert asked.count(LIST) == 2
    assert len([path for path in asked if INFO in path]) < 10
    assert "docs/o-04: NEW has another object of this name" in both.run("sync", code=3).err
    assert both.new.get("docs", "o-04") == b"theirs"
    both.run("sync", "--accept", "newer")
    both.assert_equal()


def test_what_a_killed_run_has_sent_is_looked_up_by_the_next(both: Storages) -> None:
    filled(both.old, 8)
    both.space.write("tables.yaml", f"workers: 1\n{CONFIG}")  # one after the other
    both.space.new.server.misbehave(
        confirmed("o-02"), {"kind": "hold-before", "method": "POST", "path": f"{SENT}o-07"}
    )
    both.kill(AT_ONCE)
    done = both.space.supasync("sync")
    assert done.code == 4
    assert "docs/o-02: NEW confirmed it and does not show it" in done.err
    assert both.space.supasync("sync").code == 0
    both.assert_equal()


def file_of(side: Side, name: str) -> Path:
    """Where its bytes are."""
    versions = dict(side.database.paste("select name, version from storage.objects"))
    return side.files.path("docs", name, versions[name])


def test_what_verify_finds_different_is_sent_again(both: Storages) -> None:
    filled(both.old, 4)
    both.run("sync")
    for name in ("o-00", "o-01"):
        file_of(both.new, name).write_bytes(b"!")
    both.new.database.paste("update storage.objects set user_metadata = '{\"a\": 1}' where name = 'o-02'")
    both.new.put("docs", "o-03", b"theirs")
    assert "docs/o-00" not in both.run("verify", code=1).out
    with lock.locked(both.space.folder):
        said = "note: a run is under way, so the next copy is not told what differs"
        assert said in both.run("verify", "--exact", code=1).err
    assert both.run("verify", "--exact", "--json", code=1).json["changed"] == {
        "docs/o-00": ["bytes"],
        "docs/o-01": ["bytes"],
        "docs/o-02": ["user metadata"],
        "docs/o-03": ["size", "bytes"],
    }
    both.new.put("docs", "o-01", b"?")
    done = both.run("sync", code=3)
    assert "storage: 1 object copied" in done.out
    assert (
        "docs/o-01: NEW has another object of this name, left as it is; to take OLD's: supasync" in done.err
    )
    assert "docs/o-02: NEW: docs/o-02 has other user metadata; to take OLD's: supasync" in done.err
    assert "docs/o-03: NEW has another object of this name" in done.err
    assert "3 objects copied" in both.run("sync", "--accept", "newer").out
    both.run("verify", "--exact")


def other_etags(side: Side, *names: str) -> None:
    """As a server does that encrypts: ETags that look like MD5 and are not."""
    for name in names:
        etag = f'"{sha256(name.encode()).hexdigest()[:32]}"'
        beside = file_of(side, name).with_suffix(".json")
        beside.write_text(json.dumps({**json.loads(beside.read_text()), "etag": etag}))
        changed = f"""metadata || '{{"eTag": {json.dumps(etag)}}}' where name = '{name}'"""
        side.database.paste(f"update storage.objects set metadata = {changed}")  # noqa: S608 - our own


def test_a_server_whose_etags_are_not_md5_is_read_twice_once(both: Storages) -> None:
    def downloads() -> int:
        return len([path for _, path in both.old.sent() if "/object/authenticated/" in path])

    filled(both.old, 6)
    for each in range(6):
        both.old.put("docs", f"o-{each:02}", b"%d" % each, x_robots_tag="noindex")
    other_etags(both.old, *(f"o-{each:02}" for each in range(6)))
    both.old.sent()
    assert "6 objects copied" in both.run("sync").out
    once = downloads()
    assert 7 <= once <= 12
    methods = both.run("verify", "--json").json["methods"]
    assert sum(methods.values()) == 6
    assert methods.get("MD5 taken while copying only: OLD's ETag is not an MD5", 0) == 12 - once
    both.old.put("docs", "plain", b"its ETag is the MD5", x_robots_tag="noindex")
    assert "copied again" in both.run("sync").out
    tags = "select distinct metadata ->> 'xRobotsTag' from storage.objects"
    assert both.new.database.paste(tags) == [("noindex",)]
    assert downloads() == 1 + 12 - once
    assert "copied again" not in both.run("sync").out
    assert downloads() == 0
    both.run("verify")


IN_PARTS = """
create or replace function storage.in_parts() returns trigger language plpgsql as $$ begin
    if (new.metadata->>'size')::bigint > 5 * 1024 * 1024 then
        new.metadata := new.metadata || jsonb_build_object('eTag', format('"%s-2"', md5('parts')));
    end if;
    return new;
end $$;
create trigger in_parts before insert or update on storage.objects
for each row execute function storage.in_parts()
"""
"""As Storage stores an object of more than 5 MiB in S3."""


def test_what_new_stores_in_two_parts_is_not_taken_for_another_object(both: Storages) -> None:
    filled(both.old, 1)
    both.run("sync")  # now NEW's ETags are known to be MD5
    both.old.put("docs", "a", b"a")
    both.old.put("docs", "large", b"x" * 5_500_000)
    both.new.database.paste(IN_PARTS, "postgres")
    try:
        assert "2 objects copied" in both.run("sync").out
        assert "0 objects copied" in both.run("sync").out
    finally:
        both.new.database.paste("drop function storage.in_parts cascade", "postgres")
    both.run("verify")
