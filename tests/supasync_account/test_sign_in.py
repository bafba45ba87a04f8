"""A person who was copied signs in to NEW with the old password: by a server that nobody here wrote."""

from collections.abc import Iterator

import httpx
import pytest

from tests.servers.lite import LiteServer
from tests.servers.postgres import Cluster
from tests.supasync_account.accounts import Projects, number, projects

PASSWORD = "correct-horse-01"
HASHES = {
    1: "$2a$10$a/gEDMJ3cfQMLerEWMRsvukgFFuh4ANmRtzq0r1mO8cFCZ0F3qbie",
    2: "$2b$10$6GLzR9MBB42xReCBEgXofeN4IskCSX2rhorzWrH9ABPB6eX3Y4GR.",
    3: "$2y$10$KwuTm9K7zzARFO2CBGOxweU1off3ODNhggFRwibVNz2PsP2f8Ya2m",
}
"""Of that password, as Supabase Auth has stored them."""
BY_FUNCTIONS = 6
"""A person who was copied by functions; all others by SQL."""
PUBLISHABLE = "sb_publishable_for_tests"


@pytest.fixture(scope="module")
def both(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    with projects(cluster, tmp_path_factory.mktemp("sign_in")) as found:
        for user, text in HASHES.items():
            found.sign_up(user, encrypted_password=f"'{text}'")
        found.sign_up(4, encrypted_password=f"'{HASHES[1]}'", banned_until="'2999-01-01'")
        found.sign_up(5, encrypted_password=f"'{HASHES[1][:-1]}'")
        found.auth("sync")
        found.by_functions()
        found.sign_up(BY_FUNCTIONS, encrypted_password=f"'{HASHES[2]}'")
        assert found.auth("sync", "--json").json["created"] == 1
        yield found


@pytest.fixture(scope="module")
def server(both: Projects) -> Iterator[LiteServer]:
    new = both.space.new
    new.run("drop table auth.refresh_tokens, auth.sessions")  # this server makes its own, with other types
    url = new.cluster.url(new.database)
    started = LiteServer.start(url, secret_key="sb_secret_x", publishable_key=PUBLISHABLE, auth=True)
    yield started
    started.stop()


def sign_in(server: LiteServer, user: int, password: str) -> httpx.Response:
    return httpx.post(
        f"{server.url}/auth/v1/token?grant_type=password",
        json={"email": f"u{user}@example.test", "password": password},
        headers={"apikey": PUBLISHABLE},
        trust_env=False,
    )


@pytest.mark.parametrize("user", [*HASHES, BY_FUNCTIONS])
def test_the_old_password_signs_in_and_a_wrong_one_does_not(server: LiteServer, user: int) -> None:
    answer = sign_in(server, user, PASSWORD)
    assert answer.status_code == 200, answer.text
    person = answer.json()["user"]
    assert (person["id"], person["user_metadata"]) == (number(user), {"name": f"User {user}"})
    assert sign_in(server, user, "wrong-horse-01").status_code == 400


def test_a_hash_that_is_cut_short_signs_nobody_in(server: LiteServer) -> None:
    assert sign_in(server, 5, PASSWORD).status_code == 400


def test_signing_in_to_new_is_not_taken_for_a_change(both: Projects, server: LiteServer) -> None:
    assert sign_in(server, 1, PASSWORD).status_code == 200
    both.old.paste(f"update auth.users set role = 'editor' where id = '{number(1)}'")  # noqa: S608 - ours
    report = both.auth("sync", "--json").json
    assert (report["updated"], [each["id"] for each in report["named"]]) == (1, [])
    assert sign_in(server, 1, PASSWORD).status_code == 200
    both.auth("verify")
