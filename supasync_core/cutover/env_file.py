"""A .env file: read, its text with other values, and replaced as a whole, the original kept beside it.

In the new text old lines stay as comments, everything else stays as it is. python-dotenv's parser says where
a variable begins and ends; all that is known here is how comments and quoted values are written.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from itertools import chain, count
from pathlib import Path
from typing import Final

from dotenv.parser import Binding, parse_stream

from supasync_core.api.switch import Line
from supasync_core.config.environment import LINE_END, line_of
from supasync_core.model.errors import SupasyncError
from supasync_core.model.printable import argument
from supasync_core.system import descriptors

_BOM: Final = b"\xef\xbb\xbf"
_LARGEST: Final = 1_000_000
"""Bytes; a larger file is not a .env."""
_BARE: Final = re.compile(r"[A-Za-z0-9_./:@%+=,~-]+")
_HEAD: Final = re.compile(
    r"(?P<indent>\s*)(?P<export>export[^\S\r\n]+)?[^=\s]+[^\S\r\n]*=?[^\S\r\n]*(?P<quote>['\"])?"
)


@dataclass(frozen=True, slots=True)
class EnvFile:
    """The file as it was read; ``path`` is the file itself where a link was named."""

    path: Path
    raw: bytes

    @property
    def text(self) -> str:
        """Its text without the byte order mark; SupasyncError where it is not UTF-8."""
        try:
            return self.raw.removeprefix(_BOM).decode()
        except UnicodeDecodeError as err:
            raise SupasyncError(
                f"{self.path} is not UTF-8 text (byte {err.start + 1})", hint="save it as UTF-8"
            ) from err

    @property
    def digest(self) -> str:
        """The SHA-256 of its bytes."""
        return sha256(self.raw).hexdigest()

    def with_text(self, text: str) -> bytes:
        """The bytes of this file with another text, the byte order mark kept."""
        mark = _BOM if self.raw.startswith(_BOM) else b""
        return mark + text.encode()


def read(path: Path) -> EnvFile:
    """The file, a link followed; SupasyncError where it does not exist or cannot be read."""
    try:
        target = path.resolve(strict=True)
        raw = descriptors.read(target, _LARGEST)
    except FileNotFoundError as err:
        raise SupasyncError(
            f"no such file: {path}", hint="correct cutover.env in tables.yaml, or put the file there"
        ) from err
    except (OSError, RuntimeError) as err:  # RuntimeError: a link that leads to itself, up to Python 3.12
        raise SupasyncError(f"{path} cannot be read: {getattr(err, 'strerror', None) or err}") from err
    return EnvFile(target, raw)


def check_writable(file: EnvFile) -> None:
    """SupasyncError where `replace` would be refused; nothing is written."""
    descriptors.check_user(file.path.parent)
    status = file.path.stat()
    if not status.st_mode & stat.S_IWUSR or not os.access(file.path, os.W_OK):
        raise SupasyncError(f"{file.path} is read-only", hint=f"chmod u+w {argument(str(file.path))}")
    if not os.access(file.path.parent, os.W_OK | os.X_OK):
        raise SupasyncError(
            f"{file.path} cannot be replaced: its folder is read-only",
            hint=f"chmod u+w {argument(str(file.path.parent))}",
        )
    if status.st_nlink > 1:
        raise SupasyncError(
            f"{file.path} has a second name (a hard link), which would keep the old values",
            hint="make the other name a symbolic link",
        )


def keep(file: EnvFile, stamp: str) -> Path:
    """Write the original beside the file, for its owner alone; its path, with a number where one is taken."""
    copy = _vacant(file, f"{file.path.name}.old-{stamp}")
    if os.path.lexists(copy):
        return copy
    try:
        with open(copy, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
            descriptors.give(out.fileno(), file.path, file.raw)
            out.write(file.raw)
            out.flush()
            os.fsync(out.fileno())
    except FileExistsError:
        raise SupasyncError(f"{copy} has just been created by somebody else", hint="run it again") from None
    except OSError as err:
        copy.unlink(missing_ok=True)
        raise SupasyncError(f"{copy} cannot be written: {err.strerror}") from err
    return copy


def _vacant(file: EnvFile, name: str) -> Path:
    """The first path of that name, with or without a number, where nothing is, or this very original."""
    numbered = (f"{name}-{number}" for number in count(2))
    paths = map(file.path.with_name, chain([name], numbered))
    return next(path for path in paths if not os.path.lexists(path) or _holds(path, file.raw))


def _holds(path: Path, raw: bytes) -> bool:
    """Whether it is a regular file with these bytes; whoever may write here may have put anything there."""
    try:
        return descriptors.read(path, _LARGEST) == raw
    except OSError:
        return False


def replace(file: EnvFile, raw: bytes) -> None:
    """Put the bytes in the file's place, whole or not at all; permissions and owner stay.

    SupasyncError, and nothing changed, where the file is another one by now or cannot be replaced.
    """
    try:
        descriptors.replace(file.path, file.raw, raw)
    except OSError as err:
        raise SupasyncError(f"{file.path} cannot be replaced: {err.strerror}") from err


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The new text; ``changed`` names what got another value, ``repeated`` what was there twice."""

    text: str
    changed: tuple[str, ...]
    repeated: tuple[str, ...]


def lines(text: str) -> list[Line]:
    """Every variable in the order of the text, repeated ones too; SupasyncError where a line is not one."""
    return [
        Line(binding.key, binding.value or "", line_of(binding))
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
    end = next(iter(LINE_END.findall(text)), "\n")
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
                f"line {line_of(binding)} is not NAME=value",
                hint="fix that line, perhaps a quote that is not closed, or make it a comment with #",
            )
    return found


def _replaced(binding: Binding, due: Mapping[str, str], end: str, *, last: bool) -> str:
    """The binding's text, or itself as a comment, followed by the new value where it stands last."""
    original = binding.original.string
    if binding.key is None or binding.key not in due:
        return original
    body = original.lstrip()
    lead = original[: len(original) - len(body)]
    pieces = LINE_END.split(body)
    closed = len(pieces) > 1 and pieces[-1] == ""
    if closed:
        pieces.pop()
    commented = "".join(piece if index % 2 else f"# {piece}" for index, piece in enumerate(pieces))
    if not last:
        return lead + commented
    head = _HEAD.match(body)
    export = (head and head["export"]) or ""
    indent = LINE_END.split(lead)[-1]
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
