"""What is wrong with a connection string is said before anything is asked, and a password never shows."""

import sys
from pathlib import Path

import pytest

from supasync_core.api.plugin_host import Host
from supasync_core.api.registration import Context
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import PluginError
from supasync_postgres.database_url import parse, passwords, url_problem
from tests.servers.command import run
from tests.supasync_postgres.databases import HASTY

POOLER = "postgresql://postgres.abcdefghij@aws-0-eu-central-1.pooler.supabase.com"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://abcdefghij.supabase.co", "must be a connection string"),
        ("host=db port=5432", "must be a connection string"),
        ("postgresql://a@one,two/db", "must be a connection string"),
        ("postgresql://localhost/db", "names no user"),
        (
            "postgresql://postgres@aws-0-eu.pooler.supabase.com/postgres",
            "the pooler knows a project by it, as postgres.<ref>",
        ),
        ("postgresql://u:secret/word@db.example.com/db", "encode special characters of the password"),
        ("postgresql://u:secret#word@db.example.com/db", "encode special characters of the password"),
        ("postgresql://u@db.example.com/db?sslmode=disable", "would travel unencrypted"),
        ("postgresql://u@db.example.com/db?sslmode=prefer", "would travel unencrypted"),
        ("postgresql://u@db.example.com/db?options=-cfoo", "has the parameter options"),
    ],
)
def test_a_connection_string_that_cannot_work_is_refused(url: str, problem: str) -> None:
    found = url_problem(url)
    assert found is not None
    assert problem in found
    assert "secret" not in found


def test_of_the_project_only_its_address_is_named() -> None:
    for url in (
        f"{POOLER}:5432/postgres",
        f"{POOLER}:6543/postgres?pgbouncer=true",
        "postgresql://postgres:pw@db.abcdefghij.supabase.co:5432/postgres",
    ):
        assert parse(url).project == "abcdefghij.supabase.co"
    assert parse("postgresql://u@db.example.com:5433/shop").shown == "db.example.com:5433/shop"


def test_rows_travel_encrypted_except_on_this_machine() -> None:
    modes = {
        "postgresql://u@localhost/db": "prefer",
        "postgresql://u@db.example.com/db": "require",
        "postgresql://u@db.example.com/db?sslrootcert=prod.crt": "verify-full",
        "postgresql://u@db.example.com/db?sslmode=verify-ca&sslrootcert=prod.crt": "verify-ca",
    }
    assert {url: parse(url).tls for url in modes} == modes
    arguments = parse("postgresql://u@db.example.com/db?sslrootcert=prod.crt").arguments(Path("/folder"))
    assert arguments["sslrootcert"] == "/folder/prod.crt"
    assert (arguments["keepalives"], arguments["gssencmode"]) == (1, "disable")


def test_a_password_is_not_shown_to_a_server_that_nobody_has_verified() -> None:
    """It is used in SCRAM alone, in which it does not travel; a verified server may ask for it."""
    exchanges = {
        "postgresql://u:pw@db.example.com/db": "scram-sha-256",
        "postgresql://u:pw@db.example.com/db?sslmode=verify-ca&sslrootcert=ca.crt": "scram-sha-256",
        "postgresql://u:pw@db.example.com/db?sslrootcert=ca.crt": None,
        "postgresql://u:pw@localhost/db": None,
        "postgresql://u@db.example.com/db": "scram-sha-256",
    }
    found = {url: parse(url).arguments(Path()).get("require_auth") for url in exchanges}
    assert found == exchanges


def test_a_password_is_found_however_it_is_written() -> None:
    assert passwords("postgresql://u:p%40ss@h/db") == ["p%40ss", "p@ss"]
    assert passwords("postgresql://u@h/db") == []
    assert "p@ss" not in repr(parse("postgresql://u:p%40ss@h/db"))


def yaml(source: str) -> str:
    ends = f"source: {{backend: postgres, url: {source}}}\nsink: {{backend: csv, path: new}}\n"
    return f"version: 1\n{ends}tables: {{items: {{}}}}\n"


def test_a_password_may_only_stand_in_env(tmp_path: Path) -> None:
    tmp_path.joinpath("tables.yaml").write_text(yaml('"postgresql://u:hidden-word@h.example.com/db"'))
    done = run(tmp_path, "check", before=HASTY)
    assert done.returncode == 2
    assert 'contains a password: put it into .env, and write only the reference "${NAME}" here' in done.stderr
    assert "hidden-word" not in done.stdout + done.stderr


def test_a_password_in_env_is_in_no_message(tmp_path: Path) -> None:
    tmp_path.joinpath("tables.yaml").write_text(yaml('"${OLD_DATABASE_URL}"'))
    tmp_path.joinpath(".env").write_text("OLD_DATABASE_URL=postgresql://u:hidden%2Dword@127.0.0.1:1/db\n")
    done = run(tmp_path, "check", before=HASTY)
    assert done.returncode in (3, 4)
    assert "cannot be reached" in done.stdout + done.stderr
    for word in ("hidden-word", "hidden%2Dword"):
        assert word not in done.stdout + done.stderr


def test_a_url_without_a_password_may_stand_in_the_file(tmp_path: Path) -> None:
    tmp_path.joinpath("tables.yaml").write_text(yaml('"postgresql://u@127.0.0.1:1/db"'))
    done = run(tmp_path, "check", before=HASTY)
    assert done.returncode in (3, 4)
    assert "cannot be reached" in done.stdout + done.stderr


def test_without_psycopg_one_sentence_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for module in [name for name in sys.modules if name.startswith("supasync_postgres.")]:
        monkeypatch.delitem(sys.modules, module)
    host = Host()
    host.load_installed()
    backend = host.sources.get("postgres")
    with pytest.raises(PluginError, match="needs psycopg, which is not installed") as failed:
        backend.open(Context({"url": "postgresql://u@h/db"}, tmp_path, Ledger(), "OLD"))
    assert failed.value.hint == 'run: pip install "supasync[postgres]"'
