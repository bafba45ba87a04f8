r"""Arrays as PostgreSQL writes and reads them: ``{a,"b c",NULL}`` from the JSON of a row.

PostgreSQL documentation, 8.15.6 "Array Input and Output Syntax": an element is quoted where it is empty,
looks like NULL, or holds a delimiter, a brace, a quote, a backslash or white space; ``box`` alone has
another delimiter.
"""

import json
import re

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch
from supasync_core.model.table import Shape

_BARE = re.compile(r'[^\s{}",;\\]+')


def array_columns(shape: Shape) -> dict[str, str]:
    """The type of the elements of each column that holds arrays."""
    kinds = {column.name: column.type or "" for column in shape.columns}
    return {name: kind.removesuffix("[]") for name, kind in kinds.items() if kind.endswith("[]")}


def with_literals(batch: Batch, arrays: dict[str, str]) -> Batch:
    """The batch with arrays as strings that hold PostgreSQL's own text."""
    rows = []
    for text in raw_json.split(batch.body):
        cells = raw_json.cells(text)
        for name, kind in arrays.items():
            if cells.get(name, "").startswith("["):
                cells[name] = _as_string(cells[name], kind)
        rows.append("{" + ",".join(f"{json.dumps(name)}:{cell}" for name, cell in cells.items()) + "}")
    return Batch(raw_json.join(rows), batch.total)


def _as_string(text: str, kind: str) -> str:
    """A JSON string of the literal; the JSON itself where it does not tell which array it was."""
    found = literal(text, kind)
    return text if found is None else json.dumps(found, ensure_ascii=False)


def literal(text: str, kind: str) -> str | None:
    """The array as PostgreSQL writes it, of the JSON array that PostgreSQL has made of it.

    None of an array of composites, and of an array of JSON that holds lists: these may be dimensions.
    """
    elements = [_element(each, kind) for each in raw_json.split(text.encode())]
    if None in elements:
        return None
    return "{" + (";" if kind == "box" else ",").join(filter(None, elements)) + "}"


def _element(text: str, kind: str) -> str | None:
    if text == "null":
        return "NULL"
    if kind in ("json", "jsonb"):
        return None if text.startswith("[") else _quoted(text)
    if text.startswith("["):
        return literal(text, kind)
    if text.startswith("{"):
        return None
    if text in ("true", "false"):
        return text[0]
    return _quoted(str(json.loads(text))) if text.startswith('"') else text


def _quoted(text: str) -> str:
    if _BARE.fullmatch(text) and text.upper() != "NULL":
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
