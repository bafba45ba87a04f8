"""A value that is too deep or too long for Python's decoders stops no page: it passes as it stands."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from supasync_core.diff import row_json
from supasync_core.model import pg_literals, raw_json, same_value, transform
from supasync_core.model.batch import Batch
from supasync_core.model.json_budget import whole_rows
from supasync_core.model.table import Table
from supasync_core.model.transform import SameColumns
from tests.e2e.workspace import TABLES_YAML, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

DEEP = "[" * 100_000 + '"]\\""' + "]" * 100_000
LONG = "1" * 5_000
TABLE = Table(name="docs", key=("id",), timestamp=())
BODY = f'[{{"id":1,"j":1}}, {{"id":2,"j":{DEEP}}}, {{"id":3,"j":{LONG}}}]'.encode()


def test_a_page_with_a_deep_row_is_taken_apart() -> None:
    batch = Batch(BODY)
    assert [row["id"] for row in batch.rows] == ["1", "2", "3"]
    assert batch.rows[1]["j"] == DEEP
    assert [raw_json.cells(text)["j"] for text in batch.rows.texts] == ["1", DEEP, LONG]
    assert TABLE.keys(batch) == [("1",), ("2",), ("3",)]
    assert len(set(raw_json.key_hashes(BODY, ("id",)))) == 3
    assert batch.only([1]).body == f'[{{"id":2,"j":{DEEP}}}]'.encode()
    assert whole_rows(BODY[:-2]).count(b'"id"') == 2


def test_a_key_has_one_hash_whatever_its_neighbours_are() -> None:
    """Pages of one column hold whole numbers alone, or others beside them, which are looked at otherwise."""

    def hashes(*keys: str) -> list[int]:
        body = ("[" + ",".join(f'{{"id":{key}}}' for key in keys) + "]").encode()
        found = raw_json.key_hashes(body, ("id",))
        assert found == raw_json.key_hashes(body, ("id",), raw_json.key_values(body, ("id",)))
        return found

    whole = ("1", "-1", "-2", "9223372036854775807")
    assert len(set(hashes(*whole))) == len(whole)
    for other in ("1.5", "9223372036854775808", "1e400"):
        assert hashes(*whole, other)[: len(whole)] == hashes(*whole)
    assert hashes('"1"', '"a"') == hashes('"1"', '"a"', '"\\ud800"')[:2]


@pytest.mark.parametrize("text", [DEEP[:-1], '["', "["])
def test_a_deep_value_without_an_end_is_no_json(text: str) -> None:
    with pytest.raises(ValueError, match=r"has no end|xpect|Untermin"):
        raw_json.split(f"[{text}".encode())


@pytest.mark.slow
def test_a_transform_reads_what_is_beside_a_deep_value_and_numbers_of_any_length() -> None:
    def touch(row: transform.ExactRow) -> transform.ExactRow:
        row["id"] = row["id"]
        if row["id"] == 3:
            row["j"] = row["j"]
        return row

    changed = transform.apply([("touch", touch)], TABLE, Batch(BODY), SameColumns())
    assert [raw_json.cells(text)["j"] for text in changed.rows.texts] == ["1", DEEP, LONG]
    assert transform.ExactRow(f'{{"j":[{LONG}]}}')["j"] == [Decimal(LONG)]


@pytest.mark.slow
def test_a_deep_array_is_no_array() -> None:
    for depth in (7, 100_000):
        assert pg_literals.array("{" * depth + "}" * depth) is None
        assert pg_literals.printed("[" * depth + "]" * depth, "integer") is None
    assert pg_literals.array("{{{{{{1}}}}}}") == [[[[[["1"]]]]]]
    assert pg_literals.printed("[[[[[[1]]]]]]", "integer") == "{{{{{{1}}}}}}"


def test_deep_values_are_compared_by_their_texts() -> None:
    assert same_value.same_cell("jsonb", DEEP, DEEP, lenient=True)
    assert not same_value.same_cell("jsonb", DEEP, "[1]", lenient=True)
    assert not same_value.same_document(DEEP, "[1]", strict=True, lossy=True)
    assert row_json.cell(DEEP, "jsonb") == DEEP
    assert row_json.cell(LONG, "jsonb") == LONG
    assert json.loads(row_json.cell("x", "jsonb")) == "x"


SCHEMA = f"""{ROLES}
create table docs (id int primary key, j json, updated_at timestamptz default now());
grant all on docs to service_role;
"""


LIMIT = """
create function refuse() returns trigger language plpgsql as
$$begin if new.id = 5 then raise exception 'too much' using errcode = '54000'; end if; return new; end$$;
create trigger refuse before insert on docs for each row execute function refuse();
"""


def test_a_value_beyond_the_limits_of_new_is_one_quarantined_row(cluster: Cluster, tmp_path: Path) -> None:
    tables = TABLES_YAML[: TABLES_YAML.index("  users:")] + "  docs: {key: id}\n"
    rows = f"insert into docs select n, '{'[' * 1500 + ']' * 1500}' from generate_series(1, 9) n;"  # noqa: S608
    with between(cluster, tmp_path, SCHEMA + rows, SCHEMA + LIMIT, tables) as space:
        space.ready()
        done = space.supasync("sync")
        assert "docs: 8/9 rows synced" in done.out, done.out + done.err
        assert space.new.rows("select count(*) from docs") == [(8,)]
        assert " 5 " in space.supasync("quarantine", "list").out
