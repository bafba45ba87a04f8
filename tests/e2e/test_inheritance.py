"""Tables that show rows of others (INHERITS) are named and refused; partitions are copied by their parent."""

from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, TABLES_YAML, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

PLAIN = """
create table animals (id int primary key, name text, updated_at timestamptz not null default '2024-01-01');
create table cats (id int primary key, name text, updated_at timestamptz not null default '2024-01-01',
  lives int);
create table parts (id int primary key, updated_at timestamptz not null default '2024-01-01')
  partition by range (id);
create table parts_1 partition of parts for values from (1) to (10);
create table parts_2 partition of parts for values from (10) to (20);
"""
HEIRS = PLAIN + "create table dogs (bark text, primary key (id)) inherits (animals);"
ALONE = PLAIN + (
    "create table dogs (id int primary key, name text, updated_at timestamptz not null default '2024-01-01', "
    "bark text);"
)
GRANT = "grant all on all tables in schema public to service_role;"
CONFIG = ENDS + "tables:\n  animals: {}\n  dogs: {}\n  cats: {}\n  parts: {}\n"
ROWS = (
    "insert into dogs values (2, 'rex', '2024-01-01', 'wau'); insert into cats values (1, 'tom');"
    "insert into parts select g from generate_series(1, 15) g;"
)


@pytest.mark.parametrize("own", ["", "insert into animals values (1, 'cat');"], ids=["empty", "rows"])
@pytest.mark.parametrize(("old", "new"), [(HEIRS, HEIRS), (HEIRS, ALONE), (ALONE, HEIRS)])
def test_a_parent_is_refused_before_a_row_is_sent_and_the_others_arrive(
    cluster: Cluster, tmp_path: Path, old: str, new: str, own: str
) -> None:
    with between(cluster, tmp_path, ROLES + old + GRANT, ROLES + new + GRANT, CONFIG) as space:
        space.ready().old.run(ROWS.replace("rex', '2024-01-01', 'wau'", "rex'") if old == ALONE else ROWS)
        space.old.run(own or "select 1")
        done = space.supasync("check")
        assert done.code == 3
        side = "OLD" if old == HEIRS else "NEW"
        assert f"animals: {side} shows rows of dogs in it too (INHERITS)" in done.out
        assert "cats" not in done.out.partition("problem")[2]
        done = space.supasync("sync")
        assert done.code == 3
        assert "parts: failed" not in done.err, done.out + done.err
        assert "animals: failed" in done.err
        assert "no row was sent" in done.err
        space.assert_equal("dogs", "cats", "parts")
        assert space.new.rows("select count(*) from only animals") == [(0,)]


def test_init_names_a_parent_whose_rows_would_go_twice(cluster: Cluster, tmp_path: Path) -> None:
    with between(cluster, tmp_path, ROLES + HEIRS + GRANT, ROLES + HEIRS + GRANT, CONFIG) as space:
        space.old.run(ROWS)
        (tmp_path / "tables.yaml").unlink()
        done = space.supasync("init", "--json")
        assert done.code == 0, done.err
        assert "problem: animals: OLD shows rows of dogs in it too (INHERITS)" in done.err
        assert "take animals out of tables.yaml and copy dogs" in done.err
        assert done.json["twice"] == ["animals", "parts"], "partitions that are shown go twice as well"


def test_a_parent_is_not_imported_from_files_either(cluster: Cluster, tmp_path: Path) -> None:
    with between(cluster, tmp_path, ROLES + HEIRS + GRANT, ROLES + HEIRS + GRANT, CONFIG) as space:
        space.ready().old.run(ROWS)
        (tmp_path / "export").mkdir()
        for name in ("animals", "dogs"):
            space.write(f"export/{name}.csv", space.old.csv(f"table {name}"))
        done = space.supasync("gap", "import", "export", "--yes")
        assert done.code == 3, done.out + done.err
        assert "NEW shows rows of dogs in it too (INHERITS)" in done.err
        space.assert_equal("dogs")
        assert space.new.rows("select count(*) from only animals") == [(0,)]


def test_a_partition_is_not_taken_for_its_parent(cluster: Cluster, tmp_path: Path) -> None:
    config = ENDS + "tables: {parts: {}, parts_1: {}}"
    with between(cluster, tmp_path, ROLES + PLAIN + GRANT, ROLES + PLAIN + GRANT, config) as space:
        space.ready().old.run(ROWS.split("insert into cats")[1].split(";")[1])
        done = space.supasync("sync")
        assert done.code == 3, done.out + done.err
        assert "parts_1: failed" not in done.out + done.err
        assert "parts: failed" in done.err
        space.assert_equal("parts_1")


def test_descendants_at_any_depth_are_named(cluster: Cluster, tmp_path: Path) -> None:
    stamp = "updated_at timestamptz not null default '2024-01-01'"
    tables = f"""
    create table animals (id int primary key, {stamp});
    create table dogs (primary key (id)) inherits (animals);
    create table puppies (primary key (id)) inherits (dogs);
    create table parts (id int, kind int, {stamp}, primary key (id, kind)) partition by range (id);
    create table parts_1 partition of parts for values from (1) to (10) partition by list (kind);
    create table parts_1_a partition of parts_1 for values in (1);
    """
    config = ENDS + "tables: {animals: {}, puppies: {}, parts: {}, parts_1_a: {}}"
    with between(cluster, tmp_path, ROLES + tables + GRANT, ROLES + tables + GRANT, config) as space:
        space.new.run(space.supasync("schema", "sql").out)
        done = space.supasync("check")
        assert done.code == 3
        assert "animals: NEW shows rows of dogs, puppies in it too (INHERITS)" in done.out
        assert "parts and its partitions parts_1_a are all declared" in done.out


def test_a_child_that_came_later_is_found_by_what_a_run_reads_back_and_by_verify(
    cluster: Cluster, tmp_path: Path
) -> None:
    with between(cluster, tmp_path, ROLES + HEIRS + GRANT, ROLES + HEIRS + GRANT, CONFIG) as space:
        space.write("tables.yaml", CONFIG.replace("  animals: {}\n", ""))
        space.ready().old.run(ROWS)
        assert space.supasync("sync").code == 0
        space.write("tables.yaml", CONFIG)
        space.new.run("insert into animals select id, name, updated_at from dogs")
        for options in ([], ["--exact"]):
            done = space.supasync("verify", "--table", "animals", "--json", *options)
            found = done.json["tables"]["animals"]
            assert (done.code, found["equal"], found["repeated"]) == (1, False, [["2"]])


def test_tables_of_the_same_columns_are_asked_once_each(cluster: Cluster, tmp_path: Path) -> None:
    count = 12
    made = "".join(f"create table log_{n} (id int primary key, t text);" for n in range(count))
    rows = "".join(f"insert into log_{n} values (1, 'x');" for n in range(count))  # noqa: S608 - fixed names
    schema = f"{ROLES}{made} grant all on all tables in schema public to service_role;"
    entries = "".join(f"  log_{n}: {{key: id, strategy: snapshot}}\n" for n in range(count))
    tables = TABLES_YAML[: TABLES_YAML.index("  users:")] + entries
    with between(cluster, tmp_path, schema + rows, schema, tables) as space:
        space.ready()
        space.old.server.reset()
        assert space.supasync("sync").code == 0
        asked = [each for each in space.old.server.requests() if "tableoid" in str(each)]
        assert len(asked) <= 2 * count
        space.old.server.reset()
        assert space.supasync("check").code == 0
        asked = [each for each in space.old.server.requests() if "tableoid" in str(each)]
        assert len(asked) <= 2 * count
