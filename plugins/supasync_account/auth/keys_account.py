"""An account as the Auth API shows it, its digest, and what differs between two of them.

The API shows no password hash and lists no linked logins. Metadata stays the server's own text: both servers
sort its names and print numbers as doubles, so equal texts are equal values.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final

import msgspec

from supasync_account.decoding import UndecodableError, decoded, is_too_deep, shallow
from supasync_core.model import timestamps

_NOTHING: Final = msgspec.Raw(b"{}")
_EMPTY: Final = (b"", b"null", b"{}")
LONGEST_BAN: Final = 2_562_047 * 3600
"""Seconds of the longest ban that Auth takes: Go's longest duration in hours."""
_FAR: Final = 2_000_000 * 3600
"""Seconds from now on which bans that end later are not told apart."""
_LATER: Final = 300
"""Seconds by which a ban may end later in NEW: it is given as a duration, and begins when it arrives."""
_FINER: Final = re.compile(r"(?<=\.\d{6})\d+")
"""What Go prints behind microseconds."""


class KeyAccount(msgspec.Struct, frozen=True):
    """An account; texts that the API leaves out are empty."""

    id: str
    email: str = ""
    phone: str = ""
    role: str = ""
    email_confirmed_at: str | None = None
    phone_confirmed_at: str | None = None
    user_metadata: msgspec.Raw = _NOTHING
    app_metadata: msgspec.Raw = _NOTHING
    banned_until: str | None = None
    deleted_at: str | None = None
    is_anonymous: bool = False

    @property
    def user(self) -> bytes:
        """Its user_metadata; NULL is nothing, as the server shows and takes it."""
        return _text(self.user_metadata)

    @property
    def app(self) -> bytes:
        """Its app_metadata."""
        return _text(self.app_metadata)

    @property
    def number(self) -> str:
        """Its phone as Auth itself keeps it: an import may have left a plus and blanks."""
        return self.phone.removeprefix("+").replace(" ", "")

    @property
    def too_deep(self) -> bool:
        """Whether its metadata is nested more deeply than anybody can decode; then a digest stands for it."""
        return is_too_deep(self.user) or is_too_deep(self.app)

    @property
    def who(self) -> str | None:
        """Its e-mail or phone, for messages."""
        return self.email or self.phone or None

    @property
    def providers(self) -> tuple[str, ...]:
        """By what the person signs in, as far as app_metadata says."""
        told = members(self.app)
        found = told.get("providers")
        names = found if isinstance(found, list) else [told.get("provider")]
        return tuple(name for name in names if isinstance(name, str))

    @property
    def mark(self) -> str:
        """The digest of what is copied: another one after any change, whoever made it."""
        parts = (
            self.email.lower(),
            self.phone,
            self.role,
            str(bool(self.email_confirmed_at)),
            str(bool(self.phone_confirmed_at)),
            self.banned_until or "",
            str(bool(self.deleted_at)),
        )
        digest = blake2b("\0".join(parts).encode(), digest_size=8)
        digest.update(b"\0" + self.user + b"\0" + self.app)
        return digest.hexdigest()

    def banned_for(self, now: float) -> float:
        """The seconds for which it is banned; 0 where it is not, or not any more."""
        return max(0.0, _seconds(self.banned_until) - now) if self.banned_until else 0.0


class _Page(msgspec.Struct):
    users: list[KeyAccount]


def one_account(body: bytes) -> KeyAccount:
    """The account of an answer; UndecodableError for something else."""
    try:
        return _shallow(decoded(body, KeyAccount))
    except UndecodableError:
        return decoded(shallow(body, 1), KeyAccount)


def page_of_accounts(body: bytes) -> list[KeyAccount]:
    """The accounts of a list; UndecodableError for something else."""
    try:
        return [_shallow(each) for each in decoded(body, _Page).users]
    except UndecodableError:
        return decoded(shallow(body, 3), _Page).users


def _shallow(account: KeyAccount) -> KeyAccount:
    """The same whatever the decoder took: it takes more levels where it is called by fewer functions."""
    user, app = shallow(account.user, 0), shallow(account.app, 0)
    if (user, app) == (account.user, account.app):
        return account
    replaced = {"user_metadata": msgspec.Raw(user), "app_metadata": msgspec.Raw(app)}
    return msgspec.structs.replace(account, **replaced)


def members(text: bytes) -> dict[str, Any]:
    """The members of an object; none of anything else."""
    try:
        return decoded(text, dict[str, Any])
    except UndecodableError:
        return {}


def texts(text: bytes) -> dict[str, msgspec.Raw]:
    """The members of an object, each as it is written."""
    try:
        return decoded(text, dict[str, msgspec.Raw])
    except UndecodableError:
        return {}


def same(one: bytes, other: bytes) -> bool:
    """Whether two texts of JSON say the same: another version may write it with other escapes.

    Values are compared with their types, so ``true`` is not ``1``, and numbers by all of their digits.
    """
    return one == other or _equal(_values(one), _values(other))


def alike(one: bytes, other: bytes) -> bool:
    """Whether two objects have the same members; null is none, as for whoever merges by the API."""
    return one == other or _equal(_told(_values(one)), _told(_values(other)))


def differences(old: KeyAccount, new: KeyAccount, now: float) -> Sequence[str]:
    """What differs of NEW's account, in words."""
    pairs = {
        "e-mail or phone": (old.email.lower(), old.number) == (new.email.lower(), new.number),
        "confirmation": confirmed(old) == confirmed(new),
        "metadata": alike(old.user, new.user) and alike(old.app, new.app),
        "ban": bans_alike(old, new, now),
        "state": (old.role, bool(old.deleted_at)) == (new.role, bool(new.deleted_at)),
    }
    return [what for what, equal in pairs.items() if not equal]


def confirmed(account: KeyAccount) -> tuple[bool, bool]:
    """Whether e-mail and phone are confirmed; what it does not have cannot be."""
    return (
        bool(account.email and account.email_confirmed_at),
        bool(account.phone and account.phone_confirmed_at),
    )


def bans_alike(old: KeyAccount, new: KeyAccount, now: float) -> bool:
    """Whether NEW bans as long as OLD: never shorter, and hardly longer."""
    wanted, found = old.banned_for(now), new.banned_for(now)
    if not wanted or not found:
        return bool(wanted) == bool(found)
    return min(wanted, found) >= _FAR or 0 <= found - wanted <= _LATER


def _equal(one: object, other: object) -> bool:
    try:
        return one == other
    except RecursionError:
        return False


def _told(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {name: each for name, each in value.items() if each is not None}


def _values(text: bytes) -> object:
    """What a text of JSON says, numbers as `_number` has them; the text itself where it is something else."""
    try:
        return json.loads(text, parse_int=_number, parse_float=_number)
    except (ValueError, RecursionError):
        return text


def _number(text: str) -> tuple[bool, Decimal | str]:
    """A number as nothing else in JSON is: Python takes 1 for True, and rounds."""
    try:
        return text.startswith("-"), Decimal(text)
    except ArithmeticError:
        return text.startswith("-"), text


def _text(raw: msgspec.Raw) -> bytes:
    text = bytes(raw)
    return b"{}" if text in _EMPTY else text


def _seconds(moment: str) -> float:
    """Seconds since 1970 of what the API prints; the end of time for what nobody can read."""
    try:
        return timestamps.parse(_FINER.sub("", moment)) / 1_000_000
    except ValueError:
        return (datetime.now(UTC) + timedelta(seconds=LONGEST_BAN)).timestamp()
