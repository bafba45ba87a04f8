"""Files replaced as a whole, for their owner alone, and cells that are harmless in a spreadsheet."""

import os
import re
import stat
from functools import cache
from pathlib import Path

from supasync_core.model.errors import RefusedError
from supasync_core.system.links import replace_whole

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_BEGIN = 1024
"""Bytes of a file that tell who wrote it."""
_UNSEEN = (
    "\\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
)
"""Letters that show nothing (Unicode, "Default_Ignorable_Code_Point", and blanks and controls)."""


def name_of(path: Path) -> str:
    """The path as text, the same under every locale; bytes that are not UTF-8 are surrogates (PEP 383)."""
    return os.fsencode(path).decode(errors="surrogateescape")


def is_same_file(one: Path, other: Path) -> bool:
    """Whether both paths lead to one file, also under two names of it; where none is there, to one place."""
    try:
        return os.path.realpath(one) == os.path.realpath(other) or one.samefile(other)
    except (OSError, ValueError):
        return False


def share_a_file(one: Path, other: Path) -> bool:
    """Whether one path, or a CSV file in the folder that it is, leads where the other does; by links too."""
    return is_same_file(one, other) or not _files(one).isdisjoint(_files(other))


def _files(path: Path) -> set[Path]:
    """The real paths of the CSV files of a folder, or of a file; none where it cannot be read."""
    try:
        real = path.resolve()
        if not real.is_dir():
            return {real}
        with os.scandir(real) as there:
            named = (each for each in there if each.name.lower().endswith(".csv"))
            names = [(each.name, each.is_symlink()) for each in named]
        return {(real / name).resolve() if link else real / name for name, link in names}
    except (OSError, RuntimeError, ValueError):  # RuntimeError: links that lead to each other
        return set()


def write_private(path: Path, text: str) -> None:
    """Replace the file by one with this text and mode 0600; RefusedError where that fails."""
    replace_whole(path, lambda file: file.write(text.encode()), private=True)


def write_named(path: Path, text: str, begins: tuple[str, ...]) -> None:
    """Replace a file that a person named, as ``write_private`` does, but never a file of somebody else's.

    What is there must be empty or begin with one of these texts; RefusedError where it does not.
    """
    check_named(path, begins)
    write_private(path, text)


def write_script(path: Path, text: str) -> None:
    """The same for a script, which takes the place of one with its first line: all of its kind share that."""
    write_named(path, text, (text.partition("\n")[0] + "\n",))


def check_named(path: Path, begins: tuple[str, ...]) -> None:
    """RefusedError where something is at the path that does not begin with one of these texts."""
    try:
        found = path.lstat()
        if stat.S_ISREG(found.st_mode) and (not found.st_size or _begin(path).startswith(_encoded(begins))):
            return
    except FileNotFoundError:
        return
    except OSError as err:
        raise RefusedError(f"{path} cannot be replaced: {err.strerror or err}") from err
    raise RefusedError(
        f"{path} is not replaced: supasync has not written such a file there",
        hint="name another file, or move this one away",
    )


def _begin(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_BEGIN)


def _encoded(begins: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(each.encode() for each in begins)


def defused(value: object) -> object:
    """A cell that a spreadsheet does not run: what begins like a formula gets an apostrophe before it."""
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        return value
    text = _formula().sub(lambda found: f"{found[1]}'{found[2]}" if found[2] else found[0], value)
    return f"'{text}" if text.startswith(("\t", "\r")) else text


@cache
def _formula() -> re.Pattern[str]:
    """The beginning of a cell, of a line of it, or of a part where ``;`` or a tab parts cells, and a formula.

    It matches without the formula too, so that a run of line breaks is looked at once. It is made when a cell
    is written: that takes a tenth of the time of a help text.
    """
    return re.compile(f"((?:^|[;\\n\\r\\t])[{_UNSEEN};]*+)([=+\\-@\uff1d\uff0b\uff0d\uff20]?)")
