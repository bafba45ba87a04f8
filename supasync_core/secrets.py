"""Keys that show themselves only to those who ask by name, and texts without any key in them."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import quote

HIDDEN: Final = "***"
_SHORTEST: Final = 6
_KEY: Final = re.compile(
    r"\bsb_(?:secret|publishable)_[\w-]+|\bsbp_\w{16,}|\beyJ[\w-]{8,}(?:\.[\w-]*){0,2}", re.ASCII
)
"""Supabase's secret and publishable keys, its personal access tokens, and JSON web tokens."""


class Secret:
    """A text that no repr, str, format, JSON or traceback shows; `reveal` is the only way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)


class Values(Mapping[str, str]):
    """Settings by name: asked for one by one a secret is its text, printed as a whole it stays hidden."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str | Secret]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        value = self._values[name]
        return value.reveal() if isinstance(value, Secret) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)


def looks_like_key(text: str) -> bool:
    """Whether something in the text has the shape of a Supabase key or a token."""
    return _KEY.search(text) is not None


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """The text without the secrets, plain or quoted for a URL or JSON, and without what looks like a key.

    A secret of fewer than six characters is not looked for: no key is that short, and most texts hold it.
    """
    texts = {secret.reveal() for secret in secrets}
    forms = {form for text in texts if len(text) >= _SHORTEST for form in _forms(text)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return _KEY.sub(HIDDEN, text)


def _forms(text: str) -> set[str]:
    return {text, quote(text, safe=""), json.dumps(text)[1:-1]}
