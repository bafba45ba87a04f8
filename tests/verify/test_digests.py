"""Digests instead of reading: which tables they prove, what they find, and what happens where they cannot."""

from collections.abc import Iterator
from typing import Any

import pytest

from supasync_core.model.state import TableState
from supasync_core.verify import TableVerdict, digest_walk
from tests.e2e.workspace import ENDS
from tests.servers.postgres import Cluster
from tests.verify.conftest import Pair, pair

FILL = """
insert into plain select g, 'label ' || g, g * 1.10, jsonb_build_object('n', g), '2024-01-01Z', null
  from generate_series(1, 40) g;
insert into pairs select g % 3, 'code ' || g, 'x', '2024-01-01Z' from generate_series(1, 20) g;
insert into logs select g, 'a' from generate_series(1, 30) g;
insert into small select 'Zoë ' || g, 'a' from generate_series(1, 10) g;
"""
EMPTY = "truncate plain, pairs, mixed, logs, small"


@pytest.fixture(scope="module")
def digested(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two projects that compute digests, with servers that give three rows in a page."""
    with pair(cluster, tmp_path_factory.mktemp("digests")) as running:
        running.space.old.run(running.space.supasync("schema", "sql", "--old").out)
        yield running


@pytest.fixture
def ends(digested: Pair) -> Pair:
    digested.both(EMPTY)
    digested.both(FILL)
    digested.forget()
    digested.state()
    for end in (digested.space.old, digested.space.new):
        end.server.behave()
        end.server.reset()
    return digested


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dozen rows have many ranges, parts and lists."""
    for name, value in {"LEAST": 2, "FIRST": 5, "OF_PART": 2, "DEEPER": 4, "FEW": 1}.items():
        monkeypatch.setattr(digest_walk, name, value)


def reported(verdict: TableVerdict) -> Any:
    """What differs."""
    changed = {key: tuple(sorted(names)) for key, names in verdict.changed.items()}
    return sorted(verdict.missing), sorted(verdict.extra), changed


def change_a_few(ends: Pair) -> None:
    """Rows of every kind of difference."""
    ends.new("delete from plain where id in (3, 17)")
    ends.old("delete from plain where id in (1, 40)")
    ends.new("update plain set amount = 7, label = null where id = 20")
    ends.old("update plain set doc = '{}' where id = 39")
    ends.new("update pairs set label = 'y' where code = 'code 7'")
    ends.old("insert into small values ('Zoe', 'b')")


CHANGED = {
    "plain": ([("17",), ("3",)], [("1",), ("40",)], {("20",): ("amount", "label"), ("39",): ("doc",)}),
    "pairs": ([], [], {("1", "code 7"): ("label",)}),
    "small": ([("Zoe",)], [], {}),
    "logs": ([], [], {}),
}


def test_equal_tables_are_proven_by_a_handful_of_requests(ends: Pair) -> None:
    found = ends.verify()
    for table in found.tables:
        wanted = "keys" if table.name == "mixed" else "digests"
        assert (table.method == wanted or table.name == "mixed", table.equal) == (True, True), table
    plain = found.tables[0]
    assert (plain.claim, plain.compared, plain.values_compared) == ("equal", 40, True)
    assert plain.requests == {"schema": 1, "digests": 3}
    mixed = next(table for table in found.tables if table.name == "mixed")
    assert mixed.read_because == "code is bigint in OLD and text in NEW"
    assert found.as_json()["tables"]["mixed"]["read_because"] == mixed.read_because
    assert found.catalog_requests == 2
    again = ends.verify()
    assert [table.digest for table in again.tables] == [table.digest for table in found.tables]


@pytest.mark.parametrize("size", ["usual", "tiny"])
def test_each_kind_of_difference_ends_in_the_same_report_as_reading(
    ends: Pair, size: str, request: pytest.FixtureRequest
) -> None:
    if size == "tiny":
        request.getfixturevalue("tiny")
    change_a_few(ends)
    found = {table.name: table for table in ends.verify().tables if table.name in CHANGED}
    assert {table.method for table in found.values()} == {"digests"}
    assert {name: reported(table) for name, table in found.items()} == CHANGED
    ends.old("drop function supasync_digest")
    try:
        ends.space.old.server.reload()
        read = {table.name: table for table in ends.verify(exact=True).tables if table.name in CHANGED}
    finally:
        ends.space.old.run(ends.space.supasync("schema", "sql", "--old").out)
    assert read["plain"].method == "whole rows"
    assert {name: reported(table) for name, table in read.items()} == CHANGED


DIRECT = '{{backend: postgres, url: "${{{side}_DATABASE_URL}}", project: "${{{project}_URL}}"}}'


@pytest.mark.parametrize("direct", ["OLD and NEW", "OLD", "NEW"])
@pytest.mark.usefixtures("tiny")
def test_the_same_sql_runs_over_direct_connections_without_any_function(ends: Pair, direct: str) -> None:
    lines = ENDS.splitlines()
    for side, end, line in (("OLD", ends.space.old, 1), ("NEW", ends.space.new, 2)):
        project = "OLD_SUPABASE" if side == "OLD" else "SUPABASE"
        if side in direct:
            end.run("alter function supasync_digest rename to not_now")
            ends.space.environment[f"{side}_DATABASE_URL"] = end.cluster.url(end.database)
            lines[line] = f"{lines[line].partition('{')[0]}{DIRECT.format(side=side, project=project)}"
    ends.head = "\n".join(lines) + "\n"
    try:
        equal = ends.verify("  plain: {}\n  pairs: {key: [tenant, code]}")
        assert {(table.method, table.equal) for table in equal.tables} == {("digests", True)}
        change_a_few(ends)
        found = {table.name: table for table in ends.verify().tables if table.name in CHANGED}
        assert {table.method for table in found.values()} == {"digests"}
        assert {name: reported(table) for name, table in found.items()} == CHANGED
    finally:
        ends.head = ENDS
        for side, end in (("OLD", ends.space.old), ("NEW", ends.space.new)):
            if side in direct:
                end.run("alter function not_now rename to supasync_digest")


@pytest.mark.usefixtures("tiny")
def test_rows_newer_than_the_last_run_are_in_flight(ends: Pair) -> None:
    ends.state(tables={"plain": TableState(read_at="2024-06-01T00:00:00Z")})
    ends.old("update plain set label = 'new', updated_at = '2024-06-02Z' where id in (5, 6)")
    ends.old("insert into plain (id, updated_at) values (41, '2024-06-02Z')")
    ends.new("update plain set label = 'wrong' where id = 7")
    found = ends.one("plain")
    assert (found.in_flight, reported(found)) == (3, ([], [], {("7",): ("label",)}))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.usefixtures("tiny")
def test_a_row_that_arrives_while_digests_are_compared_is_no_difference(
    ends: Pair, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = digest_walk.DigestWalk._list  # noqa: SLF001 - between its two steps

    def late(walk: digest_walk.DigestWalk, *asked: Any) -> None:
        if when == "after":
            listed(walk, *asked)
        ends.new("update plain set amount = 1.10 where id = 1")
        ends.new("insert into plain table late on conflict do nothing")
        if when == "before":
            listed(walk, *asked)

    monkeypatch.setattr(digest_walk.DigestWalk, "_list", late)
    ends.new("create table late as select * from plain where id = 2; delete from plain where id = 2")
    ends.new("update plain set amount = 0 where id = 1")
    try:
        found = ends.one("plain")
    finally:
        ends.new("drop table late")
    assert (found.method, found.equal, found.in_flight, found.old, found.new) == ("digests", True, 0, 40, 40)


def test_what_json_does_not_show_is_found_and_named(ends: Pair) -> None:
    ends.old("update plain set doc = 'null' where id = 4")
    ends.new("update plain set doc = null where id = 4")
    found = ends.one("plain")
    assert reported(found) == ([], [], {("4",): ("doc",)})
    assert any("no run can copy that over the API" in note for note in found.notes)


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ("  plain: {where: id=gt.3}", "where: chooses rows of OLD alone"),
        ("  plain: {transform: shout}", "its rows go through shout"),
        ("  seen: {key: id}", "it is not an ordinary table in OLD"),
        ("  plain: {key: [label]}", "OLD has no unique index on (label) without NULL"),
    ],
)
def test_what_digests_cannot_prove_is_read_and_the_verdict_says_why(
    ends: Pair, declared: str, reason: str
) -> None:
    ends.both("update plain set label = upper(label)")
    (found,) = ends.verify(declared, exact=True).tables
    assert (found.method, found.read_because) == ("whole rows", reason)
    assert found.equal, found


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("alter amount type text", "amount is numeric in OLD and text in NEW"),
        ("drop label", "NEW does not have its column label"),
        ("alter id drop not null", "NEW has no unique index on (id) without NULL"),
    ],
)
def test_a_column_that_new_has_otherwise_or_not_at_all_is_a_reason(
    ends: Pair, change: str, reason: str
) -> None:
    ends.new("create table kept as table plain; drop view seen; alter table plain drop constraint plain_pkey")
    ends.new("create unique index on plain (id)")
    ends.space.new.run(f"alter table plain {change}")
    try:
        assert ends.one("plain").read_because == reason
    finally:
        ends.new("drop table plain; alter table kept rename to plain; alter table plain add primary key (id)")
        ends.space.new.run("create view seen as table plain; grant all on plain, seen to service_role")


def test_excluded_columns_and_more_columns_of_new_do_not_count(ends: Pair) -> None:
    ends.new("update plain set label = 'other'")
    ends.space.new.run("alter table plain add more int default 1")
    try:
        found = ends.one("plain", "  plain: {exclude: [label]}")
        assert (found.method, found.equal) == ("digests", True)
        assert ends.one("plain", "  plain: {columns: [id, amount, updated_at]}").equal
    finally:
        ends.space.new.run("alter table plain drop more")


@pytest.mark.usefixtures("tiny")
def test_a_partitioned_table_is_proven_and_a_parent_of_others_is_read(ends: Pair) -> None:
    made = (
        "create table parts (like plain, primary key (id)) partition by range (id);"
        "grant all on parts to service_role;"
        "create table part_1 partition of parts for values from (1) to (20);"
        "create table part_2 partition of parts default; insert into parts table plain"
    )
    for end in (ends.space.old, ends.space.new):
        end.run(made)
    try:
        declared = "  parts: {}\n  plain: {}"
        ends.new("update parts set amount = 0 where id in (3, 30)")
        found = ends.one("parts", declared)
        assert found.method == "digests"
        assert reported(found) == ([], [], {("3",): ("amount",), ("30",): ("amount",)})
        ends.new("create table heir () inherits (plain)")
        assert ends.one("plain", declared).read_because == "other tables inherit from it in NEW"
    finally:
        ends.new("drop table if exists heir")
        ends.both("drop table parts")


def test_rows_marked_as_deleted_are_none_of_olds(ends: Pair) -> None:
    ends.old("update plain set created_at = now() where id > 35")
    declared = "  plain: {soft_delete: created_at, deletes: mirror}"
    found = ends.one("plain", declared)
    assert (found.method, len(found.extra), found.old) == ("digests", 5, 35)
    ends.new("delete from plain where id > 35")
    assert ends.one("plain", declared).equal


@pytest.mark.usefixtures("tiny")
def test_a_statement_that_takes_too_long_is_asked_of_fewer_rows(ends: Pair) -> None:
    ends.new("update plain set amount = 0 where id = 33")
    body = '{"code": "57014", "message": "canceling statement due to statement timeout"}'
    slow = {"kind": "answer", "path": "supasync_digest.*parts", "status": 500, "body": body, "times": 1}
    ends.space.new.server.misbehave(slow)
    found = ends.one("plain")
    assert (found.method, reported(found)) == ("digests", ([], [], {("33",): ("amount",)}))
    ends.space.new.server.misbehave({**slow, "times": None})
    found = ends.one("plain", exact=True)
    assert (found.method, reported(found)) == ("whole rows", ([], [], {("33",): ("amount",)}))
    assert "take too long" in str(found.read_because)


@pytest.mark.parametrize(
    ("names", "reason"),
    [({"MOST": 1}, "more than 1 rows differ"), ({"LONGEST_KEY": 1}, "too long for an address")],
)
def test_rows_that_differ_and_cannot_be_listed_are_read_by_value_without_being_asked_to(
    ends: Pair, names: dict[str, int], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in names.items():
        monkeypatch.setattr(digest_walk, name, value)
    ends.new("update plain set amount = 0 where id in (33, 34)")  # no timestamp moves
    found = ends.one("plain")
    assert (found.method, reason in str(found.read_because)) == ("whole rows", True)
    assert reported(found) == ([], [], {("33",): ("amount",), ("34",): ("amount",)})


LIES = {
    "no numbers": "select jsonb_build_object('version', 1, 'found', '[[0, 1, \"a\", \"b\"]]'::jsonb)",
    "ends without rows": "select case asked ->> 'want' when 'bound' "
    "then jsonb_build_object('version', 1, 'found', '[\"7\"]'::jsonb) else honest_digest(asked) end",
    "another version": "select jsonb_build_object('version', 2, 'found', '[]'::jsonb)",
    "null": "select null::jsonb",
    "a list": "select '[1]'::jsonb",
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.usefixtures("tiny")
def test_a_function_that_answers_wrongly_proves_nothing(ends: Pair, lie: str) -> None:
    honest = ends.space.supasync("schema", "sql", "--old").out
    body = LIES[lie]
    ends.space.old.run("alter function supasync_digest rename to honest_digest")
    ends.space.old.run(
        "create function supasync_digest(asked jsonb) returns jsonb language plpgsql stable as $$ begin "
        f"if asked ->> 'want' = 'tables' then return honest_digest(asked); end if; return ({body}); end $$"
    )
    try:
        ends.new("update plain set amount = 0 where id = 33")
        found = ends.one("plain", exact=True)
        assert (found.method, reported(found)) == ("whole rows", ([], [], {("33",): ("amount",)}))
        assert "function" in str(found.read_because)
    finally:
        ends.space.old.run("drop function honest_digest")
        ends.space.old.run(honest)


@pytest.mark.parametrize("side", ["old", "new"])
def test_without_the_function_on_one_side_tables_are_read_and_a_note_says_so(ends: Pair, side: str) -> None:
    end = getattr(ends.space, side)
    end.run("revoke execute on function supasync_digest from service_role")
    try:
        found = ends.verify(exact=True)
    finally:
        end.run("grant execute on function supasync_digest to service_role")
    assert {table.method for table in found.tables} == {"whole rows"}
    (note,) = (note for note in found.notes if "digests" in note)
    paste = "supasync schema sql --old" if side == "old" else "supasync schema sql"
    assert (side.upper() in note, paste in note) == (True, True)


def test_servers_that_hash_otherwise_are_compared_by_md5(ends: Pair) -> None:
    honest = ends.space.supasync("schema", "sql").out
    ends.space.new.run("alter function supasync_digest rename to honest_digest")
    ends.space.new.run(
        "create function supasync_digest(asked jsonb) returns jsonb language plpgsql stable as $$ begin "
        "return jsonb_set(honest_digest(asked), '{probe, hash}', '[\"1\", \"2\"]', false); end $$"
    )
    try:
        assert ends.one("plain").method == "digests"
        ends.old("update plain set amount = 0 where id = 33")
        assert reported(ends.one("plain")) == ([], [], {("33",): ("amount",)})
    finally:
        ends.space.new.run("drop function honest_digest")
        ends.space.new.run(honest)


def test_the_command_says_which_method_covered_which_table(ends: Pair) -> None:
    done = ends.space.supasync("verify")
    assert done.code == 0, done.out + done.err
    assert "compared by digests: 40 rows on both sides" in done.out
    assert "not compared by digests: code is bigint in OLD and text in NEW" in done.out
    assert "by digests (plain, pairs, logs, small)" in done.out
