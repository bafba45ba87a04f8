"""The filter of a table's rows: a question about the row alone, whose answer no clock changes.

A row that a filter such as ``publish_at=lte.now`` lets through only later has long been passed by then: its
timestamp does not move when its time comes. PostgreSQL reads such words in a value (documentation, 8.5.1.4
"Special Values"); SQL has functions beside them.
"""

import re
from typing import Final
from urllib.parse import unquote_plus

from supasync_core.config.document import Scalar, Value
from supasync_core.config.json_forms import TEXT
from supasync_core.config.value_kinds import Mismatch, of_form, text

_WORDS = r"(?:now|today|tomorrow|yesterday)\b(?!-)"
_CALLED = (
    r"now|today|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|(?:get_)?current_\w+"
    r"|random|gen_random_uuid|uuid\w*|nextval|txid_current"
)
_CLOCK: Final = re.compile(
    # PostgREST: a value that begins so, alone or in a list
    rf"\b(?:eq|neq|gte?|lte?|isdistinct)(?:\((?:any|all)\))?\.[\"'({{\s]*{_WORDS}(?![=.(])"
    rf"|[,{{(\[]\s*[\"']?\s*{_WORDS}[\w: ]*[\"']?\s*(?=[,)}}\]])"
    # SQL: a literal that begins so, unless it is a pattern, and functions
    rf"|(?<!like )'\s*{_WORDS}"
    rf"|(?<![\w\"])(?:{_CALLED})\s*\("
    r"|(?<![\w\".])(?:current_(?:date|time|timestamp)|localtime(?:stamp)?)\b(?![\"\w])"
    r"(?!\.|\s*=\s*(?:not\.)?[a-z]+[.(])"
    # the age of a value is counted from today
    r"|(?<![\w\"])age\s*\([^,()]*\)",
    re.IGNORECASE,
)


@of_form(TEXT)
def row_filter(value: Value) -> str:
    """A filter in the language of the source; Mismatch where rows pass it at one time, and not at another."""
    found: str = text(value)
    clock = _CLOCK.search(unquote_plus(found))
    if clock and isinstance(value, Scalar):
        advice = (
            "which depends on when it is read: rows that pass it only later would never be copied; name a "
            "fixed time, or leave where: out (of a text that is this word: status=like.today, or in SQL LIKE)"
        )
        raise Mismatch((value.at, f"the filter has {clock.group().strip()}, {advice}"))
    return found
