"""The cells of a row as JSON and as the texts that are compared."""

import json

from supasync_core.model import raw_json
from supasync_core.model.pg_types import NUMBERS, is_document, type_of
from supasync_core.model.table import Shape

_BOOLEANS = {"t": "true", "true": "true", "f": "false", "false": "false"}


def compared(json_text: str | None, shape: Shape, name: str) -> str | None:
    """A JSON cell as it is compared."""
    if json_text is None or json_text == "null":
        return None
    if is_document(type_of(shape, name)):
        return json_text
    return raw_json.plain(json_text)


def cell(text: str | None, kind: str) -> str:
    """The JSON of a text: documents, booleans and numbers as they stand, all else as a string."""
    if text is None:
        return "null"
    if kind == "boolean" and text in _BOOLEANS:
        return _BOOLEANS[text]
    if is_document(kind) or kind in NUMBERS:
        try:
            value = json.loads(text, parse_constant=_no_json, parse_int=float)
        except RecursionError:
            return text
        except ValueError:
            return json.dumps(text, ensure_ascii=False)
        if is_document(kind) or not isinstance(value, str):
            return text
    return json.dumps(text, ensure_ascii=False)


def read_cell(text: str | None, kind: str) -> str:
    """A text of a known type as the API prints it: a document that is a text alone stands for itself."""
    if text is not None and is_document(kind) and text.startswith('"'):
        return json.dumps(text, ensure_ascii=False)
    return cell(text, kind)


def _no_json(word: str) -> None:
    """NaN and infinities, which the API prints as strings."""
    raise ValueError(word)
