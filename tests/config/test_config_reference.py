"""The reference page has every setting, and its default, as the code has them."""

import re
from pathlib import Path
from typing import Any

from supasync_core.config.declarations import defaults_of
from supasync_core.config.table_declarations import DEFAULTS, TABLE
from supasync_core.model.table import Table
from tests.config.host import ENVIRON, read

PAGE = (Path(__file__).parents[2] / "docs/reference/tables-yaml.md").read_text(encoding="utf-8")


def test_the_documented_defaults_of_a_table_are_those_of_the_code() -> None:
    assert Table(name="t", **defaults_of(TABLE)) == Table(name="t")


def test_the_example_of_the_page_loads(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    (tmp_path / "my_transforms.py").touch()
    settings = read(tmp_path, found[1], ENVIRON)
    assert [table.name for table in settings.tables] == ["users", "jobs", "sessions", "job_tags"]


def test_only_settings_of_tables_are_shared_by_them() -> None:
    names: list[Any] = [field.name for field in DEFAULTS]
    assert names == [
        "key",
        "timestamp",
        "strategy",
        "overlap",
        "page_size",
        "every",
        "transform",
        "deletes",
        "soft_delete",
        "compare_every",
        "refused_per_run",
        "refused_in_all",
        "schema",
    ]
