"""All tables of a DuckDB file, as it declares them."""

from pathlib import Path

import duckdb

from supasync_core.api.backend import Catalog
from supasync_core.model.table import Column
from supasync_duckdb.source import DuckdbSource


def test_keys_foreign_keys_enums_and_views_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TYPE mood AS ENUM ('a''b', 'c, d');"
            "CREATE TABLE users (id BIGINT PRIMARY KEY, mood mood NOT NULL DEFAULT 'c, d');"
            "CREATE TABLE jobs (id INTEGER, part INTEGER, user_id BIGINT REFERENCES users (id), "
            "PRIMARY KEY (id, part));"
            "CREATE VIEW busy AS FROM jobs; CREATE SCHEMA other; CREATE TABLE other.hidden (id INTEGER)"
        )
    source: Catalog = DuckdbSource(path)
    found = source.tables("public")
    assert set(found) == {"users", "jobs", "busy"}
    assert found["users"].column("mood") == Column(
        "mood",
        type="ENUM('a''b', 'c, d')",
        nullable=False,
        key=False,
        default="'c, d'",
        values=("a'b", "c, d"),
    )
    assert found["jobs"].key == ("id", "part")
    assert [column.refers for column in found["jobs"].columns] == [None, None, ("users", "id")]
    assert [name for name, shape in found.items() if shape.view] == ["busy"]
    assert set(source.tables("other")) == {"hidden"}
    assert source.tables("nowhere") == {}
