"""While OLD's API answers 402, the last gap and the switch go by its database."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import test_cutover
from tests.e2e.test_cutover import (
    APP,
    BEHIND,
    NEW_ANON,
    ROWS,
    SAVED,
    SCHEMA,
    answered,
    app,
    results,
    url,
)
from tests.e2e.workspace import Workspace, between
from tests.servers.postgres import Cluster

CONFIG = test_cutover.CONFIG + "ignore: [saved.users, saved.jobs]\n"
QUOTA = {"kind": "answer", "status": 402, "body": '{"message": "exceed_egress_quota"}', "times": None}
PAUSED = {"kind": "answer", "status": 540, "body": "<html>paused</html>", "times": None}
INSTEAD = "its database is read instead, by OLD_DATABASE_URL"


@pytest.fixture(scope="module")
def ends(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Both servers, synced over the API, and what their tables hold then kept."""
    with between(cluster, tmp_path_factory.mktemp("quota"), SCHEMA, SCHEMA, CONFIG) as made:
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
    """Synced, two rows behind; OLD's API answers 402 from here on, and its database is known."""
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
    own = (ends.folder / ".env").read_text()
    known = f"OLD_DATABASE_URL={made.old.cluster.url(made.old.database)}\n"
    made.write(".env", f"{own}ENABLE_HOURLY_SYNC=true\nSUPABASE_ANON_KEY={NEW_ANON}\n{known}")
    made.old.server.misbehave(QUOTA)
    yield made
    made.old.server.behave()
    made.requests()


def forget_database(space: Workspace) -> None:
    lines = (space.folder / ".env").read_text().splitlines(keepends=True)
    space.write(".env", "".join(line for line in lines if not line.startswith("OLD_DATABASE_URL")))


def test_the_last_gap_goes_by_the_database_with_the_same_cursors(space: Workspace) -> None:
    space.requests()
    done = space.supasync("gap", "transfer", "--json")
    assert done.code == 0, done.out + done.err
    assert INSTEAD in done.err
    assert done.json["tables"]["jobs"]["synced"] == 2
    space.assert_equal("users", "jobs")
    proof = space.supasync("verify", "--exact")
    assert (proof.code, INSTEAD in proof.err) == (0, True), proof.out + proof.err
    asked = [request["method"] for request in space.old.server.requests()]
    assert asked == ["GET", "GET"], "each command asks for one row, to see that the API is restricted"
    again = space.supasync("gap", "transfer", "--json").json
    assert [again["tables"][name]["synced"] for name in ("users", "jobs")] == [0, 0]
    space.old.server.behave()
    back = space.supasync("gap", "transfer", "--json")
    assert (back.code, INSTEAD in back.err) == (0, False), "an API that answers is read"


def test_what_the_database_sends_counts_as_egress_of_the_budget(space: Workspace) -> None:
    done = space.supasync("gap", "transfer", "--json")
    [(costs,)] = space.new.rows("select details -> 'costs' from sync_metadata order by seq desc limit 1")
    [(size,)] = space.old.rows("select sum(length(to_json(t)::text)) from jobs t where label = 'late'")
    assert costs["OLD"]["read"]["received"] > size
    space.old.run("update public.users set label = repeat('x', 30000), updated_at = now()")
    space.write("tables.yaml", CONFIG + "budgets: {egress: 20kB}\non_budget: stop\n")
    done = space.supasync("gap", "transfer")
    assert done.code == 3, done.out + done.err
    assert "egress" in done.out + done.err


def test_the_switch_goes_by_the_database_too(space: Workspace) -> None:
    before = app(space)
    space.requests()
    planned = space.supasync("cutover", "--plan")
    assert (planned.code, space.old.server.requests()) == (0, [])
    done = space.supasync("cutover", "--yes", "--json")
    assert done.code == 0, done.out + done.err
    assert INSTEAD in done.err
    assert set(results(done).values()) == {"ok"}
    assert len(space.old.server.requests()) == 1
    space.assert_equal("users", "jobs")
    assert app(space)["SUPABASE_URL"] == url(space, "new")
    assert space.supasync("cutover", "--rollback", "--yes").code == 0
    assert app(space) == before


def test_a_database_may_stand_for_the_api_of_old_beside_a_database_of_new(space: Workspace) -> None:
    lines = CONFIG.splitlines(keepends=True)
    lines[2] = 'sink: {backend: postgres, url: "${NEW_DATABASE_URL}", project: "${SUPABASE_URL}"}\n'
    space.write("tables.yaml", "".join(lines))
    space.environment["NEW_DATABASE_URL"] = space.new.cluster.url(space.new.database)
    space.old.run("insert into users select g, repeat('x', g), now() from generate_series(100, 400) g")
    done = space.supasync("gap", "transfer", "--json")
    assert (done.code, INSTEAD in done.err) == (0, True), done.out + done.err
    space.assert_equal("users", "jobs")
    assert space.supasync("verify", "--exact").code == 0


def test_without_the_variable_each_command_says_what_to_write(space: Workspace) -> None:
    forget_database(space)
    for args in (("gap", "transfer"), ("sync",), ("check",)):
        done = space.supasync(*args)
        assert done.code == 3
        assert "with its connection string in .env as OLD_DATABASE_URL" in done.out + done.err, args
    shown = space.supasync("status").out
    assert "write OLD_DATABASE_URL=postgresql://... into .env" in shown
    assert "supasync gap transfer" in shown


def test_status_names_the_way_by_the_database_that_is_known(space: Workspace) -> None:
    assert space.supasync("sync").code == 3
    shown = space.supasync("status").out
    assert "write OLD_DATABASE_URL" not in shown
    assert "supasync gap transfer" in shown


def test_a_paused_project_has_no_database_either(space: Workspace) -> None:
    space.old.server.behave()
    space.old.server.misbehave(PAUSED)
    done = space.supasync("gap", "transfer")
    assert (done.code, INSTEAD in done.err) == (3, False)
    assert "its database is paused too" in done.err
    assert space.supasync("sync").code == 3
    shown = space.supasync("status").out
    assert "OLD and its database are paused: restore it" in shown
    assert "supasync gap transfer" not in shown


def test_a_filter_of_the_api_is_not_sent_to_the_database(space: Workspace) -> None:
    space.write("tables.yaml", CONFIG.replace("  users:\n", '  users: {where: "label=neq.x"}\n'))
    before = space.new.texts("jobs")
    done = space.supasync("gap", "transfer")
    assert (done.code, "does not know the where: of users" in done.err) == (2, True), done.err
    assert space.new.texts("jobs") == before
    assert "supasync --config COPY sync --full users" in done.err
    source = 'source: {backend: postgres, url: "${OLD_DATABASE_URL}", project: "${OLD_SUPABASE_URL}"}'
    filtered = CONFIG.replace("  users:\n", "  users: {where: \"label <> 'x'\"}\n")
    space.write("COPY", f"{source}\n".join(re.split("source:.*\n", filtered)))
    copied = space.supasync("--config", "COPY", "sync", "--full", "users")
    assert copied.code == 0, copied.out + copied.err
    space.assert_equal("users", "jobs")


def test_what_is_not_a_connection_string_copies_nothing(space: Workspace) -> None:
    before = space.new.texts("jobs")
    done = space.supasync(
        "gap", "transfer", environment={"OLD_DATABASE_URL": "https://abcdefghij.supabase.co"}
    )
    assert (done.code, "OLD_DATABASE_URL must be a connection string" in done.err) == (2, True), done.err
    assert space.new.texts("jobs") == before


STAGING = "insert into public.users select g, 'STAGING', now() from generate_series(1, 9) g;"


@pytest.mark.parametrize(
    "rows",
    [STAGING, ROWS, "", "drop table public.jobs, public.users"],
    ids=["the same keys, newer", "the same keys, other times", "no rows", "no tables"],
)
def test_a_database_that_is_not_olds_copies_nothing(space: Workspace, rows: str) -> None:
    cluster, name = space.old.cluster, f"other_{space.old.database}"
    cluster.create(name, SCHEMA + rows)
    before = space.new.texts("jobs") + space.new.texts("users")
    try:
        for args in (("gap", "transfer"), ("cutover", "--yes"), ("verify",)):
            done = space.supasync(*args, environment={"OLD_DATABASE_URL": cluster.url(name)})
            assert done.code == (2 if args == ("verify",) else 3), done.out + done.err
            assert "does not have OLD's rows: is it OLD's?" in done.err
    finally:
        cluster.drop(name)
    assert space.new.texts("jobs") + space.new.texts("users") == before


def test_a_database_of_yesterday_is_not_olds_and_one_that_went_on_is(space: Workspace) -> None:
    for table in ("users", "jobs"):
        space.old.run(f"update {table} set updated_at = updated_at - interval '1 day'")  # noqa: S608 - constants
    done = space.supasync("gap", "transfer")
    assert (done.code, "is it OLD's?" in done.err) == (3, True), done.err
    space.old.run("update users set updated_at = now() where id = 1; delete from jobs where id = 1")
    space.old.run("update jobs set updated_at = updated_at + interval '1 day'")
    done = space.supasync("gap", "transfer")
    assert done.code == 0, done.out + done.err


def test_sequences_are_set_over_the_connection_string_of_new(space: Workspace) -> None:
    space.old.server.behave()
    space.new.run(BEHIND)
    shown = answered(space, "yes\n", "--json")
    assert "write NEW_DATABASE_URL, NEW's connection string, into .env" in shown.err
    known = f"NEW_DATABASE_URL={space.new.cluster.url(space.new.database)}\n"
    space.write(".env", (space.folder / ".env").read_text() + known)
    done = space.supasync("cutover", "--yes", "--json")
    assert done.code == 0, done.out + done.err
    assert results(done)["sequences"] == "ok"
    assert space.new.rows("select nextval('public.jobs_id_seq')") == [(7,)]
