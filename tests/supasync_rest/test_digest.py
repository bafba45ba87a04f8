"""The optional function for digests: what it computes, for whom, and under which settings."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from supasync_core.model.table import Table
from supasync_core.schema import scripts
from tests.servers.hosted import OWNER, Hosted, hosted
from tests.servers.postgres import Cluster

SCHEMA = """
create table users (id bigint primary key, email text, seen timestamptz, price double precision, cost money,
  raw bytea, span interval, doc json);
create table "odd ""one"" of ours" ("the %I" text primary key, "where" text, "$digest$" int);
create view shown as select * from users;
create table secret (id int primary key);
grant select on users, "odd ""one"" of ours", shown to service_role;
insert into users values
  (1, 'Zoë', '2024-01-01 00:00:00.1+02', 0.1, 12.5, '\\xdead', '1 mon -2 days', '{"a":  1}'),
  (2, null, 'infinity', 'NaN', null, '', null, 'null'), (3, '', null, '-0', 0, null, '1 hour', null);
alter default privileges in schema public grant execute on functions to anon, authenticated, service_role;
"""
USERS: dict[str, Any] = {
    "schema": "public",
    "table": "users",
    "key": ["id"],
    "without": [],
    "live": None,
    "method": "hash",
}


@pytest.fixture(scope="module")
def project(cluster: Cluster) -> Iterator[Hosted]:
    with hosted(cluster, SCHEMA) as made:
        for _ in range(2):
            made.paste(scripts.script("old", (Table(name="users"),)))
        yield made


def ask(project: Hosted, role: str = "service_role", **asked: object) -> Any:
    """As PostgREST asks for a GET: in a transaction that only reads."""
    given = json.dumps(asked).replace("'", "''")
    text = f"set role {role}; set transaction read only; select public.supasync_digest('{given}')"
    [(told,)] = project.paste(f"begin; {text}", "authenticator")
    return told


def digests(project: Hosted, **asked: object) -> Any:
    """Count and sums of the parts."""
    whole: dict[str, Any] = {"want": "parts", "parts": 1, **USERS, **asked}
    return sorted(ask(project, **whole)["found"])


def test_it_tells_of_tables_what_its_caller_may_see(project: Hosted) -> None:
    asked = [["public", "users", ["id"]], ["public", "shown", ["id"]], ["public", "secret", ["id"]]]
    told = ask(project, want="tables", tables=[*asked, ["public", "users'; drop table users; --", []]])
    users, shown, secret, missing = told["found"]
    assert (users["kind"], users["readable"], users["unique"]) == ("r", True, True)
    assert users["columns"]["doc"] == ["json", None, False, True]
    assert (shown["kind"], secret["readable"], missing) == ("v", False, None)


@pytest.mark.parametrize(
    "setting",
    [
        "DateStyle = 'German'",
        "IntervalStyle = 'iso_8601'",
        "TimeZone = 'Asia/Kathmandu'",
        "extra_float_digits = -5",
        "bytea_output = 'escape'",
        "search_path = 'public'",
        "xmloption = 'document'",
        "standard_conforming_strings = off",
    ],
)
def test_no_setting_of_a_database_changes_a_digest(project: Hosted, setting: str) -> None:
    before = [digests(project, method=method) for method in ("hash", "md5")]
    project.paste(f"alter database {project.database} set {setting}")
    try:
        assert [digests(project, method=method) for method in ("hash", "md5")] == before
        assert ask(project, want="tables", tables=[])["probe"]["md5"]
    finally:
        project.paste(f"alter database {project.database} reset {setting.partition(' ')[0]}")


@pytest.mark.parametrize("method", ["hash", "md5"])
@pytest.mark.parametrize(
    "change",
    [
        "update users set email = '' where id = 2",
        "update users set email = null where id = 3",
        "update users set doc = '{\"a\": 1}' where id = 1",
        "update users set doc = null where id = 2",
        "update users set price = 0.1::real where id = 1",
        "update users set price = 0 where id = 3",
        "update users set id = 4 where id = 3",
        "delete from users where id = 1",
        "insert into users (id) values (5)",
        "update users set email = seen::text, seen = null where id = 1",
    ],
)
def test_every_change_of_a_value_changes_the_digest(project: Hosted, change: str, method: str) -> None:
    given = json.dumps({"want": "parts", "parts": 1, **USERS, "method": method}).replace("'", "''")
    told = f"select public.supasync_digest('{given}') into now; if now = was then raise 'the same'; end if;"
    quoted = change.replace("'", "''")
    project.paste(
        f"do $do$ declare was jsonb := public.supasync_digest('{given}'); now jsonb; begin "
        f"execute '{quoted}'; {told} raise exception using errcode = 'ZZ001'; "
        "exception when sqlstate 'ZZ001' then null; end $do$"
    )


def test_parts_and_ranges_add_up_to_the_whole(project: Hosted) -> None:
    [[_, rows, one, two]] = digests(project)
    for found in (
        digests(project, parts=8),
        [*digests(project, to=["1"]), *digests(project, after=["1"])],
        digests(project, parts=64, of=8, among=list(range(8))),
    ):
        assert sum(each[1] for each in found) == rows
        assert [sum(int(each[at]) for each in found) for at in (2, 3)] == [int(one), int(two)]
    listed = ask(project, want="rows", **USERS, stamps=["seen"], limit=10)["found"]
    assert sum(int(each[1]) for each in listed) == int(one)
    assert {tuple(each[0]): each[3][0] for each in listed}["2",] == "infinity"
    assert ask(project, want="bound", **USERS, after=["1"], rows=2)["found"] == ["3"]
    assert ask(project, want="bound", **USERS, after=["1"], rows=3)["found"] is None


def test_names_are_quoted_and_texts_are_ordered_by_their_bytes(project: Hosted) -> None:
    project.paste(
        "insert into \"odd \"\"one\"\" of ours\" values ('a''%s', 'x', 1), ('B', null, 2), ('é', 'y', 3)"
    )
    odd = {**USERS, "table": 'odd "one" of ours', "key": ["the %I"]}
    assert ask(project, want="bound", **odd, rows=2)["found"] == ["a'%s"]
    found = ask(project, want="cells", **odd, keys=[["a'%s"], ["B"], ["'); drop table users; --"]])
    assert found["columns"] == ["$digest$", "the %I", "where"]
    assert {key: [each is None for each in cells] for (key,), cells in found["found"]} == {
        "a'%s": [False, False, False],
        "B": [False, False, True],
    }
    assert digests(project, **{**odd, "after": ["B"], "to": ["a'%s"]})[0][1] == 1
    [[_, live, *_]] = digests(project, **{**odd, "live": "where"})
    assert live == 1


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_nobody_else_may_call_it_whatever_default_privileges_say(project: Hosted, role: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(project, role, want="tables", tables=[])


def test_it_has_the_rights_of_its_caller_alone(project: Hosted) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(project, **{"want": "parts", "parts": 1, **USERS, "table": "secret"})
    with pytest.raises(psycopg.errors.UndefinedTable):
        ask(project, **{"want": "parts", "parts": 1, **USERS, "table": "shown"})
    assert project.one("select prosecdef from pg_proc where proname = 'supasync_digest'") is False


def test_it_is_not_created_where_others_could_call_it(cluster: Cluster) -> None:
    with hosted(cluster, "create role digest_group; grant digest_group to anon") as project:
        try:
            project.paste(
                "alter default privileges in schema public grant execute on functions to digest_group"
            )
            project.paste(scripts.ready())
            may = "select has_function_privilege('anon', 'public.supasync_digest(jsonb)', 'execute')"
            assert project.one(may) is False
            project.paste("drop function public.supasync_digest(jsonb)")
            cluster.execute(project.database, "grant service_role to digest_group")
            with pytest.raises(psycopg.errors.RaiseException, match="anon may still call supasync"):
                project.paste(scripts.ready())
            assert project.one("select to_regproc('public.supasync_digest') is null") is True
        finally:
            project.paste("drop owned by digest_group; drop role digest_group", OWNER)


def test_a_planted_function_does_not_stay(cluster: Cluster) -> None:
    planted = (
        "create function public.supasync_digest(asked jsonb) returns jsonb language sql security definer "
        "as 'select asked'"
    )
    with hosted(cluster, planted) as project:
        project.paste(scripts.script("old", (Table(name="users"),)))
        assert project.one("select prosecdef from pg_proc where proname = 'supasync_digest'") is False


def test_it_goes_without_a_trace(cluster: Cluster) -> None:
    with hosted(cluster, SCHEMA) as project:
        before = project.one("select count(*) from pg_depend")
        project.paste(scripts.script("old", (Table(name="users"),)))
        for _ in range(2):
            project.paste(scripts.script("uninstall-old"))
        assert project.one("select count(*) from pg_depend") == before
        project.paste(scripts.ready())
        project.paste(scripts.script("uninstall-new"))
        assert project.one("select to_regproc('public.supasync_digest') is null") is True
