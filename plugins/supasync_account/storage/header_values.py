"""The values of a request's headers, made in one place: what an app's users may store, not all may be sent.

Storage takes a content type with a line break by a resumable upload, and one in Cyrillic by a form. What no
header takes is that object's own refusal, and says nothing of the others.
"""

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

import httpx

from supasync_account.storage.storage_errors import ObjectError

_VALUE: Final = re.compile(rb"[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?")
"""A field value of HTTP: no control characters, no blank at either end."""
_SHOWN: Final = 60
_HINT: Final = "give it another in OLD, or name it under exclude: in tables.yaml"


def sendable(headers: Mapping[str, str]) -> httpx.Headers:
    """The headers as they travel, in Latin-1 as servers read them; ObjectError for a value that cannot."""
    found = []
    for name, value in headers.items():
        sent = value.encode("latin-1", "replace")
        if _VALUE.fullmatch(sent) is None or sent.decode("latin-1") != value:
            what = f"no request can carry its {name}, {value[:_SHOWN]!a}"
            raise ObjectError("refused", what, hint=_HINT)
        found.append((name.encode(), sent))
    return httpx.Headers(found)


def encoded(text: str) -> str:
    """Base64, as Storage takes what is longer or of more characters; ObjectError for what UTF-8 has not."""
    try:
        return b64encode(text.encode()).decode()
    except UnicodeEncodeError:
        what = "its name, content type or user metadata has characters that UTF-8 does not have"
        raise ObjectError("refused", what, hint=_HINT) from None


def encoded_json(metadata: Any) -> str:  # noqa: ANN401 - JSON
    """User metadata as a header holds it; ObjectError for what is nested too deeply."""
    try:
        return encoded(json.dumps(metadata, ensure_ascii=False))
    except RecursionError:
        text = "its user metadata is nested more deeply than supasync reads"
        raise ObjectError("refused", text) from None
