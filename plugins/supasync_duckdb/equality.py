"""When different texts stand for one value, by type, as SQL; documents are judged elsewhere, by content."""

from supasync_duckdb.values import VARCHAR, instant, literal, shortest

FLOATS = ("real", "double precision")
WHOLE = ("smallint", "integer", "bigint")
NUMBERS = (*WHOLE, *FLOATS, "numeric")
_TRUE, _FALSE = "('t', 'true')", "('f', 'false')"
_TIME = r"^\d{4,6}-\d\d-\d\d([T ]\d\d:\d\d.*)?$"
_NUMBER = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$"
_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_DOCUMENT = r"^\s*[\[{]"
_NANOSECONDS = r"\.\d{7}"
"""PostgreSQL keeps microseconds; what has more digits is no timestamp of its own, and DuckDB cuts it."""
_SAFE_DIGITS = 15
"""So many significant digits a double keeps: a number with an exponent and more of them stays a text."""


def equal(kind: str, mine: str, theirs: str) -> str | None:
    """For a type of PostgreSQL whose equal values have different texts; None where they never do."""
    if kind.startswith("timestamp"):
        iso = f"replace({mine}, ' ', 'T')"
        return (
            f"CASE WHEN {iso} = {theirs} OR {iso} || ':00' = {theirs} THEN true "
            f"ELSE {_instants(mine, theirs)} END"
        )
    if kind == "boolean":
        return _booleans(mine, theirs)
    if kind in FLOATS:
        return f"TRY_CAST({mine} AS DOUBLE) = TRY_CAST({theirs} AS DOUBLE)"
    return None if kind else _instants(mine, theirs)


def alike(kind: str, mine: str, theirs: str, *, strict: bool) -> str:  # noqa: PLR0911 - by type
    """The same for texts of any origin: also numbers, uuids, and what has no known type, by its look.

    ``strict``: numbers are what their digits are.
    """
    if kind in FLOATS:
        return "false" if strict else f"coalesce({equal(kind, mine, theirs)}, false)"
    if kind in (*WHOLE, "numeric"):
        return "false" if strict else _numbers(mine, theirs)
    if kind in {"uuid", "bytea"}:
        return f"lower({mine}) = lower({theirs})"
    if kind == "date":
        return f"coalesce({_instants(mine, theirs)}, false)"
    if kind == "time without time zone":
        return f"coalesce(TRY_CAST({mine} AS TIME) = TRY_CAST({theirs} AS TIME), false)"
    if not kind:
        return _by_look(mine, theirs, strict=strict)
    return f"coalesce({equal(kind, mine, theirs) or 'false'}, false)"


def documents(kind: str, mine: str, theirs: str) -> str:
    """Whether both texts are JSON or arrays, whose content is what counts."""
    if kind:
        return "true" if is_document(kind) else "false"
    return (
        f"(regexp_matches({mine}, {literal(_DOCUMENT)}) AND regexp_matches({theirs}, {literal(_DOCUMENT)}))"
    )


def normal(kind: str, text: str) -> str:
    """One text for all spellings of a key; the text itself where a type has one spelling."""
    moment = f"coalesce(epoch_us({instant(text, VARCHAR)})::VARCHAR, {text})"
    if kind.startswith("timestamp") or kind == "date":
        return moment
    if kind == "boolean":
        words = " ".join(
            f"WHEN {text} IN {each} THEN '{word}'" for each, word in ((_TRUE, "t"), (_FALSE, "f"))
        )
        return f"CASE {words} ELSE {text} END"
    if kind in (*WHOLE, "numeric"):
        return _plain_number(text)
    if kind in {"uuid", "bytea"}:
        return f"lower({text})"
    if kind:
        return text
    return (
        f"CASE WHEN regexp_matches({text}, {literal(_TIME)}) THEN {moment} "
        f"WHEN regexp_matches({text}, {literal(_NUMBER)}) THEN {_plain_number(text)} "
        f"WHEN regexp_matches({text}, {literal(_UUID)}) THEN lower({text}) ELSE {text} END"
    )


def is_document(kind: str) -> bool:
    """Whether values of the type are JSON documents or arrays."""
    return kind in ("json", "jsonb") or kind.endswith("[]")


def is_number(text: str) -> str:
    """Whether the text is a number as JSON writes it."""
    return f"regexp_matches({text}, {literal(_NUMBER)})"


def _by_look(mine: str, theirs: str, *, strict: bool) -> str:
    numbers = "false" if strict else _numbers(mine, theirs)
    return (
        f"CASE WHEN {_both(_TIME, mine, theirs)} THEN coalesce({_instants(mine, theirs)}, false) "
        f"WHEN {_both(_NUMBER, mine, theirs)} THEN {numbers} "
        f"WHEN {_both(_UUID, mine, theirs)} THEN lower({mine}) = lower({theirs}) "
        f"ELSE {_booleans(f'lower({mine})', f'lower({theirs})')} END"
    )


def _both(pattern: str, mine: str, theirs: str) -> str:
    return f"regexp_matches({mine}, {literal(pattern)}) AND regexp_matches({theirs}, {literal(pattern)})"


def _instants(mine: str, theirs: str) -> str:
    longer = f"regexp_matches({mine} || ' ' || {theirs}, {literal(_NANOSECONDS)})"
    return f"(NOT {longer} AND {instant(mine, VARCHAR)} = {instant(theirs, VARCHAR)})"


def _booleans(mine: str, theirs: str) -> str:
    return " OR ".join(f"({mine} IN {texts} AND {theirs} IN {texts})" for texts in (_TRUE, _FALSE))


def _numbers(mine: str, theirs: str) -> str:
    few = " AND ".join(
        f"length(regexp_replace(regexp_extract({text}, '^[^eE]*'), '[^0-9]', '', 'g')) <= {_SAFE_DIGITS}"
        for text in (mine, theirs)
    )
    doubles = f"TRY_CAST({mine} AS DOUBLE) = TRY_CAST({theirs} AS DOUBLE)"
    return (
        f"CASE WHEN regexp_matches({mine} || {theirs}, '[eE]') THEN coalesce({few} AND {doubles}, false) "
        f"ELSE {_plain_number(mine)} = {_plain_number(theirs)} END"
    )


def _plain_number(text: str) -> str:
    """Without a plus, leading zeros, and zeros at the end of a fraction; -0 is 0."""
    bare = rf"regexp_replace(regexp_replace({text}, '^\+', ''), '^(-?)0+(\d)', '\1\2')"
    return f"regexp_replace({shortest(bare)}, '^-0$', '0')"
