"""The switch from the first check to the last step, by the installed command between real servers."""

import json
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values

from supasync_core.cutover.saved_progress import digest
from tests.e2e.workspace import ENDS, NEW_KEY, OLD_KEY, Completed, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.command import COMMAND
from tests.servers.postgres import Cluster

OLD_ANON = OLD_KEY.replace("secret", "publishable")
NEW_ANON = NEW_KEY.replace("secret", "publishable")
SCHEMA = (
    ROLES
    + """
create table public.users (id bigint primary key, label text, updated_at timestamptz not null);
create table public.jobs (id bigserial primary key, user_id bigint references public.users (id), label text,
  updated_at timestamptz not null);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
ROWS = """
insert into public.users select g, 'u' || g, now() - g * interval '1 hour' from generate_series(1, 3) g;
insert into public.jobs (user_id, label, updated_at)
  select 1 + g % 3, 'j' || g, now() - g * interval '1 hour' from generate_series(1, 6) g;
"""
CONFIG = ENDS + (
    "defaults: {overlap: 0s}\n"
    "cutover: {env: app/.env, steps: [echo one >> ran.txt, echo two >> ran.txt]}\n"
    "tables:\n  users:\n  jobs: {depends_on: [users]}\n"
)
APP = """\
# the app
export SUPABASE_URL="{old}" # its database
SUPABASE_ANON_KEY=sb_publishable_for_tests_old
SUPABASE_SERVICE_ROLE_KEY='sb_secret_for_tests_old'
HOOK={old}/functions/v1/hook
PORT=8000
ENABLE_HOURLY_SYNC=true
"""
BEHIND = "alter sequence public.jobs_id_seq restart"


BROKEN = (
    BEHIND
    + """;
alter table public.jobs add constraint late check (label <> 'late');
update public.users set label = 'x';
create function f() returns trigger language plpgsql as 'begin return new; end';
create trigger t before insert on public.users for each row execute function f();
alter table public.users disable trigger t;
"""
)
MENDED = "alter table public.jobs drop constraint late; drop function f cascade"
SAVED = ("users", "jobs", "sync_metadata")


@pytest.fixture(scope="module")
def ends(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Both servers, synced, and what their tables hold then set by."""
    with between(cluster, tmp_path_factory.mktemp("ends"), SCHEMA, SCHEMA, CONFIG) as made:
        made.ready().old.run(ROWS)
        assert made.supasync("sync").code == 0
        for end, names in ((made.old, SAVED[:2]), (made.new, SAVED)):
            end.run(
                "create schema saved;"
                + ";".join(f"create table saved.{name} as table public.{name}" for name in names)
            )
        yield made


@pytest.fixture
def space(ends: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    """Synced, with an app's .env, and two rows that the last sync has to bring."""
    made = Workspace(tmp_path, ends.old, ends.new)
    for end, names in ((made.old, SAVED[:2]), (made.new, SAVED)):
        end.run(
            f"truncate {','.join(names)};"
            + ";".join(f"insert into public.{n} overriding system value table saved.{n}" for n in names)
        )
    made.old.run("update public.jobs set label = 'late', updated_at = now() where id in (1, 2)")
    made.new.run("select setval('public.jobs_id_seq', 1000)")
    made.write("tables.yaml", CONFIG)
    (tmp_path / "app").mkdir()
    made.write("app/.env", APP.format(old=url(made, "old")))
    (tmp_path / "app" / ".env").chmod(0o640)
    own = (ends.folder / ".env").read_text()
    made.write(".env", own + f"ENABLE_HOURLY_SYNC=true\nSUPABASE_ANON_KEY={NEW_ANON}\n")
    yield made
    made.new.server.behave()
    made.requests()


def url(space: Workspace, side: str) -> str:
    address: str = getattr(space, side).server.url
    return address.removesuffix("/rest/v1")


def app(space: Workspace) -> dict[str, str | None]:
    """What the app reads from its .env."""
    return dotenv_values(stream=StringIO((space.folder / "app/.env").read_text()))


def answered(space: Workspace, answers: str, *args: str) -> Completed:
    """Run the command with a person's answers."""
    done = subprocess.run(
        [COMMAND, "cutover", *args],
        cwd=space.folder,
        env={"HOME": str(space.folder), "PATH": "/usr/bin:/bin"},
        input=answers,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Completed(done.returncode, done.stdout, done.stderr)


def results(done: Completed) -> dict[str, str]:
    """Each check's result."""
    return {check["name"]: check["result"] for check in done.json["checks"]}


def files(space: Workspace) -> dict[str, bytes]:
    """Every file of the folder."""
    return {str(path): path.read_bytes() for path in space.folder.rglob("*") if path.is_file()}


def assert_open(space: Workspace, before: dict[str, str | None]) -> None:
    """Nothing was switched."""
    assert app(space) == before
    assert space.supasync("state", "show", "--json").json["closed"] is None


def test_the_whole_switch(space: Workspace) -> None:
    space.write("tables.yaml", CONFIG.replace("0s", "1s"))
    before = app(space)
    space.new.run(BEHIND)
    done = space.supasync("cutover", "--yes")
    assert done.code == 3, done.out + done.err
    assert "failed    sequences: " in done.out
    assert "setval(" in done.out
    assert_open(space, before)

    space.new.run(space.supasync("schema", "sql", "--sequences").out)
    space.requests()
    done = space.supasync("cutover", "--yes", "--json")
    assert done.code == 0, done.out + done.err
    assert set(results(done).values()) == {"ok"}
    assert [text.split()[0] for text in done.json["left"]] == ["HOOK"]
    assert {request["method"] for request in space.old.server.requests()} <= {"GET", "HEAD"}
    space.assert_equal("users", "jobs")

    text = (space.folder / "app/.env").read_text()
    old, new = url(space, "old"), url(space, "new")
    assert text.startswith(
        f'# the app\n# export SUPABASE_URL="{old}" # its database\nexport SUPABASE_URL="{new}"\n'
    )
    wanted = {"SUPABASE_URL": new, "SUPABASE_ANON_KEY": NEW_ANON, "SUPABASE_SERVICE_ROLE_KEY": NEW_KEY}
    assert app(space) == {**before, **wanted, "ENABLE_HOURLY_SYNC": "false"}
    assert stat.S_IMODE((space.folder / "app/.env").stat().st_mode) == 0o640
    (kept,) = (space.folder / "app").glob(".env.old-*")
    assert kept.read_text() == APP.format(old=old)
    assert "\nENABLE_HOURLY_SYNC=false\n" in (space.folder / ".env").read_text()
    assert (space.folder / "ran.txt").read_text() == "one\ntwo\n"
    _check_certificate(Path(done.json["certificate"]))

    on = {"ENABLE_HOURLY_SYNC": "true"}
    assert "closed" in space.supasync("sync", environment=on).err
    space.write("users.csv", "id,label,updated_at\n9,late,2024-01-01 00:00:00+00\n")
    assert "closed" in space.supasync("gap", "import", ".", "--yes").err
    again = space.supasync("cutover", "--yes", "--json")
    assert again.code == 0
    assert (space.folder / "ran.txt").read_text() == "one\ntwo\n"


def _check_certificate(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert "for_tests" not in text
    told = json.loads(text)
    assert told.pop("digest") == digest(told)
    assert told["accepted"] == []
    assert told["steps"] == ["1: echo one >> ran.txt", "2: echo two >> ran.txt"]
    proof = next(check for check in told["checks"] if check["name"] == "verification")
    jobs = proof["evidence"]["tables"]["jobs"]
    assert (jobs["old"], jobs["new"], jobs["method"]) == (6, 6, "whole rows")
    assert proof["evidence"]["values_compared"]
    assert "compared by whole rows: equal" in proof["detail"]
    assert len(jobs["digest"]) == 64


def test_each_failing_check_refuses_and_is_accepted_by_name_alone(space: Workspace) -> None:
    before = app(space)
    space.new.run(BROKEN)
    own = (space.folder / ".env").read_text()
    space.write(".env", own.replace(NEW_ANON, "sb_publishable_of_another_project"))
    done = space.supasync("cutover", "--yes", "--json")
    assert done.code == 3
    assert results(done)["keys"] == "failed"
    assert results(done)["sync"] == "skipped"
    space.write(".env", own)
    done = space.supasync("cutover", "--yes", "--json", "--exact")
    bad = ["quarantine", "verification", "sequences", "triggers"]
    assert [name for name, result in results(done).items() if result == "failed"] == bad
    assert_open(space, before)
    named = [word for name in bad[1:] for word in ("--accept", name)]
    assert space.supasync("cutover", "--yes", "--exact", *named).code == 3
    assert_open(space, before)
    place = space.folder / "mine.json"
    named += ["--accept", "quarantine", "--certificate", str(place)]
    done = space.supasync("cutover", "--yes", "--exact", *named)
    assert done.code == 0, done.out + done.err
    assert json.loads(place.read_text())["accepted"] == bad
    space.new.run(MENDED)


def test_somebody_who_still_writes_to_old_is_noticed(space: Workspace) -> None:
    space.write("tables.yaml", CONFIG.replace("0s", "1s"))
    before = app(space)
    done = threading.Event()

    def write() -> None:
        while not done.wait(0.2):
            space.old.run("update public.users set updated_at = now() where id = 1")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = space.supasync("cutover", "--yes", "--json")
    finally:
        done.set()
        writer.join()
    assert found.code == 3
    assert results(found)["quiet"] == "failed"
    assert "still writes to OLD" in found.out
    assert_open(space, before)


def test_a_plan_shows_everything_and_changes_nothing(space: Workspace) -> None:
    space.new.run(BEHIND)
    before, rows = files(space), space.new.texts("sync_metadata")
    space.requests()
    done = space.supasync("cutover", "--plan")
    assert done.code == 0, done.out + done.err
    for text in ("planned   sync", "failed    sequences", "ok        keys", "SUPABASE_URL", "echo one"):
        assert text in done.out
    assert "supabase functions deploy --project-ref" in done.out
    assert "ok        identity" in done.out
    assert "--identity always" not in done.out, "what is as it should be needs nothing"
    assert files(space) == before
    assert space.old.server.requests() == []
    assert {request["method"] for request in space.new.server.requests()} == {"GET"}
    assert space.new.texts("sync_metadata") == rows


def test_the_answer_no_switches_nothing(space: Workspace) -> None:
    before = app(space)
    assert answered(space, "maybe\nno\n").code == 3
    done = answered(space, "yes\nno\n")
    assert done.code == 3
    assert "Switch the app to NEW now" in done.err
    assert_open(space, before)
    done = answered(space, "yes\nyes\nyes\nno\n")
    assert done.code == 3
    assert "stopped before step 2" in done.err
    assert (space.folder / "ran.txt").read_text() == "one\n"
    assert answered(space, "yes\n").code == 0
    assert (space.folder / "ran.txt").read_text() == "one\ntwo\n"


@pytest.mark.parametrize("kind", ["hold-before", "hold-after"])
def test_killed_between_env_and_closing_it_is_completed(space: Workspace, kind: str) -> None:
    rule = {"kind": kind, "path": "rpc/supasync_save", "nth": 3}
    space.new.server.misbehave(rule)
    with space.command("cutover", "--yes") as process:
        space.new.server.wait_held(seconds=60)
        process.send_signal(signal.SIGKILL)
    space.new.server.behave()
    assert app(space)["SUPABASE_URL"] == url(space, "new")
    space.new.run("update public.jobs set label = 'by the app', updated_at = now() where id = 3")
    told = space.supasync("cutover", "--rollback", "--plan").out
    assert "jobs: 1 row newer than the switch" in told
    assert "NEW was not closed" in told
    space.requests()
    done = space.supasync("cutover", "--yes")
    assert done.code == 0, done.out + done.err
    assert space.old.server.requests() == []
    assert len(list((space.folder / "app").glob(".env.old-*"))) == 1
    assert (space.folder / "ran.txt").read_text() == "one\ntwo\n"
    assert list((space.folder / ".supasync").glob("cutover-*.json"))
    assert space.new.rows("select label from public.jobs where id = 3") == [("by the app",)]
    on = {"ENABLE_HOURLY_SYNC": "true"}
    assert space.supasync("sync", environment=on).code == 3


def test_rollback_restores_the_env_and_tells_what_new_got(space: Workspace) -> None:
    before = files(space)
    assert space.supasync("cutover", "--yes").code == 0
    space.new.run("update public.jobs set updated_at = now() + interval '1 second' where id < 3")
    edited = space.folder / "app/.env"
    switched = edited.read_text()
    edited.write_text(switched + "MORE=1\n")
    assert "was changed since the switch" in space.supasync("cutover", "--rollback", "--yes").err
    done = space.supasync("cutover", "--rollback", "--yes", "--accept", "env")
    assert done.code == 0, done.out + done.err
    assert "jobs: 2 rows newer than the switch; 6 rows then, 6 now" in done.out
    assert "supasync state reopen" in done.out
    for name in (".env", "app/.env"):
        path = str(space.folder / name)
        assert Path(path).read_bytes() == before[path]
    assert any(path.read_text().endswith("MORE=1\n") for path in edited.parent.glob(".env.old-*"))
    assert "next: the app was switched back to OLD: supasync state reopen" in space.supasync("status").out
    assert space.supasync("report").code == 0
    page = (space.folder / "supasync-report.html").read_text()
    assert "The app was switched back to OLD. NEW is closed" in page
    assert "delete OLD" not in page
    assert "It was switched back at" in page
    assert "but" in space.supasync("cutover", "--yes").err
    assert space.supasync("state", "reopen").code == 0
    done = space.supasync("cutover", "--yes")
    assert done.code == 0, done.out + done.err
    assert edited.read_text() == switched
    assert "then delete OLD" in space.supasync("status").out


def test_after_the_gap_old_is_not_asked(space: Workspace) -> None:
    done = space.supasync("cutover", "--yes", "--after-gap", "--json")
    assert results(done)["gap"] == "failed"
    export = space.folder / "export"
    export.mkdir()
    for query in ("select id, label, updated_at from users", "select * from jobs"):
        name = query.rpartition(" ")[2]
        (export / f"{name}.csv").write_text(space.old.csv(query))
    assert space.supasync("gap", "import", "export", "--yes", "--dialect", "psql").code == 0
    space.requests()
    done = space.supasync("cutover", "--yes", "--after-gap", "--json")
    assert done.code == 0, done.out + done.err
    assert space.old.server.requests() == []
    assert results(done)["verification"] == "skipped"
    told = json.loads(Path(done.json["certificate"]).read_text())
    assert "not possible without OLD" in json.dumps(told["checks"])


def test_values_are_compared_unless_that_costs_much_and_somebody_says_no(space: Workspace) -> None:
    space.new.run("update public.users set label = 'silent' where id = 3")
    space.write("tables.yaml", CONFIG + "budgets: {egress: 2kB}\n")
    done = answered(space, "yes\nno\nno\n", "--json")
    assert "Compare every value? That takes about" in done.err
    (proof,) = [check for check in done.json["checks"] if check["name"] == "verification"]
    assert (proof["result"], proof["evidence"]["values_compared"]) == ("ok", False)
    assert "values were not compared" in proof["detail"]
    done = space.supasync("cutover", "--yes", "--json")
    assert (done.code, results(done)["verification"]) == (3, "failed")
    space.write("tables.yaml", CONFIG)
    assert results(space.supasync("cutover", "--yes", "--json"))["verification"] == "failed"
    done = answered(space, "yes\nno\n", "--no-exact")
    assert "Compare every value?" not in done.err


def test_digests_compare_every_value_and_nobody_is_asked(space: Workspace) -> None:
    space.write("tables.yaml", CONFIG + "budgets: {egress: 2kB}\n")
    for end, options in ((space.old, ("--old",)), (space.new, ())):
        end.run(space.supasync("schema", "sql", *options).out)
    try:
        done = answered(space, "yes\nno\n", "--json")
        assert "Compare every value?" not in done.err
        (proof,) = [check for check in done.json["checks"] if check["name"] == "verification"]
        assert (proof["result"], proof["evidence"]["values_compared"]) == ("ok", True)
        assert "compared by digests: equal" in proof["detail"]
        space.new.run("update public.users set label = 'silent' where id = 3")
        done = answered(space, "yes\nno\n", "--json")
        assert results(done)["verification"] == "failed"
    finally:
        space.old.run(space.supasync("schema", "sql", "--old", "--uninstall").out)


def test_triggers_that_were_off_come_on_after_the_last_sync_and_no_row_is_sent_again(
    space: Workspace,
) -> None:
    touch = "begin new.updated_at := now(); return new; end"
    space.new.run(
        f"create function touch() returns trigger language plpgsql as $$ {touch} $$;"
        "create trigger touch before update on public.jobs for each row execute function touch();"
        + space.supasync("schema", "sql", "--triggers", "off").out
    )
    try:
        done = space.supasync("cutover", "--yes", "--json")
        assert [name for name, result in results(done).items() if result == "failed"] == ["triggers"], (
            done.out
        )
        space.new.run(space.supasync("schema", "sql", "--triggers", "on").out)
        done = space.supasync("cutover", "--yes", "--json")
        assert done.code == 0, done.out + done.err
        (last,) = [check for check in done.json["checks"] if check["name"] == "sync"]
        assert "OLD has not changed since" in last["detail"]
        space.assert_equal("users", "jobs")
    finally:
        space.new.run("drop function touch() cascade")


def test_guarded_triggers_are_on_for_the_switch(space: Workspace) -> None:
    touch = "begin new.updated_at := now(); return new; end"
    space.new.run(
        f"create function touch() returns trigger language plpgsql as $$ {touch} $$;"
        "create trigger touch before update on public.jobs for each row execute function touch();"
        + space.supasync("schema", "sql", "--triggers", "guard").out
    )
    try:
        done = space.supasync("cutover", "--yes", "--json")
        assert done.code == 0, done.out + done.err
        assert set(results(done).values()) == {"ok"}
        space.assert_equal("users", "jobs")
    finally:
        space.new.run("drop function touch() cascade")


def test_bad_input_is_said_in_a_sentence(space: Workspace) -> None:
    assert "unknown check sequence, did" in space.supasync("cutover", "--plan", "--accept", "sequence").err
    assert space.supasync("cutover", "--accept", "env").code == 2
    assert space.supasync("cutover", "--certificate", "no/such/file.json").code == 2
    (space.folder / "app/.env").chmod(0o440)
    done = space.supasync("cutover", "--yes", "--json")
    assert done.code == 3
    assert (results(done)["env"], results(done)["writers"]) == ("failed", "skipped")
    assert "is read-only" in done.out


def test_what_a_killed_run_has_sent_is_waited_for(space: Workspace) -> None:
    space.new.server.misbehave({"kind": "hold-before", "method": "POST", "path": "/jobs"})
    before = app(space)
    with space.command("sync") as process:
        space.new.server.wait_held(seconds=60)
        process.send_signal(signal.SIGKILL)
    found = space.supasync("cutover", "--yes", "--json")
    assert found.code == 3
    assert results(found)["sync"] == "failed"
    assert "what it has sent may arrive in NEW until" in found.out
    assert_open(space, before)
