"""The state store inside PostgreSQL: the SQL that NEW gets, and the rules that it keeps."""

from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from supasync_core.api.state_store import Claim, Entry, Run
from supasync_core.cli.schema import schema
from supasync_core.model import timestamps
from supasync_core.model.batch import Cursor
from supasync_core.model.errors import LockedError, RefusedError, StateError
from supasync_core.model.state import KeysetState, State, TableState
from supasync_core.project.session import Session
from tests.servers.postgres import Cluster
from tests.supasync_rest.rig import ANON, SCHEMA_SQL, Rig, rig

CLAIM = Claim(holder="here", source="old.example.test", command="sync", lease=600)
SETUP = replace(CLAIM, command="setup", baseline=True)
STATE = State(
    CLAIM.source, {"jobs": TableState({"updated_at": KeysetState(Cursor("2024-01-01T00:00:00.1Z", ("5",)))})}
)
DONE = Entry(status="success", state=STATE, horizon="2024-01-02T00:00:00Z", records=5, requests=7, bytes=9)

GUIDE = """
create table sync_metadata (
  id serial primary key, created_at timestamp default now(),
  sync_status varchar(20) not null check (sync_status in ('success', 'failed')),
  last_sync_timestamp timestamp not null, records_synced integer default 0, error_message text);
insert into sync_metadata (created_at, sync_status, last_sync_timestamp, records_synced)
values ('2024-01-13 15:00', 'success', '2024-01-13 14:00', 17);
"""


def begun(project: Rig) -> Run:
    """A baseline, and a run after it."""
    store = project.store()
    run = store.begin(SETUP)
    assert store.save(run.id, Entry(status="baseline", state=State(CLAIM.source)))
    return store.begin(CLAIM)


def test_schema_sql_prints_the_sql_without_tables_yaml_or_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(schema, ["sql"], obj=Session())
    assert done.exit_code == 0
    assert done.stdout == SCHEMA_SQL
    assert "there is no tables.yaml" in done.stderr


def test_pasting_the_sql_again_keeps_state_and_records(project: Rig) -> None:
    run = begun(project)
    assert project.store().save(run.id, DONE)
    before = project.store().past(9)
    project.run(SCHEMA_SQL)
    project.server.reload()
    assert project.store().past(9) == before


def test_a_table_of_the_older_scripts_is_upgraded_and_its_rows_are_shown(cluster: Cluster) -> None:
    with rig(cluster, GUIDE + SCHEMA_SQL + SCHEMA_SQL) as project:
        old = project.store().past(5)
        assert old.state is None
        assert [(r.command, r.status, r.records, r.created_at) for r in old.records] == [
            ("old", "success", 17, "2024-01-13T15:00:00Z")
        ]
        run = begun(project)
        assert project.store().save(run.id, replace(DONE, records=3_000_000_000))
        past = project.store().past(5)
        assert [record.command for record in past.records] == ["sync", "setup", "old"]
        project.run("insert into sync_metadata (sync_status, last_sync_timestamp) values ('success', now())")
        assert project.store().past(1).state == STATE


def test_anon_and_authenticated_can_do_nothing(project: Rig) -> None:
    for role in ("anon", "authenticated"):
        for statement in (
            "select from sync_metadata",
            "select supasync_begin('h', 's')",
            "select supasync_save(gen_random_uuid(), '{}')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                project.run(f"set role {role}; {statement}")
    rights = project.run("select relrowsecurity from pg_class where relname = 'sync_metadata'")
    assert rights == [(True,)]
    project.key = ANON
    with pytest.raises(RefusedError, match="sync_metadata"):
        project.store().past(1)


def test_a_project_without_the_sql_is_told_to_run_it(cluster: Cluster) -> None:
    with rig(cluster, "") as project:
        for question in (lambda: project.store().begin(SETUP), lambda: project.store().past(1)):
            with pytest.raises(StateError, match="not set up") as caught:
                question()
            assert "supasync schema sql" in str(caught.value.hint)


def test_a_half_upgraded_table_is_told_to_run_the_sql(cluster: Cluster) -> None:
    told = pytest.raises(StateError, match="without the columns that supasync needs")
    with rig(cluster, GUIDE + "grant all on sync_metadata to service_role") as project, told as caught:
        project.store().past(1)
    assert "supasync schema sql" in str(caught.value.hint)


def test_without_a_baseline_only_setup_may_begin(project: Rig) -> None:
    with pytest.raises(StateError, match="no baseline"):
        project.store().begin(CLAIM)
    assert project.store().past(5).records == ()
    assert project.store().begin(SETUP).state is None


def test_a_run_begins_with_the_state_of_the_last_one(project: Rig) -> None:
    store = project.store()
    assert store.save(begun(project).id, DONE)
    assert store.begin(CLAIM).state == STATE


def test_another_holder_waits_until_the_lease_has_expired(project: Rig) -> None:
    run, store = begun(project), project.store()
    other = replace(CLAIM, holder="elsewhere")
    with pytest.raises(LockedError, match=r"here, since .*Z, until .*Z"):
        store.begin(other)
    project.run("update sync_metadata set lease_until = now() where sync_status = 'running'")
    taken = store.begin(other)
    assert not store.save(run.id, DONE)
    assert [record.status for record in store.past(3).records] == ["running", "interrupted", "baseline"]
    assert store.save(taken.id, DONE)


def test_the_same_holder_takes_its_own_lease_over(project: Rig) -> None:
    first, store = begun(project), project.store()
    second = store.begin(CLAIM)
    assert (store.save(first.id, DONE), store.save(second.id, DONE)) == (False, True)


def test_rows_of_another_source_are_refused(project: Rig) -> None:
    begun(project)
    with pytest.raises(StateError, match=r"holds rows of old\.example\.test"):
        project.store().begin(replace(CLAIM, source="third.example.test"))


def test_a_checkpoint_keeps_and_renews_the_lease(project: Rig) -> None:
    run, store = begun(project), project.store()
    assert store.save(run.id, Entry(status="running", state=STATE, lease=1200))
    left = project.run(
        "select extract(epoch from lease_until - now())::int from sync_metadata where lease_until > now()"
    )
    assert 1190 < left[0][0] <= 1200
    assert store.past(1).state == STATE
    assert store.save(run.id, DONE)


def test_nothing_is_saved_after_the_end(project: Rig) -> None:
    run, store = begun(project), project.store()
    assert store.save(run.id, DONE)
    for late in (DONE, replace(DONE, status="failed"), replace(DONE, status="running")):
        assert not store.save(run.id, late)
    store.begin(CLAIM)
    assert not store.save(run.id, DONE)


@pytest.mark.parametrize("kind", ["reset-after", "reset"])
def test_a_save_whose_answer_was_lost_is_made_good(project: Rig, kind: str) -> None:
    run = begun(project)
    project.server.misbehave({"kind": kind, "path": "supasync_save"})
    assert project.store().save(run.id, DONE)
    assert len(project.waits) == 1
    assert project.store().past(1).state == STATE


def test_a_begin_whose_answer_was_lost_is_made_good(project: Rig) -> None:
    project.server.misbehave({"kind": "reset-after", "path": "supasync_begin"})
    run = project.store().begin(SETUP)
    assert project.store().save(run.id, Entry(status="baseline", state=STATE))


def test_the_state_stays_in_the_newest_row_and_old_records_go(project: Rig) -> None:
    store = project.store()
    assert store.save(begun(project).id, DONE)
    project.run(
        "update sync_metadata set created_at = now() - interval '91 days' where sync_status = 'baseline'"
    )
    assert store.save(store.begin(CLAIM).id, replace(DONE, retention=90))
    assert project.run("select count(*), count(state) from sync_metadata") == [(2, 1)]


def test_a_record_holds_what_was_saved(project: Rig) -> None:
    run = begun(project)
    project.store().save(run.id, replace(DONE, status="partial", error="jobs: x", details={"a": [1.5]}))
    record = project.store().past(1).records[0]
    assert (record.id, record.status, record.command, record.holder) == (run.id, "partial", "sync", "here")
    assert (record.horizon, record.records, record.error) == ("2024-01-02T00:00:00Z", 5, "jobs: x")
    assert (record.requests, record.bytes, record.details) == (7, 9, {"a": [1.5]})
    assert record.created_at == run.now
    assert timestamps.parse(record.finished_at or "") >= timestamps.parse(record.created_at)


def test_without_a_horizon_the_last_one_stays(project: Rig) -> None:
    store = project.store()
    store.save(begun(project).id, DONE)
    store.save(store.begin(CLAIM).id, replace(DONE, horizon=None))
    assert store.past(1).records[0].horizon == DONE.horizon


def test_of_many_that_begin_at_once_one_gets_the_lease(project: Rig) -> None:
    begun(project)
    project.run("update sync_metadata set lease_until = now() where sync_status = 'running'")
    asked = "select supasync_begin('holder ' || random(), 'old.example.test') ->> 'refused' is null"
    connections = [psycopg.connect(project.cluster.url(project.database)) for _ in range(2)]
    with connections[0] as first, connections[1] as second:
        assert first.execute(asked).fetchone() == (True,)
        with second.pipeline():
            cursor = second.execute(asked)
            first.commit()
        assert cursor.fetchone() == (False,)


def test_past_asks_once_and_begin_asks_once(project: Rig) -> None:
    begun(project)
    project.server.reset()
    project.store().past(20)
    project.store().begin(CLAIM)
    assert [request["method"] for request in project.server.requests()] == ["GET", "POST"]
