"""What PostgreSQL prints of a type, where it would read more than that and make another value of it.

``2/1/26`` is a date by the reader's ``DateStyle``, ``1,00`` is a hundred dollars, ``now`` is the moment of
reading, and the zone behind a timestamp without time zone is dropped. So a text from a file is a value only
where the type prints it so (PostgreSQL documentation, 8.2, 8.5, 8.17; ISO 8601 with a ``T`` means the same).
"""

from functools import lru_cache
from typing import Final

from supasync_core.model.pg_types import UNZONED, ZONED, is_array

_DATE = r"\d{4,7}-\d\d-\d\d"
_TIME = r"\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?"
_OFFSET = r"(?:Z|[+-]\d\d(?::?\d\d(?::\d\d)?)?)"
_ERA = r"(?: BC)?"
_ENDLESS = r"-?infinity"
_FIELD = r"[+-]?\d+"
_CLOCK = r"[+-]?\d+:\d\d:\d\d(?:\.\d{1,6})?"
_WORDS = rf"(?:{_FIELD} years?)?(?: ?{_FIELD} mon(?:th)?s?)?(?: ?{_FIELD} days?)?(?: ?{_CLOCK})?"
_ISO_PARTS = rf"P(?:{_FIELD}Y)?(?:{_FIELD}M)?(?:{_FIELD}W)?(?:{_FIELD}D)?"
_ISO_CLOCK = rf"(?:T(?:{_FIELD}H)?(?:{_FIELD}M)?(?:[+-]?\d+(?:\.\d{{1,6}})?S)?)?"
NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|NaN|-?Infinity"

FORMS: Final = {
    "date": rf"{_DATE}{_ERA}|{_ENDLESS}",
    UNZONED: rf"{_DATE}[ T]{_TIME}{_ERA}|{_ENDLESS}",
    ZONED: rf"{_DATE}[ T]{_TIME}{_OFFSET}{_ERA}|{_ENDLESS}",
    "time without time zone": _TIME,
    "time with time zone": rf"{_TIME}{_OFFSET}",
    "interval": rf"{_WORDS}|{_ISO_PARTS}{_ISO_CLOCK}|{_ENDLESS}",
    "money": r"-?\$?(?:\d{1,3}(?:,\d{3})+|\d+)\.\d\d",
}
"""The whole of a value, as a regular expression that both Python and RE2 read; lower case."""
_SUBTYPES = {
    "daterange": FORMS["date"],
    "tsrange": FORMS[UNZONED],
    "tstzrange": FORMS[ZONED],
    "int4range": r"-?\d+",
    "int8range": r"-?\d+",
    "numrange": NUMBER,
}


@lru_cache(maxsize=1000)
def form(kind: str) -> str | None:
    """The form of the type's values; None of a type that reads nothing but what it prints, or is not known.

    Of an array, the form is that of all its elements, as PostgreSQL's ``{a,"b c"}`` or as JSON.
    """
    if is_array(kind):
        element = form(kind.removesuffix("[]"))
        return element and _array(element)
    name = kind.removesuffix("multirange") + "range" if kind.endswith("multirange") else kind
    if name not in _SUBTYPES:
        return FORMS.get(kind)
    bound = rf'(?:"(?:{_SUBTYPES[name]})"|{_SUBTYPES[name]})?'
    one = rf"empty|[\[(]{bound},{bound}[\])]"
    return one if name == kind else rf"\{{(?:(?:{one})(?:,(?:{one}))*)?\}}"


def _array(element: str) -> str:
    """The element comes bare or in quotes, in which a quote is escaped."""
    quoted = element.replace('"', r'\\?"')
    one = rf'(?:NULL|null|(?:{element})|"(?:{quoted})")'
    return rf"(?:(?:\[-?\d+:-?\d+\])+=)?[\[{{\s]*(?:{one}(?:[\]}}\s]*,[\[{{\s]*{one})*)?[\]}}\s]*"
