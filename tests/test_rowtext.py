"""Rows and cells are cut out of a body exactly as they stand in it."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, joined
from supasync_core.model.raw_columns import raw_columns

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@given(
    rows=st.lists(st.dictionaries(st.text(), VALUES, max_size=4), max_size=4),
    ascii_only=st.sampled_from([0, 1]),
    indent=st.sampled_from([None, 0, 2]),
)
def test_rows_and_cells_are_found_wherever_the_white_space_is(
    rows: list[dict[str, object]],
    ascii_only: int,
    indent: int | None,
) -> None:
    """Each text decodes to what the whole body decodes to there."""
    body = json.dumps(rows, ensure_ascii=bool(ascii_only), indent=indent).encode()
    texts = list(raw_json.split(body))
    assert [json.loads(text) for text in texts] == rows
    cells = [{name: json.loads(cell) for name, cell in raw_json.cells(text).items()} for text in texts]
    assert cells == rows
    assert json.loads(raw_json.join(texts)) == rows


def test_text_that_only_the_standard_library_takes_is_cut_all_the_same() -> None:
    """Half of a surrogate pair, which a json column may hold."""
    body = b'[{"id":1,"doc":"\\ud800"},{"id":2}]'
    assert list(raw_json.split(body)) == ['{"id":1,"doc":"\\ud800"}', '{"id":2}']
    assert len(set(raw_json.key_values(body, ["id"]))) == 2


KEYS = st.integers() | st.text() | st.booleans() | st.decimals(allow_nan=False, allow_infinity=False).map(str)


@pytest.mark.slow
@given(rows=st.lists(st.tuples(KEYS, KEYS), max_size=5))
def test_rows_that_key_values_tells_apart_have_different_keys(rows: list[tuple[object, object]]) -> None:
    """Also whole numbers beyond 64 bits, and names that JSON escapes; whatever row is in the same body."""
    body = json.dumps([{"id": left, 'a "b"': right} for left, right in rows]).encode()
    for names, keys in ((["id"], [row[0] for row in rows]), (["id", 'a "b"'], rows)):
        values = raw_json.key_values(body, names)
        assert len(values) == len(rows)
        for i, value in enumerate(values):
            assert all(
                value == values[k] for k in range(len(rows)) if json.dumps(keys[i]) == json.dumps(keys[k])
            )
        for odd in ('"\\ud800"', "[" * 5000 + "]" * 5000):
            one = json.dumps([{"id": 1, 'a "b"': 1, "doc": 0}]).replace("0}", f"{odd}}}")
            beside = f"{one[:-1]},{body.decode()[1:]}".replace(",]", "]")
            assert raw_json.key_values(beside.encode(), names)[1:] == values, "as beside any other row"


STAMPS = st.none() | st.text(max_size=3) | st.integers(0, 2)
PAGES = st.lists(st.lists(st.tuples(KEYS, STAMPS), max_size=3), min_size=1, max_size=3)


@given(
    pages=PAGES, doc=st.sampled_from(["1", '"\\ud800"', '{"at":"x"}']), spaced=st.sampled_from(["", "\n "])
)
def test_what_is_found_in_one_pass_or_of_several_pages_is_what_is_found_one_by_one(
    pages: list[list[tuple[object, object]]], doc: str, spaced: str
) -> None:
    rows = [
        [f'{{"doc":{doc},"id":{json.dumps(k)},"at":{json.dumps(at)}}}' for k, at in page] for page in pages
    ]
    bodies = [f"{spaced}[{','.join(page)}]{spaced}" for page in rows]
    batches = [Batch(body.encode()) for body in bodies]
    for batch, plain in zip(batches, [Batch(body.encode()) for body in bodies], strict=True):
        batch.look(("id",), ("at",))
        for _ in range(2):
            assert _tried(lambda each: each.texts(("at",)), batch) == _tried(
                lambda each: each.texts(("at",)), plain
            )
        assert batch.keys(("id",)) == plain.keys(("id",))
    whole = joined(batches)
    plain = Batch(whole.body)
    assert whole.count == plain.count == sum(map(len, pages))
    assert whole.keys(("id",)) == plain.keys(("id",))
    assert list(whole.rows.texts) == list(plain.rows.texts)
    assert list(whole.only(range(1, whole.count)).rows.texts) == list(plain.rows.texts)[1:]


def _tried(find: Callable[[Batch], object], batch: Batch) -> object:
    try:
        return find(batch)
    except ValueError:
        return ValueError


@pytest.mark.parametrize("cell", ["null", "[1]", "{}"])
def test_a_key_without_a_plain_value_tells_nothing_apart(cell: str) -> None:
    """So it is looked at more closely."""
    for names in (["id"], ["id", "n"], ["nowhere"]):
        with pytest.raises(ValueError, match=r"."):
            raw_json.key_values(f'[{{"id":{cell},"n":1}}]'.encode(), names)


def test_texts_are_exact() -> None:
    """Digits, spacing, escapes and names given twice inside a cell stay."""
    body = b'[{"a": 1.50, "b":{"x" : 1,  "x":2} , "c":"\\u00e9\\n"},\n {"a":' + b"1" * 5000 + b"}]"
    first, second = raw_json.split(body)
    assert raw_json.cells(first) == {"a": "1.50", "b": '{"x" : 1,  "x":2}', "c": r'"\u00e9\n"'}
    assert raw_json.cells(second) == {"a": "1" * 5000}


@pytest.mark.parametrize("body", [b"", b"{}", b"[{}", b"[{} {}]", b"[", b"[,]"])
def test_a_body_that_is_no_array_of_rows_is_refused(body: bytes) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=r"."):
        raw_json.split(body)


@pytest.mark.parametrize("text", ["", "[]", "{1:2}", '{"a"}', '{"a":1,}', '{"a":1 "b":2}', '{"a":1'])
def test_a_text_that_is_no_object_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=r"."):
        raw_json.cells(text)


PLAIN = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["id", "a", 'b"\\', "", "é\n", "ID"]), VALUES, min_size=1),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\t")]),
)
def test_columns_have_the_text_of_each_cell(
    rows: list[dict[str, object]], separators: tuple[str, str]
) -> None:
    """Of rows with the same columns or with others; a cell that is not there is null."""
    body = json.dumps(rows, separators=separators, ensure_ascii=len(rows) % 2 == 0).encode()
    cells = [raw_json.cells(text) for text in raw_json.split(body)]
    names = dict.fromkeys(name for row in cells for name in row)
    found = {
        name: [bytes(cell).decode() for cell in column]
        for name, column in raw_columns(Batch(body)).texts.items()
    }
    assert found == {name: [row.get(name, "null") for row in cells] for name in names}
    assert list(found) == list(names)


def test_half_of_a_surrogate_pair_does_not_stop_a_column() -> None:
    body = rb'[{"id":1,"a":"\ud800"},{"id":2}]'
    found = {name: list(map(bytes, column)) for name, column in raw_columns(Batch(body)).texts.items()}
    assert found == {"id": [b"1", b"2"], "a": [rb'"\ud800"', b"null"]}
