"""The reference page says of every setting what the code says."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from supasync_core.config.declarations import DEFAULTS, TABLE, TOP, Field, defaults_of
from supasync_core.config.other_settings import BUDGETS, CUTOVER
from supasync_core.model.table import Table
from tests.config.host import ENVIRON, read

PAGE = (Path(__file__).parents[2] / "docs/reference/tables-yaml.md").read_text(encoding="utf-8")


def rows(fields: Sequence[Field], *, marked: bool) -> str:
    """The page's table of these settings; marked says which may stand under ``defaults``."""
    head = ["setting", "value", "default", *(["shared"] if marked else []), "meaning"]
    lines = [head, ["---"] * len(head)] + [_row(field, marked=marked) for field in fields]
    return (
        "\n".join("| " + " | ".join(line) + " |" for line in lines).replace("| --- | --- ", "|---|---") + "\n"
    )


def _row(field: Field, *, marked: bool) -> list[str]:
    name = f"**`{field.name}`**" if field.required else f"`{field.name}`"
    default = "" if field.default is None else f"`{field.default}`"
    mark = ["✓" if field.shared else ""] if marked else []
    return [name, field.kind, default, *mark, field.doc]


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
    def cells(text: str) -> list[list[str]]:
        return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]

    start = PAGE.index("| setting | value | default | ", PAGE.index(f"\n{heading}\n"))
    documented = PAGE[start : PAGE.index("\n\n", start)]
    assert cells(documented) == cells(rows(fields, marked=marked).replace("|---|---", "| --- | --- "))


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
        "transform",
        "deletes",
        "compare_every",
        "refused_per_run",
        "refused_in_all",
        "schema",
    ]
