"""The installed command with OLD's optional function: three requests when idle, late commits wait."""

import random
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from supasync_core.schema import scripts
from tests.e2e.workspace import ROWS, SCHEMA, TABLES_YAML, Workspace, between
from tests.servers.postgres import Cluster

CONFIG = (
    TABLES_YAML.replace('ROLE_KEY}"}\nsink', 'ROLE_KEY}", horizon: true}\nsink') + "defaults: {overlap: 0s}\n"
)
JOB = "insert into jobs (id) values (%s) on conflict (id) do update set updated_at = now()"


@pytest.fixture(scope="module")
def space(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with between(cluster, tmp_path_factory.mktemp("horizon"), SCHEMA + ROWS, SCHEMA, CONFIG) as made:
        made.old.run(scripts.script("horizon"))
        yield made.ready()


def test_an_idle_run_takes_three_requests(space: Workspace) -> None:
    assert space.supasync("sync").code == 0
    space.assert_equal()
    for _ in range(2):
        space.requests()
        done = space.supasync("sync", "--json")
        assert (done.code, done.json["records"], space.requests()) == (0, 0, 3)
    assert done.json["notes"] == []


def test_the_size_of_olds_database_is_recorded(space: Workspace) -> None:
    [(size,)] = space.new.rows(
        "select details -> 'database_bytes' -> 'OLD' from sync_metadata order by seq desc limit 1"
    )
    assert size > 1_000_000


def test_a_commit_that_comes_late_is_copied_without_any_overlap(space: Workspace) -> None:
    with psycopg.connect(space.old.cluster.url(space.old.database)) as slow:
        slow.execute(JOB, [900_001])
        space.old.run("insert into jobs (id) values (900002)")
        time.sleep(1.1)
        assert space.supasync("sync").code == 0
        assert space.new.rows("select id from jobs where id > 900000") == [(900_002,)]
    time.sleep(1.1)
    assert space.supasync("sync").code == 0
    space.assert_equal()


def test_deletes_and_changes_without_a_timestamp_are_named(space: Workspace) -> None:
    time.sleep(1.1)
    assert space.supasync("sync").code == 0
    space.old.run("delete from ad_sessions where id in (select id from ad_sessions limit 2)")
    done = space.supasync("sync")
    assert done.code == 0
    assert "ad_sessions: OLD has 2 rows fewer than at the last run" in done.out + done.err


def test_nothing_is_lost_while_an_app_writes(space: Workspace) -> None:
    """Transactions of up to two seconds, runs one after the other, no overlap."""
    until = time.monotonic() + 6
    dice = random.Random(7)  # noqa: S311 - dice

    def write(number: int) -> None:
        with psycopg.connect(space.old.cluster.url(space.old.database)) as connection:
            while time.monotonic() < until:
                connection.execute(JOB, [1_000_000 + dice.randint(0, 50) * 10 + number])
                time.sleep(dice.choice([0.0, 0.1, 2.0]))
                connection.commit()

    writers = [threading.Thread(target=write, args=[number]) for number in range(6)]
    for writer in writers:
        writer.start()
    while time.monotonic() < until:
        assert space.supasync("sync").code == 0
    for writer in writers:
        writer.join()
    time.sleep(1.1)
    assert space.supasync("sync").code == 0
    space.assert_equal("jobs")


def test_a_large_table_without_an_index_on_its_timestamp_is_named_with_the_statement(
    space: Workspace,
) -> None:
    space.old.run(
        "insert into sessions (id, user_id, ip) select gen_random_uuid(), (select id from users limit 1), "
        "'198.51.100.9' from generate_series(1, 10000) n"
    )
    done = space.supasync("check")
    told = done.out + done.err
    assert "sessions: OLD has no index on updated_at: every run scans 10,300 rows" in told, told
    assert "users: OLD has no index" not in told
    statement = 'create index concurrently on "public"."sessions" ("updated_at", "id");'
    assert statement in " ".join(told.split()), told
    space.old.run(statement)
    done = space.supasync("check")
    assert "OLD has no index" not in done.out + done.err
    space.old.run("delete from sessions where ip = '198.51.100.9'")


def test_init_names_a_large_table_without_an_index_with_the_statement(space: Workspace) -> None:
    space.old.run("insert into jobs (id) select n from generate_series(5000001, 5010000) n")
    few = (space.folder / "tables.yaml").read_text().partition("tables:")[0] + "tables: {users: {}}\n"
    (space.folder / "few.yaml").write_text(few)
    done = space.supasync("--config", "few.yaml", "init")
    told = " ".join(done.out.replace("#", " ").split())
    assert 'create index concurrently on "public"."jobs" ("updated_at", "id");' in told, done.out + done.err
    assert done.out.count("OLD has no index") == 1
    space.old.run("delete from jobs where id > 5000000")


def test_a_function_that_is_not_there_is_said_and_everything_is_read(space: Workspace) -> None:
    space.old.run(scripts.script("uninstall-old"))
    space.old.run("insert into jobs (id) values (900003)")
    done = space.supasync("sync")
    assert done.code == 0, done.err
    assert "read without the horizon" in done.out + done.err
    assert "supasync schema sql --horizon" in done.out + done.err
    space.assert_equal("jobs")
    space.old.run(scripts.script("horizon"))


def test_a_value_that_is_no_switch_is_refused(space: Workspace) -> None:
    space.write("tables.yaml", CONFIG.replace("horizon: true", "horizon: maybe"))
    done = space.supasync("sync")
    assert done.code == 2
    assert "source.horizon: must be true or false" in done.err
    space.write("tables.yaml", CONFIG)
