"""How values of each DuckDB type leave as JSON text and come back, as SQL expressions that lose nothing.

A value has two texts: its JSON, as it stands in a batch, and its plain text, which is the JSON string's
content or the number's digits, as a `Cursor` carries it.
"""

from dataclasses import dataclass
from json import dumps
from typing import Any


@dataclass(frozen=True, slots=True)
class Kind:
    """A DuckDB type: its family (``decimal``, ``list``, ``json``), its SQL, and the types inside it."""

    family: str
    sql: str
    parts: tuple[tuple[str, "Kind"], ...] = ()


JSON = Kind("json", "JSON")
VARCHAR = Kind("varchar", "VARCHAR")

WHOLE = frozenset(
    f"{sign}{size}" for sign in ("", "u") for size in ("tinyint", "smallint", "integer", "bigint", "hugeint")
) | {"bignum"}
_BARE = WHOLE | {"decimal", "boolean"}
FLOATS = frozenset({"float", "double"})
TIMES = frozenset(
    {"timestamp with time zone", "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "date"}
)
_NESTED = frozenset({"list", "array", "struct", "map", "union", "variant"})


def kind_of(described: Any) -> Kind:  # noqa: ANN401 - DuckDB moved this class between its releases
    """The kind of a type as DuckDB's Python client describes it."""
    sql = str(described)
    if sql == "JSON":
        return JSON
    family = described.id
    if family in ("list", "array"):
        return Kind(family, sql, (("", kind_of(described.children[0][1])),))
    if family in ("struct", "map"):
        return Kind(family, sql, tuple((name, kind_of(part)) for name, part in described.children))
    return Kind(family, sql)


def identifier(name: str) -> str:
    """The name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def plain(value: str, kind: Kind) -> str:  # noqa: PLR0911 - one answer for each family
    """The value's plain text; NULL for NULL, and for the ``null`` of a JSON column."""
    text = f"CAST({value} AS VARCHAR)"
    match kind.family:
        case "json":
            return (
                f"CASE WHEN starts_with({text}, '\"') THEN {value} ->> '$' "
                f"WHEN {text} <> 'null' THEN {text} END"
            )
        case "varchar" if kind == VARCHAR:
            return value
        case "blob":
            return rf"'\x' || lower(hex({value}))"
        case "decimal":  # DuckDB prints DECIMAL(1,1) as .5, which is not a JSON number
            return rf"regexp_replace({text}, '^(-?)\.', '\1' || '0.')"
        case "float" | "double":
            infinite = f"CASE WHEN {value} > 0 THEN 'Infinity' ELSE '-Infinity' END"
            return f"CASE WHEN isnan({value}) THEN 'NaN' WHEN isinf({value}) THEN {infinite} ELSE {text} END"
        case family if family in TIMES:
            iso = f"replace(replace({text}, ' (BC)', ''), ' ', 'T')"
            return f"{iso} || CASE WHEN contains({text}, '(BC)') THEN ' BC' ELSE '' END"
        case family if family in _NESTED:
            return json(value, kind)
    return text


def json(value: str, kind: Kind, depth: int = 0) -> str:  # noqa: PLR0911 - one answer for each family
    """The value's JSON text; NULL for NULL."""
    match kind.family:
        case "json":
            return f"CAST({value} AS VARCHAR)"
        case "list" | "array":
            element = json_or_null(f"e{depth}", kind.parts[0][1], depth + 1)
            return f"'[' || array_to_string(list_transform({value}, lambda e{depth}: {element}), ',') || ']'"
        case "struct":
            fields = [
                f"{literal(f'{dumps(name)}:')} || {json_or_null(_field(value, name), part, depth)}"
                for name, part in kind.parts
            ]
            together = " || ',' || ".join(fields)
            return f"CASE WHEN {value} IS NOT NULL THEN '{{' || {together} || '}}' END"
        case "map":
            return _map(value, kind, depth)
        case family if family in _NESTED:
            return f"CAST(CAST({value} AS JSON) AS VARCHAR)"  # to_json rounds the decimals of a variant
    text = plain(value, kind)
    if kind.family in _BARE:
        return text
    quoted = f"CAST(to_json({text}) AS VARCHAR)"
    if kind.family in FLOATS:
        return f"CASE WHEN isfinite({value}) THEN CAST({value} AS VARCHAR) ELSE {quoted} END"
    return quoted


def json_or_null(value: str, kind: Kind, depth: int = 0) -> str:
    """The value's JSON text, ``null`` for NULL."""
    return f"coalesce({json(value, kind, depth)}, 'null')"


def parsed(text: str, kind: Kind) -> str:
    """The value of a plain text (of a raw JSON text where the column is JSON); NULL where it has none."""
    match kind.family:
        case "varchar" if kind == VARCHAR:
            return text
        case "blob":
            hexadecimal = rf"regexp_full_match({text}, '\\x([0-9a-fA-F]{{2}})*')"
            return f"CASE WHEN {hexadecimal} THEN unhex(substr({text}, 3)) END"
        case "date":
            return f"TRY_CAST({_era(text)} AS DATE)"
        case family if family in TIMES:
            return f"TRY_CAST(CAST({instant(text, VARCHAR)} AS TIMESTAMP) AS {kind.sql})"
        case family if family in _NESTED:
            return f"TRY_CAST(TRY_CAST({text} AS JSON) AS {kind.sql})"
    return f"TRY_CAST({text} AS {kind.sql})"


def instant(value: str, kind: Kind) -> str | None:
    """The value as TIMESTAMPTZ; NULL for a text that is not a timestamp, None for a kind that holds none.

    Texts go through TIMESTAMPTZ because a cast to TIMESTAMP ignores their offset.
    """
    if kind.family == "json" or kind == VARCHAR:
        return f"TRY_CAST({_era(plain(value, kind))} AS TIMESTAMPTZ)"
    return f"CAST({value} AS TIMESTAMPTZ)" if kind.family in TIMES else None


def _era(text: str) -> str:
    """PostgreSQL's ``0044-03-15T00:00:00+00 BC`` as DuckDB reads it: the era stands behind the date."""
    return (
        f"CASE WHEN ends_with({text}, ' BC') "
        rf"THEN rtrim(regexp_replace({text}, '^([0-9-]+)[T ]?(.*) BC$', '\1 (BC) \2')) ELSE {text} END"
    )


def shortest(number: str) -> str:
    """The number's text without trailing zeros behind the point."""
    return rf"regexp_replace({number}, '\.0+$|(\.[0-9]*[1-9])0+$', '\1')"


def _field(value: str, name: str) -> str:
    """A field of a struct; ``e0.name`` would be looked for in a column ``e0``, were there one."""
    return f"struct_extract({value}, {literal(name)})"


def _map(value: str, kind: Kind, depth: int) -> str:
    (_, key), (_, item) = kind.parts
    entry = f"e{depth}"
    name = f"CAST(to_json({plain(_field(entry, 'key'), key)}) AS VARCHAR)"
    pair = f"{name} || ':' || {json_or_null(_field(entry, 'value'), item, depth + 1)}"
    return (
        f"'{{' || array_to_string(list_transform(map_entries({value}), lambda {entry}: {pair}), ',') || '}}'"
    )
