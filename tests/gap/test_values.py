"""No value is changed in silence: every type goes through every dialect, and what cannot is reported."""
# ruff: noqa: S608 - our own statements

from collections.abc import Iterator

import pytest

from tests.e2e.test_values import SCHEMA, differences, recorded
from tests.e2e.workspace import ENDS, Workspace, between
from tests.gap.dialects import WRITERS
from tests.servers.postgres import Cluster

TABLES = ("every_type", "json_docs", "arrays", "texts", "numbers")
GIVEN = "|".join(TABLES)
ROWS = recorded(rf"insert into public\.(?:{GIVEN})") + "delete from public.json_docs where id = 13;"
CONFIG = ENDS + "".join(["tables:\n", *(f"  {name}: {{strategy: snapshot}}\n" for name in TABLES)])
JSON_NULL = {
    "every_type": {(7, "c_json"): ("null", None), (7, "c_jsonb"): ("null", None)},
    "json_docs": {(2, "doc"): ("null", None), (2, "docb"): ("null", None)},
}
"""What a JSON request cannot carry, whatever the file."""


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with between(cluster, tmp_path_factory.mktemp("values"), SCHEMA + ROWS, SCHEMA, CONFIG) as made:
        yield made.ready().keep()


@pytest.fixture
def space(shared: Workspace) -> Workspace:
    shared.again().old.server.refuse()
    return shared


def export(space: Workspace, dialect: str, *options: str) -> None:
    """Save every table as the dialect writes it."""
    (space.folder / "export").mkdir()
    for query in space.supasync("gap", "sql", "--json", *options).json:
        (space.folder / "export" / query["file"]).write_bytes(WRITERS[dialect](space.old, query["sql"]))


@pytest.mark.parametrize("form", ["psql", "exact"])
def test_every_value_of_every_type_arrives(space: Workspace, form: str) -> None:
    options = ["--exact"] if form == "exact" else []
    export(space, "table-editor" if form == "exact" else form, *options)
    done = space.supasync("gap", "import", "export", "--yes")
    assert done.code == 0, done.out + done.err
    for table in TABLES:
        assert differences(space, table) == JSON_NULL.get(table, {}), table


@pytest.mark.parametrize("dialect", ["table-editor", "sql-editor", "sql-editor-old"])
def test_what_a_dashboard_loses_is_reported_before_anything_is_sent(space: Workspace, dialect: str) -> None:
    export(space, dialect)
    done = space.supasync("gap", "import", "export", "--yes", "--json")
    assert done.code == 3
    found = done.json["findings"]
    stopped = {name for name, table in done.json["tables"].items() if table["blocked"]}
    assert stopped >= {"every_type", "json_docs", "arrays", "texts"}
    assert all(space.new.texts(name) == [] for name in stopped)
    word = "null" if dialect.startswith("sql") else "empty"
    kinds = ("json", "newline", "nan", "rows")
    accepted = [part for kind in kinds for part in ("--accept", kind)]
    done = space.supasync("gap", "import", "export", "--yes", "--json", "--null", word, *accepted)
    assert done.code in (0, 3), done.err
    refused = {(row["table"], *row["key"]) for row in space.supasync("quarantine", "list", "--json").json}
    told = {(row["table"], row["column"]) for row in found if row["column"]}
    for table in TABLES:
        keys = {int(key) for name, key in refused if name == table}
        space.old.run(f"delete from public.{table} where id = any(array{sorted(keys)}::int[])")
        silent = {place for place, cells in differences(space, table).items() if cells != ("-0", "0")}
        assert {(table, column) for _, column in silent} <= told, (table, silent)
