"""Triggers, child tables and types of NEW that change what is copied: named before, found after, guarded."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Completed, End, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = (
    ROLES
    + """
create table public.jobs (id bigint primary key, label text, amount numeric{digits},
  seen interval, updated_at timestamptz not null default '2024-01-01');
create table public.log (line text);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
CONFIG = ENDS + "defaults: {overlap: 0s}\ntables:\n  jobs: {}\n"
ROWS = (
    "insert into public.jobs select g, 'j' || g, g + 0.125, g * interval '1 h', "
    "timestamptz '2024-01-01' + g * interval '1 s' from generate_series(1, 30) g"
)
TOUCH = """
create function public.touch() returns trigger language plpgsql as
  $$ begin new.updated_at := now() + interval '1 minute'; return new; end $$;
create trigger touch before update on public.jobs for each row when (old.* is distinct from new.*)
  execute function public.touch();
create function public.mail() returns trigger language plpgsql security definer as
  $$ begin insert into public.log values (new.label); return null; end $$;
create trigger mail after insert or update on public.jobs for each row execute function public.mail();
"""


def _space(cluster: Cluster, folder: Path, digits: str = "") -> Iterator[Workspace]:
    old, new = SCHEMA.format(digits=""), SCHEMA.format(digits=digits)
    with between(cluster, folder, old, new, CONFIG) as made:
        made.ready().old.run(ROWS)
        yield made


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    yield from _space(cluster, tmp_path)


@pytest.fixture
def rounding(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    yield from _space(cluster, tmp_path, "(8, 2)")


def changed(space: Workspace, *, since: str) -> Completed:
    """A run after one row of OLD was updated."""
    statement = "update public.jobs set label = '{}', updated_at = now() where id = 7"
    space.old.run(statement.format(since))
    return space.supasync("sync")


def guard(space: Workspace, switch: str = "guard") -> None:
    space.new.run(space.supasync("schema", "sql", "--triggers", switch).out)


def test_triggers_are_named_before_a_row_is_sent(space: Workspace) -> None:
    space.new.run(TOUCH)
    for command in (["setup"], ["check"], ["schema", "diff"]):
        done = space.supasync(*command)
        assert (
            "jobs: triggers of NEW may change each row that is copied: touch (before update)" in done.out
        ), command
        assert "jobs: triggers of NEW act on copied rows: mail (after insert or update)" in done.out
        assert "supasync schema sql --triggers guard" in done.out
        assert done.code == 0
    assert "touch (before update)" in space.supasync("cutover", "--plan", "--no-exact").out
    guard(space)
    assert (
        "touch (before update)" not in space.supasync("check").out + space.supasync("cutover", "--plan").out
    )


def test_every_run_that_writes_reads_some_rows_back(space: Workspace) -> None:
    assert space.supasync("sync").code == 0
    assert changed(space, since="first").code == 0
    space.new.run(TOUCH)
    for _ in range(2):
        done = changed(space, since="second")
        assert done.code == 3, done.out + done.err
        assert "NEW changed updated_at after it was written" in done.err
        assert "supasync schema sql --triggers guard" in done.err
    guard(space)
    assert space.supasync("sync", "--full", "jobs").code == 0
    assert changed(space, since="third").code == 0
    space.assert_equal("jobs")
    lines = len(space.new.texts("log"))
    space.old.run("insert into public.jobs (id, updated_at) values (99, now())")
    assert space.supasync("sync").code == 0
    assert len(space.new.texts("log")) == lines
    space.new.run("update public.jobs set label = 'by the app' where id = 8")
    assert len(space.new.texts("log")) == lines + 1
    assert space.new.rows("select updated_at > now() from public.jobs where id = 8") == [(True,)]


def test_a_later_page_that_a_trigger_changes_is_found_and_sent_again(space: Workspace) -> None:
    space.write("tables.yaml", CONFIG.replace("jobs: {}", "jobs: {page_size: 10}"))
    assert space.supasync("sync").code == 0
    space.new.run(TOUCH.replace("when (", "when (new.id > 25 and "))
    space.old.run("update public.jobs set label = 'x', updated_at = now() + id * interval '1 us'")
    for _ in range(2):
        done = space.supasync("sync")
        assert (done.code, "NEW changed updated_at" in done.err) == (3, True), done.out
    guard(space)
    assert space.supasync("sync").code == 0
    space.assert_equal("jobs")


def test_a_run_reads_back_by_one_request(space: Workspace) -> None:
    space.supasync("sync")
    space.supasync("sync")
    space.new.server.reset()
    space.old.run("update public.jobs set label = 'x', updated_at = '2024-06-01' where id = 7")
    assert space.supasync("sync").code == 0
    looked = [r for r in space.new.server.requests() if r["method"] == "GET" and "/jobs" in str(r)]
    intervals = [r for r in looked if "select=id,seen&" in str(r)]
    assert len(intervals) == 1, "an interval may hold less in NEW: it is compared in every row"
    assert len(looked) == 2, looked


def test_values_that_a_type_of_new_rounds_are_found_by_the_first_run(rounding: Workspace) -> None:
    done = rounding.supasync("schema", "diff")
    assert "jobs: NEW stores amount as numeric(8,2), and rounds values with more digits" in done.out
    done = rounding.supasync("sync")
    assert done.code == 3, done.out
    assert "NEW changed amount after it was written" in done.err
    assert "its type holds less than OLD's" in done.err


@pytest.mark.parametrize("style", ["sql_standard", "iso_8601"])
def test_intervals_that_old_prints_in_another_style_are_found(space: Workspace, style: str) -> None:
    space.old.run("update public.jobs set seen = '-1 day -02:00' where id % 2 = 0")
    name = space.old.database
    space.old.run(f"alter database {name} set intervalstyle = {style}")
    space.old.run(f"alter role authenticator in database {name} set intervalstyle = {style}")
    space.old.run(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where usename = 'authenticator' and datname = current_database()"
    )
    space.old.server.reload()  # it may have lost the connection on which it hears of changed tables
    done = space.supasync("sync")
    assert done.code == 3, done.out + done.err
    assert "NEW changed seen after it was written" in done.err


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("double precision", "id * 0.1::float8 + 0.2::float8"),
        ("double precision[]", "array[[1.5, null], [id * 0.1::float8 + 0.2::float8, 0.25]]"),
        ("real[]", "array[id * 0.1::real + 0.2::real]"),
    ],
)
def test_floats_that_old_prints_with_fewer_digits_than_it_holds_are_found(
    space: Workspace, kind: str, value: str
) -> None:
    for end in (space.old, space.new):
        end.run(f"alter table public.jobs add column ratio {kind}")
    space.old.run(f"update public.jobs set ratio = {value}")  # noqa: S608 - ours
    assert space.supasync("sync").code == 0
    space.assert_equal("jobs")
    space.old.run(f"alter role authenticator in database {space.old.database} set extra_float_digits = 0")
    space.old.run(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where usename = 'authenticator' and datname = current_database()"
    )
    space.old.server.reload()  # it may have lost the connection on which it hears of changed tables
    done = space.supasync("sync", "--full", "jobs")
    assert done.code == 3, done.out + done.err
    assert "OLD prints fewer digits of ratio than it holds" in done.err


def setting(end: End, name: str, value: str) -> None:
    """Set it for whoever the API comes as."""
    end.run(f"alter role authenticator in database {end.database} set {name} = {value}")
    end.run(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where usename = 'authenticator' and datname = current_database()"
    )
    end.server.reload()  # it may have lost the connection on which it hears of changed tables


@pytest.mark.parametrize("side", ["OLD", "NEW"])
def test_sides_that_print_too_few_digits_are_never_called_equal(space: Workspace, side: str) -> None:
    for end in (space.old, space.new):
        end.run("alter table public.jobs add column ratio double precision")
    space.old.run("update public.jobs set ratio = 0.3")
    assert space.supasync("sync").code == 0
    assert space.supasync("verify", "--exact").code == 0
    rounded = space.old if side == "OLD" else space.new
    rounded.run("update public.jobs set ratio = 0.1::float8 + 0.2::float8")
    for end in (space.old, space.new):
        setting(end, "extra_float_digits", "0")
    told = f"{side} prints fewer digits of ratio than it holds"
    for command in (("verify", "--exact"), ("diff", "old", "new"), ("reconcile", "old", "new")):
        done = space.supasync(*command)
        assert (done.code >= 2, told in done.out + done.err) == (True, True), (command, done.out, done.err)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("daterange", "'[2026-02-05,2026-02-06)'"),
        ("daterange[]", "array['[2026-02-05,2026-02-06)'::daterange]"),
        ("public.stay", "row('[2026-02-05,2026-02-06)', 'x')"),
        ("public.nights", "'[2026-02-05,2026-02-06)'"),
    ],
)
def test_ranges_that_a_side_prints_in_a_form_of_its_own_are_never_called_equal(
    space: Workspace, kind: str, value: str
) -> None:
    for end in (space.old, space.new):
        end.run("create type public.stay as (r daterange, t text); create domain public.nights as daterange")
        end.run(f"alter table public.jobs add column days {kind}")
        end.run(f"update public.jobs set days = {value}")  # noqa: S608 - ours
    setting(space.old, "datestyle", "'SQL, DMY'")
    setting(space.new, "datestyle", "'SQL, MDY'")
    told = "OLD does not print the dates in days as ISO dates"
    done = space.supasync("sync")
    assert (done.code, told in done.err) == (3, True), done.err
    done = space.supasync("verify", "--exact")
    assert (done.code, told in done.out + done.err) == (2, True), done.out + done.err


def test_an_import_reads_back_what_it_wrote(space: Workspace) -> None:
    space.new.run(TOUCH)
    space.new.run("insert into public.jobs select g, 'j' from generate_series(1, 30) g")
    (space.folder / "export").mkdir()
    space.write("export/jobs.csv", space.old.csv("select * from jobs"))
    done = space.supasync("gap", "import", "export", "--yes")
    assert done.code == 3, done.out + done.err
    assert "NEW changed updated_at after it was written" in done.err
    assert "supasync schema sql --triggers guard" in done.err
    guard(space)
    done = space.supasync("gap", "import", "export", "--yes", "--accept", "older")
    assert done.code == 0, done.out + done.err
    space.assert_equal("jobs")


def test_reconcile_reads_back_what_it_wrote(space: Workspace) -> None:
    assert space.supasync("sync").code == 0
    space.new.run("update public.jobs set label = 'other' where id in (3, 4)")
    space.new.run(TOUCH)
    done = space.supasync("reconcile", "old", "new", "--apply")
    assert done.code == 3, done.out + done.err
    assert "NEW changed updated_at after it was written" in done.err
    guard(space)
    assert space.supasync("reconcile", "old", "new", "--apply").code == 0
    space.assert_equal("jobs")
    assert space.supasync("verify", "--exact").code == 0
