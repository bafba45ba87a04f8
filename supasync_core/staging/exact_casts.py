"""Whether a DuckDB column holds a text as it is: DuckDB's own casts round, cut and drop what does not fit."""

from supasync_core.staging.values import (
    FLOATS,
    TIMES,
    VARCHAR,
    WHOLE,
    Kind,
    instant,
    literal,
    parsed,
    plain,
    shortest,
)

_PRINTED = {"float": (7, 8, 9), "double": (16, 17)}
"""Digits that others may print: 1e23 and 9.999999999999999e22 are one float, and either its shortest text."""


def fits(text: str, kind: Kind) -> str:
    """Whether the column holds the text without changing its value."""
    value = parsed(text, kind)
    same = "true"
    match kind.family:
        case family if family in WHOLE or family == "decimal":
            same = f"{shortest(plain(value, kind))} = {shortest(text)}"
        case "date" | "uuid":
            same = f"{plain(value, kind)} = {text}"
        case family if family in TIMES:
            same = f"CAST({value} AS TIMESTAMP) = CAST({instant(text, VARCHAR)} AS TIMESTAMP)"
        case family if family in FLOATS:
            texts = [f"CAST({value} AS VARCHAR)", *(f"printf('%.{n}g', {value})" for n in _PRINTED[family])]
            same = f"{_digits(text)} IN ({', '.join(map(_digits, texts))})"
        case "time":  # it would drop a zone
            same = rf"regexp_full_match({text}, '[0-9:]+(\.[0-9]{{1,6}})?')"
        case "list" | "array" | "struct":
            same = _holds(f"TRY_CAST({text} AS JSON)", kind)
    return f"coalesce({value} IS NOT NULL AND {same}, false)"


def _digits(number: str) -> str:
    """The digits of a number without zeros at either end: the nearest float has the same, or other value."""
    without_exponent = f"regexp_replace({number}, '[eE].*$', '')"
    return f"regexp_replace(regexp_replace({without_exponent}, '[^0-9]', '', 'g'), '^0+|0+$', '', 'g')"


def _holds(value: str, kind: Kind, depth: int = 0) -> str:
    """Whether the column's type holds all that is inside a JSON value; what is NULL fits."""
    absent = f"coalesce(json_type({value}), 'NULL') = 'NULL'"
    match kind.family:
        case "json" | "map" | "union" | "variant":
            return "true"
        case "list" | "array":
            inside = _holds(f"e{depth}", kind.parts[0][1], depth + 1)
            each = f"list_transform(TRY_CAST({value} AS JSON[]), lambda e{depth}: {inside})"
            return f"({absent} OR coalesce(list_bool_and({each}), true))"
        case "struct":
            names = ", ".join(literal(name) for name, _ in kind.parts)
            known = f"list_has_all([{names}], json_keys({value}))"
            fields = (_holds(_member(value, name), part, depth) for name, part in kind.parts)
            return f"({absent} OR ({' AND '.join([known, *fields])}))"
    scalar = f"({value} ->> '$')"
    return f"({absent} OR {fits(scalar, kind)})"


def _member(value: str, name: str) -> str:
    """What a JSON object has under the name, by its pointer (RFC 6901)."""
    return f"json_extract({value}, {literal('/' + name.replace('~', '~0').replace('/', '~1'))})"
