"""Timestamps that are stored as texts: PostgreSQL compares texts, so only those of one form sort by time.

``2026-01-01 12:00`` comes before ``2026-01-01T09:00`` there.
"""

import re
from collections.abc import Iterable, Sequence

from supasync_core.model.printable import command
from supasync_core.model.table import Shape, Table

_TIMES = re.compile("timestamp|date")
_ONE = re.compile(
    r"\d{4}-\d\d-\d\d(?:(?P<between>[T ])\d\d:\d\d(?P<seconds>:\d\d(?:\.\d+)?)?"
    r"(?P<zone>Z|[+-]\d\d(?::?\d\d)*)?)?",
    re.ASCII,
)
"""Four digits of a year and nothing around it: PostgreSQL sorts any other text in another place."""
_ZEROS = bytes.maketrans(b"123456789", b"000000000")
"""A form does not depend on which digits there are."""
_SHOWN = 40
_NAMED = 3
"""Forms that a message names."""


def forms(texts: Iterable[str]) -> list[str]:
    """The forms in which these texts are written; one that has none of a timestamp's is its own, in quotes.

    Infinities have none.
    """
    written = list(texts)
    found = _alike(written)
    if found is None:
        found = {_form(text) for text in written if text not in ("infinity", "-infinity")}
    return sorted(found)


def _alike(texts: Sequence[str]) -> set[str] | None:
    """The forms of a page of timestamps, which has a few shapes and a thousand texts; None if it is unusual.

    The digits of a zone belong to the form: all texts that have such a zone must have the first one's.
    """
    joined = "\n".join([*texts, ""])
    shapes = joined.encode(errors="surrogatepass").translate(_ZEROS).split(b"\n")
    if len(shapes) != len(texts) + 1 or not texts:
        return None
    known = [_ONE.fullmatch(shape.decode(errors="replace")) for shape in {*shapes[:-1]}]
    first = _ONE.fullmatch(texts[0])
    zone = (first and first["zone"]) or ""
    like = re.sub(r"[1-9]", "0", zone)
    if any(each is None or (each["zone"] or "") != like for each in known):
        return None
    if zone not in ("", "Z") and joined.count(f"{zone}\n") != len(texts):
        return None
    return {_written(each, zone) for each in known if each}


def several(known: Iterable[str], texts: Iterable[str]) -> list[str]:
    """The known forms and those of the texts; of those that are a text's own, a few."""
    found = {*known, *forms(texts)}
    return [*_regular(found), *sorted(each for each in found if not each.startswith("Y"))[:_NAMED]]


def sort_by_time(found: Sequence[str]) -> bool:
    """Whether texts of these forms have the order of what they mean."""
    return not found or (len(found) == 1 and found[0].startswith("Y"))


def _regular(found: Iterable[str]) -> list[str]:
    return sorted(each for each in found if each.startswith("Y"))


def _form(text: str) -> str:
    known = _ONE.fullmatch(text)
    return _written(known, known["zone"] or "") if known else ascii(text[:_SHOWN])


def _written(known: re.Match[str], zone: str) -> str:
    time = "HH:MM:SS" if known["seconds"] else "HH:MM"
    return f"YYYY-MM-DD{known['between']}{time}{zone}" if known["between"] else "YYYY-MM-DD"


def refuse(table: Table, column: str, shape: Shape, found: Sequence[str]) -> None:
    """SchemaError where a column of these forms is not a real timestamp, which may print several offsets.

    Of a column whose type nobody tells, one form beside texts that have none may be a real timestamp's: BC.
    """
    known = shape.column(column)
    kind = (known.type if known else None) or "perhaps text"
    if _TIMES.match(kind) or (kind == "perhaps text" and len(_regular(found)) < 2):  # noqa: PLR2004
        return
    raise table.schema_error(
        f"the timestamp column {column} ({kind}) holds {' and '.join(found[:_NAMED])}: "
        "as texts, these do not sort by time",
        hint="make it timestamptz in OLD, write all its values in one form, or name another column "
        f"in timestamp:; then: {command('sync', '--full', table.name)}",
    )
