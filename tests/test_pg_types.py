"""Which types take the values of which: what is told as a problem, and what is not."""

import pytest

from supasync_core.model.pg_types import NARROWER, OTHERWISE, SAME, fit
from supasync_core.model.table import Column


def column(text: str) -> Column:
    """``varchar(3)``, ``enum(a b)`` or a type's own name."""
    name, _, inside = text.removesuffix(")").partition("(")
    if name == "enum":
        return Column("c", type="public.mood", values=tuple(inside.split()))
    full = "character varying" if name == "varchar" else name
    return Column("c", type=full, length=int(inside) if inside else None)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("integer", "integer", SAME),
        ("integer", "bigint", OTHERWISE),
        ("bigint", "integer", NARROWER),
        ("bigint", "double precision", NARROWER),
        ("numeric", "double precision", NARROWER),
        ("integer", "text", OTHERWISE),
        ("text", "uuid", NARROWER),
        ("text", "varchar(10)", NARROWER),
        ("varchar(10)", "varchar(20)", OTHERWISE),
        ("varchar(20)", "varchar(10)", NARROWER),
        ("varchar(20)", "varchar", OTHERWISE),
        ("varchar", "varchar(20)", NARROWER),
        ("varchar(20)", "text", OTHERWISE),
        ("json", "jsonb", OTHERWISE),
        ("text", "jsonb", NARROWER),
        ("timestamp with time zone", "timestamp without time zone", OTHERWISE),
        ("timestamp with time zone", "date", NARROWER),
        ("integer[]", "bigint[]", OTHERWISE),
        ("bigint[]", "integer[]", NARROWER),
        ("integer", "integer[]", NARROWER),
        ("enum(a b)", "enum(a b)", SAME),
        ("enum(a b)", "enum(a b c)", OTHERWISE),
        ("enum(a b)", "enum(b a)", OTHERWISE),
        ("enum(a b c)", "enum(a b)", NARROWER),
        ("enum(a b)", "text", OTHERWISE),
        ("text", "enum(a b)", NARROWER),
    ],
)
def test_a_type_fits(old: str, new: str, expected: str) -> None:
    assert fit(column(old), column(new)) == expected


def test_what_is_not_known_is_not_judged() -> None:
    assert fit(Column("c"), column("integer")) == fit(column("integer"), Column("c")) == SAME
