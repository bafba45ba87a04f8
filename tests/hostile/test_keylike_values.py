"""A value that looks like a key stays in what is pasted or read by a machine, and in no line for people."""

# ruff: noqa: S608 - the values are those of the test

import json
from collections.abc import Iterator

import pytest

from tests.e2e.workspace import ENDS, OLD_KEY, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

LIKE = "eyJhbGciOiJIUzI1NiJ9.3.abc"
SCHEMA = f"""
{ROLES}
create table public.tokens (token text primary key, body text, updated_at timestamptz not null default now());
grant select, insert, update, delete on all tables in schema public to service_role;
"""
REFUSING = SCHEMA.replace("body text", "body text check (body <> 'bad')")
ROWS = f"""insert into public.tokens select token, body, now() - interval '1 minute'
from (values ('{LIKE}', 'bad'), ('plain', 'good')) v (token, body);"""


@pytest.fixture
def space(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """NEW refuses the row whose key looks like a token."""
    folder = tmp_path_factory.mktemp("keylike")
    with between(
        cluster, folder, SCHEMA + ROWS, REFUSING, f"{ENDS}tables:\n  tokens: {{key: token}}\n"
    ) as made:
        made.ready()
        assert made.supasync("sync").code == 3
        yield made


def test_a_pasted_query_and_machine_formats_have_the_row_and_tables_for_people_do_not(
    space: Workspace,
) -> None:
    for done in (space.supasync("gap", "sql"), space.supasync("gap", "sql", "--json")):
        assert LIKE in done.out
    assert space.supasync("quarantine", "list", "--json").json[0]["key"] == [LIKE]
    for form in ("json", "jsonl", "csv"):
        assert LIKE in space.supasync("diff", "old", "new", "--format", form).out
    for words in (("diff", "old", "new"), ("quarantine", "list")):
        assert LIKE not in space.supasync(*words).out
    (query,) = space.supasync("gap", "sql", "--json").json
    space.write("tokens.csv", space.old.csv(query["sql"].rstrip(";").split("*/", 1)[-1]))
    space.new.run("alter table public.tokens drop constraint tokens_body_check")
    done = space.supasync("gap", "import", ".", "--yes")
    assert done.code == 0, done.out + done.err
    space.assert_equal("tokens")


def test_a_query_that_would_hold_a_key_of_the_settings_is_not_printed_but_can_be_written(
    space: Workspace,
) -> None:
    space.old.run(f"insert into public.tokens values ('{OLD_KEY}', 'bad')")
    assert space.supasync("sync").code == 3
    done = space.supasync("gap", "sql")
    assert (done.code, "keys are never printed" in done.err, "gap sql --out DIR" in done.err) == (
        2,
        True,
        True,
    )
    assert OLD_KEY not in done.out + done.err
    listed = space.supasync("quarantine", "list", "--json")
    assert OLD_KEY not in listed.out
    assert len(json.loads(listed.out)) == 2
    assert space.supasync("gap", "sql", "--out", "queries").code == 0
    (path,) = (space.folder / "queries").iterdir()
    assert OLD_KEY in path.read_text()
    assert path.stat().st_mode & 0o77 == 0
