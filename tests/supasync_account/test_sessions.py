"""Sessions are copied as the last step of a switch, by consent: whoever is signed in stays so."""

# ruff: noqa: S608 - the statements are made of the test's own ids

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.workspace import NEW_KEY, OLD_KEY, End
from tests.supasync_account.accounts import CONFIG, Projects, number
from tests.supasync_account.test_sign_in import HASHES, PASSWORD

pytestmark = pytest.mark.server
WITH = CONFIG.replace("tables:\n", "auth: {}\ndefaults: {overlap: 0s}\ntables:\n")


@pytest.fixture
def both(keys: Projects) -> Iterator[Projects]:
    for name, end in (("OLD", keys.space.old), ("NEW", keys.space.new)):
        keys.space.environment[f"{name}_DATABASE_URL"] = end.cluster.url(end.database, "hosted_postgres")
    keys.space.environment["SUPABASE_ANON_KEY"] = NEW_KEY.replace("secret", "publishable")
    keys.space.write("tables.yaml", WITH)
    for user in (1, 2, 3):
        keys.sign_up(user, encrypted_password=f"'{HASHES[1]}'")
    yield keys
    keys.space.environment.clear()


def token(end: End, grant: str, key: str, **body: str) -> httpx.Response:
    publishable = key.replace("secret", "publishable")
    return httpx.post(
        f"{end.server.url.removesuffix('/rest/v1')}/auth/v1/token?grant_type={grant}",
        json=body,
        headers={"apikey": publishable, "authorization": f"Bearer {publishable}", "x-app": "a"},
        trust_env=False,
    )


def signed_in(both: Projects, user: int) -> str:
    answer = token(both.space.old, "password", OLD_KEY, email=f"u{user}@example.test", password=PASSWORD)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["refresh_token"])


def refreshed(both: Projects, refresh_token: str) -> Any:
    return token(both.space.new, "refresh_token", NEW_KEY, refresh_token=refresh_token)


def test_whoever_is_signed_in_stays_so_after_the_switch(both: Projects) -> None:
    tokens = {user: signed_in(both, user) for user in (1, 2)}
    both.old.paste(
        "insert into auth.refresh_tokens (instance_id, token, user_id, revoked, session_id) "
        f"select instance_id, 'of-another', '{number(3)}', false, session_id from auth.refresh_tokens "
        f"where token = '{tokens[1]}'"
    )
    stale = signed_in(both, 3)
    assert token(both.space.old, "refresh_token", OLD_KEY, refresh_token=stale).status_code == 200
    both.old.paste(f"update auth.users set banned_until = '2999-01-01' where id = '{number(2)}'")
    both.space.old.run("alter type auth.aal_level add value if not exists 'aal4'")
    both.old.paste(
        f"insert into auth.sessions (id, user_id, aal) values ('{number(9)}', '{number(3)}', 'aal4');"
        "insert into auth.refresh_tokens (token, user_id, revoked, session_id) "
        f"values ('of-a-kind-that-new-lacks', '{number(3)}', false, '{number(9)}')"
    )
    done = both.space.supasync("cutover", "--yes", "--json")
    assert done.code == 0, done.out + done.err
    checks = {each["name"]: each for each in done.json["checks"]}
    assert "sessions: cutover's last step copies them, if you agree" in checks["auth"]["detail"]
    assert "auth: 2 sessions of 4 copied" in done.err
    answer = refreshed(both, tokens[1])
    assert (answer.status_code, answer.json().get("user", {}).get("id")) == (200, number(1)), answer.text
    assert refreshed(both, tokens[2]).status_code == 400
    assert refreshed(both, stale).status_code == 400
    assert both.new.paste("select token from auth.refresh_tokens where token = 'of-another'") == []
    again = both.space.supasync("cutover", "--yes")
    assert again.code == 0
    assert "sessions" not in again.err
