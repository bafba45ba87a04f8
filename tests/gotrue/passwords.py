"""Passwords: which hashes the server takes, and whether a password is that of a hash."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING

import argon2
import bcrypt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 72  # bytes of a password that bcrypt reads
BCRYPT = re.compile(r"\$2.?\$(\d\d)\$")
WHOLE = 60  # characters of a bcrypt hash
ARGON2 = re.compile(r"\$(argon2id?|argon2i)\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$[^$]+\$[^$]+$")
GIBIBYTE = 1024 * 1024  # in the kibibytes of `m`
FIREBASE = re.compile(
    r"\$fbscrypt\$v=1,n=(?P<n>\d+),r=(?P<r>\d+),p=(?P<p>\d+)(?:,ss=(?P<ss>[^,$]+))?(?:,sk=(?P<sk>[^,$]+))?"
    r"\$(?P<salt>[^$]+)\$(?P<hash>[^$]+)$"
)


class NotAHashError(Exception):
    """The text is not a hash that the server knows."""


def made(password: str) -> str:
    """A hash for this password, at the least cost."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def invented() -> str:
    """The hash of a password that nobody knows: of users that are made without one."""
    return made(secrets.token_urlsafe(16))


def check(text: str) -> None:
    """Raise NotAHashError unless the server takes this as a hash; it looks at the beginning alone."""
    if text.startswith("$argon2"):
        found = ARGON2.match(text)
        if found is None or int(found[2]) > GIBIBYTE:
            raise NotAHashError
    elif text.startswith("$fbscrypt"):
        if FIREBASE.match(text) is None:
            raise NotAHashError
    elif BCRYPT.match(text) is None or len(text) < WHOLE - 1:
        raise NotAHashError


def fits(password: str, text: str) -> bool:
    """Whether the password is that of the hash; NotAHashError where it is none."""
    check(text)
    return _way(text)(password, text)


def _way(text: str) -> Callable[[str, str], bool]:
    if text.startswith("$argon2"):
        return _argon2
    return _firebase if text.startswith("$fbscrypt") else _bcrypt


def _bcrypt(password: str, text: str) -> bool:
    known = "$2a$" + text.split("$", 2)[2][: WHOLE - 4]
    if len(known) < WHOLE:
        return False
    return bcrypt.checkpw(password.encode()[:LONGEST], known.encode())


def _argon2(password: str, text: str) -> bool:
    try:
        return argon2.PasswordHasher().verify(text, password)
    except argon2.exceptions.VerificationError:
        return False


def _firebase(password: str, text: str) -> bool:
    found = FIREBASE.match(text)
    if found is None:
        raise NotAHashError
    salt = base64.b64decode(found["salt"]) + base64.b64decode(found["ss"] or "")
    derived = hashlib.scrypt(
        password.encode(),
        salt=salt,
        n=1 << int(found["n"]),
        r=int(found["r"]),
        p=int(found["p"]),
        maxmem=1 << 28,
        dklen=32,
    )
    cipher = Cipher(algorithms.AES(derived), modes.CTR(bytes(16))).encryptor()
    signed = cipher.update(base64.b64decode(found["sk"] or "")) + cipher.finalize()
    return hmac.compare_digest(signed, base64.b64decode(found["hash"]))
