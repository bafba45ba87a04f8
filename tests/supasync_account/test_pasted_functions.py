"""The pasted functions against whoever may call them, name a column, or create an operator."""

# ruff: noqa: S608 - the statements are made of the test's own names

import json
from collections.abc import Iterator
from typing import Any, Final

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from supasync_account.auth.account_door import Project
from supasync_account.auth.account_scripts import NAMES, script
from supasync_account.storage.old_answers import script as of_storage
from supasync_core.api.run_step import ScriptAsked
from tests.servers.hosted import STORAGE, Hosted, hosted
from tests.servers.postgres import Cluster
from tests.supasync_account.accounts import number, plant_operators, sign_up, take_operators_away

SECRETS: Final = """
create schema vault; create table vault.secrets (secret text); insert into vault.secrets values ('VAULT');
create table public.victim (id int)"""
READS: Final = (
    ")::text) as mark from auth.users u) select pg_catalog.json_agg(t) from "
    "(select (select s.secret from vault.secrets s) as secret, u.recovery_token from auth.users u) t --"
)
DROPS: Final = "x'; drop table public.victim; --"
PIECES: Final = (
    *("{names}", "{mark}", "{texts}", "{user}", "{tab}", "{form}", "{cast_values}", "{no_part}", "{"),
    *("'", '"', "--", ";", "/*", "$function$", "$query$", "%s", "%", "\\", ")", "::text", "é", " "),
)


@pytest.fixture(scope="module")
def project(cluster: Cluster) -> Iterator[Hosted]:
    """One project with the functions of both."""
    with hosted(cluster, SECRETS) as made:
        made.paste(script("OLD", {}))
        made.paste(script("NEW", {}))
        sign_up(made, 1, {"recovery_token": "'MAIL-TOKEN'"})
        yield made


def called(
    project: Hosted,
    side: Project,
    asked: dict[str, Any],
    role: str = "service_role",
    query: str = "select public.{}(%s)",
) -> Any:
    """The function's answer to this role of the API."""
    with psycopg.connect(project.cluster.url(project.database, "authenticator")) as connection:
        connection.execute(f"set role {role}".encode())
        [(found,)] = connection.execute(query.format(NAMES[side]).encode(), [Jsonb(asked)]).fetchall()
        return found


@pytest.mark.parametrize("side", NAMES)
@pytest.mark.parametrize(
    "asked",
    [
        {
            "columns": [["users", ["id", "id{names}x"], []], ["identities", [], [READS]]],
            "steps": [["marks_of", "identities", [[]]]],
        },
        {"columns": [["users", ["id", DROPS], []]], "form": "{mark}", "steps": [["form", "users", []]]},
        {"columns": [["users", ["id", "recovery"], []]], "steps": [["counts", "users", []]]},
        {"columns": [["users", ["id"], ["a" * 5000]]], "steps": [["counts", "users", []]]},
    ],
)
def test_a_column_that_the_table_lacks_is_refused(project: Hosted, side: Project, asked: Any) -> None:
    with pytest.raises(psycopg.errors.UndefinedColumn, match=r"auth\.\w+ has no column"):
        called(project, side, asked)
    assert project.one("select to_regclass('public.victim')::text") is not None


@given(pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=6))
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_name_of_a_column_is_a_name(project: Hosted, pieces: list[str]) -> None:
    name = "".join(pieces)
    quoted = name.replace('"', '""')
    project.cluster.execute(
        project.database, f"alter table auth.users add \"{quoted}\" text default '{{mark}}'"
    )
    try:
        columns = {"columns": [["users", ["id", name, "email"], []], ["identities", ["id", "user_id"], []]]}
        [[account]] = called(project, "OLD", {**columns, "steps": [["accounts", "users", [[number(1)], 1]]]})[
            "answers"
        ]
        row = [number(1), "{mark}", "u1@example.test"]
        assert json.loads(account["user_row"]) == row
        sent = json.dumps([[number(1), name, "u1@example.test"]])
        steps = [["users", "users", [sent]], ["note", "users", [[number(1)]]], ["form", "users", []]]
        written = called(project, "NEW", {**columns, "form": name, "steps": steps})["answers"]
        assert written[1][0]["id"] == number(1)
    finally:
        project.cluster.execute(project.database, f'alter table auth.users drop "{quoted}"')
    assert project.one("select to_regclass('public.victim')::text") is not None


def test_what_refers_to_an_account_is_asked_by_its_id_alone(project: Hosted) -> None:
    """Not by a column or a table of the caller's choice, such as the one that holds tokens."""
    project.paste("create table public.posts (id int, author uuid references auth.users on delete cascade)")
    project.paste(f"insert into public.posts values (1, '{number(1)}')")
    ids = "{" + number(1) + "}"
    for values in ([ids], ["users", "recovery_token", "users", ids]):
        try:
            found = called(project, "NEW", {"columns": [], "steps": [["referrers", "users", values]]})
        except psycopg.errors.InvalidTextRepresentation:
            continue
        assert found["answers"] == [[{"account": number(1), "words": "1 row of public.posts.author"}]]
    with pytest.raises(psycopg.errors.RaiseException, match="does not know this question"):
        called(project, "NEW", {"columns": [], "steps": [["referrers", "sessions", [ids]]]})


def test_a_right_that_comes_later_opens_nothing(project: Hosted) -> None:
    """As people repair the rights of a project; nor does a function of the app that calls what is named."""
    asked = {"columns": [["users", ["id", "encrypted_password"], []]], "steps": [["counts", "users", []]]}
    project.paste(
        "create function public.any(name text, asked jsonb) returns json language plpgsql security definer "
        "as $$ declare r json; begin execute format('select public.%I($1)', name) into r using asked; "
        "return r; end $$"
    )
    project.paste("grant execute on all functions in schema public to anon, authenticated")
    try:
        for role in ("anon", "authenticated"):
            for side in NAMES:
                for query in ("select public.{}(%s)", "select public.any('{}', %s)"):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only service_role"):
                        called(project, side, asked, role, query)
        for side, name in NAMES.items():
            assert called(project, side, asked)["answers"]
            assert project.one(f"select public.{name}('{json.dumps(asked)}') ->> 'version'")
    finally:
        project.paste("drop function public.any")
        project.paste("revoke execute on all functions in schema public from anon, authenticated")


def test_no_other_role_may_call_what_was_pasted(cluster: Cluster) -> None:
    """Default privileges may give EXECUTE to any role, also to one that tokens of the API name."""
    with hosted(cluster, "") as made:
        cluster.execute(made.database, "create role app_member nologin; grant app_member to authenticator")
        cluster.execute(made.database, STORAGE)
        made.paste("alter default privileges in schema public grant execute on functions to app_member")
        try:
            made.paste(of_storage(ScriptAsked(project="OLD", uninstall=False, settings={})))
            may = "select has_function_privilege('app_member', 'supasync_storage(jsonb)', 'execute')"
            assert made.one(may) is False
            for side in NAMES:
                made.paste(script(side, {}))
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    called(made, side, {"columns": [], "steps": []}, "app_member")
        finally:
            cluster.execute(made.database, "drop owned by app_member; drop role app_member")


@pytest.mark.parametrize("fires", [True, False])
def test_a_planted_operator_never_runs_and_triggers_find_their_names(project: Hosted, *, fires: bool) -> None:
    plant_operators(project)
    project.paste(
        "create function public.seen() returns trigger language plpgsql as $$ begin "
        "perform from victim; return new; end $$;"
        "create trigger seen before insert or update on auth.users "
        "for each row execute function public.seen()"
    )
    row = json.dumps([[number(1), "other@example.test", "4711", "authenticated"]])
    columns = [
        ["users", ["id", "email", "phone", "role"], []],
        ["identities", ["id", "user_id", "provider", "provider_id", "identity_data"], []],
    ]
    identity = project.one("select id::text from auth.identities")
    owned = json.dumps([[[identity, number(1), "email", "4711", "{}"]]])
    steps = [
        ["give_up_email", "users", [[number(1)], ["other@example.test"]]],
        ["give_up_phone", "users", [[number(1)], ["4711"]]],
        ["users", "users", [row]],
        ["owned", "identities", [owned]],
        ["note", "users", [[number(1)]]],
        ["ban", "users", [[number(1)], ["2099-01-01"]]],
        ["counts", "users", []],
    ]
    asked = {"columns": columns, "steps": steps, **({"fires": True} if fires else {})}
    try:
        if fires:
            assert len(called(project, "NEW", asked)["answers"]) == len(steps)
            assert project.one("select email from auth.users") == "other@example.test"
        else:
            with pytest.raises(psycopg.errors.UndefinedTable, match="victim"):
                called(project, "NEW", asked)
        assert project.one("select to_regclass('public.pwned')") is None
    finally:
        project.paste("drop function public.seen() cascade")
        take_operators_away(project)
