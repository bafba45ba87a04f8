"""What a value of tables.yaml looks like, in JSON Schema: what editors complete and check with.

A form admits whatever the setting accepts, and a reference to the environment wherever a text may stand. YAML
1.2, which editors read, takes ``7`` for a number and ``true`` for a truth, where supasync reads a text.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

Form = Mapping[str, Any]

REFERENCE: Final[Form] = {"type": "string", "pattern": r"\$\{"}
"""A text with a reference to the environment, whose value no editor knows."""
TEXT: Final[Form] = {"type": ["string", "number", "boolean"], "pattern": r"\S"}
"""A text that is not empty; the pattern applies to texts alone."""
TEXTS: Final[Form] = {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}
NAMES: Final[Form] = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "uniqueItems": True}]}
SOME_NAMES: Final[Form] = {
    "anyOf": [TEXT, {"type": "array", "items": TEXT, "uniqueItems": True, "minItems": 1}]
}
SECTION: Final[Form] = {"type": "object"}


def or_nothing(form: Form) -> Form:
    """The form, or an empty value."""
    return {"anyOf": [form, {"type": "null"}]}


def referable(*forms: Form) -> Form:
    """One of the forms, or a reference."""
    return {"anyOf": [*forms, REFERENCE]}


def whole_number(least: int, most: int) -> Form:
    """A whole number within bounds."""
    return referable({"type": "integer", "minimum": least, "maximum": most}, pattern("[0-9]{1,9}"))


def pattern(expression: str) -> Form:
    """A text that the expression matches as a whole."""
    return {"type": "string", "pattern": f"^(?:{expression})$"}


def any_case(those: Iterable[str]) -> Form:
    """One of the words, in capitals or not."""
    return pattern(
        "|".join("".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in word) for word in those)
    )


def words(those: Sequence[str]) -> Form:
    """One of the words."""
    return referable({"enum": list(those)})
