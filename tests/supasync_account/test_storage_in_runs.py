"""`storage: {}` in tables.yaml: files are copied behind the tables, in every run."""

import re

import pytest

from supasync_notify.delivery import WEBHOOK
from tests.e2e.test_cutover import NEW_ANON
from tests.servers.hosted import OWNER
from tests.supasync_account.storages import CONFIG, PAGES_OF_ONE, Storages
from tests.supasync_notify.listener import listening

OWNERS = "select name, owner::text, owner_id, created_at, last_accessed_at from storage.objects order by 1"

MAY_CALL = """
select r, has_function_privilege(r, 'supasync_storage(jsonb)', 'execute')
from unnest(array['anon', 'authenticated', 'service_role']) r
"""


TIME_IS_UP = """
import time, types
from supasync_core.cli import sync
from supasync_account.storage.storage_transfer import StorageTransfer
late, took = [], StorageTransfer._took
StorageTransfer._took = lambda self, copied: (late.append(copied), took(self, copied))
sync.time = types.SimpleNamespace(monotonic=lambda: time.monotonic() + 7200 * bool(late))
"""
"""Two hours go by with the first object that is copied."""


@pytest.fixture(autouse=True)
def a_bucket(both: Storages) -> None:
    """A bucket with two objects, and a row."""
    both.old.bucket("docs", public=True)
    both.old.bucket("tmp")
    both.old.put("docs", "a", b"1")
    both.old.put("docs", "b", b"2" * 600)
    both.old.put("tmp", "c", b"3")
    both.old.database.paste("insert into public.notes (id) values (1)")


def settings(both: Storages, text: str, more: str = "") -> None:
    """Another section, and further lines above it."""
    both.space.write("tables.yaml", CONFIG.replace("storage: {}\n", f"{more}storage: {text}\n"))


def test_files_come_with_the_rows_and_the_record_has_their_numbers(both: Storages) -> None:
    settings(both, "{buckets: all, exclude: [tmp], max_per_run: 200MB}")
    dry = both.space.supasync("sync", "--dry-run")
    assert "storage: 2 objects would be copied, 601 bytes of OLD's egress; OLD has 2 objects" in dry.out
    assert both.new.buckets() == []
    assert both.space.supasync("sync", "--table", "notes").code == 0
    assert both.new.buckets() == []
    done = both.space.supasync("sync")
    assert done.code == 0, done.out + done.err
    assert done.out.index("notes: ") < done.out.index("storage: 2 objects copied (601 bytes)")
    assert [row[:2] for row in both.new.objects()] == [("docs", "a"), ("docs", "b")]
    [(details,)] = both.new.database.paste(
        "select details from public.sync_metadata order by seq desc limit 1"
    )
    assert details["steps"]["storage"]["storage"]["copied"] == 2
    assert details["costs"]["OLD"]["storage read"]["received"] > 601
    usage = both.space.supasync("usage")
    assert "storage read" in usage.out
    checked = both.space.supasync("check")
    assert checked.code == 0, checked.out


def test_a_run_whose_time_is_up_stops_between_files_and_the_next_one_continues(both: Storages) -> None:
    for number in range(40):
        both.old.put("docs", f"o-{number:02}", str(number).encode())
    settings(both, "{}", "max_runtime: 1h\n")
    before, both.space.before = both.space.before, both.space.before + TIME_IS_UP
    done = both.space.supasync("sync")
    both.space.before = before
    assert done.code == 130
    assert re.search(r"storage: \d+ objects, .*, left for the next run\n", done.err)
    assert "interrupted: confirmed rows are kept; supasync sync continues from there" in done.err
    copied = len(both.new.objects())
    assert 0 < copied < 43
    done = both.space.supasync("sync")
    assert done.code == 0, done.err
    assert f"storage: {43 - copied} objects copied" in done.out
    both.assert_equal()


def test_files_fail_alone_and_the_notification_names_them(both: Storages) -> None:
    both.old.database.paste("insert into storage.objects (bucket_id, name) values ('docs', 'no-file')")
    with listening() as heard:
        done = both.space.supasync("sync", environment={WEBHOOK: f"{heard.url}/hook"})
    assert done.code == 3
    assert heard.texts == ["supasync (work): sync fails (exit 3): storage: failed\nmore: supasync status"]
    assert "not copied: docs/no-file: OLD lists it without a size" in done.err
    both.space.assert_equal("notes")
    assert len(both.new.objects()) == 3
    settings(both, "{exclude: [docs/no-file]}")
    assert both.space.supasync("sync").code == 0


def test_a_budget_holds_file_by_file(both: Storages) -> None:
    both.old.put("docs", "large", b"x" * 400_000)
    settings(both, "{}", "budgets: {egress: 0.3MB}\non_budget: stop\n")
    done = both.space.supasync("sync")
    assert done.code == 3
    assert "of 300.0 kB egress a month" in done.err
    assert {name for _, name, *_ in both.new.objects()} == {"a", "b"}
    settings(both, "{}", "budgets: {egress: 0.3MB}\non_budget: warn\n")
    done = both.space.supasync("sync")
    assert done.code == 0, done.err
    both.assert_equal()


def test_with_connection_strings_owners_and_times_follow(both: Storages) -> None:
    for name, end in (("OLD", both.space.old), ("NEW", both.space.new)):
        both.space.environment[f"{name}_DATABASE_URL"] = end.cluster.url(end.database, OWNER)
    both.old.database.paste(
        "update storage.objects set owner_id = 'u-1', owner = '00000000-0000-4000-8000-00000000000a', "
        "created_at = '2025-01-01', last_accessed_at = '2025-01-02' where name = 'b'"
    )
    both.old.put("docs", "meta", b"m", x_metadata="eyJhIjpbMSwieCJdfQ==")
    both.old.sent()
    done = both.run("sync")
    assert "owner" not in done.out
    both.assert_equal()
    assert not [path for _, path in both.old.sent() if "/info/" in path]
    assert both.new.database.paste(OWNERS) == both.old.database.paste(OWNERS)
    both.new.put("docs", "a", b"theirs")
    both.new.database.paste("update storage.objects set owner_id = 'theirs' where name = 'a'")
    both.space.supasync("sync")
    owner = "select owner_id from storage.objects where name = 'a'"
    assert both.new.database.paste(owner) == [("theirs",)]
    both.new.put("docs", "a", b"1")
    assert both.run("sync", "--json").json["copied"] == 0
    verdict = both.run("verify", "--json").json
    assert "OLD's listing has as many objects as storage.objects" in verdict["not_compared"]
    assert not [each for each in verdict["not_compared"] if "user metadata" in each]
    both.new.database.paste("update storage.objects set user_metadata = '{}' where name = 'meta'")
    assert both.run("verify", "--json", code=1).json["changed"] == {"docs/meta": ["user metadata"]}


def test_without_a_database_that_answers_files_are_copied_all_the_same(both: Storages) -> None:
    both.space.environment["NEW_DATABASE_URL"] = "postgresql://nobody:secret-word@127.0.0.1:1/none"
    done = both.run("sync")
    both.assert_equal()
    assert "owner and times of objects are not copied: " in done.out
    assert "secret-word" not in done.out + done.err


def test_with_a_function_in_old_an_idle_hour_costs_one_request(both: Storages) -> None:
    script = both.space.supasync("schema", "sql", "--storage", "--old").out
    both.old.put("docs", "meta", b"m", x_metadata="eyJhIjpbMSwieCJdfQ==")
    both.old.database.paste(script)
    try:
        both.space.old.server.reload()
        both.old.end.server.reset()
        both.run("sync")
        both.assert_equal()
        asked = [each["path"] for each in both.old.end.server.requests()]
        assert not [path for path in asked if "/info/" in path]
        both.old.end.server.reset()
        both.new.sent()
        done = both.space.supasync("sync")
        assert "0 objects copied (0 bytes); OLD has 4 in 2 buckets, 603 bytes" in done.out
        asked = [each["path"] for each in both.old.end.server.requests()]
        assert not [path for path in asked if path.startswith("/storage/")]
        assert [path.split("?")[0] for path in asked].count("/rest/v1/rpc/supasync_storage") == 1
        assert len(both.new.sent()) == 1
        both.old.put("docs", "b", b"changed")
        both.old.bucket("more")
        assert "1 object copied" in both.run("sync").out
        both.assert_equal()
        both.old.remove("docs", "b")
        for _ in range(2):
            assert "1 object of NEW deleted in OLD" in both.space.supasync("sync").err
        assert both.old.database.paste(MAY_CALL) == [
            ("anon", False),
            ("authenticated", False),
            ("service_role", True),
        ]
    finally:
        both.old.database.paste(both.space.supasync("schema", "sql", "--storage", "--old", "--uninstall").out)
        both.space.old.server.reload()


def test_a_switch_proves_files_and_does_not_happen_without_them(both: Storages) -> None:
    both.space.supasync("sync")
    both.new.put("docs", "a", b"other")
    settings(both, "{}", "defaults: {overlap: 0s}\n")
    both.space.environment["SUPABASE_ANON_KEY"] = NEW_ANON
    done = both.space.supasync("cutover", "--yes", "--json")
    [found] = [each for each in done.json["checks"] if each["name"] == "storage"]
    assert found["result"] == "failed"
    assert found["detail"].startswith("1 object or bucket differs")
    assert found["hint"] == "list them: supasync storage verify"
    before, both.space.before = both.space.before, both.space.before + PAGES_OF_ONE
    done = both.space.supasync("cutover", "--yes", "--json")
    both.space.before = before
    [found] = [each for each in done.json["checks"] if each["name"] == "storage"]
    assert "OLD: the listing of the bucket docs was stopped behind 1 object" in found["detail"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{max_per_run: much}", "storage.max_per_run: must be a size such as 200MB"),
        ("{deletes: {docs: all}}", "storage.deletes: must be one of ignore, report, mirror"),
        ("{bucket: docs}", "storage.bucket: unknown setting"),
        ("{exclude: {a: [b]}}", "storage.exclude: expected texts, not settings"),
    ],
)
def test_a_mistake_is_named_with_its_place(both: Storages, text: str, said: str) -> None:
    settings(both, text)
    done = both.space.supasync("sync")
    assert done.code == 2
    assert said in done.err
