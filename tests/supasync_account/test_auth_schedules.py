"""Whatever people do in OLD between two copies, in whatever order: NEW has the same accounts in the end."""

import json
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supasync_account.auth import account_deletes
from supasync_account.auth.account_calls import hourly
from supasync_account.auth.account_copy import AccountCopy
from supasync_account.auth.account_door import AccountDoor
from supasync_account.auth.account_report import AccountReport
from supasync_account.auth.account_scripts import script
from supasync_account.auth.account_session import SessionDoor
from supasync_account.auth.account_verdict import compare
from supasync_account.auth.account_way import Choices
from supasync_account.auth.auth_step import run
from supasync_core.api.registration import Fence
from supasync_core.api.run_step import StepContext
from supasync_core.model.errors import RowError
from supasync_postgres.sink import PostgresSink
from supasync_postgres.source import PostgresSource
from tests.servers.postgres import Cluster
from tests.supasync_account.accounts import number, sign_up
from tests.supasync_postgres.databases import Place, place

USERS = st.integers(1, 5)
EMAILS = st.sampled_from(["a@x.test", "b@x.test", "A@x.test", "c@x.test"])
CHANGES = st.one_of(
    st.tuples(st.just("sign up"), USERS, EMAILS),
    st.tuples(st.just("email"), USERS, EMAILS),
    st.tuples(st.just("swap"), USERS, USERS),
    st.tuples(st.just("phone"), USERS, st.sampled_from(["491", "492"])),
    st.tuples(st.just("link"), USERS, st.sampled_from(["g1", "g2"])),
    st.tuples(st.just("move"), USERS, USERS),
    st.tuples(st.just("unlink"), USERS, st.none()),
    st.tuples(st.just("ban"), USERS, st.none()),
    st.tuples(st.just("password"), USERS, st.none()),
    st.tuples(st.just("delete"), USERS, st.none()),
    st.tuples(st.just("copy"), st.sampled_from(["sql", "functions"]), st.none()),
)


STATEMENTS = {
    "email": "update auth.users set email = '{other}' where id = '{mine}'",
    "phone": "update auth.users set phone = '{other}' where id = '{mine}'",
    "swap": "create temp table was as select id, email from auth.users where id in ('{mine}', '{theirs}');"
    "update auth.users u set email = null from was where was.id = u.id;"
    "update auth.users u set email = w.email from was, was w "
    "where was.id = u.id and (w.id <> was.id or (select count(*) from was) = 1)",
    "link": "insert into auth.identities (provider_id, user_id, identity_data, provider) "
    "values ('{other}', '{mine}', '{{}}', 'google')",
    "move": "update auth.identities set user_id = '{theirs}' "
    "where user_id = '{mine}' and provider = 'google'",
    "unlink": "delete from auth.identities where user_id = '{mine}' and provider = 'google'",
    "ban": "update auth.users set banned_until = now() where id = '{mine}'",
    "password": "update auth.users set encrypted_password = '$2a$10$' || repeat('x', 53) where id = '{mine}'",
    "delete": "delete from auth.users where id = '{mine}'",
}


@dataclass
class Called:
    """A side whose functions are called as its API does, without the requests."""

    place: Place

    def function(self, name: str, asked: Mapping[str, Any], purpose: str) -> Any:
        """What the function answers; RowError where rows are refused."""
        url = self.place.hosted.cluster.url(self.place.hosted.database, "authenticator")
        with psycopg.connect(url) as connection:
            connection.read_only = purpose == "sql"
            connection.execute("set role service_role")
            try:
                call = f"select public.{name}(%s::jsonb)"
                [(found,)] = connection.execute(call.encode(), [json.dumps(asked)]).fetchall()
            except psycopg.errors.IntegrityError as err:
                raise RowError(str(err)) from None
        return found


@dataclass
class Pair:
    """Two databases, and the changes that people make in the first."""

    old: Place
    new: Place
    source: PostgresSource
    sink: PostgresSink

    def change(self, what: str, user: int, other: object) -> None:
        """Change OLD; IntegrityError for what it does not admit."""
        if what == "sign up":
            sign_up(self.old.hosted, user, {"email": f"'{other}'"})
        else:
            theirs = number(other) if isinstance(other, int) else ""
            self.old.run(STATEMENTS[what].format(mine=number(user), other=other, theirs=theirs))

    def doors(self, way: object = "sql") -> tuple[AccountDoor, AccountDoor]:
        """Those of both."""
        if way == "functions":
            return hourly(Called(self.old), Called(self.new))
        return SessionDoor(self.source.sql()), SessionDoor(self.sink.sql())

    def copy(self, way: object = "sql") -> AccountReport:
        """One copy that mirrors deletes."""
        copy = AccountCopy.between(*self.doors(way), Choices(deletes="mirror"))
        return copy.run(Fence(), lambda: True)

    def equal(self) -> bool:
        """Whether NEW has OLD's accounts."""
        return compare(*self.doors()).equal


@pytest.fixture(scope="module")
def pair(cluster: Cluster) -> Iterator[Pair]:
    with place(cluster, script("OLD", {})) as old, place(cluster, script("NEW", {})) as new:
        yield Pair(old, new, old.source(), new.sink())


@pytest.fixture(autouse=True)
def no_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_deletes, "_PART", 1)


@pytest.mark.slow
@given(changes=st.lists(CHANGES, min_size=3, max_size=14))
@settings(max_examples=16, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_new_has_the_same_accounts_whatever_happened_between_two_copies(
    pair: Pair, changes: list[tuple[str, Any, object]]
) -> None:
    pair.old.run("delete from auth.users")
    pair.new.run("delete from auth.users; drop table if exists public.supasync_accounts")
    sign_up(pair.old.hosted, 9)
    for what, user, other in changes:
        if what == "copy":
            assert pair.copy(user).refused == []
            assert pair.equal()
            continue
        try:
            pair.change(what, user, other)
        except psycopg.errors.IntegrityError:
            continue
    report = pair.copy()
    assert (report.named, pair.equal()) == ([], True)
    again = pair.copy()
    assert (again.created, again.updated, again.deleted) == (0, 0, 0)


def test_a_run_that_is_to_stop_ends_between_two_batches_and_the_next_one_goes_on(pair: Pair) -> None:
    pair.old.run("delete from auth.users")
    pair.new.run("delete from auth.users; drop table if exists public.supasync_accounts")
    sign_up(pair.old.hosted, 1)
    assert pair.copy().created == 1
    pair.old.run("update auth.users set role = 'editor'")
    sign_up(pair.old.hosted, 2)
    asked = iter((True, False))
    sessions = {"OLD": pair.source.sql(), "NEW": pair.sink.sql()}
    result = run(
        StepContext(
            settings={},
            folder=Path(),
            sql=lambda project: nullcontext(sessions[project]),
            go_on=lambda: next(asked),
        )
    )
    assert (result.status, result.summary) == ("interrupted", "0 created, 1 updated, 0 deleted; OLD has 2")
    assert pair.copy().created == 1
    assert pair.equal()
