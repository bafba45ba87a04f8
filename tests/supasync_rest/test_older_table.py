"""The sync_metadata of older scripts gets what it lacks, whatever it looks like, and keeps its rows."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import psycopg
import pytest

from supasync_core.schema import scripts
from tests.servers.hosted import Hosted, hosted
from tests.servers.postgres import Cluster

IDS = {
    "bigint identity": "bigint generated always as identity primary key",
    "bigint": "bigint primary key",
    "serial": "serial primary key",
    "uuid": "uuid primary key default gen_random_uuid()",
    "uuid without default": "uuid primary key",
    "text": "varchar(40) primary key",
}
REST = {
    "the guide's": "sync_status text, last_sync_timestamp timestamptz, records_synced integer",
    "strict": "sync_status varchar(10) not null check (sync_status in ('success', 'failed')), "
    "last_sync_timestamp timestamp not null, records_synced smallint not null check (records_synced > 0)",
    "loose": "sync_status varchar(20) default 'success', last_sync_timestamp text, records_synced numeric, "
    "host text not null",
}
ROWS = """
insert into public.sync_metadata ({columns}created_at, sync_status, last_sync_timestamp, records_synced{host})
select {values}'2025-01-01'::timestamp + g * interval '1 hour', 'success',
  '2025-01-01'::timestamp + g * interval '1 hour', 7{there} from generate_series(1, 500) g
"""
CALLS = """
set role service_role;
select supasync_begin('here', 'old', 'setup', 600, true) ->> 'run'
"""
SAVE = """
set role service_role;
select supasync_save('{}', '{{"sync_status": "interrupted", "records_synced": 0, "requests": 1, "bytes": 1,
  "details": {{}}, "state": {{"source": "old"}}, "retention": 90}}')
"""


@pytest.fixture
def project(cluster: Cluster) -> Iterator[Hosted]:
    with hosted(cluster, "select 1") as made:
        yield made


@pytest.mark.parametrize("rest", REST)
@pytest.mark.parametrize("kind", IDS)
def test_it_is_upgraded_and_takes_records(project: Hosted, kind: str, rest: str) -> None:
    project.paste(
        f"create table public.sync_metadata (id {IDS[kind]},"
        f" created_at timestamp default now(), {REST[rest]})"
    )
    given = {"bigint": "g, ", "uuid without default": "md5(g::text)::uuid, ", "text": "g::text, "}.get(
        kind, ""
    )
    host = rest == "loose"
    rows = ROWS.format(
        columns="id, " if given else "",
        values=given,
        host=", host" if host else "",
        there=", 'here'" if host else "",
    )
    project.paste(rows)
    for _ in range(2):
        project.paste(scripts.ready())
    for _ in range(2):
        assert project.one(SAVE.format(project.one(CALLS))) is True
    assert project.one("select count(*) from sync_metadata where run_id is null") == 500
    newest = "select sync_status from sync_metadata order by seq desc limit 1"
    assert project.one(newest) == "interrupted"
    first = "select created_at, last_sync_timestamp from sync_metadata order by seq limit 1"
    assert [str(time) for time in project.paste(first)[0]] == ["2025-01-01 01:00:00+00:00"] * 2


def test_another_table_of_that_name_stays_as_it_is(project: Hosted) -> None:
    """An app may have one: its types, rights and constraints are its own."""
    project.paste(
        "create table public.sync_metadata (id int primary key, created_at date check (created_at > 'epoch'),"
        " records_synced numeric); insert into public.sync_metadata values (1, '2025-01-01', 1.5)"
    )
    with pytest.raises(psycopg.Error, match="another table than supasync's") as told:
        project.paste(scripts.ready())
    assert "rename that table" in (told.value.diag.message_hint or "")
    assert project.paste("select * from public.sync_metadata") == [(1, date(2025, 1, 1), Decimal("1.5"))]


def test_a_table_that_was_restored_without_its_sequence_takes_records(project: Hosted) -> None:
    project.paste(scripts.ready())
    for _ in range(3):
        project.paste(CALLS)
    project.paste("alter sequence sync_metadata_seq_seq restart with 1")
    assert project.one(SAVE.format(project.one(CALLS))) is True
