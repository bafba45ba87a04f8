"""A whole Storage, over runs that are killed: 1,200 odd names, sizes at the edges, and nothing sent twice."""

import signal
import time
from collections import Counter

import pytest

from tests.servers.hosted import OWNER
from tests.storage import made_objects
from tests.supasync_account.storages import Side, Storages

KILLS = 2
OWNERS = "select bucket_id, name, owner_id, created_at from storage.objects order by 1, 2"
WORKERS = 4
OBJECTS = "/storage/v1/object/"
LISTINGS = {f"{OBJECTS}list-v2/{bucket}" for bucket in ("many", "large")}


def described(side: Side) -> list[tuple[str, ...]]:
    """Every object with its bytes' hash, its versions left out."""
    return made_objects.described(side.end.cluster.url(side.end.database), side.files)


@pytest.mark.slow
def test_1200_objects_arrive_over_killed_runs_and_none_is_sent_twice(both: Storages) -> None:
    old = both.space.old
    url = old.cluster.url(old.database)
    for name, end in (("OLD", old), ("NEW", both.space.new)):
        both.space.environment[f"{name}_DATABASE_URL"] = end.cluster.url(end.database, OWNER)
    both.old.bucket("many", public=True)
    both.old.bucket("large", file_size_limit=50_000_000, allowed_mime_types=["application/*"])
    number = made_objects.put(url, both.old.files, "many", made_objects.many(1200))
    number += made_objects.put(url, both.old.files, "large", made_objects.large())
    for kill in range(KILLS):
        with both.space.command("storage", "sync") as process:
            wait_for(both.new, (kill + 1) * number // (KILLS + 2))
            process.send_signal(signal.SIGKILL)
            process.wait()
        time.sleep(0.2)  # what was under way ends
        both.new.database.paste(
            "update public.sync_metadata set lease_until = now() where lease_until > now()"
        )
    done = both.run("sync")
    assert f"OLD has {number:,} in 2 buckets" in done.out
    assert described(both.new) == described(both.old)
    assert both.new.buckets() == both.old.buckets()
    assert both.new.database.paste(OWNERS) == both.old.database.paste(OWNERS)
    sent = Counter(
        each["path"]
        for each in both.space.new.server.requests()
        if each["path"].startswith(OBJECTS) and (each["method"], each["status"]) == ("POST", 200)
    )
    assert len(sent) >= number - KILLS * WORKERS
    assert [path for path, times in sent.items() if times > 1 and path not in LISTINGS] == []
    found = both.run("verify", "--json").json
    assert (found["equal"], found["old"]) == (True, number)
    assert both.run("sync", "--json").json["copied"] == 0


def wait_for(side: Side, number: int) -> None:
    """Return once so many objects are there."""
    until = time.monotonic() + 120
    while side.database.one("select count(*) from storage.objects") < number:
        assert time.monotonic() < until
        time.sleep(0.05)
