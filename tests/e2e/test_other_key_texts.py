"""Keys that NEW prints otherwise than OLD: rows are found by their value, not by its text."""
# ruff: noqa: S608 - names of a list of ours

from collections.abc import Iterator

import pytest

from tests.e2e.test_deletes import a_day_later
from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

COLUMNS = "n numeric{digits}, updated_at timestamptz not null default now(), deleted_at timestamptz"
KEYS = {
    "by_number": ("numeric", "numeric(12,3)", "g + 0.5"),
    "by_moment": ("timestamptz", "timestamptz", "'2025-01-01'::timestamptz + g * interval '1 hour'"),
    "by_day": ("date", "timestamp", "'2025-01-01'::date + g"),
    "by_integer": ("bigint", "numeric(20,2)", "g"),
}
GRANT = "grant select, insert, update, delete on all tables in schema public to service_role;"


def schema(end: int, digits: str) -> str:
    made = (
        f"create table public.{name} (id {kinds[end]} primary key, {COLUMNS.format(digits=digits)});"
        for name, kinds in KEYS.items()
    )
    return f"{ROLES}{''.join(made)}{GRANT}"


@pytest.fixture(scope="module")
def made(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    config = (
        ENDS + "tables:\n" + "".join(f"  {name}: {{overlap: 1s, soft_delete: deleted_at}}\n" for name in KEYS)
    )
    folder = tmp_path_factory.mktemp("keys")
    with between(cluster, folder, schema(0, ""), schema(1, "(12,1)"), config) as space:
        space.old.run(f"alter database {space.old.database} set timezone = 'America/New_York'")
        space.new.run(f"alter database {space.new.database} set timezone = 'Asia/Kolkata'")
        yield space.ready().keep()


@pytest.fixture
def space(made: Workspace) -> Workspace:
    space = made.again()
    for name, (_, _, key) in KEYS.items():
        space.old.run(
            f"insert into public.{name} select {key}, 1.5, now() - interval '1 hour' "
            "from generate_series(1, 40) g"
        )
    return space


def test_rows_that_old_marks_as_deleted_leave_new(space: Workspace) -> None:
    assert space.supasync("sync").code == 0
    for name in KEYS:
        space.old.run(
            f"update public.{name} set deleted_at = now(), updated_at = now() "
            f"where id in (select id from public.{name} order by id limit 2)"
        )
    done = space.supasync("sync")
    assert done.code == 0, done.err
    left = {name: space.new.rows(f"select count(*) from public.{name}")[0][0] for name in KEYS}
    assert left == dict.fromkeys(KEYS, 38), done.err
    assert space.supasync("verify").code == 0


def test_rows_that_old_deletes_leave_new_and_are_no_proof_of_others(space: Workspace) -> None:
    text = (space.folder / "tables.yaml").read_text("utf-8")
    space.write("mirror.yaml", text.replace("soft_delete: deleted_at", "deletes: mirror"))
    sync = ("--config", "mirror.yaml", "sync")
    assert space.supasync(*sync).code == 0
    for name in KEYS:
        space.old.run(
            f"delete from public.{name} where id in (select id from public.{name} order by id limit 2)"
        )
    a_day_later(space)
    done = space.supasync(*sync)
    assert done.code == 0, done.err
    left = {name: space.new.rows(f"select count(*) from public.{name}")[0][0] for name in KEYS}
    assert left == dict.fromkeys(KEYS, 38), done.err
    space.new.run(
        "".join(
            f"insert into public.{n} (id) select {key} from generate_series(1, 1) g;"
            for n, (_, _, key) in KEYS.items()
        )
    )
    a_day_later(space)
    done = space.supasync(*sync)
    left = {name: space.new.rows(f"select count(*) from public.{name}")[0][0] for name in KEYS}
    assert left == dict.fromkeys(KEYS, 39), "what NEW's app inserted since is its own"
    found = space.supasync("--config", "mirror.yaml", "verify")
    assert (found.code, "not compared" in found.out) == (1, False), found.out


@pytest.mark.parametrize("name", KEYS)
def test_a_value_that_new_rounds_stops_the_table(space: Workspace, name: str) -> None:
    space.old.run(f"update public.{name} set n = 1.25")
    done = space.supasync("sync", "--table", name)
    assert done.code == 3, done.err
    assert f"{name}: failed: NEW changed n after it was written" in done.err
