"""Words agree with the numbers beside them."""

from supasync_core.model.wording import counted


def test_one_is_one_and_all_else_is_many() -> None:
    told = [counted(number, "row is", "rows are") for number in (0, 1, 2, 1234)]
    assert told == ["0 rows are", "1 row is", "2 rows are", "1,234 rows are"]
