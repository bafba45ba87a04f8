"""Thousands of new accounts go by SQL in a few transactions: exactly, and one bad account stops no other."""

# ruff: noqa: S324, S608 - the statements and ids are the test's own

import signal
import time
from collections.abc import Iterator
from hashlib import md5

import psycopg
import pytest

from tests.servers.postgres import Cluster
from tests.supasync_account.accounts import HASH, Projects, projects

MANY = """
insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, created_at,
  updated_at, confirmation_token, recovery_token, email_change_token_new, email_change, raw_app_meta_data,
  raw_user_meta_data)
select '00000000-0000-0000-0000-000000000000', md5(g::text)::uuid, 'authenticated', 'authenticated',
  'm' || g || '@example.test', '$2a$10$' || left(md5(g::text) || md5('x' || g), 53), now(), now(), now(),
  null, 'of a mail ' || g, '', '', '{{}}',
  jsonb_build_object('n', 1.10, 'a', E'a\\tb\\\\N\\n %s {{id}} ü' || g)
from generate_series({0}, {1}) g;
insert into auth.identities (provider_id, user_id, identity_data, provider, created_at, updated_at)
select p || id, id, jsonb_build_object('sub', id), p, created_at, updated_at
from auth.users, unnest(array['email', 'google']) p on conflict do nothing;
"""
EACH_TAKES_THE_NEXT = """
create temp table taken as
select id, lead(email, 1, 'free@example.test') over (order by id) as email from auth.users;
update auth.users set email = 'x.' || email;
update auth.users u set email = t.email from taken t where t.id = u.id
"""
KNOWN = "select count(distinct xmin::text) from public.supasync_accounts"
COLUMNS = "id, email, encrypted_password, email_confirmed_at, raw_user_meta_data::text, updated_at"


@pytest.fixture(scope="module")
def made(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    with projects(cluster, tmp_path_factory.mktemp("many")) as found:
        yield found


@pytest.fixture
def both(made: Projects) -> Projects:
    """OLD with 2,400 accounts, NEW with none."""
    made.old.paste("delete from auth.users;" + MANY.format(1, 2400))
    made.new.paste("delete from auth.users; drop table if exists public.supasync_accounts")
    return made


def equal(both: Projects) -> None:
    """Both sides have the same, but for what only OLD's mails wait for."""
    for table, columns in (("users", COLUMNS), ("identities", "t::text")):
        old, new = both.rows(table, columns)
        assert new == old
    tokens = "select distinct confirmation_token, recovery_token, reauthentication_token from auth.users"
    assert both.new.paste(tokens) == [("", "", "")]


def test_all_arrive_exactly_in_two_transactions(both: Projects) -> None:
    both.old.paste(
        "insert into auth.mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, "
        "updated_at, secret) select gen_random_uuid(), id, 'a', 'totp', 'verified', now(), now(), 'S' "
        "from auth.users where email like '%7@example.test'"
    )
    for end in (both.space.old, both.space.new):
        end.run("alter table auth.users add \"{names}%s{mark}'\" text default '{mark}'")
    report = both.auth("sync", "--json", "--mfa").json
    assert (report["created"], report["named"]) == (2400, [])
    equal(both)
    assert both.new.one('select distinct t."{names}%s{mark}\'" from auth.users t') == "{mark}"
    old, new = both.rows("mfa_factors", "id, user_id, secret")
    assert (len(new), new) == (240, old)
    assert both.new.one(KNOWN) == 2
    both.old.paste("update auth.users set role = 'editor' where email = 'm7@example.test'")
    report = both.auth("sync", "--json", "--mfa").json
    assert (report["created"], report["updated"], both.new.one(KNOWN)) == (0, 1, 3)
    both.auth("verify")


def test_many_that_change_their_e_mails_go_in_portions_and_together_where_they_exchange_them(
    both: Projects,
) -> None:
    both.old.paste("update auth.identities set provider_id = 'CN=' || provider_id || ',OU=all'")
    both.auth("sync")
    both.old.paste("update auth.users set email = 'to.' || email")
    assert both.auth("sync", "--json").json["updated"] == 2400
    assert both.new.one(KNOWN) == 3, "a thousand at a time"
    both.old.paste(EACH_TAKES_THE_NEXT)
    both.new.paste("insert into auth.users (id, email) values (gen_random_uuid(), 'free@example.test')")
    report = both.auth("sync", "--json", code=3).json
    assert (report["updated"], len(report["named"])) == (0, 2400), (
        "nobody gives up the e-mail of the last one"
    )
    both.new.paste("delete from auth.users where email = 'free@example.test'")
    assert both.auth("sync", "--json").json["updated"] == 2400
    assert both.new.one(KNOWN) == 1
    equal(both)


def test_a_bad_account_is_named_and_all_others_arrive(both: Projects) -> None:
    both.old.paste(
        f"update auth.users set encrypted_password = '{HASH}' where email = 'm1@example.test';"
        "update auth.users set banned_until = 'infinity' where email = 'm2@example.test'"
    )
    both.new.cluster.execute(
        both.new.database, "alter table auth.users add constraint mine check (email <> 'm3@example.test')"
    )
    try:
        report = both.auth("sync", "--json", code=3).json
    finally:
        both.new.cluster.execute(both.new.database, "alter table auth.users drop constraint mine")
    named = {each["email"].partition("@")[0]: each["what"] for each in report["named"]}
    assert sorted(named) == ["m1", "m2", "m3"]
    assert "cut short" in named["m1"]
    assert "before the year 9999" in named["m2"]
    assert "23514" in named["m3"]
    missing = both.new.paste("select email from auth.users where email ~ '^m[123]@'")
    assert (report["created"], missing) == (2398, [("m1@example.test",)])
    assert both.auth("sync", "--json", code=3).json["created"] == 1
    both.old.paste("update auth.users set banned_until = null")
    assert both.auth("sync", "--json").json["created"] == 1
    equal(both)


def test_values_that_new_changes_are_not_taken_for_copied(both: Projects) -> None:
    body = (
        "begin if current_setting('supasync.writes', true) is null then return new; end if;"
        "if new.email = 'm3@example.test' then new.role := 'mine'; end if;"
        "if new.email = 'm4@example.test' then new.role := null; end if; return new; end"
    )
    both.new.paste(
        f"create function public.mine() returns trigger language plpgsql as $$ {body} $$;"
        "create trigger mine before insert on auth.users for each row execute function public.mine()"
    )
    try:
        report = both.auth("sync", "--json", code=3).json
    finally:
        both.new.paste("drop function public.mine cascade")
    named = {each["email"].partition("@")[0]: each["what"] for each in report["named"]}
    assert sorted(named) == ["m3", "m4"]
    assert "does not keep its values" in named["m3"]
    assert "Auth cannot read or show" in named["m4"]
    kept = "select count(*), count(role) from auth.users"
    assert (report["created"], both.new.paste(kept)) == (2399, [(2399, 2399)])


def test_a_copy_that_is_killed_is_continued(both: Projects) -> None:
    """A sign-up that has not ended holds one of both portions, while the other one is kept."""
    last = max(range(1, 2401), key=lambda user: md5(str(user).encode()).hexdigest())
    count = "select count(*) from auth.users"
    with psycopg.connect(both.new.cluster.url(both.new.database)) as signing_up:
        signing_up.execute(
            "insert into auth.users (id, email) values (gen_random_uuid(), %s)", [f"m{last}@example.test"]
        )
        with both.space.command("auth", "sync") as process:
            while not both.new.one(count):
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
            process.wait()
        signing_up.rollback()
    both.new.paste("update public.sync_metadata set lease_until = now() where lease_until > now()")
    report = both.auth("sync", "--json").json
    assert (report["created"], report["named"]) == (1200, [])
    equal(both)
