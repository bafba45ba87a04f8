"""A project as a sink, over a real server."""

import json
from dataclasses import replace

import pytest

from supasync_core.model.batch import Batch
from supasync_core.model.errors import RefusedError, RowError, SchemaError, TransientError
from supasync_core.model.table import Table
from supasync_rest.retry_policy import LATE
from tests.supasync_rest.rig import Rig

JOBS = Table(name="jobs")
PAIRS = Table(name="pairs", key=("tenant", "code"))
EXACT = (
    b'[{"id":9007199254740993,"updated_at":"2024-01-01T00:00:00.1+00:00","created_at":null,"cost":1.50,'
    b'"doc":{ "a" :1.10,"a":2}}]'
)


def test_upserting_twice_keeps_one_row(project: Rig) -> None:
    sink = project.sink()
    assert [sink.upsert(JOBS, Batch(EXACT)) for _ in range(2)] == [1, 1]
    assert sink.count(JOBS) == 1


def test_no_digit_and_no_blank_of_json_is_lost(project: Rig) -> None:
    project.sink().upsert(JOBS, Batch(EXACT))
    found = project.run("select id::text, cost::text, doc::text from jobs")
    assert found == [("9007199254740993", "1.50", '{ "a" :1.10,"a":2}')]


def test_only_the_columns_of_the_batch_that_are_not_excluded_change(project: Rig) -> None:
    project.run("insert into jobs values (1, '2024-01-01Z', '2024-01-01Z', 7)")
    table = Table(name="jobs", exclude=("cost",))
    project.sink().upsert(table, Batch(b'[{"id":1,"updated_at":"2025-01-01T00:00:00Z","cost":8}]'))
    assert project.run(
        "select extract(year from updated_at)::int, created_at is null, cost::int from jobs"
    ) == [(2025, False, 7)]


def test_composite_keys_and_odd_names_merge(project: Rig) -> None:
    sink = project.sink()
    sink.upsert(PAIRS, Batch(b'[{"tenant":1,"code":"a","note":"x"},{"tenant":1,"code":"b","note":"y"}]'))
    sink.upsert(PAIRS, Batch(b'[{"tenant":1,"code":"b","note":"z"}]'))
    assert project.run("select note from pairs order by code") == [("x",), ("z",)]
    odd = Table(name="Odd, one", key=("unit.price",))
    row = {"unit.price": 1, "select": "s", 'with"quote': "q", "größe": "g", "order": None, "not": 2}
    assert sink.upsert(odd, Batch(json.dumps([row]).encode())) == 1
    assert project.run('select "with""quote", "größe", "not" from "Odd, one"') == [("q", "g", 2)]


def test_of_a_key_that_comes_twice_the_last_row_wins_exactly(project: Rig) -> None:
    body = b'[{"id":1,"cost":1},\n {"id":2,"cost":5.0},\n {"id":1,"cost":3.10}]'
    assert project.sink().upsert(JOBS, Batch(body)) == 3
    assert project.run("select id, cost::text from jobs order by id") == [(1, "3.10"), (2, "5.0")]


def test_an_empty_batch_is_no_request(project: Rig) -> None:
    assert project.sink().upsert(JOBS, Batch(b"[]")) == 0
    assert project.server.requests() == []


def test_another_schema_is_written_by_its_name(project: Rig) -> None:
    things = Table(name="things", schema="other")
    assert project.sink().upsert(things, Batch(b'[{"id":1,"label":"x"}]')) == 1
    assert project.run("select count(*) from other.things") == [(1,)]


def test_a_generated_column_is_left_out_noted_and_remembered(project: Rig) -> None:
    sink, table = project.sink(), Table(name="computed")
    assert sink.upsert(table, Batch(b'[{"id":1,"a":1,"the sum":2}]')) == 1
    assert sink.upsert(table, Batch(b'[{"id":2,"a":2,"the sum":9}]')) == 1
    assert project.run('select "the sum" from computed order by id') == [(2,), (3,)]
    assert list(project.notes) == ["computed: NEW computes the sum itself"]
    assert [request["status"] for request in project.server.requests()] == [400, 201, 201]


def test_an_identity_that_takes_no_value_names_the_statement_to_run(project: Rig) -> None:
    with pytest.raises(SchemaError) as caught:
        project.sink().upsert(Table(name="numbered"), Batch(b'[{"id":1,"label":"x"}]'))
    statement = str(caught.value.hint).removeprefix("run there: ")
    project.run(statement)
    assert project.sink().upsert(Table(name="numbered"), Batch(b'[{"id":1,"label":"x"}]')) == 1
    project.run("alter table numbered alter column id set generated always")


@pytest.mark.parametrize(
    ("name", "key", "row"),
    [
        ("keyless", "name", {"name": "x"}),
        ("deferred", "code", {"id": 1, "code": "x"}),
        ("pairs", "tenant", {"tenant": 1, "code": "x"}),
    ],
)
def test_a_key_that_cannot_tell_rows_apart_is_explained(
    project: Rig, name: str, key: str, row: dict[str, object]
) -> None:
    table = Table(name=name, key=(key,))
    with pytest.raises(SchemaError, match=f"apart by \\({key}\\)") as caught:
        project.sink().upsert(table, Batch(json.dumps([row]).encode()))
    assert "neither partial" in str(caught.value.hint)
    assert project.run(f"select count(*) from {name}") == [(0,)]  # noqa: S608


@pytest.mark.parametrize(
    ("row", "sqlstate"),
    [
        ({"id": 1, "name": None}, "23502"),
        ({"id": 1, "name": "x", "qty": 100}, "23514"),
        ({"id": 1, "name": "x", "qty": "many"}, "22P02"),
        ({"id": 1, "name": "x", "parent": 7}, "23503"),
        ({"id": 1, "name": "nul\0"}, "22P05"),
    ],
)
def test_rows_that_the_sink_refuses_take_their_batch_with_them(
    project: Rig, row: dict[str, object], sqlstate: str
) -> None:
    rows = [{"id": 5, "name": "private text", "qty": 1, "parent": None}, {"qty": 1, "parent": None, **row}]
    with pytest.raises(RowError) as caught:
        project.sink().upsert(Table(name="checked"), Batch(json.dumps(rows).encode()))
    assert caught.value.sqlstate == sqlstate
    assert caught.value.table == "checked"
    assert "private text" not in str(caught.value)
    assert project.run("select count(*) from checked") == [(0,)]


def test_a_column_that_the_sink_lacks_is_named(project: Rig) -> None:
    with pytest.raises(SchemaError, match="'nope' column") as caught:
        project.sink().upsert(JOBS, Batch(b'[{"id":1,"nope":1}]'))
    assert "exclude:" in str(caught.value.hint)


def test_a_table_without_grants_names_the_statement_to_run(project: Rig) -> None:
    with pytest.raises(RefusedError) as caught:
        project.sink().upsert(Table(name="secret"), Batch(b'[{"id":1}]'))
    project.run(str(caught.value.hint).removeprefix("run there: "))
    assert project.sink().upsert(Table(name="secret"), Batch(b'[{"id":1}]')) == 1
    project.run("revoke all on secret from service_role")


def test_a_trigger_that_leaves_rows_out_is_no_success(project: Rig) -> None:
    project.run(
        "create function skip() returns trigger language plpgsql as "
        "$$ begin if new.id = 2 then return null; end if; return new; end $$;"
        "create trigger skip before insert on jobs for each row execute function skip()"
    )
    with pytest.raises(SchemaError, match="wrote 1 of 2 rows"):
        project.sink().upsert(JOBS, Batch(b'[{"id":1},{"id":2}]'))
    project.run("drop function skip cascade")


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"Content-Range": "*/1", "Preference-Applied": "return=minimal"}, SchemaError),
        ({"Content-Range": "*/2", "Preference-Applied": "resolution=merge-duplicates"}, SchemaError),
        ({"Content-Range": "*/*"}, TransientError),
        ({}, TransientError),
    ],
)
def test_an_answer_that_does_not_confirm_every_row_is_no_success(
    project: Rig, headers: dict[str, str], error: type[Exception]
) -> None:
    project.server.misbehave({"kind": "answer", "status": 201, "headers": headers, "times": None})
    with pytest.raises(error):
        project.sink().upsert(JOBS, Batch(b'[{"id":1}]'))


def test_a_server_that_lists_no_preferences_is_believed_where_the_count_is_right(project: Rig) -> None:
    project.server.misbehave({"kind": "answer", "status": 201, "headers": {"Content-Range": "*/1"}})
    assert project.sink().upsert(JOBS, Batch(b'[{"id":1}]')) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset-after"},
        {"kind": "reset"},
        {"kind": "answer-after", "status": 504, "body": "<html>"},
        {"kind": "answer", "status": 524},
    ],
)
def test_a_write_whose_answer_was_lost_is_repeated_after_it_can_no_longer_land(
    project: Rig, fault: dict[str, object]
) -> None:
    project.server.misbehave({**fault, "method": "POST"})
    assert project.sink().upsert(JOBS, Batch(b'[{"id":1}]')) == 1
    assert project.waits[0] == LATE
    assert len(project.server.requests()) == 2
    assert project.run("select count(*) from jobs") == [(1,)]


def test_the_last_lost_answer_is_waited_for_as_well(project: Rig) -> None:
    project.server.misbehave({"kind": "answer", "status": 504, "times": None})
    with pytest.raises(TransientError):
        project.sink().upsert(JOBS, Batch(b'[{"id":1}]'))
    assert project.waits.count(LATE) == 5
    assert project.waits[-1] == LATE


def _pairs(project: Rig) -> list[tuple[int, str]]:
    return [(row[0], row[1]) for row in project.run("select tenant, code from pairs order by 1, 2")]


def test_a_composite_key_deletes_exactly_its_rows(project: Rig) -> None:
    project.run("insert into pairs values (1, 'a', 'x'), (1, 'b,\"c', 'x'), (2, 'a', 'x')")
    assert project.sink().delete(PAIRS, [("1", 'b,"c'), ("2", "a")]) == 2
    assert _pairs(project) == [(1, "a")]
    assert [each["method"] for each in project.server.requests()] == ["DELETE"]


def test_a_key_that_names_several_rows_deletes_none(project: Rig) -> None:
    project.run("insert into pairs values (1, 'a', 'x'), (1, 'b', 'x'), (2, 'a', 'x')")
    with pytest.raises(SchemaError, match="more rows than were named"):
        project.sink().delete(replace(PAIRS, key=("tenant",)), [("1",)])
    assert len(_pairs(project)) == 3


def test_wide_keys_are_deleted_by_addresses_that_gateways_take(project: Rig) -> None:
    keys = [("1", f"{n}{'ä' * 300}") for n in range(25)]
    for tenant, code in keys:
        project.run(f"insert into pairs values ({tenant}, '{code}', 'x')")  # noqa: S608 - a fixed text
    assert project.sink().delete(PAIRS, keys) == 25
    deletes = [each for each in project.server.requests() if each["method"] == "DELETE"]
    assert len(deletes) > 1
    assert all(len(each["path"]) < 8000 for each in deletes)


def test_a_row_that_others_refer_to_stays(project: Rig) -> None:
    project.run("insert into checked (id, name, parent) values (1, 'a', null), (2, 'b', 1)")
    with pytest.raises(RowError, match="refuses to delete") as refused:
        project.sink().delete(Table(name="checked", timestamp=()), [("1",)])
    assert "refer to them" in (refused.value.hint or "")
    assert project.run("select count(*) from checked") == [(2,)]


def test_a_missing_right_to_delete_is_named(project: Rig) -> None:
    with pytest.raises(RefusedError) as refused:
        project.sink().delete(Table(name="secret", timestamp=()), [("1",)])
    assert "grant delete on table" in (refused.value.hint or "")
