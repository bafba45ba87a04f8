"""What OLD's files may cost: every download is asked for, also that of a file that has grown, and repeats."""

from tests.supasync_account.storages import CONFIG, Storages
from tests.supasync_account.test_storage_proof import other_etags

READ = "/storage/v1/object/authenticated/docs/"
SENT = "/storage/v1/object/docs/"
AGAIN = "left for later runs by max_per_run"


def settings(both: Storages, section: str, budget: str) -> None:
    """A section for Storage, and a budget that stops."""
    text = f"budgets: {{egress: {budget}}}\non_budget: stop\nstorage: {section}\n"
    both.space.write("tables.yaml", CONFIG.replace("storage: {}\n", text))


def read(both: Storages) -> list[str]:
    """The downloads of OLD's files since the last call."""
    return [path for _, path in both.old.sent() if path.startswith(READ)]


def test_a_file_that_grows_and_one_that_is_sent_again_are_asked_for_again(both: Storages) -> None:
    both.old.bucket("docs")
    both.old.put("docs", "grows", b"x")
    both.old.put("docs", "other", b"y")
    for section, budget, code, said in (
        ("{max_per_run: 1MB}", "100MB", 0, f"1 object, 3.0 MB, {AGAIN}"),
        ("{}", "2MB", 3, "of 2.0 MB egress a month"),
    ):
        settings(both, section, budget)
        both.old.put("docs", "grows", b"x")
        both.space.old.server.misbehave({"kind": "hold-before", "path": f"{READ}grows"})
        with both.space.command("storage", "sync") as process:
            both.space.old.server.wait_held()
            both.old.put("docs", "grows", b"y" * 3_000_000)
            read(both)
            both.space.old.server.release()
            out, err = process.communicate()
        assert process.returncode == code, out + err
        assert said in out + err
        assert [path for path in read(both) if path.endswith("grows")] == [f"{READ}grows"]
        both.space.old.server.behave()
    settings(both, "{max_per_run: 1MB}", "100MB")
    both.run("sync")
    both.assert_equal()


def test_large_files_stop_no_run_before_the_budget_is_used(both: Storages) -> None:
    settings(both, "{}\nworkers: 2", "4MB")
    both.old.bucket("docs")
    for name, args in (("a", ["sync"]), ("b", ["storage", "sync"])):
        for number in range(6):
            both.old.put("docs", f"{name}-{number}", b"%d" % number * 300_000)
        done = both.space.supasync(*args)
        assert done.code == 0, done.out + done.err
        both.assert_equal()


RECORDED = """
from supasync_core.project import lease
lease.UNRECORDED = 500_000
"""


def test_what_a_killed_run_has_read_counts(both: Storages) -> None:
    settings(both, "{}\nworkers: 1", "2.5MB")
    both.old.bucket("docs")
    for number in range(40):
        both.old.put("docs", f"o-{number:02}", bytes([number]) * 100_000)
    both.space.new.server.misbehave({"kind": "hold-before", "method": "POST", "path": f"{SENT}o-20"})
    both.kill(RECORDED)
    assert "of 2.5 MB egress a month" in both.run("sync", code=3).err
    assert len(both.new.objects()) < 32


def test_what_new_does_not_take_is_not_read_again_and_again(both: Storages) -> None:
    both.old.bucket("docs")
    both.old.put("docs", "a", b"x" * 1_000_000)
    both.space.new.server.misbehave(
        {"kind": "answer", "status": 503, "method": "POST", "path": SENT, "times": None}
    )
    both.old.sent()
    for section, budget, code, downloads, said in (
        ("{}", "2.5MB", 3, 2, "of 2.5 MB egress a month"),
        ("{max_per_run: 1.5MB}", "100MB", 0, 1, f"1 object, 1.0 MB, {AGAIN}"),
    ):
        settings(both, section, budget)
        done = both.run("sync", code=code)
        assert said in done.out + done.err
        assert len(read(both)) == downloads
    both.space.new.server.behave()
    both.run("sync")
    both.assert_equal()


def test_what_new_refuses_does_not_keep_others_waiting(both: Storages) -> None:
    both.old.bucket("docs")
    for name, size in (("big", 2_000_000), ("big-too", 2_000_000), ("small", 1)):
        both.old.put("docs", name, b"x" * size)
    refusal = {"status": 400, "body": '{"statusCode": "415", "error": "invalid_mime_type"}'}
    where = {"method": "POST", "path": f"{SENT}big$", "times": None}
    both.space.new.server.misbehave({"kind": "answer", **refusal, **where})
    settings(both, "{max_per_run: 1MB}", "100MB")
    both.old.sent()
    for name, code in (("big", 3), ("big-too", 0), ("small", 0), ("big", 3)):
        both.run("sync", code=code)
        assert read(both) == [f"{READ}{name}"]


def test_the_second_read_that_proves_a_file_is_let_through_by_max_per_run_and_not_by_a_budget(
    both: Storages,
) -> None:
    names = ["o-1", "o-2", "o-3"]
    both.old.bucket("docs")
    for name in names:
        both.old.put("docs", name, b"x" * 600_000)
    other_etags(both.old, *names)
    both.old.sent()
    for budget, code, downloads in (
        ("1MB", 3, 1),
        ("100MB", 0, 2),
        ("100MB", 0, 1),
        ("100MB", 0, 1),
        ("100MB", 0, 0),
    ):
        settings(both, "{max_per_run: 1MB}", budget)
        both.run("sync", code=code)
        assert len(read(both)) == downloads
    both.run("verify", "--exact")
