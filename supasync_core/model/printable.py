"""Untrusted names and texts, made safe for a line, a comment, a command, pasted SQL or a file name.

Whoever may name a table in OLD, or answers for a server, must not move a terminal, end a comment, begin a
statement or leave a folder. Nothing of a value is lost where it is escaped: the escapes are JSON's.
"""

import re
import shlex
from collections.abc import Callable
from typing import Final

_DELETE: Final = "\x7f"
_LONGEST: Final = 150
"""Characters of a file's name, without what else is added to it; file systems take 255 bytes."""
_DIGESTED: Final = re.compile(r"_[0-9a-f]{8}\Z")
_SHORT: Final = 0xFFFF
"""The largest code that has four hexadecimal digits."""
_IN_FILES: Final = "_-."
_DIGITS: Final = "0123456789\u00b9\u00b2\u00b3"
_RESERVED: Final = frozenset(
    {
        "con",
        "prn",
        "aux",
        "nul",
        *(f"{port}{number}" for port in ("com", "lpt") for number in _DIGITS),
    }
)
"""Names that Windows keeps for devices, with any suffix."""


def visible(text: str, keep: str = "") -> str:
    r"""The text with everything that is not printable as JSON's escape: ``\n``, ``\u001b``, ``\u202e``.

    Characters of ``keep`` stay. What is visible already stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in keep else _escape(each) for each in text)


def comment(text: str) -> str:
    """The text on one line of a comment, which it cannot end: SQL's of both kinds, and YAML's."""
    shown = visible(text)
    return shown.replace("*/", "* /").replace("/*", "/ *")


def sql_name(name: str) -> str:
    r"""The name as PostgreSQL's quoted identifier; ``U&"\000a"`` where it is not printable."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"' if name.isprintable() else f'U&"{_escaped(doubled, _in_a_name)}"'


def sql_text(text: str) -> str:
    r"""The text as PostgreSQL's literal; ``E'\u000a'`` where it is not printable, or holds a backslash.

    What a backslash means in a plain literal depends on a setting, standard_conforming_strings.
    """
    doubled = text.replace("'", "''")
    plain = text.isprintable() and "\\" not in text
    return f"'{doubled}'" if plain else f"E'{_escaped(doubled, _in_a_text)}'"


def command(*parts: str) -> str:
    """``supasync`` with these arguments, as a shell takes them, whatever names others have chosen."""
    return " ".join(("supasync", *map(argument, parts)))


def argument(name: str) -> str:
    """One argument of a command, quoted where a shell reads it otherwise; NAME where it is not printable."""
    return shlex.quote(name) if name.isprintable() else "NAME"


def unfit_for_windows(name: str) -> str | None:
    """Why Windows would take the name of a file for something else; None where it would not."""
    if name.partition(".")[0].rstrip(" ").lower() in _RESERVED:
        return "is the name of a device"
    if name.endswith((".", " ")):
        return "ends in a dot or a blank, which Windows drops"
    odd = next((each for each in name if each in '<>:"/\\|?*' or each < " "), None)
    return f"has {_in_json(odd)} in it" if odd else None


def file_name(name: str, *, alone: bool = True) -> str:
    """The name as part of a file's name in one folder, the same each time, and unlike that of any other.

    Letters, digits and ``_-.`` stay. Where anything else is replaced, a digest of the name follows; so it
    does where the name ends like a digest already, or is not ``alone``: another one differs in the case of
    letters, which not every file system tells.
    """
    kept = "".join(each if each.isalnum() or each in _IN_FILES else "_" for each in name)[:_LONGEST]
    reserved = kept.partition(".")[0].lower() in _RESERVED
    stays = alone and kept == name and not name.startswith(".") and not reserved
    stays = stays and not _DIGESTED.search(name)
    if stays and len(kept.encode()) <= _LONGEST:
        return name
    while len(kept.encode()) > _LONGEST:
        kept = kept[:-1]
    from hashlib import sha256  # noqa: PLC0415 - --help names no file

    digest = sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{'_' if reserved or kept.startswith('.') else ''}{kept}_{digest}"


def _escape(letter: str) -> str:
    return r"\u007f" if letter == _DELETE else _in_json(letter)[1:-1]


def _in_json(text: str) -> str:
    import json  # noqa: PLC0415 - --help prints no such letter

    return json.dumps(text)


def _escaped(text: str, code: Callable[[int], str]) -> str:
    """The text with two backslashes for one, and the code of everything that is not printable."""
    letters = (each if each.isprintable() else code(ord(each)) for each in text.replace("\\", "\\\\"))
    return "".join(letters)


def _in_a_name(number: int) -> str:
    return f"\\{number:04x}" if number <= _SHORT else f"\\+{number:06x}"


def _in_a_text(number: int) -> str:
    return f"\\u{number:04x}" if number <= _SHORT else f"\\U{number:08x}"
