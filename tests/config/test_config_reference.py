"""The reference page has every setting, and its default, as the code has them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from supasync_core.config.declarations import (
    BUDGETS,
    CUTOVER,
    DEFAULTS,
    TABLE,
    TOP,
    Field,
    defaults_of,
)
from supasync_core.model.table import Table
from tests.config.host import ENVIRON, read

PAGE = (Path(__file__).parents[2] / "docs/reference/tables-yaml.md").read_text(encoding="utf-8")


def _cells(field: Field, *, marked: bool) -> list[str]:
    """What the page's table says of a setting besides prose; marked: which may stand under ``defaults``."""
    name = f"**`{field.name}`**" if field.required else f"`{field.name}`"
    default = "" if field.default is None else f"`{field.default}`"
    return [name, default, *(["✓" if field.shared else ""] if marked else [])]


@pytest.mark.parametrize(
    ("fields", "marked", "heading"),
    [
        (TOP, False, "## The file"),
        (BUDGETS, False, "### budgets"),
        (CUTOVER, False, "### cutover"),
        (TABLE, True, "## Each table"),
    ],
)
def test_every_setting_is_documented_and_none_is_invented(
    fields: Sequence[Field],
    marked: bool,  # noqa: FBT001
    heading: str,
) -> None:
    start = PAGE.index("| setting | value | default | ", PAGE.index(f"\n{heading}\n"))
    lines = PAGE[start : PAGE.index("\n\n", start)].splitlines()[2:]
    documented = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    shown = [[name, *others] for name, _, *others, _ in documented]
    assert shown == [_cells(field, marked=marked) for field in fields]
    assert all(value and meaning for _, value, *_, meaning in documented)


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
