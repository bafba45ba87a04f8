"""Whoever pastes a script runs PostgreSQL's functions and tables, never those that somebody planted."""
# ruff: noqa: S608 - fixed names

import json
from collections.abc import Iterator
from functools import partial

import psycopg
import pytest

from supasync_core.gap.csv.queries import Wanted, query
from supasync_core.model.batch import Keyset, Span
from supasync_core.model.table import Shape, Table
from supasync_core.schema import scripts
from tests.servers.hosted import Hosted, hosted
from tests.servers.postgres import Cluster

SCHEMA = """
create table users (id bigint generated always as identity primary key, fits int references auth.users (no));
create function touch() returns trigger language plpgsql as $$begin return new; end$$;
create trigger touch before update on users for each row execute function touch();
create table caught (by text);
"""
PLANTED = {
    "format(text, name, name)": "text",
    "format(text, name, name, name)": "text",
    "format(text, name)": "text",
    "set_config(text, text, bool)": "text",
    "sign(bigint)": "numeric",
    "div(numeric, bigint)": "numeric",
    "has_table_privilege(text, oid, unknown)": "boolean",
    "row_to_json(users)": "json",
    "row_to_json(record)": "json",
    "json_build_array(text)": "json",
    "to_regclass(text)": "regclass",
}
TABLES = (Table(name="users"),)
SCRIPTS = {
    "default": lambda: scripts.ready() + scripts.script("grants-new", TABLES),
    "--old": lambda: scripts.script("old", TABLES),
    "--horizon": lambda: scripts.script("horizon"),
    "--identity": lambda: scripts.script("identity-default", TABLES),
    "--identity always": lambda: scripts.script("identity-always", TABLES),
    "--triggers off": lambda: scripts.script("triggers-off", TABLES),
    "--triggers on": lambda: scripts.script("triggers-on", TABLES),
    "--foreign-keys off": lambda: scripts.script("foreign-keys-off", TABLES),
    "--foreign-keys on": lambda: scripts.script("foreign-keys-on", TABLES),
    "--sequences": lambda: scripts.script("sequences-set", TABLES),
    "--sequences check": lambda: scripts.script("sequences-check", TABLES),
    "--uninstall": lambda: scripts.script("uninstall-new"),
    "--horizon --uninstall": lambda: scripts.script("uninstall-old"),
}


@pytest.fixture(scope="module")
def project(cluster: Cluster) -> Iterator[Hosted]:
    with hosted(cluster, SCHEMA.replace(" references auth.users (no)", "")) as made:
        for number, (signature, answer) in enumerate(PLANTED.items()):
            name = signature.replace("unknown", "text")
            note = f"insert into public.caught values ('{number} {name}'); return null;"
            made.paste(
                f"create function public.{name} returns {answer} language plpgsql as"
                f" $planted$begin {note} end$planted$"
            )
        yield made


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_runs_what_was_planted_in_public(project: Hosted, name: str) -> None:
    text = SCRIPTS[name]()
    assert text.startswith("select pg_catalog.set_config('search_path', '', false);\n")
    project.paste(text)
    assert project.paste("select by from public.caught") == []


@pytest.mark.parametrize("exact", [False, True])
def test_no_query_of_the_last_gap_runs_what_was_planted_in_public(project: Hosted, *, exact: bool) -> None:
    wanted = Wanted(
        table=Table(name="users", key=("id",)),
        spans=(Span(Keyset(None)),),
        keys=(("1",),),
        shape=Shape(known=False),
        language="rest",
    )
    project.paste("insert into public.users default values")
    assert project.paste(query(wanted, exact=exact).sql)
    assert project.paste("select by from public.caught") == []


def test_temporary_tables_of_whoever_asks_hide_no_open_transaction(project: Hosted) -> None:
    project.paste(scripts.script("horizon"))
    project.paste("grant select on public.users to service_role")
    hidden = "".join(
        f"create temp table {name} as select * from pg_catalog.{name} where false; "
        for name in ("pg_class", "pg_stat_activity", "pg_prepared_xacts")
    )
    asked = json.dumps([["public", "users", ["id"]]])
    told = project.paste(
        f"set role service_role; {hidden} select public.supasync_horizon('{asked}')", "authenticator"
    )
    assert told[0][0]["tables"][0] is not None


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_nobody_but_the_secret_key_draws_numbers_of_the_state(project: Hosted, role: str) -> None:
    project.paste("alter default privileges in schema public grant all on sequences to anon, authenticated")
    project.paste("drop table if exists public.sync_metadata")
    project.paste(scripts.ready())
    may = f"select has_sequence_privilege('{role}', 'public.sync_metadata_seq_seq', 'usage, select, update')"
    assert project.one(may) is False


NOTES = """
create function public.noted() returns trigger language plpgsql as
    $e$begin insert into public.caught values (current_user); return new; end$e$;
create trigger noted before insert or update or delete on public.{0}
    for each statement execute function public.noted();
grant all on public.{0} to public;
"""
TAKEN = {
    "a view": """
create function public.evil() returns text language plpgsql volatile as
    $e$begin insert into public.caught values (current_user); return 'identity'; end$e$;
create view public.supasync_changed as select public.evil() as kind, 'public'::text as schema_name,
    'users'::text as table_name, 'id'::text as name, ''::text as was;
grant select on public.supasync_changed to public;
""",
    "a table of changes": """
create table public.supasync_changed (kind text not null, schema_name text not null, table_name text not null,
    name text not null, was text not null, primary key (kind, schema_name, table_name, name));
insert into public.supasync_changed values
    ('foreign key', 'public', 'users', 'x', 'check (true); insert into public.caught values (1)');
"""
    + NOTES.format("supasync_changed"),
    "a table of runs": """
create table public.sync_metadata (created_at timestamptz, sync_status text, last_sync_timestamp timestamptz,
    records_synced bigint);
"""
    + NOTES.format("sync_metadata"),
}
FENCED = {
    **SCRIPTS,
    "--fence on": lambda: scripts.script("fence-on", TABLES),
    "--triggers unguard": lambda: scripts.script("triggers-unguard", TABLES),
}
UNCONCERNED = ("--old", "--horizon", "--sequences", "--sequences check", "--horizon --uninstall")


@pytest.fixture
def shared(cluster: Cluster) -> Iterator[Hosted]:
    """A project where another role, here authenticator, may make tables in public."""
    with hosted(cluster, "create table public.users (id bigint primary key)") as made:
        made.paste("create table public.caught (by text); grant all on public.caught to public")
        made.paste("grant usage, create on schema public to authenticator")
        yield made


@pytest.mark.parametrize("superuser", [False, True])
@pytest.mark.parametrize("name", TAKEN)
def test_no_script_uses_a_table_of_ours_that_somebody_else_made(
    shared: Hosted, name: str, *, superuser: bool
) -> None:
    shared.paste(TAKEN[name], "authenticator")
    paste = partial(shared.cluster.execute, shared.database) if superuser else shared.paste
    for script in FENCED.keys() - set(UNCONCERNED):
        with pytest.raises(psycopg.Error, match=r"and was not used") as told:
            paste(FENCED[script]())
        assert "supasync needs this name in NEW" in (told.value.diag.message_hint or "")
    assert shared.paste("select by from public.caught") == []


@pytest.mark.parametrize("name", ["a view", "a table of changes"])
def test_what_cutover_asks_reads_no_table_that_somebody_else_made(shared: Hosted, name: str) -> None:
    """As the functions of an earlier version were, which did not make the table."""
    shared.paste(scripts.ready(TABLES))
    shared.paste("drop table public.supasync_changed")
    shared.paste(TAKEN[name], "authenticator")
    with pytest.raises(psycopg.Error, match="not the table of supasync, and was not read"):
        shared.paste("""set role service_role; select public.supasync_ready('[["public","users"]]')""")
    assert shared.paste("select by from public.caught") == []


def test_nobody_else_can_make_our_tables_once_the_default_script_ran(shared: Hosted) -> None:
    shared.paste(scripts.ready(TABLES))
    for name in ("a view", "a table of changes"):
        with pytest.raises(psycopg.errors.DuplicateTable):
            shared.paste(TAKEN[name], "authenticator")
    told = shared.one("""set role service_role; select public.supasync_ready('[["public","users"]]')""")
    assert told["foreign-keys"] == []
