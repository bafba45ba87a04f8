"""What an attack on the copy of accounts has found, and holds by now: nobody is shown, let in or robbed."""

# ruff: noqa: S608 - the statements are made of the test's own ids

from collections.abc import Iterator

import pytest

from tests.servers.hosted import OWNER
from tests.servers.postgres import Cluster
from tests.supasync_account.accounts import Projects, number, projects, sign_up

SECRETS = (
    "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$U0VDUkVUSEFTSA",
    "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=U0VDUkVUSEFTSA==$c2FsdA==$U0VDUkVUSEFTSA==",
    "plainSECRETpassword",
    '{"key_id": "k", "data": "U0VDUkVUSEFTSA"}',
)
FIRST = "if current_setting('supasync.writes', true) = 'on' then return new; end if;"
GOOGLE = (
    "insert into auth.identities (id, provider_id, user_id, identity_data, provider) "
    "values ('{0}', '{1}', '{2}', '{{}}', 'google')"
)


@pytest.fixture(scope="module")
def made(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    with projects(cluster, tmp_path_factory.mktemp("attacks")) as found:
        yield found


@pytest.fixture
def both(made: Projects) -> Projects:
    made.old.paste("delete from auth.users")
    made.new.paste("delete from auth.users; drop table if exists public.supasync_accounts")
    return made


def trigger(body: str, when: str = "before insert") -> str:
    return (
        f"create function public.mine() returns trigger language plpgsql as $$ {body} $$;"
        f"create trigger mine {when} on auth.users for each row execute function public.mine()"
    )


@pytest.mark.parametrize(
    ("state", "code"),
    [
        *((state, 3) for state in ("P0001", "22P02", "23505", "42501", "42P99", "53200", "57014")),
        *((state, 4) for state in ("40001", "55P03")),
    ],
)
def test_no_hash_is_shown_whatever_a_trigger_says(both: Projects, state: str, code: int) -> None:
    both.sign_up(1, encrypted_password=f"'{' '.join(SECRETS)}'")
    both.new.paste(
        trigger(
            "begin if current_setting('supasync.writes', true) is null then return new; end if; "
            f"raise exception using errcode = '{state}', message = 'permission denied for table ' || "
            "new.encrypted_password, detail = 'Key (' || new.encrypted_password || ')=(x) exists.', "
            "hint = new.encrypted_password; end"
        )
    )
    try:
        for args in (("sync", "--accept", "triggers"), ("sync", "--accept", "triggers", "--json")):
            done = both.auth(*args, code=code)
            assert state in done.out + done.err
            for part in ("SECRET", "U0VDUkVU", "c2FsdA"):
                assert part not in done.out + done.err
    finally:
        both.new.paste("drop function public.mine() cascade")
    [kept] = both.new.paste("select coalesce(string_agg(t::text, ''), '') from sync_metadata t")
    assert "SECRET" not in kept[0]


@pytest.mark.parametrize(
    ("column", "value", "back"),
    [
        ("banned_until", "'2999-01-01'", "timestamptz"),
        ("deleted_at", "now()", "timestamptz"),
        ("is_anonymous", "true", "boolean not null default false"),
    ],
)
def test_no_door_is_opened_by_a_column_that_new_lacks(
    both: Projects, column: str, value: str, back: str
) -> None:
    both.space.new.run(f"alter table auth.users drop column {column}")
    try:
        both.sign_up(1)
        both.auth("sync")
        both.auth("verify")
        both.old.paste(f"update auth.users set {column} = {value}")
        assert f"NEW: auth.users has no {column}" in both.auth("sync", code=3).err
        assert f"NEW: auth.users has no {column}" in both.auth("check", code=3).err
        both.auth("verify", code=2)
    finally:
        both.space.new.run(f"alter table auth.users add column {column} {back}")


def test_no_door_is_opened_by_a_column_that_new_computes(both: Projects) -> None:
    numbers = "alter table auth.users add column seq bigint generated always as identity"
    for end in (both.space.old, both.space.new):
        end.run(numbers)
    both.space.new.run(
        "alter table auth.users drop column banned_until;"
        "alter table auth.users add column banned_until timestamptz generated always as (null) stored"
    )
    try:
        both.sign_up(1)
        both.auth("sync")
        assert "columns left out of auth.users: banned_until (computed in NEW)" in both.auth("check").out
        both.old.paste("update auth.users set banned_until = '2999-01-01'")
        assert "NEW: auth.users computes banned_until, and 1 accounts" in both.auth("sync", code=3).err
        both.auth("verify", code=2)
    finally:
        both.space.new.run(
            "alter table auth.users drop column banned_until;"
            "alter table auth.users add column banned_until timestamptz"
        )
        for end in (both.space.old, both.space.new):
            end.run("alter table auth.users drop column seq")


def test_an_old_that_shows_a_part_of_it_is_named_as_old(both: Projects) -> None:
    both.old.paste(
        "insert into auth.users (id, aud, role, created_at, updated_at) select gen_random_uuid(), 'a', 'a', "
        "now(), now() from generate_series(1, 1100)"
    )
    both.space.old.run(
        "create role half login bypassrls; grant usage on schema auth to half;"
        "grant select on auth.users to half"
    )
    given = both.space.environment["OLD_DATABASE_URL"]
    both.space.environment["OLD_DATABASE_URL"] = both.old.cluster.url(both.old.database, "half")
    try:
        assert "error: OLD refuses accounts (42501)" in both.auth("sync", code=3).err
    finally:
        both.space.environment["OLD_DATABASE_URL"] = given
        both.space.old.run("drop owned by half; drop role half")


def test_no_login_is_taken_from_an_account_that_is_not_written(both: Projects) -> None:
    both.sign_up(1, 2)
    both.old.paste(GOOGLE.format(number(100), "g1", number(1)))
    both.auth("sync")
    both.new.paste(f"update auth.users set raw_user_meta_data = '{{}}' where id = '{number(1)}'")
    both.old.paste(f"update auth.identities set user_id = '{number(2)}' where provider = 'google'")
    sign_up(both.new, 7)
    both.new.paste(GOOGLE.format(number(101), "g7", number(7)))
    both.sign_up(3)
    both.old.paste(GOOGLE.format(number(101), "g7", number(3)))
    named = both.named()
    assert named["02"] == f"one of its identities is held in NEW by the account {number(1)}"
    assert named["03"] == f"one of its identities is held in NEW by the account {number(7)}"
    assert both.new.paste(
        "select user_id::text from auth.identities where provider = 'google' order by 1"
    ) == [(number(1),), (number(7),)]


def test_a_change_on_both_sides_alike_is_known_and_later_ones_are_copied(both: Projects) -> None:
    both.sign_up(1)
    both.auth("sync")
    for side in (both.old, both.new):
        side.paste("update auth.users set role = 'editor'")
    both.auth("sync")
    both.old.paste("update auth.users set banned_until = '2999-01-01'")
    assert both.auth("sync", "--json").json["updated"] == 1
    both.auth("verify")
    assert both.new.one("select extract(year from banned_until)::int from auth.users") == 2999


def test_a_ban_reaches_an_account_that_changed_in_new_or_is_too_large(both: Projects) -> None:
    both.sign_up(1, 2, 3, 4)
    both.auth("sync")
    both.new.paste(
        f"update auth.users set raw_user_meta_data = '{{\"name\": \"by Google\"}}' where id <> '{number(4)}'"
    )
    both.old.paste(
        "update auth.users set raw_user_meta_data = jsonb_build_object('photo', repeat('x', 32000000)) "
        f"where id = '{number(4)}'"
    )
    both.new.paste(f"update auth.users set banned_until = '3000-01-01' where id = '{number(2)}'")
    both.old.paste("update auth.users set banned_until = '2999-01-01'")
    both.old.paste(f"update auth.users set deleted_at = now() where id = '{number(3)}'")
    done = both.auth("sync", code=3)
    assert f"u1@example.test ({number(1)}): banned in OLD, so banned in NEW too" in done.err
    assert f"u3@example.test ({number(3)}): deleted in OLD, and can still sign in to NEW" in done.err
    assert f"u4@example.test ({number(4)}): OLD takes too long to hand it over" in done.err
    years = (
        "select extract(year from banned_until)::int, raw_user_meta_data->>'name' from auth.users order by id"
    )
    assert both.new.paste(years) == [
        (2999, "by Google"),
        (3000, "by Google"),
        (2999, "by Google"),
        (2999, "User 4"),
    ]


@pytest.mark.parametrize(
    ("body", "guarded"),
    [
        ("begin /* supasync.writes */ return new; end", "no"),
        (f"begin {FIRST} return new; end", "yes"),
        (f"begin perform 1; {FIRST} return new; end", "no"),
    ],
)
def test_a_word_in_a_trigger_is_no_guard(both: Projects, body: str, guarded: str) -> None:
    both.sign_up(1)
    both.new.paste(trigger(body).replace("trigger mine", "trigger note_supasync_user"))
    try:
        out = both.auth("check", code=0 if guarded == "yes" else 3).out
        assert f"note_supasync_user on auth.users runs public.mine; guarded: {guarded}" in out
        both.auth("sync", code=0 if guarded == "yes" else 3)
    finally:
        both.new.paste("drop function public.mine() cascade")


def test_an_account_that_new_keeps_is_named(both: Projects) -> None:
    both.sign_up(1, 2)
    both.auth("sync")
    both.old.paste(f"delete from auth.users where id = '{number(1)}'")
    both.new.paste(trigger("begin return null; end", "before delete"))
    try:
        named = both.named(3, "--deletes", "mirror", "--accept", "triggers")
        assert named["01"].startswith("not deleted: NEW keeps it, by a trigger")
    finally:
        both.new.paste("drop function public.mine() cascade")


def test_rows_that_this_user_may_not_see_hold_an_account_and_stop_no_other(both: Projects) -> None:
    both.sign_up(1, 2)
    both.auth("sync")
    both.space.new.run(
        "create schema secret; create table secret.links (who uuid references auth.users on delete cascade)"
    )
    try:
        both.old.paste(f"delete from auth.users where id = '{number(1)}'")
        both.sign_up(3)
        named = both.named(0, "--deletes", "mirror")
        assert "rows that this user may not see of secret.links.who" in named["01"]
        assert len(both.new.paste("select id from auth.users")) == 3
    finally:
        both.space.new.run("drop schema secret cascade")


def test_rows_that_policies_hide_from_their_owner_are_not_taken_for_none(both: Projects) -> None:
    """PostgreSQL deletes them with the account all the same: a foreign key asks no policy."""
    both.sign_up(1, 2)
    both.space.new.run(f"create role plain login; grant supabase_auth_admin, {OWNER} to plain")
    given = both.space.environment["NEW_DATABASE_URL"]
    both.space.environment["NEW_DATABASE_URL"] = both.new.cluster.url(both.new.database, "plain")
    try:
        both.auth("sync")
        both.new.paste(
            f"insert into public.profiles (id) values ('{number(1)}');"
            "alter table public.profiles enable row level security, force row level security"
        )
        both.old.paste(f"delete from auth.users where id = '{number(1)}'")
        both.sign_up(3)
        named = both.named(0, "--deletes", "mirror")
        assert "rows that this user may not see of public.profiles.id" in named["01"]
        assert both.new.one("select count(*) from public.profiles") == 1
        assert len(both.new.paste("select id from auth.users")) == 3
        assert both.auth("sync", "--deletes", "mirror", "--accept", "cascades", "--json").json["deleted"] == 1
        assert both.new.one("select count(*) from public.profiles") == 0
    finally:
        both.space.environment["NEW_DATABASE_URL"] = given
        both.new.paste("alter table public.profiles disable row level security, no force row level security")
        both.space.new.run("drop owned by plain; drop role plain")


def test_a_copy_that_is_refused_leaves_the_next_run_clean(both: Projects) -> None:
    both.sign_up(1)
    both.new.paste(trigger("begin return new; end"))
    try:
        records = "select count(*) from sync_metadata"
        before = both.new.one(records)
        both.auth("sync", code=3)
        assert both.new.one(records) == before
    finally:
        both.new.paste("drop function public.mine() cascade")
    both.space.new.run("alter table auth.identities add constraint none check (user_id is null) not valid")
    try:
        both.auth("sync", code=3)
    finally:
        both.space.new.run("alter table auth.identities drop constraint none")
    done = both.space.supasync("sync")
    assert "did not end cleanly" not in done.out + done.err


def test_nobody_is_let_in_who_is_banned_in_an_account_that_is_not_copied(both: Projects) -> None:
    both.sign_up(1, 2, 3, 4)
    both.auth("sync")
    both.old.paste(
        f"update auth.users set banned_until = 'infinity' where id = '{number(1)}';"
        f"update auth.users set banned_until = '2040-01-01', role = null where id = '{number(2)}';"
        "update auth.users set banned_until = '2041-01-01', email = 'own@example.test' "
        f"where id = '{number(3)}';"
        f"update auth.users set deleted_at = now(), role = null where id = '{number(4)}'"
    )
    sign_up(both.new, 5, {"email": "'own@example.test'"})
    years = "select extract(year from banned_until)::int from auth.users where email like 'u_@%' order by id"
    for _ in range(2):
        named = both.auth("sync", "--json", code=3).json["named"]
        refused = {each["id"][:2]: each["what"] for each in named if each["refused"]}
        assert sorted(refused) == ["01", "02", "03", "04"]
        assert refused["01"].startswith("banned_until is later than Auth can read")
        assert refused["04"] == "deleted in OLD, and can still sign in to NEW, where it was not written"
        assert both.new.paste(years) == [(9999,), (2040,), (2041,), (None,)]
    sound = "banned_until = '2999-01-01', role = 'x', email = id || '@example.test'"
    both.old.paste(f"update auth.users set {sound}")
    report = both.auth("sync", "--json").json
    assert (report["updated"], report["named"]) == (4, [])
