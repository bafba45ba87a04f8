"""Accounts copied by functions that were pasted into both projects: the same as by SQL, without a string."""

# ruff: noqa: S608 - the statements are made of the test's own ids

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.servers.postgres import Cluster
from tests.supasync_account.accounts import CONFIG, HASH, Projects, number, projects

WITH = CONFIG.replace("tables:\n", "auth: {}\ntables:\n")
GOOGLE = (
    "insert into auth.identities (provider_id, user_id, identity_data, provider) "
    "values ('{0}', '{1}', '{{\"sub\": \"{0}\", \"n\": 1e30}}', 'google')"
)


@pytest.fixture(scope="module")
def made(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    with projects(cluster, tmp_path_factory.mktemp("functions"), config=WITH) as found:
        for name in ("OLD", "NEW"):
            del found.space.environment[f"{name}_DATABASE_URL"]
        paste(found)
        found.space.keep()
        yield found


@pytest.fixture
def both(made: Projects) -> Projects:
    made.space.again()
    made.old.paste("delete from public.notes; delete from auth.users")
    made.new.paste("delete from public.notes; delete from auth.users; delete from public.supasync_accounts")
    return made


def paste(both: Projects) -> None:
    both.old.paste(both.space.supasync("schema", "sql", "--auth", "--old").out)
    both.new.paste(both.space.supasync("schema", "sql", "--auth").out)
    for end in (both.space.old, both.space.new):
        end.server.reload()


def test_every_column_arrives_as_old_has_it(both: Projects) -> None:
    both.sign_up(1)
    both.sign_up(
        2,
        email="null",
        phone="'4915112345678'",
        encrypted_password="null",
        banned_until="'2099-01-01 00:00:00.123456+00'",
        raw_user_meta_data="""'{"big": 12345678901234567890123, "dec": 1.10, "text": "ü\\u2028\\" %s"}'""",
        is_anonymous="true",
    )
    both.old.paste(GOOGLE.format(4711, number(1)))
    report = both.auth("sync", "--json").json
    assert (report["created"], report["named"]) == (2, [])
    both.assert_equal()
    both.auth("verify")
