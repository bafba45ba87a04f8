"""Accounts are copied by the secret keys alone: what the Auth API shows and takes, exactly."""

# ruff: noqa: S608 - the statements are made of the test's own ids

import pytest

from tests.supasync_account.accounts import Projects, number, sign_up
from tests.supasync_account.by_keys import BULK

pytestmark = pytest.mark.server


@pytest.fixture
def both(keys: Projects) -> Projects:
    return keys


def test_accounts_arrive_as_old_has_them(both: Projects) -> None:
    both.sign_up(1, raw_user_meta_data="""'{"name": "Ann", "email_verified": true, "n": [1, 1.5, null]}'""")
    both.sign_up(2, email_confirmed_at="null", role="'editor'", raw_user_meta_data="'{}'")
    both.sign_up(
        3,
        email="null",
        phone="'4915112345678'",
        phone_confirmed_at="'2026-01-01'",
        email_confirmed_at="null",
        banned_until="'2999-01-01'",
        raw_app_meta_data="""'{"provider": "phone", "providers": ["phone"], "plan": "pro"}'""",
    )
    both.sign_up(4, banned_until="now() + interval '1 day'", raw_user_meta_data="null")
    both.sign_up(5, banned_until="now() - interval '1 day'")
    both.old.paste("update auth.users set encrypted_password = null")
    report = both.auth("sync", "--json").json
    assert (report["created"], report["named"]) == (5, [])
    columns = (
        "id, email, phone, role, email_confirmed_at is null, phone_confirmed_at is null, aud, instance_id"
    )
    columns += ", coalesce(raw_user_meta_data, '{}')::text, raw_app_meta_data::text"
    old, new = both.rows("users", columns)
    assert new == old
    longer = "extract(epoch from banned_until)::bigint"
    [(then,)] = both.old.paste(f"select {longer} from auth.users where id = '{number(4)}'")
    [(now,)] = both.new.paste(f"select {longer} from auth.users where id = '{number(4)}'")
    assert then <= now <= then + 60
    assert both.new.paste(f"select banned_until from auth.users where id = '{number(5)}'") == [(None,)]
    assert both.new.one(f"select banned_until > '2300-01-01' from auth.users where id = '{number(3)}'")
    assert "equal" in both.auth("verify").out
    again = both.auth("sync", "--json").json
    assert (again["created"], again["updated"], again["named"]) == (0, 0, [])


def test_what_changed_in_old_follows(both: Projects) -> None:
    both.sign_up(1, 2, 3, 4)
    both.auth("sync")
    both.old.paste(
        f"""
        update auth.users set email = 'moved@example.test', role = 'editor' where id = '{number(1)}';
        update auth.users set banned_until = now() + interval '2 days' where id = '{number(2)}';
        update auth.users set raw_user_meta_data = '{{"a": {{"b": 1}}}}', phone = '15551230000'
            where id = '{number(3)}';
        update auth.users set updated_at = now(), last_sign_in_at = now() where id = '{number(4)}'
        """
    )
    both.old.paste(
        f"""update auth.users set raw_app_meta_data = raw_app_meta_data || '{{"admin": true, "in": [0]}}'
            where id = '{number(4)}'"""
    )
    both.new.paste(
        f"""update auth.users set raw_app_meta_data = raw_app_meta_data || '{{"admin": 1, "in": [false]}}'
            where id = '{number(4)}'"""
    )
    assert f"{number(4)}" in both.auth("verify", code=1).out
    report = both.auth("sync", "--json", "--accept", "newer").json
    assert (report["created"], report["updated"], report["named"]) == (0, 4, [])
    told = "select raw_app_meta_data->>'admin', raw_app_meta_data->>'in' from auth.users"
    assert both.new.paste(f"{told} where id = '{number(4)}'") == [("true", "[0]")]
    assert "equal" in both.auth("verify").out
    both.old.paste(f"update auth.users set banned_until = null where id = '{number(2)}'")
    assert both.auth("sync", "--json").json["updated"] == 1
    assert both.new.one("select count(*) from auth.users where banned_until is not null") == 0


def test_what_changed_in_new_stays_and_whom_old_bans_is_banned(both: Projects) -> None:
    both.sign_up(1, 2)
    both.auth("sync")
    both.new.paste("""update auth.users set raw_user_meta_data = '{"theirs": true}'""")
    both.old.paste(f"update auth.users set banned_until = '2999-01-01' where id = '{number(2)}'")
    named = both.named()
    assert named["01"] == "changed in NEW since it was copied, and not in OLD"
    assert named["02"].startswith("banned in OLD, so banned in NEW too")
    assert both.new.paste(
        "select raw_user_meta_data->>'theirs', banned_until > '2300-01-01' from auth.users order by id"
    ) == [("true", None), ("true", True)]
    both.auth("verify", code=1)
    assert both.named(0, "--accept", "newer") == {}
    assert both.auth("verify").code == 0


REFUSES = """
create function public.refuses() returns trigger language plpgsql as $$ begin
  if new.raw_user_meta_data->>'x' = 'bad' or (new.id = '{0}' and new.banned_until is not null) then
    raise exception 'no';
  end if;
  return new;
end $$;
create trigger refuses before update on auth.users for each row execute function public.refuses()
"""


def test_a_ban_arrives_whatever_else_is_held_or_refused(both: Projects) -> None:
    both.sign_up(1, 2, 3, 4)
    both.auth("sync")
    sign_up(both.new, 9, {"email": "'own@example.test'"})
    both.new.paste(f"update auth.users set recovery_token = null where id = '{number(4)}'")
    both.new.paste(REFUSES.format(number(3)))
    both.old.paste(
        "update auth.users set banned_until = '2999-01-01';"
        f"update auth.users set email = 'own@example.test' where id = '{number(1)}';"
        f"""update auth.users set raw_user_meta_data = '{{"x": "bad"}}' where id = '{number(2)}'"""
    )
    try:
        named = both.named()
        assert "e-mail is held in NEW" in named["01"]
        assert named["02"].startswith("NEW refuses it (P0001)")
        assert all(named[each].endswith("it is banned there, as in OLD") for each in ("01", "02"))
        assert named["03"].startswith("banned in OLD, and not in NEW: NEW refuses it (P0001)")
        assert named["04"].startswith("banned in OLD, and not in NEW: NEW's Auth failed (500)")
        banned = f"select banned_until > '2300-01-01' from auth.users where id < '{number(9)}' order by id"
        assert both.new.paste(banned) == [(True,), (True,), (None,), (None,)]
    finally:
        both.new.paste("drop function public.refuses() cascade")
    both.new.paste(
        f"update auth.users set recovery_token = '' where id = '{number(4)}';"
        f"delete from auth.users where id = '{number(9)}'"
    )
    assert both.named(0) == {}
    both.auth("verify")


def test_who_cannot_be_copied_is_named(both: Projects) -> None:
    both.sign_up(1, email="null", is_anonymous="true")
    both.sign_up(2, deleted_at="now()", email="'gone'")
    both.sign_up(3, email="'ü@example.test'")
    both.sign_up(4, raw_user_meta_data="""'{"id": 12345678901234567890}'""")
    both.sign_up(5, raw_user_meta_data="jsonb_build_object('blob', repeat('x', 1048576))")
    both.sign_up(6, email="null")
    both.sign_up(7, raw_app_meta_data="""'{"provider": "sso:1", "providers": ["sso:1"]}'""")
    both.sign_up(8, raw_app_meta_data="""'{"provider": "google", "providers": ["google"]}'""")
    both.sign_up(9, raw_user_meta_data="""'{"pi": 3.141592653589793}'""")
    named = both.named()
    assert set(named) == {f"{user:02x}" for user in (1, 3, 4, 5, 6, 7, 9)}
    assert "anonymous" in named["01"]
    assert "number that Auth rounds" in named["04"]
    assert "1 MiB" in named["05"]
    assert both.new.paste("select email from auth.users order by 1") == [
        ("u8@example.test",),
        ("u9@example.test",),
    ]
    found = both.auth("check", "--json").json
    assert len(found["cannot_be_copied"]) == 7
    assert found["sign_in_by_oauth_as_before"] == ["u8@example.test"]
    assert found["need_a_new_password"] == ["u9@example.test"]
    assert found["way"] == "keys"


def test_swapped_e_mails_and_phones_arrive(both: Projects) -> None:
    both.sign_up(1, phone="'15550000001'")
    both.sign_up(2, phone="'15550000002'")
    both.sign_up(3)
    both.auth("sync")
    both.old.paste(
        f"""
        update auth.users set email = null, phone = null;
        update auth.users set email = 'u2@example.test', phone = '15550000002' where id = '{number(1)}';
        update auth.users set email = 'u3@example.test', phone = '15550000001' where id = '{number(2)}';
        update auth.users set email = 'new@example.test' where id = '{number(3)}'
        """
    )
    assert both.auth("sync", "--json").json["updated"] == 3
    assert both.auth("verify").code == 0


def test_deleted_and_signed_up_again_needs_the_deletion_first(both: Projects) -> None:
    both.sign_up(*range(1, 30))
    both.auth("sync")
    both.old.paste(f"delete from auth.users where id = '{number(1)}'")
    both.sign_up(31, email="'U1@example.test'")
    named = both.named()
    assert named["01"] == "deleted in OLD, still in NEW"
    assert f"held in NEW by the account {number(1)}, which OLD deleted" in named["1f"]
    report = both.auth("sync", "--deletes", "mirror", "--json").json
    assert (report["created"], report["deleted"]) == (1, 1)
    assert both.auth("verify").code == 0


def test_an_account_that_rows_of_new_refer_to_stays(both: Projects) -> None:
    both.sign_up(*range(1, 30))
    both.auth("sync")
    both.new.paste(f"insert into public.profiles (id) values ('{number(1)}')")
    both.old.paste(f"delete from auth.users where id = '{number(1)}'")
    assert both.named(0, "--deletes", "mirror")["01"] == (
        "deleted in OLD, stays in NEW: 1 row of profiles would go or change with it"
    )
    report = both.auth("sync", "--deletes", "mirror", "--accept", "cascades", "--json").json
    assert report["deleted"] == 1
    both.old.paste(f"update auth.users set deleted_at = now(), email = 'x' where id = '{number(2)}'")
    assert both.named()["02"] == "deleted in OLD, and can still sign in to NEW"
    assert both.auth("sync", "--deletes", "mirror", "--json").json["deleted"] == 1
    assert both.new.one(f"select deleted_at is not null from auth.users where id = '{number(2)}'")
    both.old.paste("delete from auth.users")
    assert "OLD has none of the accounts" in both.auth("sync", "--deletes", "mirror", code=3).err
    assert both.new.one("select count(*) from auth.users") == 28


UNSEEN = {
    "hidden": "create table public.hidden (u uuid references auth.users on delete cascade);"
    "revoke all on public.hidden from service_role, anon, authenticated",
    "links": "create table public.links (i uuid references auth.identities (id) on delete cascade);"
    "grant all on public.links to service_role",
    "priv.t": "create schema priv; create table priv.t (u uuid references auth.users on delete set null)",
}
RENAMED = "alter function public.{} rename to {}"


def test_an_account_stays_while_keys_do_not_show_what_refers_to_it(both: Projects) -> None:
    both.sign_up(1, 2)
    both.old.paste(BULK.format(40))
    both.auth("sync")
    both.old.paste(f"delete from auth.users where id = '{number(1)}'")
    both.old.paste(f"update auth.users set deleted_at = now(), email = 'x' where id = '{number(2)}'")
    both.new.paste(f"insert into public.profiles (id) values ('{number(1)}')")
    space = both.space.new
    try:
        space.cluster.execute(space.database, ";".join(UNSEEN.values()))
        space.server.reload()
        named = both.named(3, "--deletes", "mirror")
        assert named["01"].endswith("stays in NEW: 1 row of profiles would go or change with it")
        assert "keys do not show what refers to it in links; --accept cascades" in named["02"]
        both.new.paste("delete from public.profiles")
        named = both.named(3, "--deletes", "mirror")
        assert f"what refers to it in {', '.join(UNSEEN)}; --accept cascades" in named["01"]
        space.cluster.execute(space.database, RENAMED.format("supasync_ready_structure", "away"))
        space.server.reload()
        told = both.named(3, "--deletes", "mirror")["01"]
        space.cluster.execute(space.database, RENAMED.format("away", "supasync_ready_structure"))
        assert "supasync schema sql prints" in told
        assert both.new.one("select count(*) from auth.users where deleted_at is null") == 42
    finally:
        space.cluster.execute(
            space.database,
            "drop table public.hidden, public.links; drop schema priv cascade",
        )
        space.server.reload()
    assert both.auth("sync", "--deletes", "mirror", "--json").json["deleted"] == 2


def test_who_signed_up_in_new_keeps_the_account(both: Projects) -> None:
    both.sign_up(1, 2)
    sign_up(both.new, 9, {"email": "'u1@example.test'"})
    named = both.named()
    assert named["01"] == f"its e-mail is held in NEW by the account {number(9)}, which signed up there"
    assert "1 account signed up in NEW, left alone" in both.auth("sync", code=3).out
    both.new.paste(f"delete from auth.users where id = '{number(2)}'")
    assert both.named()["02"] == "deleted in NEW since it was copied"


def test_what_the_api_cannot_take_away_is_named_each_time(both: Projects) -> None:
    both.sign_up(1, phone="'15550000001'")
    both.sign_up(2)
    both.auth("sync")
    both.old.paste(
        f"update auth.users set phone = null where id = '{number(1)}';"
        f"update auth.users set email_confirmed_at = null, email = 'x@example.test' where id = '{number(2)}'"
    )
    for _ in range(2):
        named = both.named()
        assert "NEW has a phone that OLD has no more" in named["01"]
        assert "the confirmation of its e-mail" in named["02"]
    both.auth("verify", code=1)


def test_what_new_does_not_keep_is_named_each_time(both: Projects) -> None:
    body = (
        "case left(new.email, 2) when 'u1' then new.role := 'service_role'; "
        "when 'u2' then new.raw_user_meta_data := '{}'; when 'u3' then new.banned_until := null; "
        "else null; end case;"
    )
    both.new.paste(
        "create function public.mine() returns trigger language plpgsql as "
        f"$$ begin {body} return new; end $$;"
        "create trigger mine before insert or update on auth.users for each row "
        "execute function public.mine()"
    )
    both.sign_up(1, 2)
    both.sign_up(3, banned_until="now() + interval '3 years'")
    both.sign_up(4, phone="'+49 151 1234567'", phone_confirmed_at="now()")
    try:
        for _ in range(2):
            named = both.named(3)
            assert "does not keep its state" in named["01"]
            assert "does not keep its metadata" in named["02"]
            assert "does not keep" in named["03"]
            assert "ban" in named["03"]
        assert "its phone has a plus" in both.auth("check").out
    finally:
        both.new.paste("drop function public.mine() cascade")
    assert both.named(0).keys() == set()
    assert both.auth("verify", "--json").json["equal"]
