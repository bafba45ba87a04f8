"""What counts as copied: NEW was asked, and what turned out to differ is sent again."""

import signal

from tests.supasync_account.storages import Side, Storages

SENT = "/storage/v1/object/docs/"
INFO = "/storage/v1/object/info/docs/"
LIST = "/storage/v1/object/list-v2/docs"
AT_ONCE = """
from supasync_account.storage import storage_transfer
storage_transfer._AT_ONCE = 1
"""
"""What is confirmed is remembered at once."""


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
    done = both.space.supasync("sync")
    assert done.code == 4
    assert "not copied: docs/o-03: NEW confirmed it and does not show it; the next run sends" in done.err
    assert "storage: 4 objects copied (4 bytes)" in done.out
    asked = [path.removeprefix(INFO) for _, path in both.new.sent() if INFO in path]
    assert sorted(asked) == [f"o-{each:02}" for each in range(5)]
    assert "1 object copied" in both.space.supasync("sync").out
    both.assert_equal()


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
    both.space.new.server.misbehave(
        confirmed("o-02"), {"kind": "hold-before", "method": "POST", "path": f"{SENT}o-07"}
    )
    slow, both.space.before = both.space.before, both.space.before + AT_ONCE
    try:
        with both.space.command("storage", "sync") as process:
            both.space.new.server.wait_held()
            process.send_signal(signal.SIGKILL)
            process.wait()
    finally:
        both.space.before = slow
    both.space.new.server.behave()
    both.new.database.paste("update public.sync_metadata set lease_until = now() where lease_until > now()")
    done = both.space.supasync("sync")
    assert done.code == 4
    assert "docs/o-02: NEW confirmed it and does not show it" in done.err
    assert both.space.supasync("sync").code == 0
    both.assert_equal()
