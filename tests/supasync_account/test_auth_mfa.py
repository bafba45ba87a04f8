"""MFA factors are copied where a person says so: then nobody's second factor is lost, nor comes back."""

# ruff: noqa: S608 - the statements are made of the test's own ids

from collections.abc import Iterator

import pytest

from tests.servers.postgres import Cluster
from tests.supasync_account.accounts import CONFIG, Projects, number, projects, sign_up

FACTORS = "select t::text from auth.mfa_factors t order by 1"
SECRET = "JBSWY3DPEHPK3PXP"


@pytest.fixture(scope="module")
def made(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    with projects(cluster, tmp_path_factory.mktemp("mfa")) as found:
        yield found


@pytest.fixture
def both(made: Projects) -> Projects:
    made.old.paste("delete from auth.users")
    made.new.paste("delete from auth.users; drop table if exists public.supasync_accounts")
    made.space.write("tables.yaml", CONFIG)
    made.sign_up(1, 2)
    made.old.paste(enrolled(1))
    return made


def enrolled(user: int, secret: str = SECRET) -> str:
    return (
        "insert into auth.mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, "
        f"updated_at, secret, last_challenged_at) values (gen_random_uuid(), '{number(user)}', "
        f"'phone ' || random(), 'totp', 'verified', now(), now(), '{secret}', now())"
    )


def test_factors_are_copied_by_consent_alone(both: Projects) -> None:
    both.auth("sync")
    assert both.new.paste(FACTORS) == []
    assert "1 account has MFA factors, which are not copied" in both.auth("check").out
    done = both.auth("sync", "--mfa", "--json")
    assert done.json["updated"] == 1
    assert SECRET not in done.out + done.err
    columns = "id, user_id, friendly_name, factor_type, status, created_at, updated_at, secret, phone"
    query = f"select {columns} from auth.mfa_factors"
    assert both.new.paste(query) == both.old.paste(query)
    assert "not compared: MFA factors" in both.auth("verify").out
    assert "not compared: passkeys" in both.auth("verify", "--mfa").out


def test_the_section_of_tables_yaml_says_it_for_every_command(both: Projects) -> None:
    both.space.write("tables.yaml", CONFIG.replace("tables:", "auth: {mfa: copy, deletes: mirror}\ntables:"))
    assert both.space.supasync("sync").code == 0
    assert len(both.new.paste(FACTORS)) == 1
    assert "carries: " in (out := both.auth("check").out)
    assert "MFA factors, which are not copied" not in out
    both.old.paste("delete from auth.mfa_factors")
    found = both.auth("verify", "--json", code=1).json
    assert found["changed"] == {number(1): ["MFA factors"]}
    both.old.paste(f"delete from auth.users where id = '{number(2)}'")
    assert both.auth("sync", "--json").json["deleted"] == 1
    assert both.new.paste(FACTORS) == []
    both.auth("verify")
    both.auth("verify", "--no-mfa")


def test_a_factor_that_somebody_enrolled_in_new_is_not_lost_when_factors_are_first_copied(
    both: Projects,
) -> None:
    both.auth("sync")
    both.new.paste(enrolled(2))
    report = both.auth("sync", "--mfa", "--json").json
    assert [each["what"] for each in report["named"]] == [
        "changed in NEW since it was copied, and not in OLD"
    ]
    assert len(both.new.paste(FACTORS)) == 2
    both.auth("sync", "--mfa", "--accept", "newer")
    both.auth("verify", "--mfa")
    assert len(both.new.paste(FACTORS)) == 1


def test_a_factor_that_old_has_encrypted_keeps_its_account_out(both: Projects) -> None:
    both.old.paste(enrolled(2, '{"key_id": "k"}'))
    report = both.auth("sync", "--mfa", "--json", code=3).json
    [named] = report["named"]
    assert (named["id"], "encrypted by OLD" in named["what"]) == (number(2), True)
    assert both.new.paste("select id::text from auth.users") == [(number(1),)]


def test_a_new_that_has_no_such_table_is_named(both: Projects) -> None:
    both.space.new.run("alter table auth.mfa_factors rename to elsewhere")
    try:
        assert "NEW: this database has no table auth.mfa_factors" in both.auth("sync", "--mfa", code=3).err
        both.auth("sync")
    finally:
        both.space.new.run("alter table auth.elsewhere rename to mfa_factors")


def test_who_has_no_account_in_old_keeps_a_factor(both: Projects) -> None:
    sign_up(both.new, 7)
    both.new.paste(enrolled(7))
    both.auth("sync", "--mfa")
    assert len(both.new.paste(FACTORS)) == 2


def test_passkeys_are_copied_by_consent_alone(both: Projects) -> None:
    both.old.paste(
        "insert into auth.webauthn_credentials (user_id, credential_id, public_key, sign_count) "
        f"values ('{number(1)}', '\\x01ff', '\\x02', 7)"
    )
    both.auth("sync")
    assert both.new.paste("select 1 from auth.webauthn_credentials") == []
    assert "1 account has passkeys, which are not copied: they register them again" in both.auth("check").out
    assert both.auth("sync", "--passkeys", "--json").json["updated"] == 1
    kept = "select t::text from auth.webauthn_credentials t"
    assert both.new.paste(kept) == both.old.paste(kept)
    assert "passkeys" not in both.auth("verify", "--passkeys").out
    both.old.paste("update auth.webauthn_credentials set sign_count = 8, last_used_at = now()")
    assert both.auth("verify", "--passkeys").code == 0
    both.old.paste("delete from auth.webauthn_credentials")
    found = both.auth("verify", "--passkeys", "--json", code=1).json
    assert found["changed"] == {number(1): ["passkeys"]}
    assert both.auth("sync", "--passkeys", "--json").json["updated"] == 1
    assert both.new.paste("select 1 from auth.webauthn_credentials") == []
