"""What a person does about rows that PostgreSQL refuses, by SQLSTATE (documentation, appendix A)."""

from typing import Final

_HINTS: Final = {
    "23503": "copy the table that it refers to first (depends_on:). If that table is not copied, like "
    "auth.users, drop the foreign key in NEW until the switch (supasync schema sql --foreign-keys off), or "
    "copy those rows yourself",
    "23505": "another row there has the same value in a unique column: change or delete that row there",
    "22P02": "fix the value in OLD. An array of jsonb whose elements are JSON arrays cannot travel as JSON: "
    "copy that row by SQL",
    "23502": "fill it in OLD, or allow NULL in NEW; the JSON null of a json column arrives as NULL over REST",
    "22P05": "PostgreSQL cannot store \\u0000: replace it in that row's text in OLD",
}
_USUAL: Final = "fix the row in OLD, or the column or constraint in NEW; nothing of its batch was written"


def row_hint(sqlstate: str) -> str:
    """The sentence for the rows of a batch that was refused with this code."""
    return _HINTS.get(sqlstate, _USUAL)
