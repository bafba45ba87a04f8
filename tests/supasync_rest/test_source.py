"""A project as a source, over a real server."""

import time
from dataclasses import replace

import pytest

from supasync_core.api.backend import missing_columns
from supasync_core.api.pages import pages
from supasync_core.model import timestamps
from supasync_core.model.batch import Batch, Cursor, Keyset, Span, Window
from supasync_core.model.errors import LargeAnswerError, RefusedError, SchemaError, TransientError
from supasync_core.model.table import Column, Table
from tests.supasync_rest.rig import Rig

JOBS = Table(name="jobs", timestamp=("updated_at", "created_at"))
FIVE = Window((Span(Keyset(None)),), 5)
PAIRS = Table(name="pairs", key=("tenant", "code"))
ODD = Table(name="Odd, one", key=("unit.price",), timestamp=("order",))
KEYSETS = (
    Keyset("updated_at"),
    Keyset("created_at", ("updated_at",)),
    Keyset(None, ("updated_at", "created_at")),
)
TEN = """
insert into jobs select i, case when i <= 4 then '2024-01-01Z'::timestamptz + (i / 2) * interval '1 s' end,
  case when i <= 8 then '2024-01-01Z'::timestamptz + i * interval '1 us' end, 1.50, '{ "a" :1.10,"a":2}'
from generate_series(1, 10) i
"""


def ids(batch: Batch) -> list[int]:
    return [int(row["id"]) for row in batch.rows]


def test_all_keysets_together_hold_every_row_once(project: Rig) -> None:
    project.run(TEN)
    source = project.source()
    found = [ids(source.read(JOBS, Window((Span(keyset),), 50))) for keyset in KEYSETS]
    assert found == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    assert ids(source.read(JOBS, Window(tuple(map(Span, KEYSETS)), 50))) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_a_page_is_the_bytes_that_postgresql_printed(project: Rig) -> None:
    project.run(
        "insert into jobs values (9007199254740993, '2024-01-01Z', null, 1.50, '{ \"a\" :1.10,\"a\":2}')"
    )
    body = project.source().read(JOBS, Window((Span(KEYSETS[0]),), 5)).body
    assert body == (
        b'[{"id":9007199254740993,"updated_at":"2024-01-01T00:00:00+00:00","created_at":null,"cost":1.50,'
        b'"doc":{ "a" :1.10,"a":2}}]'
    )


def test_pages_follow_each_other_through_ties(project: Rig) -> None:
    project.run(TEN)
    source, found, place = project.source(), [], None
    while (batch := source.read(JOBS, Window((Span(KEYSETS[0], after=place),), 1))).count:
        found += ids(batch)
        place = JOBS.place(batch.rows[-1], "updated_at")
    assert found == [1, 2, 3, 4]


def test_a_place_without_key_lies_before_the_first_row_of_its_value(project: Rig) -> None:
    project.run(TEN)
    place = Cursor("2024-01-01T00:00:01+00:00")
    assert ids(project.source().read(JOBS, Window((Span(KEYSETS[0], after=place),), 9))) == [2, 3, 4]


def test_composite_text_keys_page_by_their_order(project: Rig) -> None:
    codes = ["", 'a"b', "a,b", "a\\b", "(x)", "{y}", "é", "z.z", "null", "a b"]
    for code in codes:
        escaped = code.replace("'", "''")
        project.run(f"insert into pairs values (1, '{escaped}', null), (2, '{escaped}', null)")  # noqa: S608
    expected = project.run("select tenant::text, code from pairs order by tenant, code")
    source, found, place = project.source(), [], None
    while (batch := source.read(PAIRS, Window((Span(Keyset(None), after=place),), 3))).count:
        found += [(row["tenant"], row["code"]) for row in batch.rows]
        place = PAIRS.place(batch.rows[-1], None)
    assert found == expected


def test_columns_with_odd_names_can_be_ordered_filtered_and_selected(project: Rig) -> None:
    project.run(
        """insert into "Odd, one" select i, 's', 'q', 'g', '2024-01-01Z', i from generate_series(1, 3) i"""
    )
    source = project.source()
    first = source.read(ODD, Window((Span(Keyset("order")),), 2, counted=True))
    assert first.total == 3
    place = ODD.place(first.rows[-1], "order")
    assert source.count(ODD, Window((Span(Keyset("order"), after=place),), 9)) == 1
    some = Table(
        name="Odd, one", key=("unit.price",), columns=("unit.price", "select", 'with"quote', "größe", "not")
    )
    body = source.read(some, Window((Span(Keyset(None)),), 1)).body.decode()
    assert body == '[{"unit.price":1,"select":"s","with\\"quote":"q","größe":"g","not":1}]'
    assert missing_columns(source, some, ["with(paren)", "größe"]) == ["with(paren)"]


def test_bounds_hold_on_both_sides(project: Rig) -> None:
    project.run(TEN)
    source = project.source()
    second = "2024-01-01T00:00:01+00:00"
    for span, expected in (
        (Span(KEYSETS[0], start=second), [2, 3, 4]),
        (Span(KEYSETS[0], beyond=second), [4]),
        (Span(KEYSETS[0], until=second), [1, 2, 3]),
    ):
        assert ids(source.read(JOBS, Window((span,), 9))) == expected
        assert source.count(JOBS, Window((span,), 1)) == len(expected)


def test_a_counted_page_tells_the_total_of_its_window(project: Rig) -> None:
    project.run(TEN)
    page = project.source().read(JOBS, Window((Span(KEYSETS[0]),), 3, counted=True))
    assert (page.count, page.total) == (3, 4)
    assert (
        project.source().read(JOBS, Window((Span(KEYSETS[0], start="2030-01-01Z"),), 3, counted=True)).total
        == 0
    )


def test_another_schema_is_asked_for_by_its_name(project: Rig) -> None:
    project.run("insert into other.things values (1, 'x')")
    things = Table(name="things", schema="other")
    assert project.source().count(things) == 1
    assert project.source().shape(things).names == {"id", "label"}


def test_the_shape_tells_types_nulls_and_the_key(project: Rig) -> None:
    shape = project.source().shape(JOBS)
    assert shape.column("id") == Column("id", "bigint", nullable=False, key=True)
    assert shape.column("cost") == Column("cost", "numeric", nullable=True, key=False)


def test_the_description_is_asked_for_once(project: Rig) -> None:
    source = project.source()
    for table in (JOBS, PAIRS, JOBS):
        assert missing_columns(source, table, [*table.key, "nope"]) == ["nope"]
    assert [request["path"] for request in project.server.requests()] == ["/rest/v1/"]


def test_without_a_description_the_columns_are_asked_for(project: Rig) -> None:
    project.server.misbehave({"kind": "answer", "path": "v1/$", "times": None, "status": 403})
    assert not project.source().shape(JOBS).known
    assert missing_columns(project.source(), JOBS, ["id", "nope", "cost"]) == ["nope"]
    project.run(TEN)
    shape = project.source().shape(JOBS)
    assert shape.names == {"id", "updated_at", "created_at", "cost", "doc"}
    assert shape.column("id") == Column("id")


@pytest.mark.parametrize("name", ["nope", "secret"])
def test_a_table_that_is_missing_or_closed_is_named_by_every_question(project: Rig, name: str) -> None:
    table, source = Table(name=name), project.source()
    for question in (
        lambda: source.shape(table),
        lambda: source.count(table),
        lambda: source.read(table, Window((Span(Keyset(None)),), 1)),
        lambda: missing_columns(source, table, ["id"]),
    ):
        with pytest.raises(SchemaError if name == "nope" else RefusedError, match=name) as caught:
            question()
        assert caught.value.table == name


def test_a_page_is_read_at_the_servers_own_time(project: Rig) -> None:
    source = project.source()
    assert source.now() is None
    before = project.run("select floor(extract(epoch from now()))::bigint * 1000000")[0][0]
    read_at = source.read(JOBS, FIVE).read_at
    assert read_at is not None
    assert read_at.trusted
    assert 0 <= read_at.at - before <= 5_000_000
    assert source.now() == read_at.at
    assert next(source.rows(JOBS, ["id"], [["1"]])).read_at is not None


def test_an_answer_that_a_cache_has_kept_is_asked_for_again_and_refused(project: Rig) -> None:
    source = project.source()
    assert source.read(JOBS, FIVE).read_at is not None
    for fault in ({"kind": "age", "seconds": 7}, {"kind": "clock", "seconds": -3_600}):
        project.server.misbehave(fault)
        assert source.read(JOBS, FIVE).read_at is not None
        project.server.misbehave({**fault, "times": None})
        for question in (lambda: source.read(JOBS, FIVE), lambda: source.count(JOBS)):
            with pytest.raises(TransientError, match=r"jobs: .*: a cache answers in its place"):
                question()
        project.server.behave()
    words = [request["word"] for request in project.server.requests()]
    assert len(set(words)) == len(words) > 20


def test_without_a_date_a_page_has_no_time(project: Rig) -> None:
    source = project.source()
    project.server.misbehave({"kind": "no-date", "times": None})
    assert source.read(JOBS, FIVE).read_at is None
    assert source.now() is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<html><title>Hello</title>", "HTML page: Hello"),
        ('{"id":1}', "not a list of rows"),
        ("[1]", "not a list of rows"),
    ],
)
def test_a_success_that_is_none_is_tried_again_and_then_named(project: Rig, body: str, said: str) -> None:
    project.server.misbehave({"kind": "answer", "times": None, "status": 200, "body": body})
    with pytest.raises(TransientError, match=said):
        project.source().read(JOBS, Window((Span(Keyset(None)),), 1))
    assert len(project.server.requests()) == 5


@pytest.mark.parametrize("kind", ["truncate", "reset", "reset-after", "reset-body"])
def test_half_an_answer_is_read_again(project: Rig, kind: str) -> None:
    project.run(TEN)
    project.server.misbehave({"kind": kind, "method": "GET"})
    assert project.source().read(JOBS, Window((Span(Keyset(None)),), 50)).count == 10
    assert len(project.server.requests()) == 2


def test_a_page_that_takes_too_long_is_asked_uncounted_then_smaller(project: Rig) -> None:
    project.run(TEN)
    cancelled = '{"code":"57014","message":"canceling statement due to statement timeout"}'
    project.server.misbehave(
        {"kind": "answer", "method": "GET", "status": 500, "body": cancelled, "times": 2}
    )
    source = project.source()
    assert source.read(JOBS, Window((Span(Keyset(None)),), 50, counted=True)).count == 5
    assert source.read(JOBS, Window((Span(Keyset(None)),), 50)).count == 5
    limits = [request["path"].partition("limit=")[2] for request in project.server.requests()]
    assert limits == ["50", "50", "5", "1", "5"]  # the fourth asks for rows without a key
    assert project.waits == []


def test_a_page_of_large_rows_is_cut_off_and_the_next_ones_fit(project: Rig) -> None:
    """Every row comes once and whole, also one that is larger than any page."""
    project.run(
        "insert into jobs select g, '2024-01-01Z'::timestamptz + g * interval '1 s', null, null, "
        "to_json(repeat('é ', case g when 13 then 2500000 else 100000 end)) from generate_series(1, 30) g"
    )
    source = project.source()
    found: list[int] = []
    sizes: list[int] = []
    place: Cursor | None = None
    while (batch := source.read(JOBS, Window((Span(KEYSETS[0], after=place),), 50, counted=True))).count:
        assert batch.total == 30 - len(found)
        assert all(len(row["doc"]) in {200_000, 5_000_000} for row in batch.rows)
        found += ids(batch)
        sizes.append(batch.count)
        place = JOBS.place(batch.rows[-1], "updated_at")
    assert found == list(range(1, 31))
    assert sizes[0] < 30
    assert set(sizes[1:-1]) <= {1, 2, 4}


def test_more_than_the_server_can_print_at_once_is_asked_for_in_halves(project: Rig) -> None:
    table, source = Table(name="printed_rows"), project.source()
    sizes = [batch.count for batch in pages(source, table)]
    assert sum(sizes) == 12
    assert set(sizes[:-1]) <= {1, 2, 3}
    keys = [[str(n)] for n in range(1, 13)]
    found = [row["id"] for batch in source.rows(table, ["id"], keys) for row in batch.rows]
    assert list(map(int, found)) == list(range(1, 13))
    with pytest.raises(LargeAnswerError, match="too large for one answer"):
        source.read(Table(name="unprinted"), FIVE)
    assert project.waits == []


def test_no_address_is_too_long_for_a_gateway_and_no_schema_beyond_its_headers(project: Rig) -> None:
    with pytest.raises(SchemaError, match="more than the 8000 that gateways accept"):
        project.source().read(JOBS, Window((Span(KEYSETS[0], start="x" * 9000),), 1))
    for schema in ("two\nlines", "public ", " public"):  # a server takes blanks off
        with pytest.raises(SchemaError, match="cannot be asked for: no header can name it"):
            project.source().count(replace(JOBS, schema=schema))
    assert project.server.requests() == []


def test_infinity_is_a_place_like_any_other(project: Rig) -> None:
    project.run(
        "insert into jobs values (1, '-infinity'), (2, '2024-01-01Z'), (3, 'infinity'), (4, 'infinity')"
    )
    source, found, place = project.source(), [], None
    while (batch := source.read(JOBS, Window((Span(KEYSETS[0], after=place),), 1))).count:
        found += ids(batch)
        place = JOBS.place(batch.rows[-1], "updated_at")
    assert found == [1, 2, 3, 4]
    assert timestamps.parse("infinity") > 0


def test_the_time_of_a_slow_page_is_when_it_was_asked_for(project: Rig) -> None:
    source = project.source()
    before = time.time()
    project.server.misbehave({"kind": "delay", "seconds": 2})
    read_at = source.read(JOBS, FIVE).read_at
    assert read_at is not None
    assert read_at.began / 1_000_000 <= before + 0.1
    assert read_at.at / 1_000_000 >= before + 0.9
