"""`soft_delete: deleted_at`: rows that OLD marks as deleted are not copied, and leave NEW under guards."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = (
    ROLES
    + """
create table public.notes (id bigint primary key, body text, slug text,
  updated_at timestamptz not null default now(), deleted_at timestamptz);
create unique index on public.notes (slug) where deleted_at is null;
create table public.replies (id bigint primary key, note_id bigint references public.notes (id),
  updated_at timestamptz not null default now());
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
CONFIG = ENDS + "tables:\n  notes: {soft_delete: deleted_at}\n  replies: {depends_on: notes}\n"
ROWS = """
insert into public.notes (id, body, slug, updated_at, deleted_at)
  select g, 'n' || g, 's' || g, now() - interval '2 days',
    case when g % 10 = 0 then now() - interval '1 day' end from generate_series(1, 2500) g;
insert into public.replies (id, note_id) values (1, 1);
"""
LIVE = "select id from public.notes where deleted_at is null order by id"
ALL = "select id from public.notes order by id"


@pytest.fixture(scope="module")
def prepared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with between(cluster, tmp_path_factory.mktemp("soft"), SCHEMA, SCHEMA, CONFIG) as made:
        made.old.run(ROWS)
        yield made.ready().keep()


@pytest.fixture
def space(prepared: Workspace) -> Workspace:
    prepared.again().forget()
    return prepared


def mark(space: Workspace, *keys: int) -> None:
    """OLD marks these rows as deleted; nothing else of them changes."""
    space.old.run(f"update public.notes set deleted_at = now() where id in ({', '.join(map(str, keys))})")  # noqa: S608


def same(space: Workspace) -> bool:
    return space.new.rows(ALL) == space.old.rows(LIVE)


def test_a_row_that_new_made_under_a_key_that_was_never_copied_stays(space: Workspace) -> None:
    space.new.run(
        "insert into public.notes (id, body) values (20, 'made in NEW'); "
        "insert into public.notes (id, body, deleted_at) values (30, 'from a dump', now())"
    )
    for _ in range(2):
        done = space.supasync("sync")
        assert done.code == 0, done.err
        assert "1 row that OLD does not have is left in NEW" in done.err
        assert space.new.rows("select id, body from public.notes where id in (20, 30)") == [
            (20, "made in NEW")
        ]


def test_marks_that_are_texts_of_several_forms_hide_none(space: Workspace) -> None:
    """As texts, `2026-01-02 ` comes before `2026-01-01T`, so a later mark lay before the place reached."""
    to_text = "alter table public.notes alter deleted_at type text"
    for end in (space.old, space.new):
        end.run(f"drop index public.notes_slug_idx; {to_text}")
    try:
        space.old.run("update public.notes set deleted_at = null")
        assert space.supasync("sync").code == 0
        for key, form in ((3, "%Y-%m-%dT%H:%M:%SZ"), (4, "%Y-%m-%d %H:%M:%S+00"), (5, "%Y-%m-%dT%H:%M:%SZ")):
            mark = f"{datetime.now(UTC) - timedelta(seconds=10):{form}}"
            space.old.run(f"update public.notes set deleted_at = '{mark}' where id = {key}")  # noqa: S608
            done = space.supasync("sync")
            assert done.code == 0, done.err
            assert same(space), key
    finally:
        for end in (space.old, space.new):
            end.run(
                "alter table public.notes alter deleted_at type timestamptz using deleted_at::timestamptz; "
                "create unique index notes_slug_idx on public.notes (slug) where deleted_at is null"
            )


def test_marked_rows_are_not_copied_and_leave_new_whatever_their_timestamp_says(space: Workspace) -> None:
    first = space.supasync("sync")
    assert first.code == 0, first.out + first.err
    assert len(space.new.rows(ALL)) == 2250
    assert same(space)
    mark(space, 3, 4)  # updated_at stays as it is
    done = space.supasync("sync", "--json")
    assert done.code == 0, done.out + done.err
    assert done.json["tables"]["notes"]["removed"] == 2
    assert same(space)
    assert space.supasync("sync", "--json").json["tables"]["notes"].get("removed") is None
    assert {request["method"] for request in space.old.server.requests()} <= {"GET", "HEAD"}


def test_a_row_that_is_restored_comes_back(space: Workspace) -> None:
    space.supasync("sync")
    mark(space, 3)
    space.supasync("sync")
    assert same(space)
    space.old.run("update public.notes set deleted_at = null, updated_at = now() where id = 3")
    assert space.supasync("sync").code == 0
    assert (3,) in space.new.rows(ALL)
    assert same(space)


def test_verify_and_diff_take_marked_rows_for_deleted_and_reconcile_removes_them(space: Workspace) -> None:
    space.supasync("sync")
    assert space.supasync("verify").code == 0
    assert space.supasync("verify", "--exact").code == 0
    assert space.supasync("diff", "old", "new").code == 0
    mark(space, 3, 4)
    space.old.run("delete from public.notes where id = 5")
    verified = space.supasync("verify", "--json")
    assert verified.code == 1
    assert verified.json["tables"]["notes"]["extra"] == [["3"], ["4"], ["5"]]
    found = space.supasync("diff", "old", "new", "--format", "json")
    assert found.code == 1, found.out + found.err
    causes = {row["key"]["id"]: row["cause"] for row in found.json["tables"]["notes"]["rows"]}
    assert causes == {"3": "marked as deleted in OLD", "4": "marked as deleted in OLD", "5": "deleted in OLD"}
    assert "the next sync removes it" in space.supasync("diff", "old", "new").out
    done = space.supasync("reconcile", "old", "new", "--delete", "--apply")
    assert done.code == 0, done.out + done.err
    assert same(space)


def test_more_rows_than_the_limit_wait_for_a_person_and_are_not_forgotten(space: Workspace) -> None:
    space.supasync("sync")
    space.old.run("update public.notes set deleted_at = now() where id between 2 and 150")
    for _ in range(2):
        done = space.supasync("sync")
        assert done.code == 3, done.out + done.err
        assert "notes: 134 rows would be removed; the limit is 100 at a time" in done.err
        assert len(space.new.rows(ALL)) == 2250
    done = space.supasync("reconcile", "old", "new", "--delete", "--max-deletes", "200", "--apply")
    assert done.code == 0, done.out + done.err
    assert space.supasync("sync").code == 0
    assert same(space)


def test_removed_rows_can_be_put_back(space: Workspace) -> None:
    space.supasync("sync")
    mark(space, 3)
    before = space.new.rows("select t::text from public.notes t where id = 3")
    assert "supasync reconcile undo" in space.supasync("sync").err
    assert (3,) not in space.new.rows(ALL)
    assert space.supasync("reconcile", "undo").code == 0
    assert space.new.rows("select t::text from public.notes t where id = 3") == before


def test_a_row_that_others_refer_to_stays_and_goes_once_they_have_gone(space: Workspace) -> None:
    space.supasync("sync")
    mark(space, 1, 2)
    done = space.supasync("sync")
    assert done.code == 0, done.out + done.err
    assert "notes: 1 row that is deleted in OLD stays in NEW: rows of replies refer to it" in done.err
    assert (1,) in space.new.rows(ALL)
    assert (2,) not in space.new.rows(ALL)
    assert "notes: 1 row is in NEW and not in OLD" in space.supasync("status").out
    for end in (space.old, space.new):
        end.run("delete from public.replies")
    assert space.supasync("sync").code == 0
    assert (1,) not in space.new.rows(ALL)


def test_a_new_row_may_have_the_unique_value_of_a_marked_one(space: Workspace) -> None:
    space.supasync("sync")
    mark(space, 3)
    space.old.run("insert into public.notes (id, slug) values (9001, 's3')")
    space.supasync("sync")
    done = space.supasync("sync")
    assert done.code == 0, done.out + done.err
    assert same(space)


def test_nothing_leaves_new_where_old_marks_all_or_lacks_the_column(space: Workspace) -> None:
    space.supasync("sync")
    space.old.run("alter table public.notes rename deleted_at to gone_at")
    assert "OLD has no column deleted_at" in space.supasync("check").out
    done = space.supasync("sync")
    assert done.code == 3, done.out + done.err
    space.old.run("alter table public.notes rename gone_at to deleted_at")
    assert len(space.new.rows(ALL)) == 2250
    space.old.run("update public.notes set deleted_at = now()")
    assert space.supasync("sync").code == 3
    assert len(space.new.rows(ALL)) == 2250


def test_the_mark_of_a_table_that_was_copied_whole_takes_effect_and_cannot_just_be_dropped(
    space: Workspace,
) -> None:
    space.write("tables.yaml", CONFIG.replace("{soft_delete: deleted_at}", "{}"))
    assert space.supasync("sync").code == 0
    assert space.new.rows(ALL) == space.old.rows(ALL)
    space.write("tables.yaml", CONFIG)
    done = space.supasync("sync")
    assert "notes: 250 rows would be removed" in done.err
    space.supasync("reconcile", "old", "new", "--delete", "--max-deletes", "300", "--apply")
    assert space.supasync("sync").code == 0
    assert same(space)
    space.write("tables.yaml", CONFIG.replace("{soft_delete: deleted_at}", "{}"))
    done = space.supasync("sync")
    assert done.code == 3
    assert "soft_delete changed since its rows were copied" in done.err
    assert space.supasync("sync", "--full", "notes").code == 0
    assert space.new.rows(ALL) == space.old.rows(ALL)


def test_a_comparison_removes_a_row_whose_mark_is_dated_back(space: Workspace) -> None:
    space.write("tables.yaml", CONFIG.replace("{soft", "{deletes: mirror, soft"))
    space.supasync("sync")
    mark(space, 3)
    assert space.supasync("sync").code == 0
    space.old.run("update public.notes set deleted_at = now() - interval '3 days' where id = 7")
    then, long_ago = '"verified_at": "2[^"]*"', '"verified_at": "2020-01-01T00:00:00Z"'
    day = f"regexp_replace(state::text, '{then}', '{long_ago}', 'g')"
    space.new.run(f"update sync_metadata set state = {day}::jsonb where state is not null")  # noqa: S608
    done = space.supasync("sync")
    assert done.code == 0, done.out + done.err
    assert "notes: 1 row was removed from NEW" in done.err
    assert same(space)


def test_the_last_gap_leaves_marked_rows_out(space: Workspace) -> None:
    space.supasync("sync")
    assert 't."deleted_at" is null' in space.supasync("gap", "sql").out
    mark(space, 9)
    space.old.run("insert into public.notes (id, body, slug) values (9001, 'x', 'a')")
    space.old.run("insert into public.notes (id, body, slug, deleted_at) values (9002, 'x', 'b', now())")
    (space.folder / "export").mkdir()
    space.write(
        "export/notes_rows.csv", space.old.csv("select * from public.notes where id >= 9000 or id = 9")
    )
    done = space.supasync("gap", "import", "export", "--yes")
    assert "2 rows of the files are marked as deleted by deleted_at" in done.out + done.err
    assert (9001,) in space.new.rows(ALL), done.out + done.err
    assert (9002,) not in space.new.rows(ALL)


@pytest.mark.parametrize(
    ("kind", "live", "flaw"),
    [
        ("boolean not null default false", "false", "'False'"),
        ("integer not null default 0", "0", "'0'"),
        ("timestamptz not null default 'infinity'", "infinity", "'infinity'"),
        ("timestamptz not null default '9999-12-31'", "9999", "'9999-12-31T00:00:00+00:00'"),
        ("timestamptz not null default '1970-01-01'", "1970", None),
    ],
)
def test_a_column_that_is_set_in_live_rows_never_counts_as_success(
    space: Workspace, kind: str, live: str, flaw: str | None
) -> None:
    """A table that was never copied, all of whose rows would count as deleted."""
    for end in (space.old, space.new):
        end.run(f"drop table if exists public.odd; create table public.odd (id int primary key, mark {kind})")
        end.run("grant select, insert, update, delete on public.odd to service_role")
    space.old.run("insert into public.odd (id) select generate_series(1, 20)")
    space.write("tables.yaml", ENDS + "tables:\n  odd: {strategy: snapshot, soft_delete: mark}\n")
    checked = space.supasync("check")
    assert "soft_delete needs a timestamp that is NULL in every row that is not deleted" in checked.out, live
    done = space.supasync("sync")
    assert done.code == 3, done.out + done.err
    held = f"odd: mark holds {flaw}, and" if flaw else "odd: mark is set in every row of OLD, and"
    assert held in done.err


def test_a_day_is_followed_until_it_has_ended(space: Workspace) -> None:
    for end in (space.old, space.new):
        end.run("alter table public.notes alter deleted_at type date")
    space.supasync("sync")
    for key in (3, 4):
        mark(space, key)
        assert space.supasync("sync").code == 0
        assert same(space)


def test_a_row_in_quarantine_that_is_marked_is_forgotten(space: Workspace) -> None:
    space.new.run("alter table public.notes add constraint short check (length(body) < 6)")
    space.old.run("update public.notes set body = 'much too long' where id = 3")
    assert space.supasync("sync").code == 3
    mark(space, 3)
    done = space.supasync("sync")
    assert done.code == 0, done.out + done.err
    assert space.supasync("quarantine", "list", "--json").json == []
    assert same(space)


def test_a_table_in_which_nothing_happens_is_not_asked_again(space: Workspace) -> None:
    space.old.run(space.supasync("schema", "sql", "--horizon").out)
    space.write("tables.yaml", CONFIG.replace('ROLE_KEY}"}\nsink', 'ROLE_KEY}", horizon: true}\nsink'))
    for _ in range(2):
        assert space.supasync("sync").code == 0
    space.old.server.reset()
    done = space.supasync("sync")
    assert done.code == 0, done.out + done.err
    assert not [each for each in space.old.server.requests() if "/notes?" in each["path"]]
    mark(space, 3)
    done = space.supasync("sync")
    assert "updates that moved no timestamp" not in done.err
    assert same(space)
