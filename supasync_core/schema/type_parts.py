"""What types of two catalogs hold, to their last part: whether NEW's would change a value without an error.

A part is a column, an element of its array, a field of its composite or a bound of its range; a domain is
what it stands on. Its name is the column's, and behind a unit separator the way to the part.
"""

import re
from collections.abc import Iterator
from typing import Final

from supasync_core.model.pg_types import bare, changes_silently, is_json
from supasync_core.model.table import Column
from supasync_core.schema.whole_catalog import TableFacts

UNIT: Final = "\x1f"
_TYPE: Final = re.compile(
    r"(?P<base>[a-z ]+?)(?P<fields> (?:(?:year|month|day|hour|minute|second)(?: to )?)+)?"
    r"(?:\((?P<first>\d+)(?:,(?P<second>-?\d+))?\))?(?P<zone> with(?:out)? time zone)?"
)
_FIELDS: Final = ("year", "month", "day", "hour", "minute", "second")
_MODIFIER: Final = re.compile(r"\([^()]*\)")


def narrowed(old: TableFacts, new: TableFacts) -> Iterator[tuple[str, str, str]]:
    """The columns of which NEW may change a value, each with both types of the part.

    Left out is what a look at one row tells of all: digits behind a point, and blanks at the end of a text
    that is a column of its own (`supasync_core.sync.readback`).
    """
    for name, mine, theirs in _differing(old, new):
        alone = new.of("type").get(name) == theirs and old.of("type").get(name) == mine
        if _changes(mine, theirs, alone=alone) or (not alone and _another(mine, theirs)):
            yield name.partition(UNIT)[0], mine, theirs


def rewritten(old: TableFacts, new: TableFacts) -> Iterator[str]:
    """The columns that have JSON in which NEW makes one of names that come twice."""
    for name, mine, theirs in _differing(old, new):
        if (mine, theirs) == ("json", "jsonb"):
            yield name.partition(UNIT)[0]


def _differing(old: TableFacts, new: TableFacts) -> Iterator[tuple[str, str, str]]:
    parts = old.of("part")
    for name, theirs in new.of("part").items():
        mine = parts.get(name, theirs)
        if mine != theirs:
            yield name, mine, theirs


def _another(old: str, new: str) -> bool:
    """Whether the part is of another type that changes values, as it would as a column; labels are not known.

    A type that is not PostgreSQL's own is the same in any schema.
    """
    mine, theirs = (bare(_MODIFIER.sub("", each)) for each in (old, new))
    if "." in theirs or (is_json(mine) and is_json(theirs)):
        return False
    return changes_silently(Column("", type=mine), Column("", type=theirs))


def _changes(old: str, new: str, *, alone: bool) -> bool:
    mine, theirs = _TYPE.fullmatch(old), _TYPE.fullmatch(new)
    if mine is None or theirs is None:
        return False
    base, same = theirs["base"], mine["base"] == theirs["base"]
    if base == "interval":
        return same and _smallest(mine["fields"]) > _smallest(theirs["fields"])
    if base == "numeric" and theirs["first"]:
        scale = int(theirs["second"] or 0)
        held = mine["first"] and int(mine["second"] or 0) <= scale
        return scale < 0 and not (same and held)
    if base == "character":
        return not (same and _length(mine) <= _length(theirs))
    if base == "character varying" and theirs["first"]:
        fits = mine["base"] in ("character", base) and mine["first"] and _length(mine) <= _length(theirs)
        return not alone and not fits
    return False


def _smallest(fields: str | None) -> int:
    """The smallest unit that an interval of these fields keeps: all smaller ones become zero."""
    return _FIELDS.index(fields.split()[-1]) if fields else len(_FIELDS) - 1


def _length(found: "re.Match[str]") -> int:
    return int(found["first"] or 1)
