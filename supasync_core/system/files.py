"""Files that a person opens: for their owner alone, whole or not at all, and harmless in a spreadsheet."""

import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp, mkstemp

from supasync_core.model.errors import RefusedError

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_UNSEEN = (
    "\\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
)
"""Letters that show nothing (Unicode, "Default_Ignorable_Code_Point", and blanks and controls)."""
_FORMULA = re.compile(f"((?:^|[;\\n\\r\\t])[{_UNSEEN}]*)([=+\\-@\uff1d\uff0b\uff0d\uff20])")
"""The beginning of a formula: of the cell, of a line of it, or of a part where ``;`` or a tab parts cells."""


def name_of(path: Path) -> str:
    """The path as text, the same under every locale; bytes that are not UTF-8 are surrogates (PEP 383)."""
    return os.fsencode(path).decode(errors="surrogateescape")


def write_private(path: Path, text: str) -> None:
    """Replace the file by one with this text and mode 0600; SupasyncError where that fails."""
    replace_whole(path, lambda draft: _write_text(draft, text), private=True)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="")


def replace_whole(path: Path, write: Callable[[Path], None], *, private: bool = False) -> None:
    """Put a new file in the place of an old one: readers see all of it or nothing.

    Mode, owner and link of the old one stay, unless the new one is to be ``private``; a file that is new is
    for its owner alone. Until then it has a name that only its owner can see: a link in its place would lead
    the writing elsewhere. RefusedError where the file cannot be written.
    """
    try:
        if not private:
            path = path.resolve()
            path.parent.mkdir(parents=True, exist_ok=True)
        hidden = mkdtemp(dir=path.parent, prefix=f".{path.name}.")
        descriptor, name = mkstemp(dir=hidden)
    except OSError as err:
        raise _unwritable(path, err) from err
    os.close(descriptor)
    draft = Path(name)
    try:
        write(draft)
        _settle(draft, path.stat() if path.exists() and not private else None)
        draft.replace(path)
    except OSError as err:
        raise _unwritable(path, err) from err
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        with suppress(OSError):
            draft.parent.rmdir()


def _settle(draft: Path, old: os.stat_result | None) -> None:
    """Make the draft last, with the old file's owner and mode as far as this user may.

    All of it by the descriptor: the name may be another file's by now.
    """
    number = os.open(draft, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(number)
        if hasattr(os, "fchown") and old:
            with suppress(PermissionError):
                os.fchown(number, old.st_uid, old.st_gid)
        if hasattr(os, "fchmod"):
            os.fchmod(number, stat.S_IMODE(old.st_mode) if old else 0o600)
    finally:
        os.close(number)
    if not hasattr(os, "fchmod"):  # Windows, where it says whether the file may be written
        draft.chmod(stat.S_IMODE(old.st_mode) if old else 0o600)


def _unwritable(path: Path, err: OSError) -> RefusedError:
    return RefusedError(f"{path} cannot be written: {err.strerror}")


def defused(value: object) -> object:
    """A cell that a spreadsheet does not run: what begins like a formula gets an apostrophe before it."""
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        return value
    text = _FORMULA.sub(r"\1'\2", value)
    return f"'{text}" if text.startswith(("\t", "\r")) else text
