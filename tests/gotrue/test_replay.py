from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.gotrue import replay
from tests.gotrue.launch import serve
from tests.gotrue.left_out import LEFT_OUT
from tests.servers.hosted import HOSTED, OWNER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.gotrue.replay import Exchange
    from tests.postgrest.launch import Server
    from tests.servers.postgres import Cluster

ROWS = "rows"
PLACES = ("old", "new", ROWS)
LOGINS = {"postgres": OWNER, "supabase_admin": "postgres"}
COPIED = {"S30": "users", "S31": "identities"}
"""What a recorded statement copied that shows its rows in part."""


ADOPTED = "U17g"
"""The exchange that shows a user as requests made it that are not compared."""
COLUMNS = {"app_metadata": "raw_app_meta_data", "user_metadata": "raw_user_meta_data"}
OWN = ("id", "identities", "factors", "confirmed_at", "aud")


@dataclass
class Counts:
    """What a replay found."""

    equal: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    unequal: dict[str, list[str]] = field(default_factory=dict)
    needlessly_left_out: list[str] = field(default_factory=list)

    def add(self, exchange: Exchange, found: list[str]) -> None:
        """Count one comparison."""
        name = exchange["id"]
        if name in LEFT_OUT:
            self.left_out.append(name)
            if not found:
                self.needlessly_left_out.append(name)
        elif found:
            self.unequal[name] = found
        else:
            self.equal.append(name)

    def line(self) -> str:
        """The counts for people."""
        told = f"{len(self.equal)} equal, {len(self.left_out)} left out, {len(self.unequal)} unequal"
        return f"Supabase Auth 2.196: {told}"


@dataclass
class Replay:
    """The servers, and the SQL that was run between their answers."""

    cluster: Cluster
    servers: dict[str, Server]
    client: httpx.Client
    counts: Counts = field(default_factory=Counts)
    group: str = ""

    def play(self, exchange: Exchange) -> None:
        """Do what was done, and compare what was answered."""
        instance = exchange.get("instance")
        place = ROWS if instance == ROWS else str(exchange.get("server"))
        if instance not in (None, ROWS) or place not in PLACES:
            return
        if exchange["group"] != self.group:
            self.group = exchange["group"]
            self.cluster.execute("new", "delete from auth.users")  # as it was between the groups
        if "request" in exchange:
            answer = replay.send(self.client, self.servers[place].url, exchange)
            self.counts.add(exchange, replay.differences(exchange, answer))
            if exchange["id"] == ADOPTED:
                self.adopt(place, exchange["response"]["body_json"])
        elif exchange["id"] in COPIED:
            self.copy(COPIED[exchange["id"]])
        elif "sql" in exchange:
            self.run(place, exchange["sql"])

    def run(self, place: str, sql: dict[str, str]) -> None:
        """Run a recorded statement; those that are told with gaps are none, and are refused."""
        login = LOGINS.get(sql["role"], "postgres")
        with psycopg.connect(self.cluster.url(place, login), autocommit=True) as connection:
            if place == ROWS:
                connection.execute("delete from auth.users")
            if login == "postgres" and sql["role"] not in LOGINS:
                connection.execute(f"set role {sql['role']}".encode())
            with suppress(psycopg.errors.Error):
                connection.execute(sql["text"].encode())

    def adopt(self, place: str, user: dict[str, Any]) -> None:
        """Make a user what an answer shows."""
        told = {COLUMNS.get(name, name): value for name, value in user.items() if name not in OWN}
        with psycopg.connect(self.cluster.url(place)) as connection:
            for name, value in told.items():
                given = Jsonb(value) if isinstance(value, dict) else value
                statement = f"update auth.users set {name} = %s where id = %s"  # noqa: S608
                connection.execute(statement.encode(), [given, user["id"]])
            connection.execute("delete from auth.identities where user_id = %s", [user["id"]])
            renamed = [
                {**each, "id": each["identity_id"], "provider_id": each["id"]} for each in user["identities"]
            ]
            factors = [{**each, "phone": None, "user_id": user["id"]} for each in user["factors"]]
            self.fill(connection, "identities", renamed)
            self.fill(connection, "mfa_factors", factors)

    def copy(self, table: str) -> None:
        """All rows of a table of OLD into NEW."""
        with psycopg.connect(self.cluster.url("old")) as old, psycopg.connect(self.cluster.url("new")) as new:
            [[rows]] = old.execute(f"select jsonb_agg(to_jsonb(t)) from auth.{table} t".encode()).fetchall()  # noqa: S608
            self.fill(new, table, rows)

    def fill(self, connection: psycopg.Connection[Any], table: str, rows: list[dict[str, Any]]) -> None:
        """Insert rows of JSON."""
        query = "select string_agg(quote_ident(attname), ', ') from pg_attribute where attnum > 0"
        query += f" and attrelid = 'auth.{table}'::regclass and attgenerated = '' and not attisdropped"
        (columns,) = connection.execute(query.encode()).fetchone() or ("",)
        source = f"from jsonb_populate_recordset(null::auth.{table}, %s)"
        insert = f"insert into auth.{table} ({columns}) select {columns} {source}"
        connection.execute(insert.encode(), [Jsonb(rows)])


@pytest.fixture(scope="module")
def counts(cluster: Cluster) -> Iterator[Counts]:
    """One replay of everything, in order: writes change what later answers show."""
    names = {place: f"auth_{place}" for place in PLACES}
    for name in names.values():
        cluster.create(name, HOSTED)
        cluster.execute(name, f"grant create on schema public to {OWNER}")
    servers = {
        place: serve(cluster.url(name, "supabase_auth_admin"), keys=replay.KEYS)
        for place, name in names.items()
    }
    try:
        with httpx.Client(timeout=60) as client:
            played = Replay(_Renamed(cluster, names), servers, client)  # type: ignore[arg-type]
            for exchange in replay.exchanges():
                played.play(exchange)
        yield played.counts
    finally:
        for server in servers.values():
            server.stop()


@dataclass(frozen=True)
class _Renamed:
    """The cluster, which calls the databases by their places."""

    cluster: Cluster
    names: dict[str, str]

    def url(self, place: str, user: str = "postgres") -> str:
        return self.cluster.url(self.names[place], user)

    def execute(self, place: str, statement: str) -> None:
        self.cluster.execute(self.names[place], statement)


def test_answers_are_those_of_the_recorded_server(
    counts: Counts, record_property: Callable[[str, Any], None]
) -> None:
    """Each exchange equals its recording in status, headers and body, unless left out by name."""
    record_property("summary", counts.line())
    assert counts.unequal == {}
    assert counts.needlessly_left_out == []
    assert len(counts.equal) > 300
