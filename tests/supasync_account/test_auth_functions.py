"""The functions by which accounts are copied: who may call them, what they cost, what they refuse.

That the result is the same as by SQL is in `test_auth_sync`, which runs by both.
"""

# ruff: noqa: S608 - the statements are made of the test's own ids

import json
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from supasync_account.auth.account_calls import FunctionDoor
from supasync_account.auth.account_scripts import VERSION
from supasync_core.model.errors import SchemaError
from tests.e2e.test_cutover import NEW_ANON
from tests.e2e.workspace import NEW_KEY, OLD_KEY, End
from tests.servers.postgres import Cluster
from tests.supasync_account.accounts import CONFIG, PROFILES, Projects, number, projects, sign_up

WITH = CONFIG.replace("tables:\n", "auth: {}\ntables:\n")
CALLED = "/rpc/supasync_auth"
STARVED = {
    "kind": "answer",
    "status": 500,
    "body": '{"code":"57014","message":"canceling"}',
    "path": CALLED,
}
LARGE = "jsonb_build_object('text', (select string_agg(md5(g::text), '') from generate_series(1, 30000) g))"


@pytest.fixture(scope="module")
def made(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    with projects(cluster, tmp_path_factory.mktemp("functions"), config=WITH) as found:
        found.by_functions()
        found.space.keep()
        yield found


@pytest.fixture
def both(made: Projects) -> Projects:
    made.space.again()
    for each in (made.old, made.new):
        each.paste("delete from public.notes; delete from auth.users")
    return made


def called(end: End, key: str, name: str, asked: dict[str, Any]) -> httpx.Response:
    return httpx.post(
        f"{end.server.url}/rpc/{name}",
        json={"asked": asked},
        headers={"apikey": key, "x-app": "a"},
        trust_env=False,
    )


def test_nobody_but_the_secret_key_may_call_them(both: Projects) -> None:
    both.sign_up(1)
    asked = {"columns": [["users", ["id", "encrypted_password"], []]], "steps": [["flawed", "users", []]]}
    for end, secret, name in (
        (both.space.old, OLD_KEY, "supasync_auth_old"),
        (both.space.new, NEW_KEY, "supasync_auth_new"),
    ):
        refused = called(end, secret.replace("secret", "publishable"), name, asked)
        assert refused.status_code in (401, 403), refused.text
        assert json.loads(refused.text)["code"] == "42501"
        assert called(end, secret, name, asked).json()["version"] == VERSION
    both.old.paste("grant execute on function public.supasync_auth_old(jsonb) to anon")
    try:
        done = both.auth("check", code=3)
        assert "OLD: anon may call supasync_auth_old" in done.out
    finally:
        both.old.paste(both.space.supasync("schema", "sql", "--auth", "--old").out)
    assert "may call" not in both.auth("check").out


def test_new_judges_itself_what_it_is_handed(both: Projects) -> None:
    """OLD's function, or whatever answers for it, finds nothing wrong with any account."""
    both.sign_up(1, 2, 3, 4)
    both.auth("sync")
    both.sign_up(5, 6)
    sick = {1: "aud = null", 2: "raw_user_meta_data = '[]'", 5: "created_at = 'infinity'", 3: "role = 'x'"}
    for user, change in sick.items():
        both.old.paste(f"update auth.users set {change} where id = '{number(user)}'")
    both.old.paste(
        "alter function public.supasync_auth_old(jsonb) rename to honest;"
        "create function public.supasync_auth_old(asked jsonb) returns json language sql stable security "
        "definer as $$ select regexp_replace(public.honest(asked)::text, '\"flaws\":\\[[^]]*\\]', "
        "'\"flaws\":[]', 'g')::json $$;"
        "grant execute on function public.supasync_auth_old(jsonb) to service_role"
    )
    both.space.old.server.reload()
    try:
        report = both.auth("sync", "--json", code=3).json
    finally:
        both.old.paste("drop function public.honest(jsonb)")
        both.old.paste(both.space.supasync("schema", "sql", "--auth", "--old").out)
        both.space.old.server.reload()
    assert sorted(each["id"] for each in report["named"]) == [number(user) for user in (1, 2, 5)]
    assert all("Auth cannot read or show" in each["what"] for each in report["named"])
    assert (report["created"], report["updated"]) == (1, 1)
    kept = "select left(id::text, 2), aud, role, isfinite(created_at) from auth.users order by 1"
    usual = ("authenticated", "authenticated", True)
    assert both.new.paste(kept) == [
        ("01", *usual),
        ("02", *usual),
        ("03", "authenticated", "x", True),
        ("04", *usual),
        ("06", *usual),
    ]


def test_the_script_creates_nothing_where_the_world_could_still_call_it(both: Projects) -> None:
    script = both.space.supasync("schema", "sql", "--auth", "--old").out
    removal = both.space.supasync("schema", "sql", "--auth", "--old", "--uninstall").out
    assert both.old.paste(removal) == []
    both.space.old.run("create role tests_inheriting; grant service_role to tests_inheriting")
    both.space.old.run("grant tests_inheriting to anon with inherit true")
    try:
        with pytest.raises(psycopg.errors.RaiseException, match="anon may still call supasync_auth_old"):
            both.old.paste(script)
        assert both.old.one("select to_regprocedure('public.supasync_auth_old(jsonb)')::text") is None
    finally:
        both.space.old.run("revoke tests_inheriting from anon; drop role tests_inheriting")
        assert both.old.paste(script) == [("anon", False), ("authenticated", False), ("service_role", True)]
        both.space.old.server.reload()


@pytest.mark.parametrize(
    "asked",
    [
        {
            "columns": [["users", ['id"::text); drop table public.notes; --'], []]],
            "steps": [["marks_of", "users", [[]]]],
        },
        {"columns": [["users", ["id"], []]], "steps": [["counts; drop table public.notes", "users", []]]},
        {"columns": [["users", ["id"], []]], "steps": [["lost", "refresh_tokens", [[], []]]]},
        {"columns": [["users", ["id"], []]], "steps": [["give_up_email", "users", [["x') --"], ["y"]]]]},
    ],
)
def test_no_sql_of_a_caller_runs(both: Projects, asked: dict[str, Any]) -> None:
    for end, key, name in (
        (both.space.old, OLD_KEY, "supasync_auth_old"),
        (both.space.new, NEW_KEY, "supasync_auth_new"),
    ):
        assert called(end, key, name, asked).status_code >= 400
        assert end.rows("select count(*) from public.notes") == [(0,)]


def test_tokens_sessions_and_secrets_are_not_read(both: Projects) -> None:
    both.sign_up(1, recovery_token="'a-token'")
    columns = [["users", ["id", "recovery_token", "email"], []], ["mfa_factors", ["id", "secret"], []]]
    ids = [[number(1)], 1]
    for end, key in ((both.space.old, OLD_KEY),):
        found = called(
            end, key, "supasync_auth_old", {"columns": columns, "steps": [["accounts", "users", ids]]}
        )
        assert found.status_code == 200, found.text
        [[account]] = found.json()["answers"]
        assert "a-token" not in found.text
        assert (json.loads(account["user_row"]), account["owned"]) == ([number(1), "u1@example.test"], [])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([], "is of another version"),
        ({"version": 1, "tables": [], "answers": [[]]}, "is of another version"),
        ({"version": VERSION, "tables": ["users"], "answers": []}, "answered something that is not rows"),
        ({"version": VERSION, "tables": ["users"], "answers": [[1]]}, "answered something that is not rows"),
        ({"version": VERSION, "tables": ["users"], "answers": "x"}, "answered something that is not rows"),
        ({"version": VERSION, "answers": [[]]}, "answered something that is not rows"),
    ],
)
def test_an_answer_that_is_none_is_refused_in_a_sentence(answer: object, said: str) -> None:
    class Side:
        def function(self, name: str, asked: object, purpose: str) -> object:
            return answer

    with pytest.raises(SchemaError, match=said):
        FunctionDoor(Side(), "OLD").ask("flawed")


def test_what_takes_too_long_to_count_is_said_to_be_unknown(both: Projects) -> None:
    both.sign_up(1)
    both.old.paste(
        "insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at, secret) "
        f"values (gen_random_uuid(), '{number(1)}', 'totp', 'verified', now(), now(), 'S')"
    )
    for what in ("%22counts", "%22with_factors", "%22flawed"):
        both.space.old.server.misbehave({**STARVED, "path": f"{CALLED}.*{what}", "times": None})
    found = both.auth("check", "--json").json
    assert found["accounts"] == {
        "OLD": {},
        "NEW": {"accounts": 0, "with a password": 0, "with a linked login": 0, "with MFA factors": 0},
    }
    uncounted, unsearched = (each["text"] for each in found["findings"])
    kinds = "accounts, with a password, with a linked login, with MFA factors"
    assert f"OLD: the database took too long to count {kinds}" in uncounted
    assert "OLD: the database took too long to look for accounts that cannot be copied" in unsearched


def test_an_hour_without_a_change_costs_one_request_to_each_project(both: Projects) -> None:
    both.sign_up(*range(1, 20))
    assert both.space.supasync("sync").code == 0
    for end in (both.space.old, both.space.new):
        end.server.reset()
    both.old.paste("update auth.users set updated_at = now(), last_sign_in_at = now()")
    assert "auth: 0 created, 0 updated" in both.space.supasync("sync").out
    for end, method in ((both.space.old, "GET"), (both.space.new, "POST")):
        asked = [each for each in end.server.requests() if CALLED in each["path"]]
        assert [each["method"] for each in asked] == [method]
    assert {each["method"] for each in both.space.old.server.requests()} <= {"GET", "HEAD"}


def test_the_profile_arrives_in_the_same_run_and_a_switch_proves_accounts(both: Projects) -> None:
    both.sign_up(1)
    both.old.paste(f"insert into public.profiles (id, name) values ('{number(1)}', 'One')")
    assert "auth: would create 1" in both.space.supasync("sync", "--dry-run").out
    assert both.new.paste("select id from auth.users") == []
    done = both.space.supasync("sync")
    assert done.code == 0, done.out + done.err
    both.space.assert_equal("profiles")
    both.assert_equal()
    both.new.paste("update auth.users set encrypted_password = '$2a$06$other'")
    assert "password" in both.auth("verify", code=1).out
    both.space.environment["SUPABASE_ANON_KEY"] = NEW_ANON
    both.space.write("tables.yaml", WITH.replace("tables:", "defaults: {overlap: 0s}\ntables:"))
    checks = {each["name"]: each for each in both.space.supasync("cutover", "--yes", "--json").json["checks"]}
    assert checks["auth"]["detail"].startswith("1 account differs")
    both.auth("sync", "--accept", "newer")
    checks = {each["name"]: each for each in both.space.supasync("cutover", "--yes", "--json").json["checks"]}
    assert checks["auth"]["result"] == "ok"
    assert "schema sql --auth --old --uninstall" in checks["auth"]["detail"]


def test_pages_that_take_too_long_are_asked_for_in_parts(both: Projects) -> None:
    both.sign_up(*range(1, 40))
    both.space.old.server.misbehave({**STARVED, "nth": 3, "times": 3})
    both.space.new.server.misbehave({**STARVED, "nth": 5, "times": 2})
    try:
        report = both.auth("sync", "--json").json
    finally:
        both.space.old.server.behave()
        both.space.new.server.behave()
    assert (report["created"], report["named"]) == (39, [])
    both.assert_equal()


def test_a_lost_answer_is_no_conflict(both: Projects) -> None:
    both.sign_up(1, 2)
    both.auth("sync")
    both.old.paste("update auth.users set role = 'editor'")
    both.space.new.server.misbehave({"kind": "reset-after", "method": "POST", "path": CALLED, "nth": 5})
    try:
        report = both.auth("sync", "--json").json
    finally:
        both.space.new.server.behave()
    assert (report["updated"], report["named"]) == (2, [])
    both.assert_equal()


def test_a_run_that_lost_its_lease_writes_nothing(both: Projects) -> None:
    both.space.supasync("sync")
    both.space.supasync("sync")
    runs = [
        run for (run,) in both.new.paste("select run_id::text from sync_metadata where run_id is not null")
    ]
    late = called(both.space.new, NEW_KEY, "supasync_auth_new", {"columns": [], "run": runs[0], "steps": []})
    assert late.json()["code"] == "SUP01"


def test_one_missing_function_is_named_and_without_both_keys_are_the_way(both: Projects) -> None:
    try:
        both.old.paste(both.space.supasync("schema", "sql", "--auth", "--old", "--uninstall").out)
        both.space.old.server.reload()
        done = both.auth("sync", code=3)
        assert "OLD has no function supasync_auth_old for accounts" in done.err
        assert "supasync schema sql --auth --old" in done.err
        both.new.paste(both.space.supasync("schema", "sql", "--auth", "--uninstall").out)
        both.space.new.server.reload()
        done = both.space.supasync("auth", "check")
        assert "supasync_auth" not in done.err
    finally:
        both.by_functions()
    assert "way: functions" in both.auth("check").out


def test_one_connection_string_and_the_other_function_do(both: Projects) -> None:
    both.sign_up(1, 2)
    for user, name, end in ((1, "OLD", both.space.old), (2, "NEW", both.space.new)):
        both.old.paste(f"update auth.users set role = 'editor' where id = '{number(user)}'")
        string = {f"{name}_DATABASE_URL": end.cluster.url(end.database, "hosted_postgres")}
        end.server.misbehave({"kind": "answer", "status": 500, "path": CALLED, "times": None})
        try:
            done = both.space.supasync("auth", "sync", environment=string)
        finally:
            end.server.behave()
        assert done.code == 0, done.err
        both.assert_equal()


def test_a_guarded_trigger_makes_no_second_profile_and_the_script_can_be_applied(both: Projects) -> None:
    url = both.space.new.cluster.url(both.space.new.database, "hosted_postgres")
    done = both.space.supasync("schema", "sql", "--auth", "--apply", environment={"NEW_DATABASE_URL": url})
    assert done.code == 0, done.err
    assert "service_role" in done.out
    both.space.new.server.reload()
    both.new.paste(PROFILES.replace("set role hosted_postgres;", "").replace("reset role;", ""))
    try:
        both.sign_up(1)
        assert "on_auth_user_created (auth.users) would fire" in both.auth("sync", code=3).err
        guard = both.space.supasync("schema", "sql", "--triggers", "guard").out
        both.new.paste(guard.replace("current_setting('role', true) = 'service_role'", "false"))
        assert "would fire" in both.auth("sync", code=3).err  # a guard of an earlier version
        both.new.paste(guard)
        both.auth("sync")
        assert both.new.paste("select id from public.profiles") == []
        both.old.paste(f"insert into public.profiles (id, name) values ('{number(1)}', 'One')")
        assert both.space.supasync("sync").code == 0
        both.space.assert_equal("profiles")
    finally:
        both.new.paste("drop function public.handle_new_user() cascade")


def test_factors_are_copied_where_the_functions_were_printed_for_it(both: Projects) -> None:
    both.sign_up(1)
    both.old.paste(
        "insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at, secret) "
        f"values (gen_random_uuid(), '{number(1)}', 'totp', 'verified', now(), now(), 'JBSWY3DP')"
    )
    done = both.auth("sync", "--mfa", code=3)
    assert "was pasted without mfa_factors" in done.err
    both.space.write("tables.yaml", WITH.replace("auth: {}", "auth: {mfa: copy}"))
    try:
        both.by_functions()
        both.auth("sync")
        assert both.rows("mfa_factors", "secret") == ([("JBSWY3DP",)], [("JBSWY3DP",)])
        both.auth("verify")
    finally:
        both.space.write("tables.yaml", WITH)
        both.by_functions()


@pytest.mark.parametrize("way", ["functions", "sql"])
def test_what_is_read_counts_in_budgets(both: Projects, way: str) -> None:
    strings = {
        f"{name}_DATABASE_URL": end.cluster.url(end.database, "hosted_postgres")
        for name, end in (("OLD", both.space.old), ("NEW", both.space.new))
        if way == "sql"
    }
    both.sign_up(*range(1, 8), raw_user_meta_data=LARGE)
    both.space.write(
        "tables.yaml", WITH.replace("tables:", "budgets: {egress: 3MB}\non_budget: stop\ntables:")
    )
    done = both.space.supasync("sync", environment=strings)
    assert done.code == 3
    assert "budget" in done.err
    assert len(both.new.paste("select id from auth.users")) < 7
    both.space.write("tables.yaml", WITH)
    assert both.space.supasync("sync", environment=strings).code == 0
    both.assert_equal()


WRAPPED = """
alter function public.supasync_auth_old(jsonb) rename to asked_behind;
create function public.supasync_auth_old(asked jsonb) returns json
language plpgsql stable security definer as $$
declare
    asked jsonb := case jsonb_typeof(asked) when 'string' then (asked #>> '{{}}')::jsonb else asked end;
    found json := public.asked_behind(asked);
begin
    return case asked #>> '{{steps,0,0}}' when 'accounts' then {answer} else found end;
end $$;
grant execute on function public.supasync_auth_old(jsonb) to service_role;
"""
SMUGGLED = f"""replace(found::text, '"user_row":"', '"user_row":"' || trim(both '"' from to_json(replace(
    found #>> '{{{{answers,0,0,user_row}}}}', '{number(2)}', '{number(7)}'))::text) || ', ')::json"""
NONE = (
    "json_build_object('version', found -> 'version', 'tables', found -> 'tables', 'answers', '[[]]'::json)"
)


def test_only_what_was_decided_about_is_written_and_what_is_not_handed_over_is_said(both: Projects) -> None:
    sign_up(both.new, 7, {"encrypted_password": "'of the admin of NEW'"})
    both.sign_up(2)
    for answer, code, said in (
        (SMUGGLED, 3, f"rows that are not those of the account {number(2)}"),
        (NONE, 4, f"u2@example.test ({number(2)}): not copied: OLD lists it, and did not hand it over"),
    ):
        both.old.paste(WRAPPED.format(answer=answer))
        both.space.old.server.reload()
        try:
            done = both.auth("sync", code=code)
            assert said in done.err
            run = both.space.supasync("sync")
            assert (run.code, "success" in run.out) == (code, False), run.out + run.err
        finally:
            both.old.paste("drop function public.asked_behind(jsonb)")
            both.old.paste(both.space.supasync("schema", "sql", "--auth", "--old").out)
            both.space.old.server.reload()
        assert both.new.paste("select encrypted_password from auth.users") == [("of the admin of NEW",)]
    assert "1 created" in both.auth("sync").out


def test_an_answer_that_a_cache_has_kept_is_refused(both: Projects) -> None:
    both.sign_up(1)
    for end, said in (
        (both.space.old, "OLD: a cache answers in its place (Age: 86400)"),
        (both.space.new, "NEW: a cache answers in its place (Age: 86400)"),
    ):
        end.server.misbehave({"kind": "age", "seconds": 86_400, "path": CALLED, "times": None})
        try:
            for command, code in (("sync", 4), ("verify", 2)):
                assert said in both.auth(command, code=code).err
        finally:
            end.server.behave()
    both.space.old.server.reset()
    assert "1 created" in both.auth("sync").out
    both.auth("sync")
    asked = [each["word"] for each in both.space.old.server.requests() if CALLED in each["path"]]
    assert len(set(asked)) == len(asked) > 1
