"""What each query answers, as types: an answer of another shape is refused before anybody reads it.

Whoever answers for a project (a function's owner, a proxy, a cache) may answer anything.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

import msgspec

from supasync_account.auth.account_flaws import FLAWS

_Account = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]
_Part = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{2}\Z")]
_Mark = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
_Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Flaw = Annotated[str, msgspec.Meta(pattern=rf"^(?:{'|'.join(FLAWS)})\Z")]
_Text = str | None
_One = msgspec.Meta(min_length=1, max_length=1)
_Sums = list[tuple[_Part, _Number, _Mark]]
_Marks = list[tuple[_Account, _Mark]]
_Page = list[tuple[_Account, _Text, _Text, bool | None, _Mark, list[_Flaw], _Text, list[str]]]
_Holders = list[tuple[_Account, _Text, _Text]]
_Pairs = list[tuple[str, str]]
_Accounts = list[tuple[_Account]]
_Count = Annotated[list[tuple[_Number]], _One]
_ANSWERS: Final[Mapping[str, Any]] = {
    "columns": list[tuple[str, str, bool]],
    "rights": list[tuple[str, str, bool | None]],
    "sees_all": list[tuple[bool | None]],
    "callers": _Pairs,
    "counts": Annotated[list[tuple[_Number, _Number, _Number]], _One],
    "number": _Count,
    "with_factors": _Count,
    "with_passkeys": _Count,
    "says_something": _Count,
    "sums": _Sums,
    "ids": _Accounts,
    "marks": _Marks,
    "marks_of": _Marks,
    "contacts": list[tuple[_Account, _Text, _Text, _Text]],
    "accounts": _Page,
    "accounts_between": _Page,
    "flawed": list[tuple[_Account, _Text, list[_Flaw]]],
    "closed": list[tuple[_Account, _Text, bool]],
    "triggers": list[tuple[str, str, str, bool, bool]],
    "records": Annotated[list[tuple[bool | None, _Text]], msgspec.Meta(max_length=1)],
    "record_sums": _Sums,
    "record_marks": list[tuple[_Account, str]],
    "holders": _Holders,
    "in_capitals": _Holders,
    "taken": _Pairs,
    "taken_logins": _Pairs,
    "lost": _Pairs,
    "referrers": _Pairs,
    "note": list[tuple[_Account, str]],
    "note_sound": list[tuple[_Account, str]],
    "ban": _Accounts,
    "delete": _Accounts,
}
_NOTHING: Final = Annotated[list[tuple[()]], msgspec.Meta(max_length=0)]
"""What a query answers that only writes."""


class _Reply(msgspec.Struct):
    tables: list[str]
    answers: list[list[dict[str, Any]]]


class UnusableError(ValueError):
    """It is not what the query answers."""


def answered(reply: object, queries: Iterable[str]) -> tuple[list[str], list[list[tuple[Any, ...]]]]:
    """The tables that the function knows, and the rows of each answer, of which there may be fewer.

    UnusableError for something else. The columns are in the order in which the query names them.
    """
    try:
        found = msgspec.convert(reply, _Reply)
        rows = [
            msgspec.convert([tuple(row.values()) for row in answer], _ANSWERS.get(query, _NOTHING))
            for query, answer in zip(queries, found.answers, strict=False)
        ]
    except ValueError as err:
        raise UnusableError from err
    if len(rows) != len(found.answers):
        raise UnusableError
    return found.tables, rows


def accounts_of(reply: object, allowed: Iterable[str]) -> set[str]:
    """Some of these accounts; UnusableError for others, or for none."""
    try:
        found = set(msgspec.convert(reply, list[str]))
    except ValueError as err:
        raise UnusableError from err
    if not found or not found <= set(allowed):
        raise UnusableError
    return found
