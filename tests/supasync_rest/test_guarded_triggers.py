"""Guarded triggers: what supasync writes does not fire them, all else does; they come back as they were."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml

from tests.servers.hosted import Hosted, hosted
from tests.servers.postgres import Cluster
from tests.supasync_rest.test_scripts import printed

ODD = 'it"s FOR EACH ROW WHEN (true) EXECUTE FUNCTION x()'
SCHEMA = """
create table noted (name text);
create function note() returns trigger language plpgsql security definer set search_path = public as
$$ begin
  insert into noted values (tg_name);
  return case when tg_level = 'ROW' and tg_op <> 'DELETE' then new end;
end $$;
create function touch() returns trigger language plpgsql as $$
begin new.updated_at := now() + interval '1 day'; return new; end$$;
create table jobs (id int primary key, label text, done boolean, "FOR EACH ROW " text,
  updated_at timestamptz not null default '2024-01-01');
create table parts (id int primary key, label text) partition by range (id);
create table parts_1 partition of parts for values from (1) to (10);
create table parts_2 partition of parts for values from (10) to (20);
create table unsynced (id int primary key);
create trigger touch before insert or update on jobs for each row execute function touch();
create trigger bare after insert or update or delete on jobs for each row execute function note();
create trigger "{odd}" after update of "FOR EACH ROW ", label on jobs for each row
  when (old."FOR EACH ROW " is distinct from new."FOR EACH ROW " or new.label = ') EXECUTE FUNCTION y(')
  execute function note();
create trigger flag after update on jobs for each row when (new.done)
  execute function note('it''s', '" FOR EACH ROW ');
create trigger either after update on jobs for each row when (new.done or old.done) execute function note();
create trigger "both" after update on jobs for each row when (new.done and old.done and new.id > 0)
  execute function note();
create trigger turned after update on jobs for each row when (not new.done) execute function note();
create trigger cases after update on jobs for each row
  when (case when new.id > 0 then new.done else false end)
  execute function note();
create trigger always after insert on jobs for each row when (true) execute function note();
create trigger whole after insert or update or delete or truncate on jobs for each statement
  execute function note();
create trigger listed after update on jobs referencing old table as "old WHEN (" new table as news
  for each statement execute function note();
create constraint trigger late after insert on jobs deferrable initially deferred for each row
  when (new.id > 0) execute function note();
create trigger never before update on jobs for each row execute function touch();
create trigger replica before update on jobs for each row execute function touch();
create trigger only_truncate after truncate on jobs for each statement execute function note();
alter table jobs enable always trigger always, disable trigger never, enable replica trigger replica;
comment on trigger touch on jobs is 'stamps ''rows''';
create trigger on_parts after insert on parts for each row execute function note();
create trigger on_part after insert on parts_1 for each row when (new.label <> '') execute function note();
alter table parts_2 disable trigger on_parts;
create trigger on_unsynced after insert on unsynced for each row execute function note();
grant all on all tables in schema public to service_role, anon;
""".replace("{odd}", ODD.replace('"', '""'))
STATE = """
select tgrelid::regclass::text, tgname, tgenabled, pg_get_triggerdef(oid), obj_description(oid, 'pg_trigger')
from pg_trigger where not tgisinternal or tgparentid <> 0 order by 1, 2"""
WRITES = """
insert into jobs (id, label, done) values (1, 'a', true);
update jobs set label = 'b', "FOR EACH ROW " = 'x';
delete from jobs where id = 1;
insert into parts values (1, 'a'), (11, 'b');
insert into jobs (id) values (2);
"""
OWN = json.dumps({"x-supasync": "write", "user-agent": "supasync/1"})


@pytest.fixture
def project(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    monkeypatch.chdir(tmp_path)
    end = {"backend": "rest", "key": "${KEY}"}
    settings = {
        "version": 1,
        "source": {**end, "url": "https://old.example.test"},
        "sink": {**end, "url": "https://new.example.test"},
        "tables": dict.fromkeys(["jobs", "parts"]),
    }
    (tmp_path / "tables.yaml").write_text(yaml.safe_dump(settings))
    (tmp_path / ".env").write_text("KEY=sb_secret_invented\n")
    with hosted(cluster, SCHEMA) as made:
        yield made


def fired(project: Hosted, role: str, headers: str | None) -> set[str]:
    """The triggers that fire for what this role writes with these headers; nothing stays."""
    header = f"set local request.headers = $x${headers}$x$;" if headers is not None else ""
    project.paste("truncate noted", "postgres")
    statements = f"begin; {header} set local role {role}; {WRITES}; commit; reset role"
    project.paste(statements, "authenticator" if role != "hosted_postgres" else role)
    names = {name for (name,) in project.paste("select name from noted")}
    touched = project.one("select updated_at > now() from jobs where id = 2")
    project.paste("set session_replication_role = replica; delete from jobs; delete from parts", "postgres")
    return names | ({"touch"} if touched else set())


EVERY = {"touch", "bare", ODD, "flag", "either", "both", "cases", "always", "whole", "listed", "late"}
EVERY |= {"on_parts", "on_part"}


def test_only_what_supasync_writes_fires_no_guarded_trigger(project: Hosted) -> None:
    assert fired(project, "service_role", OWN) == EVERY
    for _ in range(2):
        shown = project.paste(printed("--triggers", "guard"))
    assert ("public", "jobs", "touch", "on, but not for what supasync writes") in shown
    assert fired(project, "service_role", OWN) == set()
    for headers in (None, "", "{}", json.dumps({"user-agent": "supasync/1"}), '{"x-supasync": null}'):
        assert fired(project, "service_role", headers) == EVERY, headers
    assert fired(project, "anon", OWN) == EVERY
    assert fired(project, "hosted_postgres", OWN) == EVERY


@pytest.mark.parametrize("back", [("--triggers", "unguard"), ("--uninstall",)])
def test_every_definition_comes_back_exactly(project: Hosted, back: tuple[str, ...]) -> None:
    before = project.paste(STATE)
    project.paste(printed("--triggers", "guard"))
    guarded = project.paste(STATE)
    kept = [(*row[:3], row[4]) for row in guarded]
    assert kept == [(*row[:3], row[4]) for row in before]
    assert {row[1] for row in guarded if "supasync_writes" in row[3]} == EVERY | {"turned"}
    for _ in range(2):
        project.paste(printed(*back))
    assert project.paste(STATE) == before
    assert project.one("select count(*) from pg_proc where proname = 'supasync_writes'") == 0


def test_a_trigger_that_was_made_anew_or_is_new_is_guarded_by_pasting_again(project: Hosted) -> None:
    project.paste(printed("--triggers", "guard"))
    own = "before update on jobs for each row when (new.id > 1) execute function touch()"
    project.paste(f"drop trigger touch on jobs; create trigger touch {own}; create trigger more {own}")
    before = [row for row in project.paste(STATE) if row[1] in {"touch", "more"}]
    project.paste(printed("--triggers", "guard"))
    assert not fired(project, "service_role", OWN)
    project.paste(printed("--triggers", "unguard"))
    assert [row for row in project.paste(STATE) if row[1] in {"touch", "more"}] == before


def test_a_guard_whose_definition_is_not_known_is_never_left_without_its_function(project: Hosted) -> None:
    project.paste(printed())
    project.paste(printed("--triggers", "guard"))
    project.paste("alter trigger bare on jobs rename to renamed")
    for back in (("--triggers", "unguard"), ("--uninstall",)):
        with pytest.raises(psycopg.errors.RaiseException, match=r"renamed on public\.jobs is guarded"):
            project.paste(printed(*back))
    assert "renamed" in fired(project, "anon", OWN)


def test_guarding_turns_on_what_was_off_for_the_sync(project: Hosted) -> None:
    project.paste("alter table parts_2 enable trigger on_parts")
    before = project.paste(STATE)
    project.paste(printed("--triggers", "off"))
    project.paste(printed("--triggers", "guard"))
    assert [row[2] for row in project.paste(STATE)] == [row[2] for row in before]
    project.paste(printed("--triggers", "unguard"))
    assert project.paste(STATE) == before
