"""NEW's triggers on accounts, such as `handle_new_user`: they make no second profile, and lose none."""

from collections.abc import Iterator

import pytest

from tests.servers.postgres import Cluster
from tests.supasync_account.accounts import (
    PROFILES,
    Projects,
    number,
    plant_operators,
    projects,
    sign_up,
    take_operators_away,
)

BY_SQL = """version: 1
source: {backend: postgres, url: "${OLD_DATABASE_URL}", project: "${OLD_SUPABASE_URL}"}
sink: {backend: postgres, url: "${NEW_DATABASE_URL}", project: "${SUPABASE_URL}"}
workers: 1
auth: {triggers: fire}
tables: {notes: }
"""
NAMES = "select name from public.profiles order by 1"


@pytest.fixture
def both(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    with projects(cluster, tmp_path_factory.mktemp("triggers"), PROFILES) as found:
        found.sign_up(1, 2)
        yield found


def guard(both: Projects, option: str = "guard") -> list[tuple[str, ...]]:
    return both.new.paste(both.space.supasync("schema", "sql", "--triggers", option).out)


def test_a_trigger_that_would_fire_is_named_before_anything_is_written(both: Projects) -> None:
    done = both.auth("sync", code=3)
    assert "on_auth_user_created (auth.users) would fire" in done.err
    assert "supasync schema sql --triggers guard" in done.err
    assert both.new.paste("select id from auth.users") == []
    out = both.auth("check", code=3).out
    assert "on_auth_user_created on auth.users runs public.handle_new_user; guarded: no" in out


def test_a_refused_copy_of_accounts_leaves_nothing_for_the_tables_to_wait_for(both: Projects) -> None:
    both.auth("sync", code=3)
    done = both.space.supasync("sync")
    assert "did not end cleanly" not in done.out + done.err


def test_behind_the_guard_accounts_make_no_profile_and_sign_ups_do(both: Projects) -> None:
    assert ("auth", "users", "on_auth_user_created", "on, but not for what supasync writes") in guard(both)
    assert "guarded: yes" in both.auth("check").out
    both.auth("sync")
    assert both.new.paste(NAMES) == []
    sign_up(both.new, 9)
    assert both.new.paste(NAMES) == [("User 9",)]
    guard(both)
    guard(both, "unguard")
    sign_up(both.new, 8)
    assert both.new.paste(NAMES) == [("User 8",), ("User 9",)]
    assert "guarded: no" in both.auth("check", code=3).out


def test_a_trigger_on_deletes_keeps_no_report_from_its_work(both: Projects) -> None:
    guard(both)
    both.auth("sync")
    both.new.paste(
        "create trigger gone before delete on auth.users for each row "
        "execute function public.handle_new_user()"
    )
    both.old.paste(f"delete from auth.users where id = '{number(1)}'")  # noqa: S608 - the test's own id
    assert both.named(0) == {"01": "deleted in OLD, still in NEW"}
    assert "gone (auth.users) would fire" in both.auth("sync", "--deletes", "mirror", code=3).err


def test_a_first_line_in_the_function_guards_as_well(both: Projects) -> None:
    both.new.paste(
        "create or replace function public.handle_new_user() returns trigger language plpgsql "
        "security definer set search_path = '' as $$ begin "
        "if current_setting('supasync.writes', true) = 'on' then return new; end if; "
        "insert into public.profiles (id, name) values (new.id, 'made'); return new; end $$"
    )
    both.auth("sync")
    assert both.new.paste(NAMES) == []
    sign_up(both.new, 9)
    assert both.new.paste(NAMES) == [("made",)]


def test_a_person_may_let_triggers_fire_and_they_find_their_own_names(both: Projects) -> None:
    both.new.paste(
        "create or replace function public.handle_new_user() returns trigger language plpgsql as $$ "
        "begin insert into profiles (id, name) values (new.id, 'made'); return new; end $$;"
        "create table public.audit (id bigint);"
        "create function public.noted() returns trigger language plpgsql as $$ "
        "begin insert into audit values (new.id); return new; end $$;"
        "create trigger noted after insert on public.notes for each row execute function public.noted()"
    )
    both.old.paste("insert into public.notes values (1)")
    both.space.write("tables.yaml", BY_SQL)
    plant_operators(both.new)
    try:
        done = both.space.supasync("sync")
        assert done.code == 0, done.out + done.err
        assert both.new.paste("select id from public.audit") == [(1,)]
        both.old.paste("update auth.users set email = 'new.' || email, phone = right(id::text, 4) || email")
        both.old.paste("update auth.identities set provider = 'phone'")
        both.auth("sync", "--accept", "triggers")
        assert both.new.one("select to_regclass('public.pwned')") is None
    finally:
        take_operators_away(both.new)
    both.assert_equal()
    assert both.new.paste(NAMES) == [("made",), ("made",)]


@pytest.mark.parametrize("way", ["sql", "functions"])
def test_what_a_deferred_trigger_changes_is_not_taken_for_copied(both: Projects, way: str) -> None:
    both.new.paste("drop function public.handle_new_user cascade")
    both.new.paste(
        "create function public.late() returns trigger language plpgsql security definer as $$ begin "
        "perform set_config('TimeZone', 'Asia/Tokyo', false), set_config('DateStyle', 'German', true);"
        "update auth.users set role = 'late' where id = new.id and email like 'u2@%'; return new; end $$;"
        "create constraint trigger late after insert on auth.users deferrable initially deferred "
        "for each row execute function public.late()"
    )
    if way == "functions":
        both.by_functions()
    named = both.named(3, "--accept", "triggers")
    assert named == {"02": "NEW does not keep its values as they were sent: a trigger there changes them"}


def test_uninstalling_takes_the_guard_and_the_table_away(both: Projects) -> None:
    guard(both)
    both.auth("sync")
    both.new.paste(both.space.supasync("schema", "sql", "--uninstall").out)
    assert both.new.one("select to_regclass('public.supasync_accounts')") is None
    sign_up(both.new, 9)
    assert both.new.paste(NAMES) == [("User 9",)]
