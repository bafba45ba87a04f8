"""What the state keeps of the settings of a table's strategy and transforms: a digest of each.

The state is a row of NEW, and a dump of it must not help to find a secret. So a digest of settings with a
secret in them is salted, by a salt of its own for each table, and slow to try (scrypt, RFC 7914).
"""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from secrets import token_hex

from supasync_core.model.secret import Values

_SALT = re.compile("[0-9a-f]{32}")
_PLAIN = ""
"""Stands for the salt where nothing is secret."""


def of(settings: Mapping[str, Mapping[str, str]], known: str | None) -> str:
    """A text for the settings of each plugin's part; the same as the ``known`` one if none has changed."""
    salts = _salts(known)
    found = {}
    for name, values in settings.items():
        if not values:
            continue
        secret = isinstance(values, Values) and values.has_secret
        salt = (salts.get(name) or token_hex(16)) if secret else _PLAIN
        text = json.dumps(sorted(values.items()), ensure_ascii=False)
        found[name] = f"{salt}:{_slow(text, salt) if secret else _quick(text)}"
    return json.dumps(found, sort_keys=True)


def _salts(known: str | None) -> dict[str, str]:
    """The salt of each part as it is stored; none where that cannot be read."""
    try:
        salts = {name: text.partition(":")[0] for name, text in json.loads(known or "{}").items()}
    except (ValueError, AttributeError):
        return {}
    return {name: salt for name, salt in salts.items() if _SALT.fullmatch(salt)}


def _quick(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@lru_cache(maxsize=256)
def _slow(text: str, salt: str) -> str:
    return hashlib.scrypt(text.encode(), salt=bytes.fromhex(salt), n=1 << 14, r=8, p=1, dklen=16).hex()
