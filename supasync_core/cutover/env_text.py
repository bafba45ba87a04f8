"""A .env file's text with other values: old lines stay as comments, everything else stays as it is.

python-dotenv's parser says where a variable begins and ends; all that is known here of the format is how
comments and quoted values are written.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Final

from dotenv.parser import Binding, parse_stream

from supasync_core.api.switch import Line
from supasync_core.model.errors import SupasyncError

_LINE_END: Final = re.compile(r"(\r\n|\n|\r)")
_BARE: Final = re.compile(r"[A-Za-z0-9_./:@%+=,~-]+")
_HEAD: Final = re.compile(
    r"(?P<indent>\s*)(?P<export>export[^\S\r\n]+)?[^=\s]+[^\S\r\n]*=?[^\S\r\n]*(?P<quote>['\"])?"
)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The new text; ``changed`` names what got another value, ``repeated`` what was there twice."""

    text: str
    changed: tuple[str, ...]
    repeated: tuple[str, ...]


def lines(text: str) -> list[Line]:
    """Every variable in the order of the text, repeated ones too; SupasyncError where a line is not one."""
    return [
        Line(binding.key, binding.value or "", _line(binding))
        for binding in _bindings(text)
        if binding.key is not None
    ]


def rewritten(text: str, wanted: Mapping[str, str]) -> Rewritten:
    """The text in which each wanted name has its value, once; a name that is not there is added at the end.

    The lines that had another value stay as comments above. SupasyncError where the text cannot be parsed,
    or where dotenv would not read back exactly what is wanted and all else as before.
    """
    bindings = _bindings(text)
    places: dict[str, list[int]] = {}
    for index, binding in enumerate(bindings):
        if binding.key is not None and binding.key in wanted:
            places.setdefault(binding.key, []).append(index)
    due = {
        name: value
        for name, value in wanted.items()
        if [bindings[index].value for index in places.get(name, ())] != [value]
    }
    end = _line_end(text)
    parts = [
        _replaced(binding, due, end, last=index == places.get(binding.key or "", [-1])[-1])
        for index, binding in enumerate(bindings)
    ]
    added = [f"{name}={_written(value, '')}" for name, value in due.items() if name not in places]
    result = "".join(parts) + _appended("".join(parts), added, end)
    _check(text, result, wanted)
    repeated = tuple(name for name in due if len(places.get(name, ())) > 1)
    return Rewritten(result, tuple(due), repeated)


def _bindings(text: str) -> list[Binding]:
    found = list(parse_stream(StringIO(text)))
    for binding in found:
        if binding.error:
            raise SupasyncError(
                f"line {_line(binding)} is not NAME=value",
                hint="fix that line, perhaps a quote that is not closed, or make it a comment with #",
            )
    return found


def _line(binding: Binding) -> int:
    """The line of a binding, whose text may begin with the empty lines before it."""
    lead = binding.original.string[: -len(binding.original.string.lstrip()) or None]
    return binding.original.line + len(_LINE_END.findall(lead))


def _line_end(text: str) -> str:
    found = _LINE_END.search(text)
    return found[0] if found else "\n"


def _replaced(binding: Binding, due: Mapping[str, str], end: str, *, last: bool) -> str:
    """The binding's text, or itself as a comment, followed by the new value where it stands last."""
    original = binding.original.string
    if binding.key is None or binding.key not in due:
        return original
    body = original.lstrip()
    lead = original[: len(original) - len(body)]
    pieces = _LINE_END.split(body)
    closed = len(pieces) > 1 and pieces[-1] == ""
    if closed:
        pieces.pop()
    commented = "".join(piece if index % 2 else f"# {piece}" for index, piece in enumerate(pieces))
    if not last:
        return lead + commented
    head = _HEAD.match(body)
    export = (head and head["export"]) or ""
    indent = _LINE_END.split(lead)[-1]
    quote = (head and head["quote"]) or ""
    own_end = pieces[-1] if closed else ""
    new = f"{indent}{export}{binding.key}={_written(due[binding.key], quote)}{own_end}"
    return f"{lead}{commented}{'' if closed else end}{new}"


def _appended(text: str, added: list[str], end: str) -> str:
    """The lines to add at the end, whose last one ends as the file did."""
    if not added:
        return ""
    open_end = bool(text) and not text.endswith(("\n", "\r"))
    return (end if open_end else "") + end.join(added) + ("" if open_end else end)


def _written(value: str, quote: str) -> str:
    """The value as .env holds it, in the quotes that stood there, in none where it needs none."""
    if not quote and _BARE.fullmatch(value):
        return value
    quote = quote or "'"
    escaped = value.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return f"{quote}{escaped}{quote}"


def _check(before: str, after: str, wanted: Mapping[str, str]) -> None:
    """SupasyncError unless dotenv reads every wanted value from the text, and all else as it was."""
    read = {binding.key: binding.value for binding in parse_stream(StringIO(after))}
    wrong = [name for name, value in wanted.items() if read.get(name) != value or "${" in value]
    if wrong:
        raise SupasyncError(f"the new value of {', '.join(wrong)} cannot be written so that it is read back")
    if _others(before, wanted) != _others(after, wanted):
        raise SupasyncError("other values of the file would change with it: nothing was written")


def _others(text: str, wanted: Mapping[str, str]) -> list[tuple[str | None, str | None]]:
    return [
        (binding.key, binding.value)
        for binding in parse_stream(StringIO(text))
        if binding.key is not None and binding.key not in wanted
    ]
