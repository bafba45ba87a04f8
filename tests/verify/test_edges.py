"""Verification where something lies between the two sides: filters, transforms, time, other hands."""

# ruff: noqa: S608 - numbers and rows that the tests make themselves

import json
from pathlib import Path

import pytest

from supasync_core.model.batch import Cursor
from supasync_core.model.errors import SchemaError, StateError
from supasync_core.model.state import KeysetState, Quarantined, State, TableState
from supasync_core.model.state_json import to_json
from supasync_core.model.table import Table
from tests.diff.calling import call
from tests.verify.conftest import Pair

TEN = (
    "insert into plain select n, 'x', 1.50, '{\"a\": 1}', '2024-01-01'::timestamptz + n * interval '1 s' "
    "from generate_series(1, 10) n"
)


def read_at(text: str) -> dict[str, TableState]:
    return {"plain": TableState(read_at=text)}


def test_a_limit_below_zero_is_refused(tmp_path: Path) -> None:
    done = call(tmp_path, "verify", "--limit", "-1")
    assert (done.code, "-1 is not in the range" in done.err) == (2, True), done.err


def test_rows_outside_of_where_are_not_compared(ends: Pair) -> None:
    ends.both(TEN)
    ends.old("update plain set label = 'other' where id > 8")
    ends.new("delete from plain where id > 8")
    verdict = ends.one("plain", "  plain: {where: label=eq.x}")
    assert (verdict.equal, verdict.old, verdict.new, verdict.compared) == (True, 8, 8, 8)


def test_a_row_that_left_where_is_extra_and_told_apart_from_a_deleted_one(ends: Pair) -> None:
    ends.both(TEN)
    ends.old("update plain set label = 'other' where id = 3")
    ends.old("delete from plain where id = 4")
    verdict = ends.one("plain", "  plain: {where: label=eq.x}")
    assert verdict.extra == (("3",), ("4",))
    assert "1 of the extra rows is in OLD, but left out by where or a transform now" in verdict.notes


def test_excluded_and_unnamed_columns_are_not_compared(ends: Pair) -> None:
    ends.both(TEN)
    ends.new("update plain set label = null")
    assert not ends.one("plain", "  plain:", exact=True).equal
    assert ends.one("plain", "  plain: {exclude: label}", exact=True).equal
    assert ends.one("plain", "  plain: {columns: [id, updated_at, doc]}", exact=True).equal
    ends.new("update plain set doc = '{}' where id = 2")
    found = ends.one("plain", "  plain: {columns: [id, updated_at, doc]}", exact=True)
    assert found.changed == {("2",): ("doc",)}


def test_olds_rows_are_compared_as_transforms_would_send_them(ends: Pair) -> None:
    ends.both(TEN)
    ends.new("update plain set label = 'X'")
    ends.old("update plain set label = 'secret' where id = 5")
    ends.new("delete from plain where id = 5")
    verdict = ends.one("plain", "  plain: {transform: shout}")
    assert (verdict.equal, verdict.method, verdict.left_out) == (True, "whole rows", 1)
    ends.new("update plain set label = 'x' where id = 2")
    ends.new(TEN.replace("(1, 10)", "(5, 5)"))
    verdict = ends.one("plain", "  plain: {transform: shout}")
    assert (dict(verdict.changed), verdict.extra) == ({("2",): ("label",)}, (("5",),))


def test_a_transform_that_changes_keys_is_trouble_and_not_a_verdict(ends: Pair) -> None:
    ends.both(TEN)
    found = ends.verify("  plain: {transform: renumber}\n  logs: {strategy: append}")
    assert (found.exit_code, found.equal) == (2, False)
    assert "changed the key column id" in (found.tables[0].error or "") + (found.tables[1].error or "")
    assert [each.equal for each in found.tables if each.name == "logs"] == [True]


def test_a_view_has_no_row_versions_and_says_so(ends: Pair) -> None:
    ends.both(TEN)
    verdict = ends.one("seen", "  seen:")
    assert verdict.equal
    assert "a value that was changed without a timestamp" in verdict.cannot_see


def test_a_column_that_new_lacks_is_trouble_for_its_table(ends: Pair) -> None:
    found = ends.verify("  plain: {timestamp: amount2}\n  logs: {strategy: append}")
    assert found.exit_code == 2
    assert "amount2" in (next(each for each in found.tables if each.name == "plain").error or "")


def test_without_any_sync_every_row_is_expected(ends: Pair) -> None:
    ends.old(TEN)
    verdict = ends.one("plain")
    assert (len(verdict.missing), verdict.in_flight) == (10, 0)
    assert any("no sync has read this table" in note for note in verdict.notes)


def test_the_bound_lies_the_overlap_behind_the_last_complete_read(ends: Pair) -> None:
    ends.old(TEN)
    ends.state(tables=read_at("2024-01-01T00:15:05Z"))
    verdict = ends.one("plain", "  plain: {overlap: 15m}")
    assert [int(key[0]) for key in verdict.missing] == [1, 2, 3, 4, 5]
    assert (verdict.in_flight, verdict.until) == (5, "2024-01-01T00:00:05Z")


def test_keys_beyond_what_append_has_settled_are_in_flight(ends: Pair) -> None:
    ends.old("insert into logs select n, 'x' from generate_series(1, 6) n")
    keyset = KeysetState(Cursor("5", ("5",)), moved_at="2024-01-01T00:00:00Z", floor="3")
    ends.state(tables={"logs": TableState({"id": keyset}, read_at="2024-01-01T00:00:00Z")})
    verdict = ends.one("logs")
    assert (verdict.missing, verdict.in_flight) == ((("1",), ("2",), ("3",)), 3)


def test_quarantined_rows_are_named_as_such(ends: Pair) -> None:
    ends.old(TEN)
    rows = tuple(Quarantined((str(n),), "refused", "23502", "2024-01-01T00:00:00Z") for n in (2, 3, 99))
    ends.state(quarantine={"plain": rows})
    ends.new(TEN.replace("(1, 10)", "(3, 10)"))
    verdict = ends.one("plain")
    assert (verdict.missing, verdict.set_aside, verdict.equal) == ((("1",),), (("2",),), False)


def test_what_the_app_writes_into_a_closed_new_is_its_own(ends: Pair) -> None:
    ends.both(TEN)
    ends.new("update plain set label = 'app', updated_at = '2025-06-01' where id = 1")
    ends.new("insert into plain (id, updated_at) values (11, '2025-06-01'), (12, '2024-06-01')")
    ends.state(closed="2025-01-01T00:00:00Z")
    found = ends.verify("  plain:")
    assert (found.tables[0].newer, found.tables[0].extra) == (2, (("12",),))
    assert any("closed since 2025" in note for note in found.notes)


def test_another_sources_state_is_refused(ends: Pair) -> None:
    ends.new(f"update sync_metadata set state = '{json.dumps(to_json(State('elsewhere')))}'")
    with pytest.raises(StateError, match="elsewhere"):
        ends.verify()


ENOUGH_TURNS = 2


class Meanwhile:
    """Somebody writes to both sides as if a sync ran, after each page."""

    def __init__(self, ends: Pair) -> None:
        self.ends = ends
        self.turns = 0

    def __call__(self, _table: Table, done: int, _total: int | None) -> None:
        """Update a row that was read already, and one that comes later; delete and insert others."""
        self.turns += done > 0
        n = self.turns
        if not done or n > ENOUGH_TURNS:
            return
        self.ends.old(f"update plain set label = 'v{n}', updated_at = updated_at + interval '1 h'")
        self.ends.old(f"delete from plain where id = {11 - n}")
        self.ends.old(f"insert into plain values ({20 + n}, 'new')")
        ((rows,),) = self.ends.space.old.rows("select jsonb_agg(p)::text from plain p")
        self.ends.new(
            f"truncate plain; insert into plain select * from jsonb_populate_recordset(null::plain, '{rows}')"
        )


def test_rows_that_changed_meanwhile_are_looked_at_again_before_they_are_reported(ends: Pair) -> None:
    ends.both(TEN)
    watch = Meanwhile(ends)
    (verdict,) = ends.verify("  plain: {timestamp: [updated_at, created_at]}", progress=watch).tables
    assert watch.turns > ENOUGH_TURNS
    assert verdict.equal, (verdict.missing, verdict.extra, verdict.changed)


def test_a_row_that_is_left_out_on_its_way_now_is_not_deleted(ends: Pair) -> None:
    ends.both(TEN)
    ends.old("delete from plain where id in (1, 10)")
    ends.old("update plain set label = 'secret' where id = 3")
    for declared in ("{transform: shout}", "{where: label=eq.x}"):
        found = ends.deletions(f"  plain: {declared}")
        assert (found.keys, found.missing) == ((("1",), ("10",)), ())


def test_looking_for_deletes_names_what_is_missing_but_for_rows_in_flight(ends: Pair) -> None:
    ends.old(TEN)
    ends.new(TEN.replace("(1, 10)", "(1, 3)"))
    state = State("old", tables=read_at("2024-01-01T00:15:05Z"))
    found = ends.deletions("  plain: {overlap: 15m}", state)
    assert (found.keys, found.missing) == ((), (("4",), ("5",)))


def test_a_table_in_which_old_shows_no_row_is_not_judged(ends: Pair) -> None:
    ends.new(TEN)
    with pytest.raises(SchemaError, match="OLD returned no rows"):
        ends.deletions("  plain:")


def test_looking_for_deletes_leaves_the_row_versions_as_they_were(ends: Pair) -> None:
    ends.both(TEN)
    assert ends.one("plain").equal
    ends.old("update plain set label = 'y' where id = 7")
    assert ends.deletions("  plain:").keys == ()
    assert ends.one("plain").changed == {("7",): ("label",)}


def test_a_second_verification_knows_no_more_of_a_row_that_still_differs(ends: Pair) -> None:
    ends.both(TEN)
    assert ends.one("plain").equal
    ends.new("update plain set amount = 2 where id = 7")
    ends.old("update plain set amount = 1.50 where id = 7")  # written, though not changed
    for _ in range(2):
        assert ends.one("plain").changed == {("7",): ("amount",)}
    ends.new("update plain set amount = 1.50 where id = 7")
    assert ends.one("plain").equal
    assert ends.one("plain").equal
