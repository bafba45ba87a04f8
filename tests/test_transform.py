"""Transforms change what they touch and nothing else."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.model import raw_json, transform
from supasync_core.model.batch import Batch
from supasync_core.model.errors import TableError
from supasync_core.model.table import Table
from supasync_core.model.transform import ExactRow, SameColumns

TABLE = Table(name="events")
ROW = '{"id":9007199254740993,"ip":"192.0.2.7","raw":{ "b" : 1.10,"b":2 },"n":1.50,"t":"a\\u00e9\\/"}'


def through(function: Any, *rows: str) -> bytes:
    batch = Batch(("[" + ", \n ".join(rows) + "]").encode())
    return transform.apply([("mine", function)], TABLE, batch, SameColumns()).body


def mask(row: ExactRow) -> ExactRow:
    row["ip"] = "0.0.0.0"
    return row


def test_only_the_column_that_is_set_changes() -> None:
    assert through(mask, ROW).decode() == "[" + ROW.replace("192.0.2.7", "0.0.0.0") + "]"


def test_without_transforms_the_batch_is_the_same_object() -> None:
    batch = Batch(b"[]")
    assert transform.apply([], TABLE, batch, SameColumns()) is batch


def test_none_leaves_a_row_out() -> None:
    assert through(lambda row: row if row["id"] == 2 else None, '{"id":1}', '{"id":2}') == b'[{"id":2}]'


def test_columns_can_be_renamed_removed_and_added() -> None:
    def change(row: ExactRow) -> ExactRow:
        row.rename("raw", "data")
        del row["t"]
        row["source"] = ["x", Decimal(1)]
        return row

    changed = through(change, ROW).decode()
    assert '"data":{ "b" : 1.10,"b":2 }' in changed
    assert '"source":["x", 1]' in changed
    assert '"t":' not in changed


def test_a_column_can_be_given_its_json_text_however_deep_it_is() -> None:
    deep = "[" * 5000 + "1.10" + "]" * 5000

    def change(row: ExactRow) -> ExactRow:
        row.set_raw("raw", deep)
        return row

    assert deep.encode() in through(change, ROW)
    row = ExactRow(ROW)
    for text in ("", "nothing", "1,2", '{"a":', "1]["):
        with pytest.raises(ValueError, match="n is given what is not a JSON value"):
            row.set_raw("n", text)
    with pytest.raises(KeyError):
        row.set_raw("none", "1")
    assert row.raw("n") == "1.50"


def test_numbers_are_read_without_losing_a_digit() -> None:
    row = ExactRow(ROW)
    assert row["id"] == 9007199254740993
    assert str(row["n"]) == "1.50"


def test_a_plain_dict_is_taken_too() -> None:
    assert json.loads(through(lambda row: {"id": row["id"]}, ROW)) == [{"id": 9007199254740993}]


ODD = '{"id":1,"n":1.50,"j":{"a":1,"a":2, "e":"\\u00e9",  "x": 1.10},"d":1234567890123456789012345.5,"t":"a"}'


@pytest.mark.parametrize(
    "function",
    [
        lambda row: {**row, "t": row["t"].upper()},
        lambda row: {column: value.upper() if column == "t" else value for column, value in row.items()},
        lambda row: row.update({**row, "t": "A"}) or row,
    ],
)
def test_what_a_new_dict_holds_as_it_was_keeps_its_text(function: Any) -> None:
    assert through(function, ODD).decode() == "[" + ODD.replace('"a"}', '"A"}') + "]"


def test_what_is_changed_inside_a_value_of_a_dict_arrives() -> None:
    def changed(row: ExactRow) -> dict[str, Any]:
        found = dict(row)
        found["raw"]["b"] = 3
        return found

    (row,) = json.loads(through(changed, ROW))
    assert row["raw"] == {"b": 3}


@pytest.mark.parametrize("value", [True, 1.0, "1", Decimal("1.0"), [1], None])
def test_a_value_of_another_type_is_a_change(value: Any) -> None:
    (row,) = json.loads(through(lambda row: {**row, "v": value}, '{"id":1,"v":1}'))
    assert repr(row["v"]) == repr(float(value) if isinstance(value, Decimal) else value)


def test_rows_of_other_columns_are_an_error_since_a_batch_has_one_list_of_them() -> None:
    def some(row: ExactRow) -> ExactRow:
        if row["id"] == 2:
            row["extra"] = "kept?"
        return row

    with pytest.raises(TableError, match=r"the row id=2 and those before it differ in the columns extra"):
        through(some, '{"id":1}', '{"id":2}')
    assert through(some, '{"id":1}', '{"id":3}') == b'[{"id":1},\n{"id":3}]'


def test_a_name_that_is_no_text_is_an_error() -> None:
    with pytest.raises(TableError, match="TypeError"):
        through(lambda row: {**row, 5: 1}, ROW)


def test_a_failing_transform_is_named_with_the_row_s_key_and_no_other_value() -> None:
    with pytest.raises(TableError) as caught:
        through(lambda row: row["missing"], ROW)
    assert "mine failed on the row id=9007199254740993, column missing," in str(caught.value)
    assert "192.0.2.7" not in str(caught.value)


def test_a_failing_transform_tells_its_column_and_its_line() -> None:
    def fails(row: ExactRow) -> ExactRow:
        row["n"] = row["n"] + "secret"
        return row

    with pytest.raises(TableError) as caught:
        through(fails, ROW)
    line = fails.__code__.co_firstlineno + 1
    assert f"column n, test_transform.py line {line}: TypeError" in str(caught.value)
    assert "secret" not in str(caught.value)


def change(row: ExactRow) -> ExactRow:
    row["id"] = 1
    return row


def remove(row: ExactRow) -> ExactRow:
    del row["id"]
    return row


def rename(row: ExactRow) -> ExactRow:
    row.rename("id", "uid")
    return row


@pytest.mark.parametrize("function", [change, remove, rename, lambda row: {"ip": row["ip"]}])
def test_a_transform_may_not_change_the_key(function: Any) -> None:
    with pytest.raises(TableError, match="it changed the key column id"):
        through(function, ROW)


def test_a_key_that_is_set_to_itself_is_the_same() -> None:
    def same(row: ExactRow) -> ExactRow:
        row["id"] = row["id"]
        return row

    assert through(same, ROW).decode() == f"[{ROW}]"


@pytest.mark.parametrize(("names", "kind"), [(("missing", "x"), "KeyError"), (("n", "ip"), "ValueError")])
def test_a_rename_that_would_lose_something_is_an_error(names: tuple[str, str], kind: str) -> None:
    def renamed(row: ExactRow) -> ExactRow:
        row.rename(*names)
        return row

    with pytest.raises(TableError, match=kind):
        through(renamed, ROW)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(st.dictionaries(st.text(), VALUES, max_size=5), max_size=5), st.integers(0, 3))
def test_the_text_of_every_untouched_cell_stays(rows: list[dict[str, Any]], indent: int) -> None:
    names = dict.fromkeys(name for row in rows for name in row)
    texts = [json.dumps({**names, **row, "id": i}, indent=indent or None) for i, row in enumerate(rows)]
    for function in (lambda row: row, dict):
        changed = raw_json.split(through(function, *texts)) if texts else []
        assert [raw_json.cells(text) for text in changed] == [raw_json.cells(text) for text in texts]
