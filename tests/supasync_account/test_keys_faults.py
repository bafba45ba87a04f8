"""By keys alone: lists that lose people, answers that are lost, keys that are none, and runs."""

# ruff: noqa: S608 - the statements are made of the test's own ids

from typing import Any

import pytest

from tests.supasync_account.accounts import CONFIG, PROFILES, Projects, number
from tests.supasync_account.by_keys import BULK

pytestmark = pytest.mark.server
USERS = "/auth/v1/admin/users"
WITH = CONFIG.replace("tables:\n", "auth: {EVERY}\ntables:\n")


def test_people_with_equal_creation_times_are_not_lost(keys: Projects) -> None:
    keys.old.paste(BULK.format(60))
    assert keys.auth("sync", "--json").json["created"] == 60
    keys.old.paste(BULK.format(90))
    # 90 are more than one page may hold: walks, whose ids have to be as many as the server counts.
    done = keys.auth("sync", "--json", "--deletes", "mirror").json
    assert (done["old"], done["created"], done["deleted"]) == (90, 30, 0)
    assert keys.auth("verify", "--json").json["equal"]


def test_a_server_that_lists_fewer_than_are_asked_for_is_read_in_its_pages(keys: Projects) -> None:
    for user in range(1, 13):
        keys.sign_up(user, created_at=f"'2026-01-{user:02}'")
    keys.space.old.server.misbehave({"kind": "max-rows", "path": USERS, "max_rows": 5, "times": None})
    keys.space.new.server.misbehave({"kind": "max-rows", "path": USERS, "max_rows": 3, "times": None})
    assert keys.auth("sync", "--json").json["created"] == 12
    keys.old.paste(f"delete from auth.users where id = '{number(3)}'")
    report = keys.auth("sync", "--deletes", "mirror", "--json").json
    assert (report["old"], report["deleted"]) == (11, 1)


def test_a_list_that_is_not_whole_yields_no_deletion(keys: Projects) -> None:
    for user in range(1, 8):
        keys.sign_up(user, created_at=f"'2026-01-0{user}'")
    keys.auth("sync")
    keys.old.paste(f"delete from auth.users where id = '{number(7)}'")
    keys.sign_up(8, confirmation_token="null", created_at="'2026-01-08'")
    found = keys.auth("sync", "--deletes", "mirror", "--json", code=3).json
    said = [each["what"] for each in found["named"] if each["id"] == "OLD"]
    assert "Auth cannot read 1 account" in said[0]
    assert said[1] == f"Auth cannot read the account that was made after u6@example.test ({number(6)})"
    assert found["deleted"] == 0
    assert "nobody can say whether all accounts are there" in keys.auth("verify", code=2).err
    assert "Auth cannot read 1 account" in keys.auth("check", code=3).out
    keys.old.paste("update auth.users set confirmation_token = ''")
    assert keys.auth("sync", "--deletes", "mirror", "--json").json["created"] == 1


def test_what_news_list_may_have_lost_is_not_taken_for_deleted(keys: Projects) -> None:
    keys.sign_up(1, 2)
    keys.auth("sync")
    keys.new.paste(f"update auth.users set recovery_token = null where id = '{number(1)}'")
    keys.old.paste("update auth.users set role = 'editor'")
    named = keys.named()
    assert named["01"] == "not updated: NEW's Auth cannot read its own account of this id"
    assert "Auth cannot read" in named["NE"]
    assert keys.new.one(f"select role from auth.users where id = '{number(2)}'") == "editor"
    keys.new.paste("update auth.users set recovery_token = ''")
    assert keys.auth("sync", "--json").json["updated"] == 1


def test_what_keys_cannot_do_is_refused(keys: Projects) -> None:
    for command in ("check", "sync", "verify"):
        assert "MFA factors cannot be copied by the secret keys" in keys.auth(command, "--mfa", code=2).err


def test_a_lost_answer_is_looked_up_before_anything_is_sent_again(keys: Projects) -> None:
    keys.sign_up(1, 2, 3)
    keys.space.new.server.misbehave(
        {"kind": "reset-after", "method": "POST", "path": USERS},
        {"kind": "reset", "method": "POST", "path": USERS, "nth": 2},
        {
            "kind": "answer",
            "method": "POST",
            "path": USERS,
            "nth": 4,
            "status": 429,
            "headers": {"Retry-After": "0"},
        },
    )
    done = keys.auth("sync", "--json")
    report = done.json
    assert (report["created"], report["named"]) == (3, [])
    assert "NEW: Auth answered 429; retry 1 of 4 in 0 s\n" in done.err
    assert keys.auth("verify").code == 0
    asked = keys.space.new.server.requests()
    posts = [each["status"] for each in asked if each["method"] == "POST" and each["path"] == USERS]
    assert sorted(posts) == [0, 0, 200, 200, 429]


def test_a_server_error_is_not_sent_again_and_names_the_account(keys: Projects) -> None:
    keys.sign_up(1, 2)
    keys.new.paste(
        "create function public.no_one() returns trigger language plpgsql as $$ begin "
        "if new.email like 'u1@%' then raise exception 'secret of u1'; end if; return new; end $$;"
        "create trigger no_one before insert on auth.users for each row execute function public.no_one()"
    )
    try:
        assert keys.named() == {"01": "NEW refuses it (P0001): a trigger or function there raised an error"}
        asked = [each for each in keys.space.new.server.requests() if each["status"] == 500]
        assert len(asked) == 1
    finally:
        keys.new.paste("drop function public.no_one() cascade")
    assert keys.auth("sync", "--json").json["created"] == 1


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"status": 401, "body": "{}"}, "OLD does not accept the key"),
        ({"status": 402, "body": "{}"}, "OLD is over its organisation's quota"),
        ({"status": 403, "body": '{"error_code": "not_admin"}'}, "publishable key, or a user's token"),
        ({"status": 403, "body": '{"error_code": "bad_jwt"}'}, "expired, or another project's"),
        ({"status": 540, "body": ""}, "OLD is paused"),
        ({"status": 200, "body": "<html>"}, "answered 200 with something that is not a list of accounts"),
        ({"status": 200, "body": '{"users": []}'}, "answered 200 with a list without X-Total-Count"),
    ],
)
def test_what_a_project_answers_instead_is_one_sentence(
    keys: Projects, rule: dict[str, Any], said: str
) -> None:
    keys.space.old.server.misbehave({"kind": "answer", "path": USERS, "times": None, **rule})
    done = keys.auth("sync", code=4 if rule["status"] == 200 else 3)
    assert said in done.err
    assert len(done.err.splitlines()) <= 2
    assert keys.new.paste("select 1 from auth.users") == []


def test_one_account_that_nobody_can_decode_or_address_stops_no_other(keys: Projects) -> None:
    keys.sign_up(1, 2, 3)
    deep = '{"id":"%s","email":"u1@example.test","user_metadata":{"a":%s}}'
    odd = '{"id":"../%s","email":"u2@example.test"}'
    good = '{"id":"%s","email":"u3@example.test","role":"authenticated"}'
    told = (deep % (number(1), "[" * 3000 + "]" * 3000), odd % number(2), good % number(3))
    keys.space.old.server.misbehave(
        {
            "kind": "answer",
            "path": USERS,
            "times": None,
            "status": 200,
            "headers": {"X-Total-Count": "3"},
            "body": f'{{"users":[{",".join(told)}]}}',
        }
    )
    named = {each["what"]: each["id"] for each in keys.auth("sync", "--json", code=3).json["named"]}
    assert named["its metadata is nested more deeply than supasync reads"] == number(1)
    assert named["OLD: its id is not a UUID"] == f"../{number(2)}"
    assert keys.new.paste("select email from auth.users") == [("u3@example.test",)]
    found = keys.auth("check", code=3)
    assert "its metadata is nested more deeply than supasync reads" in found.out
    assert "1 account has an id that is not a UUID" in found.out
    assert "an id that is not a UUID" in keys.auth("verify", code=2).err


def test_a_redirect_is_not_followed(keys: Projects) -> None:
    elsewhere = keys.space.new.server
    keys.space.old.server.misbehave({"kind": "redirect", "path": USERS, "location": f"{elsewhere.url}/x"})
    assert "Auth redirects to another address" in keys.auth("check", code=3).err
    assert not [each for each in elsewhere.requests() if each["path"].endswith("/x")]


def test_old_is_asked_by_get_alone(keys: Projects) -> None:
    keys.sign_up(1)
    keys.auth("sync", "--deletes", "mirror")
    asked = keys.space.old.server.requests()
    assert {each["method"] for each in asked} <= {"GET", "HEAD"}


def test_without_its_table_new_is_not_written_to(keys: Projects) -> None:
    keys.sign_up(1)
    keys.new.paste("alter table public.supasync_account_marks rename to elsewhere")
    keys.space.new.server.reload()
    try:
        done = keys.auth("sync", code=3)
        assert "NEW has no table public.supasync_account_marks" in done.err
        assert "supasync schema sql" in done.err
        assert "supasync_account_marks" in keys.auth("check", code=3).out
        assert keys.new.one("select count(*) from auth.users") == 0
    finally:
        keys.new.paste("alter table public.elsewhere rename to supasync_account_marks")


def test_a_run_looks_once_a_day_and_the_profile_comes_with_its_account(keys: Projects) -> None:
    keys.sign_up(1)
    keys.old.paste(f"insert into public.profiles (id, name) values ('{number(1)}', 'Ann')")
    keys.space.write("tables.yaml", WITH.replace("EVERY", ""))
    done = keys.space.supasync("sync")
    assert done.code == 0, done.out + done.err
    assert "1 new account needs a new password" in done.err
    keys.space.assert_equal("profiles")
    keys.sign_up(2)
    keys.space.old.server.reset()
    report = keys.space.supasync("sync", "--json").json
    assert (report["status"], report["steps"]["auth"]["status"]) == ("success", "not due")
    assert report["steps"]["auth"]["summary"] == "not due: every 1d"
    assert not [each for each in keys.space.old.server.requests() if USERS in each["path"]]
    keys.space.write("tables.yaml", WITH.replace("EVERY", "every: 1s"))
    assert "auth: 1 created" in keys.space.supasync("sync").out
    assert "2 accounts, 2 with a password" in keys.auth("check").out


def test_a_list_that_a_budget_has_no_room_for_is_not_asked_for(keys: Projects) -> None:
    keys.old.paste(BULK.format(300))
    budget = "budgets: {egress: 100kB}\non_budget: stop\n"
    keys.space.write("tables.yaml", budget + WITH.replace("EVERY", ""))
    done = keys.space.supasync("sync")
    assert done.code == 3
    assert "egress" in done.err
    assert keys.new.paste("select 1 from auth.users") == []
    asked = [each["path"] for each in keys.space.old.server.requests() if USERS in each["path"]]
    assert len(asked) == 1


def test_a_trigger_sees_a_flag_and_else_its_row_is_replaced(keys: Projects) -> None:
    keys.sign_up(1, raw_user_meta_data="""'{"name": "Trigger"}'""")
    keys.old.paste(f"insert into public.profiles (id, name) values ('{number(1)}', 'Ann')")
    keys.new.paste(PROFILES.replace("set role hosted_postgres;", "").replace("reset role;", ""))
    try:
        assert "the row that it makes is replaced by OLD's" in keys.auth("check").out
        keys.space.write("tables.yaml", WITH.replace("EVERY", ""))
        assert keys.space.supasync("sync").code == 0
        keys.space.assert_equal("profiles")
        keys.space.write("tables.yaml", WITH.replace("EVERY", "every: 1s, flag: copied"))
        keys.new.paste(
            "create or replace trigger on_auth_user_created after insert on auth.users for each row "
            "when (new.raw_user_meta_data->>'copied' is null) execute function public.handle_new_user()"
        )
        assert "with copied in its user_metadata" in keys.auth("check").out
        keys.sign_up(2)
        assert keys.auth("sync", "--json").json["created"] == 1
        assert keys.new.one("select count(*) from public.profiles") == 1
        assert keys.auth("verify").code == 0
    finally:
        keys.new.paste("drop function public.handle_new_user() cascade")


def test_init_writes_the_section_where_old_has_accounts(keys: Projects) -> None:
    def proposed(name: str) -> str:
        done = keys.space.supasync("--config", name, "init")
        assert done.code == 0, done.err
        return (keys.space.folder / name).read_text()

    assert "auth:" not in proposed("none.yaml")
    keys.sign_up(1)
    assert "# OLD has 1 account. " in proposed("keys.yaml")
    assert "\nauth: {every: 24h}\n" in proposed("again.yaml")
    assert keys.space.supasync("--config", "keys.yaml", "check").code == 0
    for name, end in (("OLD", keys.space.old), ("NEW", keys.space.new)):
        keys.space.environment[f"{name}_DATABASE_URL"] = end.cluster.url(end.database, "hosted_postgres")
    try:
        assert "\nauth: {}\n" in proposed("sql.yaml")
    finally:
        keys.space.environment.clear()


@pytest.mark.parametrize(("side", "seconds"), [("new", 315_360_000), ("new", -400), ("old", 315_360_000)])
def test_a_ban_ends_by_the_earliest_clock_alone(keys: Projects, side: str, seconds: int) -> None:
    wrong = {"kind": "clock", "seconds": seconds, "times": None}
    server = getattr(keys.space, side).server
    keys.sign_up(1, banned_until="now() + interval '2 years'")
    keys.sign_up(2, banned_until="now() - interval '1 day'")
    server.misbehave(wrong)
    try:
        assert "nobody can tell which bans of OLD have ended" in keys.auth("sync", code=3).err
        assert keys.new.paste("select id from auth.users") == []
        server.behave()
        keys.auth("sync")
        server.misbehave(wrong)
        keys.auth("sync")  # no ban is to be copied
        keys.auth("verify")
        keys.new.paste(f"update auth.users set banned_until = null where id = '{number(1)}'")
        done = keys.auth("verify", code=1)
        assert f"u1@example.test ({number(1)}): ban" in done.out
        assert number(2) not in done.out
    finally:
        server.behave()


def test_without_a_clock_of_a_project_no_ban_is_taken_for_ended(keys: Projects) -> None:
    """This machine's own clock may be years ahead."""
    keys.sign_up(1, banned_until="now() + interval '2 years'")
    for end in (keys.space.old, keys.space.new):
        end.server.misbehave({"kind": "no-date", "times": None})
    try:
        said = "neither OLD nor NEW says in its answers what time it is"
        assert said in keys.auth("sync", code=3).err
        assert said in keys.auth("verify", code=2).err
        assert keys.new.paste("select id from auth.users") == []
        keys.space.new.server.behave()
        keys.auth("sync")
    finally:
        for end in (keys.space.old, keys.space.new):
            end.server.behave()


EMPTY = {"content-type": "application/json", "x-total-count": "0", "date": "Mon, 01 Jan 2024 00:00:00 GMT"}


def test_a_list_that_a_cache_has_kept_is_refused(keys: Projects) -> None:
    keys.sign_up(1)
    empty = {"kind": "answer", "status": 200, "headers": EMPTY, "body": '{"users": []}'}
    for fault, said in (
        ({"kind": "age", "seconds": 86_400}, "OLD: a cache answers in its place (Age: 86400)"),
        (empty, "behind the clocks of NEW and of this machine, and stays the same"),
    ):
        keys.space.old.server.misbehave({**fault, "path": "/auth/v1/", "times": None})
        try:
            for command, code in (("sync", 4), ("verify", 2)):
                assert said in keys.auth(command, code=code).err
        finally:
            keys.space.old.server.behave()
    assert keys.new.paste("select id from auth.users") == []
    keys.space.old.server.reset()
    keys.space.old.server.misbehave({"kind": "clock", "seconds": -86_400, "times": None})
    try:
        assert "1 created" in keys.auth("sync").out
    finally:
        keys.space.old.server.behave()
    asked = [each["word"] for each in keys.space.old.server.requests() if "/auth/v1/" in each["path"]]
    assert len(set(asked)) == len(asked) > 1
