"""`auth: {}` in tables.yaml: accounts arrive before the rows that refer to them, in every run."""

# ruff: noqa: S608 - the statements are made of the test's own ids

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.test_cutover import NEW_ANON
from tests.servers.postgres import Cluster
from tests.supasync_account.accounts import CONFIG, PROFILES, Projects, number, projects

WITH = CONFIG.replace("tables:\n", "auth: {}\ntables:\n")
CLEAN = "delete from public.notes; delete from auth.users"


@pytest.fixture(scope="module")
def made(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    with projects(cluster, tmp_path_factory.mktemp("runs"), config=WITH) as found:
        found.space.keep()
        yield found


@pytest.fixture
def both(made: Projects) -> Projects:
    made.old.paste(CLEAN)
    made.new.paste(CLEAN)
    made.space.again()
    made.new.paste("drop table if exists public.supasync_accounts")
    return made


def with_profiles(both: Projects, *users: int) -> None:
    both.sign_up(*users)
    for user in users:
        both.old.paste(
            f"insert into public.profiles (id, name) values ('{number(user)}', 'User {user}');"
            f"insert into public.notes (id, author) values ({user}, '{number(user)}')"
        )


def test_the_profile_arrives_in_the_same_run_as_its_account(both: Projects) -> None:
    with_profiles(both, 1, 2)
    done = both.space.supasync("sync")
    assert done.code == 0, done.out + done.err
    assert "auth: 2 created, 0 updated, 0 deleted; OLD has 2" in done.out
    both.space.assert_equal("profiles", "notes")
    both.assert_equal()
    with_profiles(both, 3)
    report = both.space.supasync("sync", "--json").json
    assert report["status"] == "success"
    assert report["steps"]["auth"]["accounts"]["created"] == 1
    both.space.assert_equal("profiles", "notes")


def test_rows_that_waited_for_their_account_come_with_it(both: Projects) -> None:
    with_profiles(both, 1)
    both.space.write("tables.yaml", CONFIG)
    done = both.space.supasync("sync")
    assert done.code == 3
    assert "copy the accounts to NEW: supasync auth sync" in done.err
    both.space.write("tables.yaml", WITH)
    done = both.space.supasync("sync")
    assert done.code == 0, done.out + done.err
    both.space.assert_equal("profiles", "notes")
    assert "no row is quarantined" in both.space.supasync("quarantine", "list").out


def test_it_fails_alone_and_the_run_says_so(both: Projects) -> None:
    with_profiles(both, 1)
    both.sign_up(2, role="null")
    both.old.paste("insert into public.notes (id) values (100)")
    done = both.space.supasync("sync")
    assert done.code == 3
    assert f"not copied: u2@example.test ({number(2)}): role is NULL" in done.err
    assert "auth: 1 account was not copied" in done.err
    both.space.assert_equal("profiles", "notes")
    assert both.new.one("select error_message from sync_metadata order by seq desc limit 1").startswith(
        "auth: 1"
    )


def test_without_a_connection_string_tables_are_copied_all_the_same(both: Projects) -> None:
    both.old.paste("insert into public.notes (id) values (100)")
    done = both.space.supasync("sync", environment={"OLD_DATABASE_URL": ""})
    assert done.code == 2
    assert "OLD_DATABASE_URL is not set" in done.err
    both.space.assert_equal("notes")


def test_one_table_leaves_accounts_out_and_a_dry_run_writes_none(both: Projects) -> None:
    both.sign_up(1)
    assert "auth" not in both.space.supasync("sync", "--table", "notes").out
    assert "auth: would create 1 and update 0 accounts" in both.space.supasync("sync", "--dry-run").out
    dry = both.space.supasync("sync", "--dry-run", "--json").json
    assert dry["steps"] == {"auth": "would create 1 and update 0 accounts"}
    assert both.new.paste("select id from auth.users") == []


def test_deletes_are_mirrored_where_the_section_says_so(both: Projects) -> None:
    both.sign_up(1, 2)
    both.space.write("tables.yaml", WITH.replace("{}", "{deletes: mirror}"))
    assert both.space.supasync("sync").code == 0
    both.old.paste(f"delete from auth.users where id = '{number(1)}'")
    assert "1 deleted" in both.space.supasync("sync").out
    both.assert_equal()


def test_the_only_row_that_was_copied_may_go_with_its_account(both: Projects) -> None:
    both.sign_up(1, 2)
    both.old.paste(
        "insert into public.profiles (id, name, updated_at) "
        f"values ('{number(1)}', 'User 1', now() - interval '9 days')"
    )
    assert [both.space.supasync("sync").code for _ in range(2)] == [0, 0]
    both.old.paste(f"delete from auth.users where id = '{number(1)}'")
    both.sign_up(3)
    done = both.space.supasync("sync")
    assert done.code == 0, done.err
    assert "auth: 1 created" in done.out


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("auth: {deletes: never}", "auth.deletes: must be one of ignore, report, mirror"),
        ("auth: {triggers: off}", "auth.triggers: must be refuse or fire"),
        ("auth: {every: often}", "auth.every: must be a duration"),
        ("auth: {flag: a-b}", "auth.flag: must be a name"),
        ("auth: {evry: 24h}", "auth.evry: unknown setting"),
        ("auth: yes", "auth: expected settings or nothing"),
        ("atuh: {}", "atuh: unknown setting, did you mean auth"),
    ],
)
def test_a_mistake_in_the_section_has_its_place(both: Projects, written: str, said: str) -> None:
    both.space.write("tables.yaml", WITH.replace("auth: {}", written))
    done = both.space.supasync("check")
    assert done.code == 2
    assert said in done.err.replace("; ", ", ")
    line = WITH[: WITH.index("auth:")].count("\n") + 1
    assert f"tables.yaml:{line}:" in done.err


def test_check_names_what_is_in_the_way_and_cutover_proves_accounts(both: Projects) -> None:
    both.sign_up(1)
    both.new.paste(PROFILES.replace("set role hosted_postgres;", "").replace("reset role;", ""))
    try:
        done = both.space.supasync("check")
        assert done.code == 3
        assert "on_auth_user_created would fire for each account" in done.out
        assert "on_auth_user_created (auth.users) would fire" in both.space.supasync("sync").err
        both.space.write("tables.yaml", WITH.replace("{}", "{triggers: fire}"))
        assert "would fire" not in both.space.supasync("check").out.replace("auth sync does not begin", "")
    finally:
        both.new.paste("drop function public.handle_new_user() cascade")


def test_a_switch_proves_accounts_and_does_not_happen_without_them(both: Projects) -> None:
    """The sync before a switch waits for no schedule, which the hourly one does."""
    once = WITH.replace("{}", "{every: 24h}")
    both.space.write("tables.yaml", once.replace("tables:", "defaults: {overlap: 0s}\ntables:"))
    both.space.environment["SUPABASE_ANON_KEY"] = NEW_ANON
    with_profiles(both, 1)
    assert both.space.supasync("sync").code == 0
    both.sign_up(2, role="null")
    both.sign_up(3)
    assert "auth: not due: every 1d" in both.space.supasync("sync").out
    first = switch(both)
    assert first["auth"]["detail"].startswith("1 account differs: 1 missing in NEW")
    assert first["auth"]["hint"] == "copy them: supasync auth sync; list them: supasync auth verify"
    both.old.paste("update auth.users set role = 'x' where role is null")
    both.auth("sync")
    both.new.paste(f"update auth.users set encrypted_password = '$2a$06$other' where id = '{number(2)}'")
    assert switch(both)["auth"]["detail"].startswith("1 account differs: 0 missing in NEW, 0 only there")
    both.auth("sync", "--accept", "newer")
    proof = switch(both)["auth"]
    assert proof["result"] == "ok"
    assert "3 accounts compared by digests, password hashes included: equal" in proof["detail"]
    assert "MFA factors" in proof["detail"]


def switch(both: Projects) -> dict[str, Any]:
    done = both.space.supasync("cutover", "--yes", "--json")
    return {each["name"]: each for each in done.json["checks"]}


def test_with_the_section_a_reference_to_accounts_is_no_finding_and_the_guard_is_a_step(
    both: Projects,
) -> None:
    both.new.paste(both.space.supasync("schema", "sql").out)
    out = both.space.supasync("check").out
    assert "refers to auth.users" not in out
    assert "foreign-keys off" not in out
    both.new.paste(PROFILES.replace("set role hosted_postgres;", "").replace("reset role;", ""))
    try:
        assert "supasync schema sql --triggers guard" in both.space.supasync("setup").out
    finally:
        both.new.paste("drop function public.handle_new_user() cascade")
    both.space.write("tables.yaml", CONFIG)
    assert "refers to auth.users, which is not copied" in both.space.supasync("check").out
