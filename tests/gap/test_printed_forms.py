"""What a type prints is accepted from a file; what PostgreSQL would read as another value is not."""
# ruff: noqa: S608 - types of a list of ours

import json
import re
from collections.abc import Iterator

import duckdb
import psycopg
import pytest

from supasync_core.model.printed_forms import form
from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

VALUES = {
    "date": ("2024-02-29", "0044-03-15 BC", "infinity", "-infinity", "12345-01-01"),
    "timestamp without time zone": ("2024-01-01 00:00:00", "2024-01-01 10:00:00.5", "0044-03-15 00:00:00 BC"),
    "timestamp with time zone": ("2024-01-01 00:00:00+00", "1883-01-01 00:00:00.000001+00", "infinity"),
    "time without time zone": ("10:00:00", "24:00:00", "23:59:59.999999"),
    "time with time zone": ("10:00:00+05:30", "10:00:00.5-08"),
    "interval": ("1 year -2 mons +3 days -04:05:06.7", "00:00:00", "-00:00:00.5", "1 mon 10:00", "999:00:00"),
    "money": ("$1.00", "-$1,234,567.89", "0"),
    "daterange": ("[2024-01-01,2024-02-01)", "empty", "(,)", "[2024-01-01,)", "[2024-01-01,infinity]"),
    "tsrange": ('["2024-01-01 00:00:00","2024-01-02 00:00:00.5")',),
    "tstzrange": ('("2024-01-01 00:00:00+00",)', "empty"),
    "int4range": ("[1,5)", "[-5,-1)"),
    "numrange": ("[1.50,2e3]", "(,NaN)"),
    "datemultirange": ("{}", "{[2024-01-01,2024-02-01),[2025-01-01,)}"),
}
"""By type, values that it holds."""
STYLES = ("set intervalstyle = 'postgres'", "set intervalstyle = 'iso_8601'")
MISREAD = (
    ("d", "2/1/26"),
    ("d", "2026-01-02 10:00:00"),
    ("d", "tomorrow"),
    ("tn", "2026-01-02 10:00:00+05"),
    ("tn", "2026-01-02 10:00:00.1234567"),
    ("ts", "now"),
    ("tm", "now"),
    ("tm", "10:00 PM"),
    ("m", '"1,00"'),
    ("m", '"1,2345.00"'),
    ("iv", "1 mon 30"),
    ("iv", "1.5 days"),
    ("r", '"[01/02/2026,02/01/2026)"'),
    ("r", '"[yesterday,tomorrow)"'),
    ("tr", '"[01/02/2026 00:00,02/03/2026 00:00)"'),
    ("tr", '"[today,tomorrow)"'),
    ("mr", '"{[01/02/2026,02/01/2026)}"'),
    ("da", '"{01/02/2026}"'),
    ("da", '"[""2024-01-01"",""today""]"'),
    ("ra", '"{""[01/02/2026,02/01/2026)""}"'),
)
"""Cells that PostgreSQL takes, each as a value that the cell does not name alone."""
TABLE = (
    ROLES
    + """
create table public.t (id int primary key, d date, ts timestamptz, tn timestamp, tm time, iv interval,
  m money, r daterange, tr tstzrange, mr datemultirange, da date[], ra daterange[], updated_at timestamptz);
grant usage on schema public to service_role; grant all on all tables in schema public to service_role;
"""
)


@pytest.fixture(scope="module")
def space(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    config = ENDS + "tables:\n  t: {}\n"
    with between(cluster, tmp_path_factory.mktemp("misread"), TABLE, TABLE, config) as made:
        (made.folder / "export").mkdir()
        yield made.ready()


def whole(kind: str, text: str) -> bool:
    """Whether the text has the type's form, to Python and to DuckDB alike."""
    pattern = form(kind) or ""
    (told,) = duckdb.execute("select regexp_full_match(?, ?)", [text, pattern]).fetchone() or (None,)
    assert told is bool(re.fullmatch(pattern, text)), (pattern, text)
    return bool(told)


def test_all_that_a_type_prints_has_its_form(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        for style in STYLES:
            connection.execute(style)
            for kind, values in VALUES.items():
                several = list(values)
                printed = connection.execute(
                    f"select v::{kind}::text from unnest(%s::text[]) v", [several]
                ).fetchall()
                as_array, as_json = connection.execute(
                    f"select a::text, to_jsonb(a)::text from (select %s::text[]::{kind}[] || null::{kind} a)",
                    [several],
                ).fetchone() or ("", "")
                for (text,) in printed:
                    assert whole(kind, text), (kind, text)
                assert whole(f"{kind}[]", as_array), (kind, as_array)
                assert whole(f"{kind}[]", as_json), (kind, as_json)


@pytest.mark.parametrize("kind", ["date", "timestamp with time zone", "daterange", "interval"])
def test_nested_and_empty_arrays_have_the_form(kind: str) -> None:
    one = {"daterange": '"[2024-01-01,)"', "interval": '"1 day"'}.get(kind, '"2024-01-01 00:00:00+00"')
    one = '"2024-01-01"' if kind == "date" else one
    for text in (
        "{}",
        "[]",
        f"{{{{{one}}},{{NULL}}}}",
        f"[2:3]={{{one},{one}}}",
        f"[[{one}, null], [{one}]]",
    ):
        assert whole(f"{kind}[]", text), text


def test_a_cell_that_postgresql_would_read_as_another_value_is_not_sent(space: Workspace) -> None:
    head = ["id", "d", "ts", "tn", "tm", "iv", "m", "r", "tr", "mr", "da", "ra", "updated_at"]
    for name in head[1:-1]:
        cells = [cell for column, cell in MISREAD if column == name]
        if not cells:
            continue
        lines = [
            ",".join(cell if each == name else str(row) if each == "id" else "" for each in head)
            for row, cell in enumerate(cells, 1)
        ]
        space.write("export/t.csv", "\n".join([",".join(head), *lines, ""]))
        report = space.folder / "found.json"
        done = space.supasync("gap", "import", "export", "--yes", "--report", str(report))
        assert done.code == 3, (name, done.out, done.err)
        found = json.loads(report.read_text())
        assert [(each["kind"], each["column"]) for each in found] == [("type", name)] * len(cells)
    assert space.new.rows("select * from public.t") == []
