"""The SQL that `supasync schema sql` prints, run by somebody who is not a superuser."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml
from click.testing import CliRunner, Result

from supasync_core.cli.commands import cli
from supasync_core.project.session import Session
from tests.servers.hosted import Hosted, hosted
from tests.servers.postgres import Cluster

ODD = 'Odd, "one" it\'s'
TABLES = ("users", "logs", ODD, "$supasync$", "parts", "not there")
SCHEMA = Path(__file__).with_name("scripts.sql").read_text()
ALL_TRIGGERS = "select tgname::text, tgenabled::text from pg_trigger where not tgisinternal order by 1, 2"
ALL_KEYS = """
select conname::text, pg_get_constraintdef(oid), convalidated from pg_constraint where contype = 'f'
and connamespace = 'public'::regnamespace order by 1"""
IDENTITIES = """
select attrelid::regclass::text, attname::text, attidentity::text from pg_attribute
where attidentity <> '' and attrelid::regclass::text <> 'sync_metadata' order by 1, 2"""


@pytest.fixture
def project(cluster: Cluster) -> Iterator[Hosted]:
    with hosted(cluster, SCHEMA) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    end = {"backend": "rest", "key": "${KEY}"}
    settings = {
        "version": 1,
        "source": {**end, "url": "https://old.example.test"},
        "sink": {**end, "url": "https://new.example.test"},
        "tables": dict.fromkeys(TABLES),
    }
    (tmp_path / "tables.yaml").write_text(yaml.safe_dump(settings))
    (tmp_path / ".env").write_text("KEY=sb_secret_invented\n")
    return tmp_path


def call(*args: str) -> Result:
    return CliRunner().invoke(cli, ["schema", "sql", *args], obj=Session())


def printed(*args: str) -> str:
    done = call(*args)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.usefixtures("folder")
def test_the_secret_key_gets_what_it_needs_and_nobody_else_anything(project: Hosted) -> None:
    for _ in range(2):
        result = {table: told for _, table, told in project.paste(printed())}
    assert result.pop("not there").startswith("no such table")
    assert result == dict.fromkeys(TABLES[:-1], "granted")
    project.paste(printed("--triggers", "off"))
    drawn = "insert into logs default values; insert into parts (kind) values (1)"
    project.paste(f"set role service_role; {drawn}", "authenticator")
    for role in ("anon", "authenticated"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            project.paste(f"set role {role}; table users")


@pytest.mark.usefixtures("folder")
def test_no_function_is_for_a_role_that_default_privileges_name(project: Hosted) -> None:
    project.cluster.execute(project.database, "create role app_member; grant app_member to authenticator")
    project.paste("alter default privileges in schema public grant execute on functions to app_member")
    may = (
        "select p.proname::text from pg_proc p where p.proname like 'supasync%' and "
        "has_function_privilege({}, p.oid, 'execute') order by 1"
    )
    try:
        for options in ((), ("--old",), ("--horizon",), ("--fence", "on"), ("--auth",), ("--auth", "--old")):
            project.paste(printed(*options))
        every = [name for (name,) in project.paste(may.format("current_user"))]
        assert len(every) == 13
        assert project.paste(may.format("'app_member'")) == [("supasync_writes",)]
        granted = {name for (name,) in project.paste(may.format("'service_role'"))}
        inner = {"supasync_ready_sequences", "supasync_fence", "supasync_fence_begin"}
        assert granted == {*every} - inner
        project.paste("grant execute on function supasync_horizon(jsonb) to app_member with grant option")
        project.paste(printed("--horizon"))
        assert project.paste(may.format("'app_member'")) == [("supasync_writes",)]
    finally:
        project.cluster.execute(project.database, "drop owned by app_member; drop role app_member")


@pytest.mark.usefixtures("folder")
def test_old_lets_the_secret_key_read_and_no_more(project: Hosted) -> None:
    assert {told for _, _, told in project.paste(printed("--old"))} == {"granted", "no such table"}
    project.paste("set role service_role; select 1 from users")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        project.paste("set role service_role; delete from users")


@pytest.mark.usefixtures("folder")
def test_identity_columns_take_numbers_and_the_same_ones_turn_back(project: Hosted) -> None:
    before = project.paste(IDENTITIES)
    for _ in range(2):
        shown = project.paste(printed("--identity"))
    assert {generated for *_, generated in shown} == {"by default"}
    project.paste('insert into "Odd, ""one"" it\'s" values (70)')
    for _ in range(2):
        shown = project.paste(printed("--identity", "always"))
    assert project.paste(IDENTITIES) == before
    assert len(shown) == len(before)


@pytest.mark.usefixtures("folder")
def test_triggers_go_off_and_only_those_come_on_that_were_on(project: Hosted) -> None:
    before = project.paste(ALL_TRIGGERS)
    for _ in range(2):
        shown = project.paste(printed("--triggers", "off"))
    assert {state for _, state in project.paste(ALL_TRIGGERS)} == {"D"}
    assert ("public", "users", "never_on", "off, not by supasync: it stays off") in shown
    project.paste("insert into users (email) values ('a'); insert into parts (kind) values (1)")
    for _ in range(2):
        project.paste(printed("--triggers", "on"))
    assert project.paste(ALL_TRIGGERS) == before


@pytest.mark.usefixtures("folder")
def test_a_trigger_that_was_dropped_or_turned_on_by_hand_is_left_alone(project: Hosted) -> None:
    project.paste(printed("--triggers", "off"))
    project.paste("drop trigger always_on on users")
    project.paste('alter table users enable replica trigger "touch ""it"""')
    project.paste(printed("--triggers", "on"))
    assert ('touch "it"', "R") in project.paste(ALL_TRIGGERS)
    assert project.one("select count(*) from supasync_changed") == 0


@pytest.mark.usefixtures("folder")
def test_foreign_keys_to_other_tables_go_and_come_back_as_they_were(project: Hosted) -> None:
    before = project.paste(ALL_KEYS)
    for _ in range(2):
        project.paste(printed("--foreign-keys", "off"))
    assert [name for name, *_ in project.paste(ALL_KEYS)] == ["$supasync$_user_id_fkey"]
    project.paste("insert into logs (outside) values (5)")
    [left] = project.paste(printed("--foreign-keys", "on"))
    assert left[2] == 'fk "out"'
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        project.paste("insert into logs (outside) values (6)")
    project.paste("insert into outside values (5)")
    for _ in range(2):
        assert project.paste(printed("--foreign-keys", "on")) == []
    assert project.paste(ALL_KEYS) == before


@pytest.mark.usefixtures("folder")
def test_sequences_go_on_beyond_the_largest_key_and_are_never_lowered(project: Hosted) -> None:
    project.paste(printed("--identity"))
    project.paste(printed("--triggers", "off"))
    project.paste(
        'insert into users (id, "The No") values (1000, 7), (-4, 9000);'
        "insert into logs (id, n) values (50, -41);"
        "insert into parts (id, kind) values (300, 1);"
        "select setval('logs_id_seq', 90)"
    )
    shown = project.paste(printed("--sequences", "check"))
    assert {(table, column): verdict for table, column, *_, verdict in shown} == {
        ("public.users", "id"): "behind",
        ("public.users", "The No"): "behind",
        ("public.logs", "id"): "fine",
        ("public.logs", "n"): "behind",
        ("public.parts", "id"): "behind",
        ("public.parts", "code"): "no number: compare it yourself",
        ('public."Odd, ""one"" it\'s"', 'the "id"'): "fine",
        ('public."$supasync$"', "id"): "fine",
    }
    for _ in range(2):
        left = {verdict for *_, verdict in project.paste(printed("--sequences"))}
        assert left == {"fine", "no number: compare it yourself"}
    assert project.paste('insert into users default values returning id, "The No"') == [(1001, 9001)]
    assert project.paste("insert into logs default values returning id, n") == [(91, -45)]
    assert project.one("insert into parts (kind) values (1) returning id") == 301


@pytest.mark.usefixtures("folder")
def test_a_sequence_that_a_function_draws_from_is_found_by_its_name(project: Hosted) -> None:
    project.paste(
        "create sequence drawn; create sequence stamped; "
        "create function next_number() returns bigint language sql as $$ select nextval('drawn') $$; "
        "create function stamp() returns trigger language plpgsql as "
        "$$ begin new.\"The M\" := nextval ( 'public.stamped'::regclass ); return new; end $$; "
        'alter table logs add m bigint default next_number(), add "The M" bigint; '
        "create trigger stamps before insert on logs for each row execute function stamp()"
    )
    project.paste("insert into logs (id) values (7)")
    project.paste('update logs set m = 70, "The M" = 80')
    behind = {
        each[2]: each[-1] for each in project.paste(printed("--sequences", "check")) if "logs" in each[0]
    }
    assert (behind["public.drawn"], behind["public.stamped"]) == ("behind", "behind")
    project.paste(printed("--sequences"))
    assert project.paste('insert into logs (id) values (8) returning m, "The M"') == [(71, 81)]


@pytest.mark.usefixtures("folder")
def test_a_sequence_without_room_is_named(project: Hosted) -> None:
    project.paste(printed("--identity"))
    project.paste('insert into "$supasync$" (id) values (32767)')
    verdicts = [verdict for table, *_, verdict in project.paste(printed("--sequences")) if "$" in table]
    assert verdicts == ["has no room beyond the largest key: make the sequence larger"]


@pytest.mark.usefixtures("folder")
def test_uninstall_leaves_new_as_it_was(project: Hosted) -> None:
    state = ALL_TRIGGERS, ALL_KEYS, IDENTITIES
    before = [project.paste(query) for query in state]
    project.paste(printed())
    for option in (["--identity"], ["--triggers", "off"], ["--foreign-keys", "off"]):
        project.paste(printed(*option))
    for _ in range(2):
        assert project.paste(printed("--uninstall")) == []
    assert [project.paste(query) for query in state] == before
    assert project.one("select count(*) from pg_proc where proname like 'supasync%'") == 0
    assert project.paste("select to_regclass('sync_metadata'), to_regclass('supasync_changed')") == [
        (None, None)
    ]


@pytest.mark.usefixtures("folder")
def test_uninstall_keeps_the_rows_of_older_scripts_and_open_foreign_keys(project: Hosted) -> None:
    project.paste(
        "create table sync_metadata (id serial primary key, sync_status text not null,"
        " last_sync_timestamp timestamp, error_message text);"
        "insert into sync_metadata (sync_status) values ('success')"
    )
    project.paste(printed())
    project.paste(printed("--foreign-keys", "off"))
    project.paste("insert into logs (outside) values (5)")
    with pytest.raises(psycopg.errors.RaiseException, match="not valid yet"):
        project.paste(printed("--uninstall"))
    project.paste("insert into outside values (5)")
    assert project.paste(printed("--uninstall")) == [
        ("sync_metadata", "kept: it holds rows of the older sync scripts")
    ]
    assert project.one("select sync_status from sync_metadata") == "success"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("args", [["--identity"], ["--triggers", "off"], ["--foreign-keys", "off"]])
def test_whoever_does_not_own_the_tables_is_told_and_nothing_is_half_done(
    project: Hosted, args: list[str]
) -> None:
    project.paste("alter table users owner to supabase_auth_admin", "postgres")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="must be owner"):
        project.paste(printed(*args))
    assert {state for _, state in project.paste(ALL_TRIGGERS)} == {"O", "A", "D"}


@pytest.mark.usefixtures("folder")
def test_rows_that_are_hidden_from_the_owner_are_no_empty_table(project: Hosted) -> None:
    project.paste(
        "alter table logs enable row level security; alter table logs force row level security;"
        "alter role hosted_postgres nobypassrls",
        "postgres",
    )
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            project.paste(printed("--sequences", "check"))
    finally:
        project.paste("alter role hosted_postgres bypassrls", "postgres")


def test_one_script_at_a_time_and_settings_that_are_sound(folder: Path) -> None:
    done = call("--identity", "--sequences")
    assert (done.exit_code, "one at a time" in done.output) == (2, True)
    assert call("--triggers", "maybe").exit_code == 2
    (folder / "tables.yaml").write_text("tables: [\n")
    for args in ([], ["--sequences"]):
        assert call(*args).exit_code != 0
    (folder / "tables.yaml").unlink()
    assert "service_role may read and write" not in printed()
    assert call("--sequences").exit_code != 0
    assert "supasync_horizon" in printed("--horizon")
    assert "drop table" in printed("--uninstall")


def ready(project: Hosted) -> dict[str, list[str]]:
    """What NEW says, asked as the API asks: by service_role, in a transaction that only reads."""
    named = json.dumps([["public", name] for name in TABLES])
    statement = f"set role service_role; begin read only; select supasync_ready({_quoted(named)})"
    ((told,),) = project.paste(statement, "authenticator")
    assert isinstance(told, dict)
    return told


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@pytest.mark.usefixtures("folder")
def test_new_tells_what_is_not_ready_for_the_switch_until_it_is(project: Hosted) -> None:
    for _ in range(2):
        project.paste(printed())
    off = {"identity": "default", "triggers": "off", "foreign-keys": "off"}
    for name, switch in off.items():
        project.paste(printed(f"--{name}", switch))
    project.paste("insert into logs (id) values (70)")
    told = ready(project)
    assert set(told) == {"sequences", "identity", "triggers", "foreign-keys"}
    behind, odd = told["sequences"]
    assert behind == "public.logs.id: the largest key is 70, and the next of public.logs_id_seq is 1: behind"
    assert odd.endswith("no number: compare it yourself")
    assert "users.id still accepts OLD's numbers" in told["identity"]
    assert "on_part on public.parts_1 is disabled" in told["triggers"]
    assert told["foreign-keys"] == ['fk "out" of logs was dropped', "loose of users was dropped"]
    project.paste(printed("--sequences"))
    for name, switch in {"identity": "always", "triggers": "on", "foreign-keys": "on"}.items():
        project.paste(printed(f"--{name}", switch))
    (never,) = ready(project).pop("triggers")
    assert never.startswith("never_on on public.users is disabled, not by supasync")
    project.paste("alter table users enable trigger never_on")
    assert ready(project) == {"sequences": [odd], "identity": [], "triggers": [], "foreign-keys": []}
    project.paste(printed("--uninstall"))
    assert project.paste("select 1 from pg_proc where proname like 'supasync_ready%'") == []
