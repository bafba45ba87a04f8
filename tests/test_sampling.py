"""What rows show of their timestamps: nothing is proven by few rows, by one value for all, or by a name."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from supasync_core.init.timestamp_sample import LEAST, judged, moves, rises, standstill
from supasync_core.model.table import Column, Shape

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = st.integers(1, 10_000)
UNKNOWN = st.sampled_from(["ts", "stamp", "moved", "x", "date_2", "Zeit", "t1"])
EVENTS = st.sampled_from(["last_login", "lastSeenAt", "published_at", "due_at", "trial_ends_at", "read_at"])
KIND = "timestamp with time zone"


def stamp(hours: float) -> str:
    return (BEGIN + timedelta(hours=hours)).isoformat()


def shape(*names: str, default: str | None = "now()") -> Shape:
    columns = [Column(name, type=KIND, nullable=False, default=default) for name in names]
    return Shape((Column("id", type="uuid", key=True), *columns))


def rows(made: list[int], late: list[int], column: str) -> list[dict[str, str]]:
    return [
        {"id": str(i), "created_at": stamp(hours), column: stamp(hours + more)}
        for i, (hours, more) in enumerate(zip(made, late, strict=True))
    ]


MADE = st.lists(HOURS, min_size=LEAST, max_size=40, unique=True)


@given(MADE, st.data())
def test_updates_that_the_rows_show_are_believed_whatever_the_column_is_called(
    made: list[int], data: st.DataObject
) -> None:
    late = data.draw(st.lists(st.integers(0, 9), min_size=len(made), max_size=len(made)))
    late[:6] = [0, 0, 0, 1, 2, 3]
    name = data.draw(UNKNOWN)
    found = judged(shape("created_at", name), rows(made, late, name))
    assert (found.made and found.made.name, found.changed and found.changed.name) == ("created_at", name)
    assert found.how == "proven"


@given(MADE, st.data())
def test_a_moment_in_a_rows_life_is_never_believed(made: list[int], data: st.DataObject) -> None:
    late = data.draw(st.lists(st.integers(0, 9), min_size=len(made), max_size=len(made)))
    name = data.draw(EVENTS)
    found = judged(shape("created_at", name), rows(made, late, name))
    assert (found.made and found.made.name, found.changed) == ("created_at", None)


@given(MADE, st.sampled_from(["updated_at", "modifiedAt", "last_update"]))
def test_a_name_that_promises_updates_is_not_believed_where_nothing_ever_moved(
    made: list[int], name: str
) -> None:
    same = rows(made, [0] * len(made), name)
    assert judged(shape("created_at", name), same).how == "still"
    assert name in (standstill(shape("created_at", name), name, same) or "")
    empty = [{**row, name: None} for row in same]
    assert "NULL" in (standstill(shape("created_at", name), name, empty) or "")


@given(st.lists(HOURS, max_size=LEAST - 1, unique=True))
def test_few_rows_prove_nothing(made: list[int]) -> None:
    same = rows(made, [0] * len(made), "updated_at")
    assert standstill(shape("created_at", "updated_at"), "updated_at", same) is None
    assert judged(shape("created_at", "updated_at"), same).how == "few"


@given(MADE)
def test_one_value_that_all_rows_got_at_once_is_no_update(made: list[int]) -> None:
    at_once = [{**row, "updated_at": stamp(20_000)} for row in rows(made, made, "updated_at")]
    assert judged(shape("created_at", "updated_at"), at_once).how == "still"


@given(MADE, st.integers(3, 9))
def test_one_statement_that_updates_some_rows_is_an_update(made: list[int], every: int) -> None:
    same = rows(made, [0] * len(made), "updated_at")
    some = [{**row, "updated_at": stamp(20_000)} if i % every == 0 else row for i, row in enumerate(same)]
    assert judged(shape("created_at", "updated_at"), some).how == "moves"


@given(MADE, st.sampled_from([0.0, 0.0002]))
def test_an_app_that_stamps_both_within_a_second_has_not_updated(made: list[int], hours: float) -> None:
    found = moves(rows(made, [0] * len(made), "updated_at"), "updated_at", "created_at")
    near = [{"created_at": stamp(each), "updated_at": stamp(each + hours)} for each in made]
    assert found.later == moves(near, "updated_at", "created_at").later == 0


@given(
    st.lists(st.sampled_from(["infinity", "-infinity", "no time", "0044-03-15 BC", "", None]), max_size=30)
)
def test_what_no_clock_shows_is_no_proof(values: list[str | None]) -> None:
    odd = [{"id": "1", "created_at": value, "updated_at": value} for value in values]
    assert judged(shape("created_at", "updated_at"), odd).how in ("few", "still", "name")


@given(st.permutations(range(30)))
def test_random_keys_do_not_rise_with_time(hours: list[int]) -> None:
    found = [{"id": str(key), "at": stamp(at)} for key, at in enumerate(hours)]
    falls = sum(earlier > later for earlier, later in pairwise(hours))
    assert rises(found, "id", "at") == (falls <= 1)


def test_a_key_that_counts_up_rises_with_time() -> None:
    assert rises([{"id": str(i), "at": stamp(i // 3)} for i in range(9, 120)], "id", "at")
    assert not rises([{"id": str(i), "at": stamp(1)} for i in range(9, 120)], "id", "at")
