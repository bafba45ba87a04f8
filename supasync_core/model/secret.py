"""Secrets that are shown only when revealed by name, and texts redacted of them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

HIDDEN: Final = "***"
_SHORTEST: Final = 6
_LONG: Final = 16
"""Characters from which on the encoded forms of a secret, and parts of it, are looked for."""
_PARTS: Final = 3
"""Of a JSON web token: header, payload, signature."""
_LAYERS: Final = 3
_GAP: Final = re.compile(r"(?:[^\x21-\x7e]|\\[nrtbf]|\\u[0-9a-fA-F]{4})*")
"""What may stand between the characters of a key that is broken over lines."""
_LOWER: Final = str.maketrans({letter: letter + 32 for letter in range(ord("A"), ord("Z") + 1)})
"""Keeps the length of every text, as `str.lower` does not."""
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))")
_KEY: Final = re.compile(
    r"\bsb_(?:secret|publishable)_[\w-]+|\bsbp_\w{16,}|\beyJ[\w-]{8,}(?:\.[\w-]*){0,2}", re.ASCII
)
"""Supabase's secret and publishable keys, its personal access tokens, and JSON web tokens."""


class Secret:
    """A text that no repr, str, format, JSON or traceback shows; only `reveal` returns it."""

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
    """Settings by name: a single lookup reveals a secret, a repr of all hides it."""

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

    @property
    def has_secret(self) -> bool:
        """Whether one of them is a secret."""
        return any(isinstance(value, Secret) for value in self._values.values())

    def __repr__(self) -> str:
        return repr(self._values)


def looks_like_key(text: str) -> bool:
    """Whether something in the text has the shape of a Supabase key or a token."""
    return _KEY.search(text) is not None


def redact(text: str, secrets: Iterable[Secret], *, shapes: bool = True) -> str:
    """The text without the secrets, however they are written, and without what looks like a key.

    Without ``shapes`` what only looks like one stays: a row may hold such a value, and it is the value.

    Plain or backwards, in base64 once or twice, in base32, in hexadecimal, broken over lines, or the
    signature of a token alone, in upper or lower case, a secret becomes stars. Where one shows only once the
    text is decoded (percent signs, HTML entities, backslashes), nothing of the text is left. A secret of
    fewer than six characters is not looked for: no key is that short, and most texts hold it.
    """
    forms = _all_forms(frozenset(secret.reveal() for secret in secrets))
    for form in _held(forms, text):
        text = _hide(re.escape(form), text)
    for form in _held(forms, _GAP.sub("", text)):
        text = _hide(_GAP.pattern.join(map(re.escape, form)), text)
    text = _KEY.sub(HIDDEN, text) if shapes else text
    if not any(_held(forms, each) for each in _decoded(text)):
        return text
    lines = [
        HIDDEN if any(_held(forms, each) for each in _decoded(line)) else line for line in text.split("\n")
    ]
    text = "\n".join(lines)
    return HIDDEN if any(_held(forms, each) for each in _decoded(text)) else text


@lru_cache(maxsize=8)
def _all_forms(secrets: frozenset[str]) -> list[str]:
    """Every form of the secrets in lower case, the longest first."""
    forms = {form for text in secrets if len(text) >= _SHORTEST for form in _forms(text)}
    return sorted({form.translate(_LOWER) for form in forms}, key=len, reverse=True)


def _forms(text: str) -> Iterator[str]:
    import json  # noqa: PLC0415 - --help knows no secret
    from base64 import b32encode, b64encode  # noqa: PLC0415 - the same

    yield from (text, quote(text, safe=""), json.dumps(text)[1:-1])
    unbroken = _GAP.sub("", text)
    if len(unbroken) >= _SHORTEST:
        yield unbroken
    if len(text) < _LONG:
        return
    parts = text.split(".")
    known = [text, *(part for part in parts[1:] if len(part) >= _LONG and len(parts) == _PARTS)]
    yield from known
    yield from (each[::-1] for each in known)
    raw = text.encode()
    yield raw.hex()
    once = list(_inside(raw, b64encode, 6))
    twice = [form for each in once for form in _inside(each.encode(), b64encode, 6)]
    for form in (*once, *twice):
        yield from (form, form.replace("+", "-").replace("/", "_"))
    yield from _inside(raw, b32encode, 5)


def _inside(raw: bytes, encode: Callable[[bytes], bytes], bits: int) -> Iterator[str]:
    """What is sure to be written of it, so many bits a letter, in each way, by what stands before it."""
    for before in range(bits if bits % 2 else bits // 2):
        letters = encode(b"\0" * before + raw).decode()
        yield letters[-(-8 * before // bits) : 8 * (before + len(raw)) // bits]


def _decoded(text: str) -> Iterator[str]:
    """What the text says once it is decoded, some layers deep, without what breaks a key in two."""
    for _ in range(_LAYERS):
        before = text
        text = unquote(text)
        if "&" in text:
            import html  # noqa: PLC0415 - few texts have one, and all are looked at

            text = html.unescape(text)
        text = _ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), text)
        if text == before:
            return
        yield _GAP.sub("", text)


def _held(forms: Iterable[str], text: str) -> list[str]:
    lower = text.translate(_LOWER)
    return [form for form in forms if form in lower]


def _hide(pattern: str, text: str) -> str:
    return re.sub(pattern, HIDDEN, text, flags=re.IGNORECASE | re.ASCII)
