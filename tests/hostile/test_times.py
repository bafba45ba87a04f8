"""A time that cannot be: a clock, a proxy, a file or a row says it, and no row behind it is hidden."""

import csv
import io
import json
import re
from collections.abc import Iterator
from hashlib import md5

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

SCHEMA = f"""{ROLES}
create table notes (id int primary key, body text, updated_at timestamptz not null default now());
create table texts (id int primary key, updated_at text not null);
grant all on notes, texts to service_role;
"""
ROWS = """
insert into notes select n, 'b', now() - interval '1 day' from generate_series(1, 9) n;
insert into texts select n, '2026-01-0' || n || 'T00:00:00Z' from generate_series(1, 9) n;
"""
TABLES = ENDS + "defaults: {overlap: 0s}\ntables:\n  notes: {}\n  texts: {timestamp: updated_at}\n"
LATER = {
    "notes": "insert into notes values (901, 'later')",
    "texts": "insert into texts values (901, '2026-02-01T00:00:00Z')",
}
FAR = "insert into notes values (50, 'future', now() + interval 'AHEAD seconds')"
YEARS = 6 * 366 * 86_400


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Two tables that were copied, by a timestamp and by texts."""
    with between(cluster, tmp_path_factory.mktemp("times"), SCHEMA + ROWS, SCHEMA, TABLES) as made:
        made.ready()
        assert made.supasync("sync").code == 0
        yield made.keep()


@pytest.fixture
def space(shared: Workspace) -> Workspace:
    """That again."""
    return shared.again()


def brought(space: Workspace, table: str = "notes") -> str:
    """Insert a row of now and run; it has arrived. What the run said."""
    space.old.run(LATER[table])
    done = space.supasync("sync")
    assert done.code == 0, done.err
    space.assert_equal(table)
    return done.err + done.out


@pytest.mark.parametrize("ahead", [YEARS, 90], ids=["years", "seconds"])
def test_a_wrong_date_and_a_row_from_the_future_hide_no_later_row(space: Workspace, ahead: int) -> None:
    space.old.run(FAR.replace("AHEAD", str(ahead - 20)))
    space.old.server.misbehave({"kind": "clock", "seconds": ahead, "times": None})
    for _ in range(3):
        done = space.supasync("sync")
        assert done.code == 0, done.err
    assert "later than NEW's time: cursors go by NEW's" in done.out + done.err
    space.old.server.behave()
    brought(space)


@pytest.mark.parametrize("at", ["2031-01-01T00:00:00+00:00", "infinity", "-infinity", "soon"])
def test_a_file_that_says_it_is_from_the_future_hides_no_later_row(space: Workspace, at: str) -> None:
    space.old.run("insert into notes values (50, 'gap', now()), (51, 'future', '2030-06-01')")
    asked = space.supasync("gap", "sql", "--exact", "--json").json
    query = next(each["sql"] for each in asked if each["table"] == "notes").rstrip(";").split("*/", 1)[1]
    (space.folder / "export").mkdir()
    (space.folder / "export" / "notes.csv").write_text(_forged(space.old.csv(query), at))
    done = space.supasync("gap", "import", "export", "--yes")
    assert done.code == 0, done.err
    for _ in range(2):
        done = space.supasync("sync")
        assert done.code == 0, done.err
    brought(space)


def _forged(text: str, at: str) -> str:
    """The export with another time in its head, sealed anew."""
    rows = []
    for (cell,) in csv.reader(io.StringIO(text)):
        if cell.startswith('{"supasync" : 1, "table"'):
            head = re.sub(r'"at" : "[^"]*"', f'"at" : "{at}"', cell.rpartition(', "md5" : "')[0])
            seal = md5((head + "}").encode()).hexdigest()  # noqa: S324 - as the export has it
            cell = f'{head}, "md5" : "{seal}"}}'  # noqa: PLW2901
        rows.append([cell])
    made = io.StringIO()
    csv.writer(made).writerows(rows)
    return made.getvalue()


FUTURE = "2031-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    "kept",
    [
        {"cursor": {"value": FUTURE, "key": ["50"]}, "moved_at": "2031-01-02T00:00:00Z", "settled": True},
        {"cursor": {"value": "infinity", "key": ["50"]}, "moved_at": "infinity", "began_at": "infinity"},
        {"cursor": {"value": "2026-01-01T00:00:00Z"}, "moved_at": "infinity", "began_at": "infinity"},
    ],
)
def test_a_kept_cursor_in_the_future_is_not_believed(space: Workspace, kept: dict[str, object]) -> None:
    with psycopg.connect(space.new.cluster.url(space.new.database)) as connection:
        state = connection.execute("select state from sync_metadata where state is not null").fetchall()[-1][
            0
        ]
        state["tables"]["notes"]["keysets"] = {"updated_at": kept}
        state["tables"]["notes"]["read_at"] = "9999-12-31T00:00:00Z"
        connection.execute("update sync_metadata set state = %s where state is not null", [Jsonb(state)])
    space.old.run("insert into notes values (60, 'hidden', now() - interval '1 hour')")
    asked = json.dumps(space.supasync("gap", "sql", "--json").json)
    assert ("2031" in asked, "infinity" in asked) == (False, False)
    assert "notes: its cursor lay in the future" in brought(space)
    assert "lay in the future" not in space.supasync("sync").out


@pytest.mark.parametrize("bad", ["9999-01-01T00:00:00Z BC", "\u30002020-01-01T00:00:00Z", "\u0662020-01-01"])
def test_a_text_that_sorts_behind_all_others_stops_its_table(space: Workspace, bad: str) -> None:
    space.old.run("insert into texts values (100, 'BAD')".replace("BAD", bad))
    for _ in range(2):
        done = space.supasync("sync")
        assert done.code == 3, done.out
        assert "texts: failed: the timestamp column updated_at" in done.err
        assert ascii(bad)[1:-1] in done.err
    space.old.run("delete from texts where id = 100")
    brought(space, "texts")
