"""No collation and no expression in a DuckDB file decides what a value is: such a column is refused."""
# ruff: noqa: S608 - fixed names

import itertools
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supasync_core.model.errors import SchemaError, SupasyncError
from supasync_core.model.table import Table
from supasync_core.staging.connection import open_to_read, open_to_write
from supasync_core.staging.duckdb_tables import Tables
from tests.diff.calling import call

BYTES = ("c", "posix")
"""Collations of DuckDB that compare bytes."""
OTHERS = [
    name
    for (name,) in duckdb.execute("SELECT collname FROM pragma_collations()").fetchall()
    if name.lower() not in (*BYTES, "binary")
]
PLACES = {
    "{}": "VARCHAR",
    "[{}]": "list",
    "[[{}]]": "list in a list",
    "array_value({0}, {0})": "array",
    "{{'a': {}}}": "struct",
    "{{'a': [{{'b': {}}}]}}": "struct in a list in a struct",
    "map([{}], [1])": "key of a map",
    "map([1], [{}])": "value of a map",
    "union_value(a := {})": "union",
    "CAST({} AS VARCHAR)": "cast",
    "{} || ''": "concatenation",
    "coalesce({}, 'x')": "choice",
}
"""How a text with a collation comes into another column: each keeps it, in the file too."""
CONFIG = """
version: 1
source: {backend: duckdb, path: old.duckdb}
sink: {backend: duckdb, path: new.duckdb}
tables:
  users: {key: id, strategy: snapshot}
  sound: {key: id, strategy: snapshot}
"""


def made(path: Path, *statements: str) -> Path:
    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


def users(path: Path, columns: str, *rows: str) -> Path:
    sound = "create table sound (id varchar, name varchar)", "insert into sound values ('1', 'a')"
    inserted = f"insert into users (id, name) values {', '.join(rows)}"
    return made(path, f"create table users ({columns})", inserted, *sound)


def project(folder: Path) -> Path:
    (folder / "tables.yaml").write_text(CONFIG)
    return folder


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(
    st.sampled_from(OTHERS) | st.sampled_from(("de.nocase", "nocase.noaccent", "da.nocase.noaccent")),
    st.sampled_from(("name", 'a "b" COLLATE c')),
)
def test_no_collation_is_read_wherever_it_is(
    tmp_path_factory: pytest.TempPathFactory, collation: str, name: str
) -> None:
    column = '"' + name.replace('"', '""') + '"'
    path = made(
        tmp_path_factory.mktemp("given") / "given.duckdb",
        f'create table origin (id integer, v varchar collate "{collation}")',
        *(
            f"create table t{i} as select id, {place.format('v')} as {column} from origin"
            for i, place in enumerate(PLACES)
        ),
    )
    with closing(open_to_read(path)) as connection:
        for i, place in enumerate(PLACES):
            table = Table(name=f"t{i}")
            assert Tables(connection).has(table)
            with pytest.raises(SchemaError, match="has the collation") as raised:
                Tables(connection).kinds(table)
            assert f"the column {name} in" in str(raised.value), place


@pytest.mark.parametrize("collation", BYTES)
def test_a_collation_that_compares_bytes_is_read(tmp_path: Path, collation: str) -> None:
    path = users(tmp_path / "given.duckdb", f"id varchar, name varchar collate {collation}", "('1', 'a')")
    with closing(open_to_read(path)) as connection:
        assert list(Tables(connection).existing(Table(name="users"))) == ["id", "name"]
        assert connection.execute("select name = 'A', name < 'B' from main.users").fetchall() == [
            (False, False)
        ]


def test_every_type_without_a_collation_is_read(tmp_path: Path) -> None:
    types = (
        "varchar, char(3), json, blob, bit, uuid, timestamptz, interval, decimal(3, 1), double, hugeint, "
        'varchar[], varchar[3], struct(a varchar, "b COLLATE c" json), map(varchar, json), '
        "union(a varchar, b int), enum('x', 'GENERATED ALWAYS AS (1)'), own"
    )
    columns = ", ".join(f"c{i} {kind}" for i, kind in enumerate(_split(types)))
    path = made(
        tmp_path / "given.duckdb",
        "create type own as varchar",
        f"""create table users ({columns}, "COLLATE nocase" varchar default 'GENERATED ALWAYS AS (1)')""",
    )
    with closing(open_to_read(path)) as connection:
        assert len(Tables(connection).existing(Table(name="users"))) == len(_split(types)) + 1


def _split(types: str) -> list[str]:
    """The types of a list, whose own commas stand in brackets."""
    depths = itertools.accumulate((letter == "(") - (letter == ")") for letter in types)
    marked = (
        ";" if letter == "," and not depth else letter for letter, depth in zip(types, depths, strict=True)
    )
    return "".join(marked).split(";")


COLUMNS = {
    "a value": "id varchar, name varchar collate nocase",
    "a key": "id varchar collate nocase, name varchar",
    "a primary key": "id varchar collate nocase primary key, name varchar",
    "accents": "id varchar, name varchar collate noaccent",
}
EXPRESSIONS = {
    "a setting": "current_setting('temp_directory')",
    "a constant": "'a'",
    "another value each time": "cast(random() as varchar)",
}


REFUSED = {
    "name varchar collate nocase": "has the collation nocase",
    "name varchar, g varchar as (upper(name))": "is computed by SQL",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", COLUMNS)
def test_diff_takes_no_two_texts_for_equal(tmp_path: Path, kind: str) -> None:
    users(tmp_path / "given.duckdb", COLUMNS[kind], "('A', 'É')", "('b', 'x')")
    users(tmp_path / "good.duckdb", "id varchar, name varchar", "('a', 'é')", "('b', 'x')")
    for sides in itertools.permutations(("given.duckdb", "good.duckdb")):
        done = call(tmp_path, "diff", *sides, "--key", "id")
        assert done.code == 2, done.out
        assert "given.duckdb has the collation" in done.err
    assert call(tmp_path, "diff", *sides, "--key", "id", "--table", "sound").code == 0


@pytest.mark.parametrize("kind", EXPRESSIONS)
def test_diff_runs_no_generated_column(tmp_path: Path, kind: str) -> None:
    made(
        tmp_path / "given.duckdb",
        f"create table users (id varchar, name varchar as ({EXPRESSIONS[kind]}))",
        "insert into users (id) values ('1')",
    )
    users(tmp_path / "good.duckdb", "id varchar, name varchar", "('1', 'a')")
    for sides in itertools.permutations(("given.duckdb", "good.duckdb")):
        done = call(tmp_path, "diff", *sides, "--key", "id", "--format", "jsonl")
        assert (done.code, done.out) == (2, "")
        assert "the column name in" in done.err
        assert "is computed by SQL" in done.err


@pytest.mark.slow
@pytest.mark.parametrize("column", REFUSED)
def test_a_source_with_such_a_table_copies_the_others_alone(tmp_path: Path, column: str) -> None:
    project(tmp_path)
    users(tmp_path / "old.duckdb", "id varchar, name varchar", "('A', '1')", "('b', '2')")
    assert call(tmp_path, "setup").code == 0
    (tmp_path / "old.duckdb").unlink()
    users(tmp_path / "old.duckdb", f"id varchar, {column}", "('A', '1')", "('a', '2')")
    done = call(tmp_path, "sync")
    assert (done.code, REFUSED[column] in done.err) == (3, True), done.err
    with duckdb.connect(str(tmp_path / "new.duckdb")) as connection:
        assert connection.execute("select count(*) from sound").fetchall() == [(1,)]
    assert "users: not compared" in call(tmp_path, "verify", "--exact").out


@pytest.mark.slow
@pytest.mark.parametrize("column", REFUSED)
def test_a_sink_with_such_a_table_is_neither_written_nor_compared(tmp_path: Path, column: str) -> None:
    project(tmp_path)
    users(tmp_path / "old.duckdb", "id varchar, name varchar", "('A', '1')", "('a', '2')")
    assert call(tmp_path, "setup").code == 0
    made(tmp_path / "new.duckdb", f"create table users (id varchar, {column})")
    done = call(tmp_path, "sync")
    assert (done.code, REFUSED[column] in done.err) == (3, True), done.err
    with duckdb.connect(str(tmp_path / "new.duckdb")) as connection:
        assert connection.execute("select count(*) from users").fetchall() == [(0,)]
    for command in (("verify", "--exact"), ("diff", "old", "new"), ("reconcile", "old", "new", "--apply")):
        done = call(tmp_path, *command)
        assert (done.code in {2, 3}, REFUSED[column] in done.out + done.err) == (True, True), done


def test_reconcile_plans_nothing_by_a_collation(tmp_path: Path) -> None:
    users(tmp_path / "given.duckdb", "id varchar, name varchar collate nocase", "('1', 'SECRET')")
    users(tmp_path / "new.duckdb", "id varchar, name varchar", "('1', 'secret')")
    done = call(tmp_path, "reconcile", "given.duckdb", "new.duckdb", "--key", "id", "--apply")
    assert (done.code, "has the collation" in done.err) == (3, True), done


CODE = {
    "a default": "create table kept.sighted (source varchar default repeat('x', 9), name varchar)",
    "a generated column": "create table gap.memory (name varchar, value varchar as (upper(name)))",
    "a check": "create table gap.memory (name varchar, value varchar check (length(repeat(value, 9)) > 0))",
    "an index": "create table gap.memory (name varchar); create index i on gap.memory (lower(name))",
}


@pytest.mark.parametrize("kind", CODE)
def test_a_file_of_our_own_holds_no_expression(tmp_path: Path, kind: str) -> None:
    path = made(tmp_path / "staging.duckdb", "create schema gap; create schema kept", CODE[kind])
    with pytest.raises(SupasyncError, match="never runs SQL stored in a file"):
        open_to_write(path, loads=True)


def test_a_state_table_with_a_collation_is_not_believed(tmp_path: Path) -> None:
    project(tmp_path)
    users(tmp_path / "old.duckdb", "id varchar, name varchar", "('A', '1')")
    assert call(tmp_path, "setup").code == 0
    made(tmp_path / "new.duckdb", "alter table sync_metadata alter run_id type varchar collate nocase")
    done = call(tmp_path, "sync")
    assert (done.code, "has the collation nocase" in done.err) == (3, True), done
