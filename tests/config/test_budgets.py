"""What projects may use, as tables.yaml says it."""

from pathlib import Path

import pytest

from supasync_core.model.budget import Budgets
from supasync_core.model.errors import ConfigError
from tests.config.host import HEAD, read


def budgets(folder: Path, text: str) -> Budgets:
    return read(folder, f"{HEAD}tables: {{t: {{}}}}\n{text}\n").budgets


def test_without_budgets_nothing_is_limited(tmp_path: Path) -> None:
    assert budgets(tmp_path, "") == Budgets()
    assert not Budgets().monthly


def test_budgets_are_read_with_their_units(tmp_path: Path) -> None:
    text = "budgets: {requests: 50000, egress: 5GB, database: 500MB}\non_budget: stop"
    assert budgets(tmp_path, text) == Budgets(50_000, 5_000_000_000, 500_000_000, stop=True)


@pytest.mark.parametrize(
    ("text", "number"), [("1.5GB", 1_500_000_000), ("250 mb", 250_000_000), ("1TB", 10**12), ("3kB", 3000)]
)
def test_a_size_has_a_unit_of_a_thousand(tmp_path: Path, text: str, number: int) -> None:
    assert budgets(tmp_path, f"budgets: {{egress: {text}}}").egress == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 100_000_000),
        ("budgets: {egress: 50GB}", 1_000_000_000),
        ("compare_egress: 0.5%", 25_000_000),
        ("compare_egress: 100%\nbudgets: {egress: 1GB}", 1_000_000_000),
        ("compare_egress: 1.5 MB", 1_500_000),
    ],
)
def test_comparisons_have_a_part_of_a_months_egress_a_day(tmp_path: Path, text: str, number: int) -> None:
    assert read(tmp_path, f"{HEAD}tables: {{t: {{}}}}\n{text}\n").compare_egress == number


@pytest.mark.parametrize("text", ["0%", "101%", "2", "a lot", "-1%"])
def test_what_is_no_share_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="expected a percentage such as 2%, or a size such as 100MB"):
        read(tmp_path, f"{HEAD}tables: {{t: {{}}}}\ncompare_egress: {text}\n")
