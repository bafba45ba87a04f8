"""What is sent to make an account, or to make NEW's account what OLD has; and what the API cannot say.

A PUT merges metadata at the top level, where null deletes. It cannot take an e-mail, a phone or a
confirmation away (recorded). Confirming an e-mail writes ``email_verified`` into user_metadata.
"""

from math import ceil
from typing import Any, Final

import msgspec

from supasync_account.auth.keys_account import (
    LONGEST_BAN,
    KeyAccount,
    bans_alike,
    confirmed,
    same,
    texts,
)

Body = dict[str, Any]
_GONE: Final = msgspec.Raw(b"null")
_NEVER: Final = "none"


def creation(account: KeyAccount, now: float, flag: str | None) -> Body:
    """The body that makes this account; ``flag`` is a name in user_metadata that NEW's triggers look for."""
    user = texts(account.user)
    if flag:
        user[flag] = msgspec.Raw(b"true")
    mail, phone = confirmed(account)
    body: Body = {
        "id": account.id,
        "email": account.email,
        "phone": account.phone,
        "email_confirm": mail,
        "phone_confirm": phone,
        "user_metadata": user,
        "app_metadata": msgspec.Raw(account.app),
        "role": account.role,
        "ban_duration": _term(account, now) if account.banned_for(now) else "",
    }
    return {name: value for name, value in body.items() if value != ""}


def correction(old: KeyAccount, new: KeyAccount, now: float) -> Body:
    """The body that makes NEW's account what OLD has, as far as the API can; empty where nothing is to do."""
    body: Body = {}
    wanted, found = confirmed(old), confirmed(new)
    pairs = {"email": (old.email.lower(), new.email.lower()), "phone": (old.number, new.number)}
    for place, (name, (here, there)) in enumerate(pairs.items()):
        moved = bool(here) and here != there
        if moved and (wanted[place] or not found[place]):
            body[name] = getattr(old, name)
        if wanted[place] and (moved or not found[place]):
            body[f"{name}_confirm"] = True
    for name, mine, theirs in (("user_metadata", old.user, new.user), ("app_metadata", old.app, new.app)):
        if merged := _merged(mine, theirs):
            body[name] = merged
    if old.role and old.role != new.role:
        body["role"] = old.role
    if not bans_alike(old, new, now):
        body["ban_duration"] = _term(old, now)
    return body


def unsayable(old: KeyAccount, new: KeyAccount) -> str | None:
    """What the API cannot take away from NEW's account, in words."""
    lost = [what for what, name in (("an e-mail", "email"), ("a phone", "phone")) if _only_in(new, old, name)]
    wanted, found = confirmed(old), confirmed(new)
    places = (("e-mail", "email", 0), ("phone", "phone", 1))
    lost += [
        f"the confirmation of its {what}"
        for what, name, place in places
        if found[place] and not wanted[place] and getattr(old, name)
    ]
    if not lost:
        return None
    return f"NEW has {' and '.join(lost)} that OLD has no more, and the API cannot take that away"


def _only_in(new: KeyAccount, old: KeyAccount, name: str) -> bool:
    return bool(getattr(new, name)) and not getattr(old, name)


def _merged(mine: bytes, theirs: bytes) -> dict[str, msgspec.Raw]:
    """What to merge into the other object: values that differ, and null for names that are gone."""
    wanted, found = texts(mine), texts(theirs)
    changed = {
        name: value for name, value in wanted.items() if not same(bytes(value), bytes(found.get(name, _GONE)))
    }
    return {**changed, **dict.fromkeys(found.keys() - wanted.keys(), _GONE)}


def _term(account: KeyAccount, now: float) -> str:
    """How long it is banned from now on: never shorter than in OLD."""
    seconds = account.banned_for(now)
    return f"{ceil(min(seconds + 1, LONGEST_BAN))}s" if seconds else _NEVER


_NOWHERE: Final = "@supasync.invalid"
"""A domain that never exists (RFC 2606)."""
_NO_COUNTRY: Final = "999"
"""A country code that nobody has."""


def giving_up(account: KeyAccount, *, email: bool, phone: bool) -> Body:
    """The body that frees e-mail or phone for another account: the API cannot take them away."""
    digits = str(int(account.id.replace("-", ""), 16))[-12:]
    body = {"email": f"{account.id}{_NOWHERE}"} if email else {}
    return {**body, **({"phone": f"{_NO_COUNTRY}{digits}"} if phone else {})}


def is_given_up(account: KeyAccount) -> bool:
    """Whether an interrupted run has left it so."""
    return account.email == f"{account.id}{_NOWHERE}"


def ban(account: KeyAccount, now: float) -> Body:
    """The body that bans as long as OLD does, and changes nothing else."""
    return {"ban_duration": _term(account, now)}
