r"""When different texts stand for one value: one definition for each type of PostgreSQL, as SQL.

`normal` is that definition: two texts are one key exactly where it gives one text for both. Keys that are
staged, taken for doubles, looked for in NEW or written to a DuckDB file all go by it, and so does `diff`.
A type that is not listed is treated like text. Documents are judged elsewhere, by content.
"""

from supasync_core.model.pg_types import IGNORED_ZONE, NUMBERS, WHOLE, bare, is_document
from supasync_core.staging.values import VARCHAR, instant, literal

_TRUE = ("t", "true", "tr", "tru", "y", "ye", "yes", "on", "1")
_FALSE = ("f", "false", "fa", "fal", "fals", "n", "no", "off", "of", "0")
LIKE_TIME = r"^\d{4,6}-\d\d-\d\d([T ]\d\d:\d\d.*)?$"
LIKE_NUMBER = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$"
_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_DOCUMENT = r"^\s*[\[{(]"
_NANOSECONDS = r"\.\d{7}"
"""PostgreSQL keeps microseconds; it never wrote a timestamp with more digits, which DuckDB cuts."""
_PARTS = r"^([-+]?)(\d*)\.?(\d*)(?:[eE]([-+]?\d+))?$"
_NAMES = ("minus", "whole", "part", "power")


def normal(kind: str, text: str) -> str:  # noqa: C901, PLR0911, PLR0912 - by type
    """One text for all spellings of a value of this type; the text itself where it has but one.

    Where the text is not a value of the type, it stands for itself.
    """
    match bare(kind):
        case "timestamp with time zone" | "date":
            return _moment(text)
        case "timestamp without time zone":
            return _moment(rf"regexp_replace({text}, {literal(IGNORED_ZONE)}, '\1\2')")
        case "time without time zone":
            return f"coalesce(CAST(TRY_CAST({text} AS TIME) AS VARCHAR), {text})"
        case "time with time zone":
            return f"coalesce(CAST(TRY_CAST({text} AS TIMETZ) AS VARCHAR), {text})"
        case "interval":
            return f"coalesce(CAST(TRY(epoch_us({_interval(text)})) AS VARCHAR), {text})"
        case "boolean":
            words = ((_TRUE, "true"), (_FALSE, "false"))
            cases = " ".join(f"WHEN lower({text}) IN {each} THEN '{word}'" for each, word in words)
            return f"CASE {cases} ELSE {text} END"
        case "smallint" | "integer" | "bigint" | "oid":
            whole = f"CAST(TRY_CAST({text} AS HUGEINT) AS VARCHAR)"
            return f"CASE WHEN contains({text}, '.') THEN {text} ELSE coalesce({whole}, {text}) END"
        case "numeric":
            return scientific(text)
        case "money":
            return scientific(f"regexp_replace({text}, '[$, ]', '', 'g')")
        case "real":
            return _float(text, "FLOAT")
        case "double precision":
            return _float(text, "DOUBLE")
        case "uuid":
            return f"lower(regexp_replace({text}, '[-{{}}]', '', 'g'))"
        case "macaddr" | "macaddr8":
            return f"lower(regexp_replace({text}, '[-:. ]', '', 'g'))"
        case "inet" | "cidr":
            mask = f"CASE WHEN contains({text}, ':') THEN '/128' ELSE '/32' END"
            address = f"split_part({text}, '/', 1)"
            return f"lower(CASE WHEN ends_with({text}, {mask}) THEN {address} ELSE {text} END)"
        case "bytea":
            return f"lower({text})"
        case "character":
            return f"rtrim({text}, ' ')"
    return text


def same(kind: str, mine: str, theirs: str) -> str:
    """Whether two texts of one type are one key; NULL where either is."""
    return f"{normal(kind, mine)} = {normal(kind, theirs)}"


def common(mine: str, theirs: str) -> str:
    """The type by which a value of one type is compared with one of another, as a foreign key does."""
    numbers = (*WHOLE, "numeric")
    if mine != theirs and bare(mine) in numbers and bare(theirs) in numbers:
        return "numeric"
    return theirs or mine


def equal(kind: str, mine: str, theirs: str) -> str | None:
    """Whether two texts of a type are one value, to the last digit; None where they never are."""
    if not kind:
        return _instants(mine, theirs)
    kind = bare(kind)
    if kind in (*WHOLE, "numeric", "money", "character"):
        return None
    if kind == "interval":  # a month equals 30 days as a key, and is another value
        parts = ", ".join(f"datepart('{part}', {{0}})" for part in ("year", "month", "day"))
        left, right = (parts.format(_interval(each)) for each in (mine, theirs))
        return f"(({left}) = ({right}) AND {same(kind, mine, theirs)})"
    return same(kind, mine, theirs) if normal(kind, mine) != mine else None


def printed_alike(mine: str, theirs: str) -> str:
    """Whether two timestamps with time zone are one as psql and as the API print it; NULL where one is NULL.

    It is found in a sixth of the time in which both are read (measured).
    """
    return f"replace({theirs}, 'T', ' ') = {mine} || ':00'"


def alike(kind: str, mine: str, theirs: str, *, strict: bool) -> str:
    """The same for texts of any origin: also numbers, and what has no known type, by its look.

    ``strict``: numbers are what their digits are.
    """
    if bare(kind) in (*NUMBERS, "money"):
        return "false" if strict else f"coalesce({same(kind, mine, theirs)}, false)"
    if not kind:
        number = f"regexp_matches({mine}, {literal(LIKE_NUMBER)})" if strict else "false"
        found = f"(NOT {number} AND {looked(kind, mine)} = {looked(kind, theirs)})"
        return f"(coalesce({found}, false) OR {_booleans(f'lower({mine})', f'lower({theirs})')})"
    return f"coalesce({equal(kind, mine, theirs) or 'false'}, false)"


def documents(kind: str, mine: str, theirs: str) -> str:
    """Whether both texts are JSON, arrays or rows, whose content is what counts."""
    if is_document(kind):
        return "true"
    if kind and "." not in kind:
        return "false"
    return (
        f"(regexp_matches({mine}, {literal(_DOCUMENT)}) AND regexp_matches({theirs}, {literal(_DOCUMENT)}))"
    )


def looked(kind: str, text: str) -> str:
    """One text for all spellings of a key, by its look where nobody knows its type."""
    if kind:
        return normal(kind, text)
    return (
        f"CASE WHEN regexp_matches({text}, {literal(LIKE_TIME)}) THEN {_moment(text)} "
        f"WHEN regexp_matches({text}, {literal(LIKE_NUMBER)}) THEN {scientific(text)} "
        f"WHEN regexp_matches({text}, {literal(_UUID)}) THEN lower({text}) ELSE {text} END"
    )


def scientific(text: str) -> str:
    """All digits of a number and the power of ten behind them: exact, however large the power is."""
    parts = f"regexp_extract({text}, {literal(_PARTS)}, {list(_NAMES)})"
    minus, whole, part, behind = (f"struct_extract(n, '{name}')" for name in _NAMES)
    digits = f"ltrim({whole} || {part}, '0')"
    power = f"coalesce(TRY_CAST({behind} AS HUGEINT), 0) - length({part}) + length({digits})"
    written = (
        f"CASE WHEN {digits} = '' THEN '0' ELSE CASE WHEN {minus} = '-' THEN '-' ELSE '' END "
        f"|| rtrim({digits}, '0') || 'e' || ({power}) END"
    )
    number = f"(regexp_matches({text}, '\\d') AND regexp_matches({text}, {literal(_PARTS)}))"
    held = f"({behind} = '' OR abs(TRY_CAST({behind} AS HUGEINT)) < 1000000000000)"
    value = f"list_transform([{parts}], lambda n: CASE WHEN {held} THEN {written} END)[1]"
    return f"CASE WHEN {number} THEN coalesce({value}, {text}) ELSE lower({text}) END"


def _float(text: str, size: str) -> str:
    """A float's value, of a text that it can hold; another text stands for itself."""
    value = f"TRY_CAST({text} AS {size})"
    over = f"(isinf({value}) AND NOT contains(lower({text}), 'inf'))"
    under = f"({value} = 0 AND regexp_matches({text}, '^[^eE]*[1-9]'))"
    kept = f"CASE WHEN {value} = 0 THEN '0.0' ELSE CAST({value} AS VARCHAR) END"
    return f"CASE WHEN {value} IS NULL OR {over} OR {under} THEN {text} ELSE {kept} END"


def _interval(text: str) -> str:
    return f"TRY_CAST(replace({text}, '+', '') AS INTERVAL)"


def _moment(text: str) -> str:
    longer = f"regexp_matches({text}, {literal(_NANOSECONDS)})"
    moment = f"CAST(TRY(epoch_us({instant(text, VARCHAR)})) AS VARCHAR)"
    return f"CASE WHEN {longer} THEN {text} ELSE coalesce({moment}, {text}) END"


def _instants(mine: str, theirs: str) -> str:
    longer = f"regexp_matches({mine} || ' ' || {theirs}, {literal(_NANOSECONDS)})"
    return f"(NOT {longer} AND {instant(mine, VARCHAR)} = {instant(theirs, VARCHAR)})"


def _booleans(mine: str, theirs: str) -> str:
    return " OR ".join(f"({mine} IN {each} AND {theirs} IN {each})" for each in (_TRUE[:2], _FALSE[:2]))
