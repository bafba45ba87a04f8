"""What `auth check` and `auth verify` say, and what they do with what is not as it should be."""

# ruff: noqa: S608 - the statements are made of the test's own ids

from collections.abc import Iterator

import pytest

from tests.servers.postgres import Cluster
from tests.supasync_account.accounts import SOUND, Projects, number, projects
from tests.supasync_postgres.test_migration import POSTGRES


@pytest.fixture(scope="module")
def both(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    with projects(cluster, tmp_path_factory.mktemp("check")) as found:
        found.sign_up(*range(1, 8))
        found.auth("sync")
        yield found


def test_check_says_what_there_is_and_what_is_not_carried(both: Projects) -> None:
    both.old.paste(
        "insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at, secret) "
        f"values (gen_random_uuid(), '{number(1)}', 'totp', 'verified', now(), now(), 'SECRETSECRET')"
    )
    done = both.auth("check")
    assert "OLD: 7 accounts, 7 with a password, 0 with a linked login, 1 with MFA factors" in done.out
    assert (
        "does not carry: MFA factors (--mfa copies them), passkeys (--passkeys copies them), sessions"
        in done.out
    )
    assert "1 account has MFA factors, which are not copied" in done.out
    assert "SECRETSECRET" not in done.out
    found = both.auth("check", "--json").json
    assert (found["accounts"]["NEW"]["accounts"], found["triggers"]) == (7, [])
    both.old.paste("delete from auth.mfa_factors")


def test_verify_says_what_differs_and_shows_no_value(both: Projects) -> None:
    changes = {
        1: f"encrypted_password = '{SOUND[:-1]}L'",
        2: 'raw_user_meta_data = \'{"name": "Somebody"}\'',
        3: "banned_until = now()",
        4: "email = 'moved@example.test'",
        5: "aud = 'other'",
        6: "email_confirmed_at = null",
    }
    for user, change in changes.items():
        both.new.paste(f"update auth.users set {change} where id = '{number(user)}'")
    both.new.paste(f"delete from auth.identities where user_id = '{number(7)}'")
    found = both.auth("verify", "--json", code=1).json
    what = ["password", "metadata", "ban", "e-mail or phone", "state", "confirmation", "identities"]
    assert found["changed"] == {number(user): [each] for user, each in enumerate(what, 1)}
    out = both.auth("verify", code=1).out
    assert f"u1@example.test ({number(1)}): password" in out
    assert "Somebody" not in out
    assert "not compared: MFA factors" in out
    assert "... (--limit, --json)" in both.auth("verify", "--limit", "2", code=1).out
    both.auth("sync", "--accept", "newer")
    both.auth("verify")


def test_the_backend_postgres_needs_no_variable_of_its_own(both: Projects) -> None:
    both.space.write("other.yaml", POSTGRES + "tables: {profiles: {}, notes: {}}\n")
    both.old.paste(f"update auth.users set role = 'x' where id = '{number(1)}'")
    done = both.space.supasync("--config", "other.yaml", "auth", "sync", "--json")
    assert (done.code, done.json["updated"]) == (0, 1), done.err
    assert both.space.supasync("--config", "other.yaml", "auth", "verify").code == 0


def test_without_a_connection_string_it_is_named(both: Projects) -> None:
    for name in ("OLD_DATABASE_URL", "NEW_DATABASE_URL"):
        url = both.space.environment.pop(name)
        try:
            for command in ("check", "sync", "verify"):
                assert f"{name} is not set" in both.auth(command, code=2).err
        finally:
            both.space.environment[name] = url


def test_one_database_under_two_names_is_refused(both: Projects) -> None:
    old = both.space.environment["OLD_DATABASE_URL"]
    both.space.environment["OLD_DATABASE_URL"] = both.space.environment["NEW_DATABASE_URL"]
    try:
        for command, code in (("check", 3), ("sync", 3), ("verify", 2)):
            assert "same database" in both.auth(command, code=code).err
    finally:
        both.space.environment["OLD_DATABASE_URL"] = old


def test_strings_that_are_swapped_write_nothing_into_old(both: Projects) -> None:
    names = ("OLD_DATABASE_URL", "NEW_DATABASE_URL")
    kept = dict(both.space.environment)
    swapped = dict(zip(names, (kept[name] for name in reversed(names)), strict=True))
    both.old.paste(f"update auth.users set role = 'swapped' where id = '{number(1)}'")
    before = both.rows("users")
    both.space.environment.update(swapped)
    try:
        assert "leads to another database" in both.auth("sync", code=3).err
    finally:
        both.space.environment.update(kept)
    assert both.rows("users") == before
    assert both.old.one("select to_regclass('public.supasync_accounts')") is None


def test_a_user_without_rights_is_told_which(both: Projects) -> None:
    url = both.space.environment["NEW_DATABASE_URL"]
    both.space.new.run(
        "drop role if exists no_rights; create role no_rights login; grant usage on schema auth to no_rights"
    )
    both.space.new.run("grant select on auth.users to no_rights")
    both.space.environment["NEW_DATABASE_URL"] = url.replace("hosted_postgres", "no_rights")
    try:
        out = both.auth("check", code=3).out
        assert "NEW: the user of the connection string lacks " in out
        assert "INSERT on auth.users" in out
        assert "row level security would hide accounts" in out
        assert "NEW" in both.auth("sync", code=3).err
        assert "NEW" in both.auth("verify", code=2).err
    finally:
        both.space.environment["NEW_DATABASE_URL"] = url
        both.space.new.run("drop owned by no_rights; drop role no_rights")


def test_a_database_that_is_no_supabase_project_is_named(both: Projects) -> None:
    both.space.new.run("alter schema auth rename to elsewhere; create schema auth")
    try:
        assert "NEW: this database has no table auth.users" in both.auth("sync", code=3).err
    finally:
        both.space.new.run("drop schema auth; alter schema elsewhere rename to auth")


def test_a_table_of_this_name_that_somebody_else_made_is_not_used(both: Projects) -> None:
    both.space.new.run("alter table public.supasync_accounts owner to postgres")
    try:
        assert "not a table of this connection's own user" in both.auth("sync", code=3).err
    finally:
        both.space.new.run("alter table public.supasync_accounts owner to hosted_postgres")


def test_the_api_shows_nobody_what_was_written_last(both: Projects) -> None:
    rights = "select has_table_privilege(r, 'public.supasync_accounts', 'select') from unnest(%s) r"
    roles = "array['anon', 'authenticated', 'service_role']::name[]"
    assert both.new.paste(rights.replace("%s", roles)) == [(False,)] * 3


def test_a_run_that_has_the_lease_keeps_others_out(both: Projects) -> None:
    both.new.paste(
        "insert into sync_metadata (run_id, sync_status, command, holder, lease_until, state) "
        "select gen_random_uuid(), 'running', 'sync', 'another machine', now() + interval '1 hour', state "
        "from sync_metadata where state is not null order by seq desc limit 1"
    )
    try:
        assert "another machine" in both.auth("sync", code=5).err
    finally:
        both.new.paste("delete from sync_metadata where holder = 'another machine'")


def test_a_copy_is_a_record_among_the_runs_and_names_nobody(both: Projects) -> None:
    both.auth("sync")
    [(command, status, details)] = both.new.paste(
        "select command, sync_status, details::text from sync_metadata order by seq desc limit 1"
    )
    assert (command, status) == ("auth sync", "success")
    assert "example.test" not in details
    assert both.space.supasync("status").code == 0
