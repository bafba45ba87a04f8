"""Who cannot be copied by keys alone, who needs a new password, and who signs in as before: in words."""

import json
import re
from collections.abc import Iterator
from typing import Final

from supasync_account.auth.keys_account import KeyAccount, confirmed

LARGEST: Final = 1_048_576
"""Bytes of a request that Auth takes."""
DEEP: Final = "its metadata is nested more deeply than supasync reads"
_LONGEST: Final = 255
"""Characters of an e-mail."""
_EXACT: Final = 2**53
"""Beyond it not every whole number is a double."""
_LONGEST_NUMBER: Final = 400
"""Digits of a number from which on it is larger than every double."""
_DIGITS: Final = 16
"""Digits from which on a double may be a rounded number."""
_PASSWORDS: Final = frozenset({"email", "phone"})
_MAY_BE_LARGE: Final = re.compile(rb"[\[:,]\s*-?[\d.]{16}|\d[eE][+-]?\d")
"""What a text has that holds a large number; few have."""
_EMAIL: Final = re.compile(r"[!-?A-~]+@[!-?A-~]+")


def uncopyable(account: KeyAccount) -> str | None:
    """Why the Auth API cannot make this account; None where it can."""
    return next(_reasons(account), None)


def _reasons(account: KeyAccount) -> Iterator[str]:
    if account.deleted_at:
        yield "soft-deleted in OLD: the API cannot make such an account"
    if account.is_anonymous:
        yield "anonymous: the API cannot make such an account"
    if not account.email and not account.phone:
        yield "it has neither an e-mail nor a phone: the API cannot make such an account"
    if any(name.startswith("sso:") for name in account.providers):
        yield "it signs in by SSO: the API cannot make such an account"
    if account.email and (len(account.email) > _LONGEST or not _EMAIL.fullmatch(account.email)):
        yield "its e-mail has characters, or a length, that the API does not accept"
    if account.too_deep:
        yield DEEP
    if len(account.user) + len(account.app) > LARGEST - 1000:
        yield "its metadata is larger than the 1 MiB that the API accepts"
    if any(abs(number) > _EXACT for number in _large(account)):
        yield "its metadata has a number that Auth rounds: nobody can tell by keys what it is in OLD"


def remarks(account: KeyAccount) -> Iterator[str]:
    """What a person should know of an account that is copied, beside its password."""
    oauth = [name for name in account.providers if name not in _PASSWORDS]
    if oauth and not account.email:
        yield f"signs in by {', '.join(oauth)} and has no e-mail: that login makes another account in NEW"
    elif oauth and not confirmed(account)[0]:
        yield (
            f"signs in by {', '.join(oauth)}, and its e-mail is not confirmed: at the first such login NEW's "
            "Auth empties its user_metadata"
        )
    if any(len(repr(number).replace(".", "").lstrip("-0")) >= _DIGITS for number in _large(account)):
        yield "its metadata has a number of 16 digits or more: if it has more in OLD, Auth has rounded it"
    if account.phone != account.number:
        yield "its phone has a plus or blanks in OLD: NEW has the digits alone"
    if account.email != account.email.lower():
        yield "its e-mail has capitals in OLD: NEW has it in small letters"


def needs_password(account: KeyAccount) -> bool:
    """Whether it has a password in OLD, probably: the API does not say so."""
    return not _PASSWORDS.isdisjoint(account.providers) and uncopyable(account) is None


def signs_in_elsewhere(account: KeyAccount) -> bool:
    """Whether it signs in by a provider alone, as before, once NEW has that provider."""
    return (
        bool(account.providers) and _PASSWORDS.isdisjoint(account.providers) and uncopyable(account) is None
    )


def _large(account: KeyAccount) -> list[float]:
    """The numbers of its metadata, where one may be large."""
    found: list[float] = []

    def note(text: str) -> float:
        whole = text.lstrip("-").isdecimal() and len(text) <= _LONGEST_NUMBER
        number = int(text) if whole else float(text)
        found.append(number)
        return number

    for text in (account.user, account.app):
        if _MAY_BE_LARGE.search(text):
            json.loads(text, parse_int=note, parse_float=note)
    return found
