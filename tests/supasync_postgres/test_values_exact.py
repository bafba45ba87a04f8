"""Every value arrives as it is, also what JSON cannot carry: compared in PostgreSQL's own text."""

from collections.abc import Iterator

import pytest

from tests.e2e.test_values import (
    LOST,
    REFUSED,
    RESPELLED,
    ROWS,
    SCHEMA,
    SETTINGS,
    TABLES,
    assert_nothing_else_is_lost,
    cells,
    differences,
    done,
)
from tests.e2e.workspace import Workspace, between
from tests.servers.postgres import Cluster

POSTGRES = """\
version: 1
source: {backend: postgres, url: "${OLD_DATABASE_URL}", project: "${OLD_SUPABASE_URL}"}
sink:   {backend: postgres, url: "${NEW_DATABASE_URL}", project: "${SUPABASE_URL}"}
"""
REST = """\
version: 1
source: {backend: rest, url: "${OLD_SUPABASE_URL}", key: "${OLD_SUPABASE_SERVICE_ROLE_KEY}"}
sink:   {backend: rest, url: "${SUPABASE_URL}", key: "${SUPABASE_SERVICE_ROLE_KEY}"}
"""
ALL = SETTINGS + "".join(f"  {name}: {{strategy: snapshot}}\n" for name in REFUSED)


@pytest.fixture(scope="module")
def space(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with between(cluster, tmp_path_factory.mktemp("values"), SCHEMA + ROWS, SCHEMA) as running:
        for name, end in (("OLD_DATABASE_URL", running.old), ("NEW_DATABASE_URL", running.new)):
            running.environment[name] = cluster.url(end.database)
        running.write("tables.yaml", f"{POSTGRES}tables:\n{ALL}")
        running.new.run(running.supasync("schema", "sql").out)
        yield running


@pytest.fixture
def fresh(space: Workspace) -> Workspace:
    space.new.run(f"truncate {', '.join([*TABLES, *REFUSED, 'sync_metadata'])}")
    return space


def test_from_postgres_to_postgres_every_value_arrives_exactly(fresh: Workspace) -> None:
    done(fresh, "setup")
    done(fresh, "sync")
    for table in (*TABLES, *REFUSED):
        assert cells(fresh.old, table)
        assert differences(fresh, table) == {}, table
    verified = done(fresh, "verify", "--json").json["tables"]
    assert {table["method"] for table in verified.values()} == {"digests"}


ODD = (
    *("array_nulls = off", "standard_conforming_strings = off", "escape_string_warning = off"),
    *("quote_all_identifiers = on", "transform_null_equals = on", "client_encoding = 'LATIN1'"),
    *("DateStyle = 'German'", "IntervalStyle = 'sql_standard'", "TimeZone = 'Asia/Kathmandu'"),
    *("extra_float_digits = -15", "bytea_output = 'escape'", "xmloption = 'document'", "xmlbinary = 'hex'"),
    *("lc_monetary = 'C'", "search_path = 'nowhere'", "default_transaction_isolation = 'serializable'"),
    *("session_replication_role = 'replica'", "synchronous_commit = off", "gin_fuzzy_search_limit = 1"),
)
"""Settings by which a database could have values read or written otherwise."""


def test_no_setting_of_a_database_changes_a_value(fresh: Workspace) -> None:
    ends = (fresh.old, fresh.new)
    for end in ends:
        end.run(";".join(f"alter database {end.database} set {setting}" for setting in ODD))
    try:
        for words in (["setup"], ["sync"], ["verify"]):
            done(fresh, *words)
    finally:
        for end in ends:
            end.run(f"set standard_conforming_strings = on; alter database {end.database} reset all")
    for table in (*TABLES, *REFUSED):
        assert differences(fresh, table) == {}, table


@pytest.mark.parametrize("ends", ["rest to postgres", "postgres to rest"])
def test_beside_rest_every_value_arrives_as_json_carries_it(fresh: Workspace, ends: str) -> None:
    source, sink = (POSTGRES.splitlines()[n] for n in (1, 2))
    rest_source, rest_sink = (REST.splitlines()[n] for n in (1, 2))
    lines = [rest_source, sink] if ends.startswith("rest") else [source, rest_sink]
    fresh.write("mixed.yaml", "\n".join(["version: 1", *lines, f"tables:\n{SETTINGS}"]))
    done(fresh, "--config", "mixed.yaml", "setup")
    done(fresh, "--config", "mixed.yaml", "sync")
    assert_nothing_else_is_lost(fresh)


@pytest.mark.parametrize("ends", ["postgres", "rest"])
def test_copy_reads_every_value_as_json_carries_it(fresh: Workspace, ends: str) -> None:
    """COPY for batches of any size, and through a temporary table in the second run."""
    source = (POSTGRES if ends == "postgres" else REST).splitlines()[1]
    sink = POSTGRES.splitlines()[2]
    fresh.write("copied.yaml", "\n".join(["version: 1", source, sink, f"tables:\n{SETTINGS}"]))
    before, fresh.before = fresh.before, f"{fresh.before}\nimport supasync_postgres.sink as s; s.FEWEST = 1"
    try:
        done(fresh, "--config", "copied.yaml", "setup")
        for full in ([], [argument for table in TABLES for argument in ("--full", table)]):
            done(fresh, "--config", "copied.yaml", "sync", *full)
            for table in TABLES:
                told = cells(fresh.old, table).items()
                respelled = {place: (text, RESPELLED[text]) for place, text in told if text in RESPELLED}
                lost = respelled | LOST.get(table, {}) if ends == "rest" else {}
                assert differences(fresh, table).items() <= lost.items(), table
    finally:
        fresh.before = before


def test_through_a_duckdb_file_every_value_arrives_as_json_carries_it(fresh: Workspace) -> None:
    source, sink = (POSTGRES.splitlines()[n].partition(":")[2] for n in (1, 2))
    staging = "{backend: duckdb, path: staging.duckdb}"
    fresh.write("out.yaml", f"version: 1\nsource: {source}\nsink: {staging}\ntables:\n{SETTINGS}")
    fresh.write("in.yaml", f"version: 1\nsource: {staging}\nsink: {sink}\ntables:\n{SETTINGS}")
    for config in ("out.yaml", "in.yaml"):
        done(fresh, "--config", config, "setup")
        done(fresh, "--config", config, "sync")
    assert_nothing_else_is_lost(fresh)
