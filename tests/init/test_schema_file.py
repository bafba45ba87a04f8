"""Beside tables.yaml lies a schema for editors, as long as tables.yaml names it."""

import json
from pathlib import Path

import pytest

from supasync_core.config.json_schema import FIRST_LINE
from tests.diff.calling import call


@pytest.fixture
def drafted(tmp_path: Path) -> Path:
    (tmp_path / "users.csv").write_text("id,name\n1,a\n")
    assert call(tmp_path, "init", "--from", ".").code == 0
    (tmp_path / "tables.yaml").write_text(
        f"{FIRST_LINE}\nversion: 1\n"
        "source: {backend: csv, path: .}\nsink: {backend: duckdb, path: new.duckdb}\n"
        "tables: {users: {key: id, strategy: snapshot}}\n"
    )
    return tmp_path


def test_init_writes_the_schema_that_its_first_line_names(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("id,name\n1,a\n")
    assert call(tmp_path, "init", "--from", ".").code == 0
    assert (tmp_path / "tables.yaml").read_text().startswith(f"{FIRST_LINE}\n")
    written = json.loads((tmp_path / "tables.schema.json").read_text())
    backends = [
        each["properties"]["backend"].get("const") for each in written["properties"]["source"]["anyOf"]
    ]
    assert {"rest", "postgres", "csv", "duckdb"} <= set(backends)


def test_what_a_plugin_of_the_project_brings_is_in_the_schema_after_another_init(drafted: Path) -> None:
    (drafted / "own.py").write_text(
        "from supasync_core import hookimpl\n\n\n@hookimpl\n"
        "def supasync_register_transforms(registry):\n    registry.add('mask_ip', lambda row: row)\n"
    )
    (drafted / "own.py").chmod(0o600)
    file = drafted / "tables.yaml"
    file.write_text(f"{file.read_text()}plugins: own.py\n")
    assert "mask_ip" not in (drafted / "tables.schema.json").read_text()
    done = call(drafted, "init", "--from", ".")
    assert done.code == 0, done.out + done.err
    assert "mask_ip" in (drafted / "tables.schema.json").read_text()


def test_a_file_that_names_no_schema_gets_none(drafted: Path) -> None:
    (drafted / "tables.schema.json").unlink()
    file = drafted / "tables.yaml"
    file.write_text(file.read_text().removeprefix(f"{FIRST_LINE}\n"))
    assert call(drafted, "init", "--from", ".").code == 0
    assert not (drafted / "tables.schema.json").exists()


def test_neither_a_link_nor_a_schema_of_somebody_else_is_replaced(drafted: Path) -> None:
    schema, other = drafted / "tables.schema.json", drafted / "old.duckdb"
    other.write_text("rows of OLD")
    for made in (lambda: schema.symlink_to(other), lambda: schema.write_text('{"mine": 1}')):
        schema.unlink()
        made()
        done = call(drafted, "init", "--from", ".")
        assert done.code == 0, done.err
        assert "tables.schema.json is not replaced: supasync has not written such a file there" in done.err
    assert (other.read_text(), schema.read_text()) == ("rows of OLD", '{"mine": 1}')
