from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.postgrest.conftest import ANON_KEY, SECRET_KEY
from tests.postgrest.launch import legacy_key, serve

if TYPE_CHECKING:
    from tests.postgrest.launch import Server
    from tests.servers.postgres import Cluster

LEGACY = legacy_key("service_role")
BROWSER = "Mozilla/5.0 (X11; Linux x86_64)"


def get(server: Server, path: str, headers: dict[str, str]) -> httpx.Response:
    return httpx.get(server.url + path, headers=headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"apikey": SECRET_KEY},
        {"apikey": SECRET_KEY, "Authorization": f"Bearer {SECRET_KEY}"},
        {"apikey": LEGACY, "Authorization": f"Bearer {LEGACY}"},
        {"apikey": ANON_KEY, "Authorization": f"Bearer {LEGACY}"},
    ],
    ids=["new key", "new key twice", "legacy key", "signed-in user"],
)
def test_a_key_of_the_service_role_reads(server: Server, headers: dict[str, str]) -> None:
    assert get(server, "/items?id=eq.1&select=id", headers).json() == [{"id": 1}]


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "No API key found in request"),
        ({"Authorization": f"Bearer {SECRET_KEY}"}, "No API key found in request"),
        ({"apikey": "sb_secret_unknown"}, "Invalid API key"),
        ({"apikey": legacy_key("service_role", "another secret")}, "Invalid API key"),
        ({"apikey": "a.b.c"}, "Invalid API key"),
        ({"apikey": SECRET_KEY, "User-Agent": BROWSER}, "Forbidden use of secret API key in browser"),
    ],
    ids=["none", "bearer alone", "unknown", "signed by another", "no token", "browser"],
)
def test_the_gateway_refuses_bad_keys(server: Server, headers: dict[str, str], message: str) -> None:
    answer = get(server, "/items", headers)
    assert (answer.status_code, answer.json()["message"]) == (401, message)
    assert set(answer.json()) == {"message", "hint"}


def test_the_anonymous_key_needs_grants(server: Server) -> None:
    answer = get(server, "/items", {"apikey": ANON_KEY})
    assert (answer.status_code, answer.json()["code"]) == (401, "42501")


def test_a_path_without_the_prefix_is_routed_nowhere(server: Server) -> None:
    answer = httpx.get(server.url.replace("/rest/v1", "/storage/v1"), headers={"apikey": SECRET_KEY})
    assert answer.status_code == 404


def test_a_new_table_is_served_at_once(server: Server, cluster: Cluster) -> None:
    cluster.execute(
        "items", "create table late (id integer primary key); grant select on late to service_role"
    )
    assert get(server, "/late", {"apikey": SECRET_KEY}).json() == []


def test_a_new_column_can_be_written_at_once(server: Server, cluster: Cluster) -> None:
    cluster.execute("items", "alter table items add column note text")
    answer = httpx.post(
        f"{server.url}/items?columns=id,note",
        headers={"apikey": SECRET_KEY},
        content='[{"id":900,"note":"n"}]',
    )
    assert answer.status_code == 201


def test_a_new_function_is_served_at_once(server: Server, cluster: Cluster) -> None:
    cluster.execute(
        "items", "create function twice(n integer) returns integer language sql as 'select 2 * n'"
    )
    assert get(server, "/rpc/twice?n=4", {"apikey": SECRET_KEY}).json() == 8
    cluster.execute("items", "create function twice(t text) returns text language sql as 'select t || t'")
    assert get(server, "/rpc/twice?t=ab", {"apikey": SECRET_KEY}).json() == "abab"


def test_notify_reloads_the_schema_cache(cluster: Cluster, server: Server) -> None:
    cluster.execute(
        "items", "create table root_listed (id integer); grant select on root_listed to service_role"
    )
    cluster.execute("items", "notify pgrst, 'reload schema'")
    for _ in range(50):
        listed = get(server, "/", {"apikey": SECRET_KEY}).json()["definitions"]
        if "root_listed" in listed:
            return
    pytest.fail("the new table never appeared")


def test_several_schemas_are_served_by_profile(cluster: Cluster) -> None:
    sql = "create schema other; grant usage on schema other to service_role;"
    sql += "create table other.things (id integer); grant select on other.things to service_role"
    cluster.create("profiles", sql)
    url = cluster.url("profiles", "authenticator")
    with serve(url, keys={SECRET_KEY: "service_role"}, schemas=("public", "other")) as server:
        missing = get(server, "/things", {"apikey": SECRET_KEY})
        found = get(server, "/things", {"apikey": SECRET_KEY, "Accept-Profile": "other"})
    assert missing.json()["code"] == "PGRST205"
    assert (found.json(), found.headers["Content-Profile"]) == ([], "other")


def test_keep_alive_answers_many_requests_on_one_connection(server: Server) -> None:
    with httpx.Client(base_url=server.url, headers={"apikey": SECRET_KEY}) as client:
        ports = set()
        for _ in range(5):
            answer = client.get("/items?limit=1")
            ports.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
    assert len(ports) == 1


def test_whatever_may_change_a_project_is_remembered_but_for_what_its_app_does(server: Server) -> None:
    server.forget_changes()
    key = {"apikey": SECRET_KEY}
    address = server.url.removesuffix("/rest/v1")
    for method, path in (
        ("GET", "/rest/v1/items?id=eq.1"),
        ("HEAD", "/rest/v1/items?id=eq.1"),
        ("POST", "/storage/v1/object/list-v2/docs"),
    ):
        httpx.request(method, address + path, headers=key)
    httpx.delete(server.url + "/items?id=eq.0", headers={**key, "x-app": "its own"})
    assert server.changes() == []
    changes = [
        ("PATCH", "/rest/v1/items?id=eq.0"),
        ("POST", "/rest/v1/rpc/anything"),
        ("POST", "/storage/v1/object/list/docs"),
        ("POST", "/storage/v1/object/list-v2/docs/more"),
        ("OPTIONS", "/storage/v1/upload/resumable"),
    ]
    for method, path in changes:
        httpx.request(method, address + path, headers=key)
    server.reset()
    assert server.changes() == [" ".join(change) for change in changes]
    server.forget_changes()
