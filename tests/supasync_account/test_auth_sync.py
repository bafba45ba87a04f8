"""Accounts are copied by SQL and by functions: all of them, exactly, and only what changed."""

# ruff: noqa: S608 - the statements are made of the test's own ids

from collections.abc import Iterator

import pytest

from tests.servers.postgres import Cluster
from tests.supasync_account.accounts import HASH, SOUND, Projects, number, projects, sign_up

CLEAN = "delete from public.notes; delete from auth.users"


@pytest.fixture(scope="module")
def made(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    with projects(cluster, tmp_path_factory.mktemp("accounts")) as found:
        yield found


@pytest.fixture(scope="module", params=["sql", "functions"])
def way(made: Projects, request: pytest.FixtureRequest) -> Projects:
    """Both projects, of which nothing but the way is another; by functions there is no connection string."""
    if request.param == "functions":
        made.by_functions()
    return made


@pytest.fixture
def both(way: Projects) -> Projects:
    way.old.paste(CLEAN)
    way.new.paste(CLEAN + "; drop table if exists public.supasync_accounts")
    return way


def test_every_column_arrives_as_old_has_it(both: Projects) -> None:
    both.sign_up(1)
    both.sign_up(
        2,
        email="null",
        phone="'4915112345678'",
        encrypted_password="null",
        banned_until="'2099-01-01 00:00:00.123456+00'",
        raw_user_meta_data="""'{"big": 12345678901234567890123, "dec": 1.10, "text": "ü\\u2028\\" %s"}'""",
        is_anonymous="true",
    )
    both.sign_up(3, raw_user_meta_data="'null'", deleted_at="now()", is_sso_user="true")
    both.old.paste(
        "insert into auth.identities (provider_id, user_id, identity_data, provider) values "
        f"""('4711', '{number(1)}', '{{"sub": "4711", "n": 1e30}}', 'google')"""
    )
    report = both.auth("sync", "--json").json
    assert (report["created"], report["updated"], report["named"]) == (3, 0, [])
    both.assert_equal()
    assert both.new.one("select raw_user_meta_data::text from auth.users where is_sso_user") == "null"
    assert "equal" in both.auth("verify").out


def test_a_column_may_have_any_name(both: Projects) -> None:
    names = ("{texts}", "a{mark}b", "{names}x", "%s", "{0}", "x\"y'; drop table public.notes; --")
    quoted = [name.replace('"', '""') for name in names]
    for end in (both.space.old, both.space.new):
        for each in quoted:
            end.run(f"""alter table auth.users add "{each}" text default '{{mark}}'""")
    try:
        both.sign_up(1)
        assert both.auth("sync", "--json").json["created"] == 1
        both.old.paste(f"""update auth.users set "{quoted[0]}" = '{{names}}'""")
        assert both.auth("sync", "--json").json["updated"] == 1
        both.assert_equal()
        both.auth("verify")
    finally:
        for end in (both.space.old, both.space.new):
            end.run("; ".join(f'alter table auth.users drop "{each}"' for each in quoted))


def test_a_null_that_keeps_people_from_signing_in_becomes_empty(both: Projects) -> None:
    both.sign_up(1, confirmation_token="null", recovery_token="'abc'", reauthentication_token="null")
    both.auth("sync")
    names = "confirmation_token, recovery_token, reauthentication_token, email_change, phone_change_token"
    assert both.new.paste(f"select {names} from auth.users") == [("",) * 5]
    both.auth("verify")


def test_an_hour_without_a_change_is_one_query_a_side_whatever_updated_at_says(both: Projects) -> None:
    both.sign_up(*range(1, 20))
    both.auth("sync")
    both.old.paste(
        "update auth.users set updated_at = now(), last_sign_in_at = now(), recovery_token = id::text"
    )
    report = both.auth("sync", "--json").json
    assert (report["created"], report["updated"]) == (0, 0)
    both.auth("verify")


def test_what_changed_is_written_and_nothing_else(both: Projects) -> None:
    both.sign_up(1, 2, 3)
    both.auth("sync")
    both.old.paste(
        f"update auth.users set encrypted_password = '{SOUND[:-1]}L' where id = '{number(1)}';"
        f"update auth.identities set identity_data = '{{\"n\": 1.10}}' where user_id = '{number(2)}';"
        f"insert into auth.identities (provider_id, user_id, identity_data, provider) values "
        f"('9', '{number(2)}', '{{}}', 'github')"
    )
    report = both.auth("sync", "--json").json
    assert (report["created"], report["updated"]) == (0, 2)
    both.assert_equal()
    both.old.paste(f"delete from auth.identities where user_id = '{number(2)}' and provider = 'github'")
    assert both.auth("sync", "--json").json["updated"] == 1
    both.assert_equal()


def test_old_is_only_read(both: Projects) -> None:
    both.sign_up(1)
    seen = "select n_tup_ins + n_tup_upd + n_tup_del from pg_stat_user_tables where relname = 'users'"
    both.old.paste("select pg_stat_force_next_flush()")
    before = both.old.one(seen)
    both.auth("sync")
    both.auth("verify")
    assert both.old.one(seen) == before


def test_an_account_that_changed_in_new_is_not_overwritten(both: Projects) -> None:
    both.sign_up(1, 2)
    both.auth("sync")
    both.new.paste("update auth.users set raw_user_meta_data = '{\"mine\": 1}'")
    assert both.named(0) == dict.fromkeys(("01", "02"), "changed in NEW since it was copied, and not in OLD")
    both.old.paste(f"update auth.users set role = 'editor' where id = '{number(1)}'")
    assert both.named()["01"] == "changed in OLD and in NEW since it was copied"
    assert both.new.paste("select distinct raw_user_meta_data->>'mine' from auth.users") == [("1",)]
    assert "different" in both.auth("verify", code=1).out
    both.auth("sync", "--accept", "newer")
    both.assert_equal()


def test_an_account_of_the_same_id_that_supasync_did_not_write_is_named(both: Projects) -> None:
    both.sign_up(1, 2)
    sign_up(both.new, 1, {"email": "'other@example.test'"})
    assert "did not write" in both.named()["01"]
    assert both.new.paste("select email from auth.users order by 1") == [
        ("other@example.test",),
        ("u2@example.test",),
    ]


def test_accounts_that_were_copied_by_hand_are_known_from_then_on(both: Projects) -> None:
    both.sign_up(1, 2)
    for user in (1, 2):
        sign_up(both.new, user)
    rows = both.old.paste("select id, user_id from auth.identities")
    for identity, user in rows:
        both.new.paste(f"update auth.identities set id = '{identity}' where user_id = '{user}'")
    assert both.auth("sync", "--json").json["created"] == 0
    both.old.paste(f"update auth.users set role = 'editor' where id = '{number(1)}'")
    assert both.auth("sync", "--json").json["updated"] == 1


def test_two_accounts_swap_their_emails(both: Projects) -> None:
    """Also beside one that gets another one at the same time, and that NEW refuses."""
    both.sign_up(1, 2, 3, 5)
    both.auth("sync")
    both.space.new.run("alter table auth.users add constraint none check (email not like 'no%') not valid")
    both.old.paste(
        "update auth.users set email = null, phone = null;"
        f"update auth.users set email = 'no@example.test' where id = '{number(5)}';"
        f"update auth.users set email = 'u2@example.test', phone = '492' where id = '{number(1)}';"
        f"update auth.users set email = 'u1@example.test', phone = '491' where id = '{number(2)}';"
        f"update auth.users set email = 'third@example.test' where id = '{number(3)}'"
    )
    both.sign_up(4, email="'u3@example.test'")
    try:
        report = both.auth("sync", "--json", code=3).json
    finally:
        both.space.new.run("alter table auth.users drop constraint none")
    assert (report["created"], report["updated"]) == (1, 3)
    assert [each["id"] for each in report["named"]] == [number(5)]
    both.auth("sync")
    both.assert_equal()


def test_deleted_and_signed_up_again(both: Projects) -> None:
    both.sign_up(1, 2)
    both.auth("sync")
    both.old.paste(f"delete from auth.users where id = '{number(1)}'")
    both.sign_up(9, email="'U1@example.test'")
    both.old.paste(f"update auth.users set email = 'u1@example.test' where id = '{number(9)}'")
    named = both.named()
    assert named["09"] == f"its e-mail is still held in NEW by the account {number(1)}, which OLD deleted"
    assert named["01"] == "deleted in OLD, still in NEW"
    assert both.named(0, "--deletes", "mirror") == {}
    both.assert_equal()


def test_deleted_accounts_go_only_if_nothing_refers_to_them(both: Projects) -> None:
    both.sign_up(1, 2, 3)
    both.auth("sync")
    both.new.paste(f"insert into public.profiles (id) values ('{number(1)}')")
    both.new.paste(f"insert into public.notes values (1, '{number(2)}'), (2, '{number(2)}')")
    both.old.paste(f"delete from auth.users where id <> '{number(3)}'")
    assert both.named(3, "--deletes", "mirror").popitem()[1].endswith("the limit is 1 at a time")
    sign_up(both.old, 2)
    assert both.named(0, "--deletes", "mirror") == {
        "01": "deleted in OLD, stays in NEW: 1 row of public.profiles.id would go or change with it"
    }
    assert both.auth("sync", "--deletes", "mirror", "--accept", "cascades", "--json").json["deleted"] == 1
    assert both.new.paste("select * from public.profiles") == []
    assert len(both.new.paste("select * from public.notes where author is not null")) == 2


def test_rows_that_refer_to_an_identity_keep_it_and_its_account(both: Projects) -> None:
    both.sign_up(*range(1, 41))
    both.auth("sync")
    both.new.paste(
        "create table public.links (id int, ident uuid references auth.identities on delete cascade);"
        f"insert into public.links select 1, id from auth.identities where user_id = '{number(1)}';"
        f"insert into public.links select 2, id from auth.identities where user_id = '{number(2)}';"
        "create table public.devices (session uuid references auth.sessions on delete set null);"
        f"insert into auth.sessions (id, user_id) values (gen_random_uuid(), '{number(3)}');"
        "insert into public.devices select id from auth.sessions"
    )
    try:
        both.old.paste(f"delete from auth.users where id in ('{number(1)}', '{number(3)}')")
        both.old.paste(f"update auth.identities set id = gen_random_uuid() where user_id = '{number(2)}'")
        named = both.named(3, "--deletes", "mirror")
        row = "1 row of public.links.ident would go or change with it"
        assert named["01"] == f"deleted in OLD, stays in NEW: {row}"
        assert named["03"].endswith("1 row of public.devices.session would go or change with it")
        assert named["02"] == f"OLD has no more one of its identities, and {row}"
        assert both.new.one("select count(*) from public.links") == 2
        report = both.auth("sync", "--deletes", "mirror", "--accept", "cascades", "--json").json
        assert (report["deleted"], report["updated"]) == (2, 1)
        assert both.new.one("select count(*) from public.links") == 0
    finally:
        both.new.paste("drop table public.links, public.devices")


def test_an_account_whose_rows_forbid_its_deletion_stops_no_other(both: Projects) -> None:
    both.sign_up(*range(1, 41))
    both.auth("sync")
    both.new.paste(
        f"create table public.orders (id int, buyer uuid references auth.users); "
        f"insert into public.orders values (1, '{number(1)}')"
    )
    try:
        both.old.paste(f"delete from auth.users where id in ('{number(1)}', '{number(2)}')")
        named = both.named(3, "--deletes", "mirror", "--accept", "cascades")
        assert set(named) == {"01"}
        assert "23503" in named["01"]
        assert len(both.new.paste("select id from auth.users")) == 39
    finally:
        both.new.paste("drop table public.orders")


def test_no_account_is_deleted_if_old_has_none_any_more(both: Projects) -> None:
    both.sign_up(1)
    both.auth("sync")
    both.old.paste("delete from auth.users")
    done = both.auth("sync", "--deletes", "mirror", code=3)
    assert "OLD has none of the accounts that were copied from it" in done.err
    assert both.new.one("select count(*) from auth.users") == 1


def test_who_signed_up_in_new_is_left_alone(both: Projects) -> None:
    both.sign_up(1)
    both.auth("sync")
    sign_up(both.new, 7)
    report = both.auth("sync", "--deletes", "mirror", "--json").json
    assert (report["own"], report["deleted"], report["named"]) == (1, 0, [])
    both.sign_up(8, email="'U7@Example.test'")
    assert "which signed up there" in both.named()["08"]
    found = both.auth("verify", "--json", code=1).json
    assert (found["missing"], found["extra"]) == ([number(8)], [number(7)])


def test_what_was_deleted_in_new_stays_deleted(both: Projects) -> None:
    both.sign_up(1, 2)
    both.auth("sync")
    both.new.paste(f"delete from auth.users where id = '{number(1)}'")
    assert both.named(0) == {"01": "deleted in NEW since it was copied"}
    assert both.auth("sync", "--accept", "newer", "--json").json["created"] == 1
    both.assert_equal()


TIMES = ("created_at", "email_confirmed_at", "last_sign_in_at", "updated_at")
SICK = {
    "banned_until": ("'infinity'", "banned_until is later"),
    "raw_user_meta_data": ("'[1]'", "raw_user_meta_data is not a JSON object"),
    "raw_app_meta_data": ("'\"text\"'", "raw_app_meta_data is not a JSON object"),
    "role": ("null", "role is NULL"),
    "aud": ("null", "aud is NULL"),
    "created_at": ("null", "created_at is NULL"),
    "updated_at": ("null", "updated_at is NULL"),
}


def test_a_sick_account_stops_no_other_and_is_named(both: Projects) -> None:
    for user, (column, (value, _)) in enumerate(SICK.items(), 1):
        both.sign_up(user, **{column: value})
    both.sign_up(20, banned_until="'10000-01-01 00:00:00+00'")
    for user, time in ((23, "infinity"), (24, "-infinity"), (25, "0044-03-15 BC"), (26, "12000-01-01")):
        both.sign_up(user, **{TIMES[user % len(TIMES)]: f"'{time}'"})
    both.sign_up(21, raw_user_meta_data="('{\"n\": 1e400}')")
    both.sign_up(22, raw_user_meta_data="jsonb_build_object('digits', repeat('7', 400))")
    for user, depth in ((27, 12000), (28, 2100), (29, 1900)):
        deep = f"repeat('[', {depth}) || repeat(']', {depth})"
        both.sign_up(user, raw_user_meta_data=f"('{{\"a\":' || {deep} || '}}')::jsonb")
    both.sign_up(32, raw_user_meta_data="jsonb_build_object('photo', repeat('x', 32000000))")
    both.sign_up(30, 31)
    named = both.named()
    for user, (_, text) in enumerate(SICK.values(), 1):
        assert named[f"{user:02x}"].startswith(text)
    assert set(named) == {f"{user:02x}" for user in (*range(1, 8), 20, 21, *range(23, 29), 32)}
    assert "or it is too large" in named[f"{32:02x}"]
    assert all("is a time that Auth cannot read" in named[f"{user:02x}"] for user in range(23, 27))
    assert len(both.new.paste("select id from auth.users")) == 4
    assert both.auth("check").out.count("not copied until this is corrected in OLD") == 11


def test_a_hash_that_never_signs_in_is_copied_and_named(both: Projects) -> None:
    both.sign_up(1, encrypted_password=f"'{HASH}'")
    both.sign_up(2, encrypted_password='\'{"key_id": "k", "data": "x"}\'')
    both.sign_up(3, encrypted_password="'$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2g'")
    both.sign_up(4, encrypted_password="'$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=aa$c2E=$aGE='")
    both.sign_up(5, encrypted_password="''")
    both.sign_up(6, encrypted_password="'5f4dcc3b5aa765d61d8327deb882cf99'")
    named = both.named(0)
    assert set(named) == {"01", "02", "06"}
    assert "cut short" in named["01"]
    assert "does not accept" in named["02"]
    both.assert_equal()


def test_an_account_that_new_refuses_for_a_reason_of_its_own_stops_no_other(both: Projects) -> None:
    both.sign_up(1, 2, 3)
    both.new.paste(
        "create function public.no() returns trigger language plpgsql as $$ begin "
        "if new.email like 'u2%' and current_setting('supasync.writes') = 'on' then "
        "raise exception 'no: %', new; end if; return new; end $$;"
        "create trigger no before insert on auth.users for each row execute function public.no()"
    )
    try:
        named = both.named(3, "--accept", "triggers")
        assert set(named) == {"02"}
        assert named["02"] == "NEW refuses accounts (P0001): a trigger or function there raised an error"
        assert "updated" in both.auth("sync", "--accept", "triggers", code=3).out
    finally:
        both.new.paste("drop function public.no() cascade")
    both.auth("sync")
    both.assert_equal()


def test_an_identity_that_new_gave_to_somebody_else_is_named(both: Projects) -> None:
    both.sign_up(1, 2)
    google = (
        "insert into auth.identities (provider_id, user_id, identity_data, provider) "
        "values ('7', '{}', '{{}}', 'google')"
    )
    both.old.paste(google.format(number(1)))
    sign_up(both.new, 5)
    both.new.paste(google.format(number(5)))
    assert both.named()["01"] == f"one of its identities is held in NEW by the account {number(5)}"
    assert both.new.one("select count(*) from auth.users") == 2


def test_a_column_that_one_side_lacks_is_left_out_and_said(both: Projects) -> None:
    both.sign_up(1)
    both.space.old.run("alter table auth.users add column later text default 'x'")
    both.space.new.run("alter table auth.users add column newest text")
    try:
        both.auth("sync")
        out = both.auth("check").out
        assert "later (only in OLD), newest (only in NEW)" in out
        assert "later (only in OLD)" in both.auth("verify").out
        both.space.new.run("alter table auth.users add column later text")
        assert both.auth("sync", "--json").json["updated"] == 1
        assert both.new.one("select later from auth.users") == "x"
        both.space.old.run("alter table auth.users drop column later, drop column is_super_admin")
        both.old.paste("update auth.users set role = 'x'")
        assert both.auth("sync", "--json").json["updated"] == 1
    finally:
        both.space.new.run("alter table auth.users drop column newest")
        for end in (both.space.old, both.space.new):
            end.run(
                "alter table auth.users drop column if exists later, drop column if exists is_super_admin"
            )
            end.run("alter table auth.users add column is_super_admin boolean")


def test_a_dry_run_writes_nothing(both: Projects) -> None:
    both.sign_up(1)
    assert both.auth("sync", "--dry-run", "--json").json["to_create"] == 1
    assert both.new.paste("select id from auth.users") == []
    assert both.new.one("select to_regclass('public.supasync_accounts')") is None


def test_thousands_of_accounts_arrive(both: Projects) -> None:
    both.old.paste(
        "insert into auth.users (id, email, aud, role, created_at, updated_at, raw_user_meta_data) "
        "select md5(g::text)::uuid, 'm' || g || '@example.test', 'authenticated', 'x', now(), now(), '{}' "
        "from generate_series(1, 3000) g;"
        "insert into auth.identities (provider_id, user_id, identity_data, provider) "
        "select id, id, '{}', 'email' from auth.users"
    )
    report = both.auth("sync", "--json").json
    assert (report["created"], report["named"]) == (3000, [])
    both.old.paste("update auth.users set role = 'y' where email like 'm7%'")
    assert both.auth("sync", "--json").json["updated"] == 111
    both.auth("verify")
