"""The physical form of a CSV file: digest, encoding, delimiter, line endings, header."""

import codecs
import csv
import io
import os
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from supasync_core.staging.csv.packed import UnreadableFileError, is_packed, unpacked
from supasync_core.system.links import real

_CHUNK = 1 << 22
_SAMPLE = 1 << 18
_DELIMITERS = (",", "\t", ";", "|")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_QUOTED_RECORD = re.compile(r'"(?:[^"]|"")*"(?:[,;\t|]"(?:[^"]|"")*")*(?:\r\n|\n|\r|$)')


@dataclass(frozen=True, slots=True)
class Physical:
    """How a file is written, whatever it means.

    ``path`` is the UTF-8 text, unpacked; ``size`` that of the original, unpacked.
    """

    path: Path
    size: int
    digest: str
    delimiter: str
    newline: str
    header: tuple[str, ...]
    quoted: bool
    """Whether every field of its beginning is quoted, also those that need it not."""
    sparing: bool
    """Whether its beginning quotes no field that needs no quotes: an empty text in quotes is meant as one."""
    closed: bool
    """Whether the last line has its end."""

    @property
    def names_columns(self) -> bool:
        """Whether the first line names each column once."""
        return bool(self.header) and "" not in self.header and len(set(self.header)) == len(self.header)


def examine(  # noqa: PLR0913 - how it is written, and how much of it is read
    path: Path,
    encoding: str | None,
    draft: Path,
    names: frozenset[str],
    *,
    whole: bool = True,
    start: bool = False,
) -> Physical:
    """Read every byte once; a file in another ``encoding`` is rewritten in UTF-8 as ``draft``.

    One that is packed is unpacked beside it. UnreadableFileError with the place of the first byte that is not
    text. Unless ``whole``, only the start is read, and there is no digest; with ``start``, no more of it is
    unpacked.
    """
    path = real(path)
    if not path.is_file():
        raise UnreadableFileError("is not a regular file")
    if is_packed(path):
        path = unpacked(path, draft.with_name(f"{draft.name}.unpacked"), _SAMPLE if start else None)
    if encoding and encoding.lower().replace("-", "") not in ("utf8", "utf8sig"):
        path, size, digest = draft, path.stat().st_size, _recoded(path, encoding, draft)
    else:
        size, digest = path.stat().st_size, _check_all(path) if whole else _check_start(path)
    with path.open("rb") as file:
        sample = file.read(_SAMPLE).removeprefix(codecs.BOM_UTF8)
        file.seek(-min(1, size), os.SEEK_END)
        end = file.read()
    text = sample.decode(errors="ignore")
    delimiter, header = _header(text, names)
    first = text[: _end_of_record(text)]
    body = text[len(first) :]
    newline = "\r\n" if first.endswith("\r\n") else "\n"
    return Physical(
        path=path,
        size=size,
        digest=digest,
        delimiter=delimiter,
        newline=newline,
        header=header,
        quoted=_all_quoted(body, whole=len(sample) == size),
        sparing=not re.search(rf'(?:^|[\n{re.escape(delimiter)}])"[^"{re.escape(delimiter)}\r\n\\]+"', body),
        closed=end in {b"\n", b"\r"},
    )


def _check_start(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(2)
    if start in _UTF16:
        raise UnreadableFileError("is UTF-16, not UTF-8: export it again, or name it by --encoding")
    return ""


def _check_all(path: Path) -> str:
    digest = sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    at = 0
    _check_start(path)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            kept = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as err:
                raise UnreadableFileError(_not_utf8(at - kept + err.start)) from None
            nul = chunk.find(0)
            if nul >= 0:
                raise UnreadableFileError(f"has a NUL byte at byte {at + nul:,}: it is damaged")
            digest.update(chunk)
            at += len(chunk)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise UnreadableFileError(_not_utf8(at) + ": it ends in the middle of a character") from None
    return digest.hexdigest()


def _not_utf8(at: int) -> str:
    return f"is not UTF-8 at byte {at:,} (counted from 0): export it again, or name its --encoding"


def _recoded(path: Path, encoding: str, draft: Path) -> str:
    digest = sha256()
    try:
        if not codecs.lookup(encoding)._is_text_encoding:  # noqa: SLF001 - rot13 and zlib are codecs too
            raise LookupError(encoding)  # noqa: TRY301 - as for one that is not there
        reader = codecs.getincrementaldecoder(encoding)()
        with path.open("rb") as file, draft.open("wb") as out:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                out.write(reader.decode(chunk).encode())
            out.write(reader.decode(b"", final=True).encode())
    except LookupError:
        raise UnreadableFileError(f"unknown encoding {encoding}") from None
    except UnicodeError as err:
        raise UnreadableFileError(f"is not {encoding} ({err.__class__.__name__})") from None
    return digest.hexdigest()


def _header(text: str, names: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    """The delimiter under which most names of the first line are columns of the table, and the names."""
    found: list[tuple[int, int, str, tuple[str, ...]]] = []
    for place, delimiter in enumerate(_DELIMITERS):
        try:
            line = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue
        known = len(names.intersection(line)) if names else len(line)
        found.append((known, -place, delimiter, tuple(line)))
    if not found:
        return ",", ()
    _, _, delimiter, header = max(found)
    return delimiter, header


def _end_of_record(text: str) -> int:
    quoted = False
    for at, letter in enumerate(text):
        if letter == '"':
            quoted = not quoted
        elif letter in "\r\n" and not quoted:
            return at + 1 + (text[at : at + 2] == "\r\n")
    return len(text)


def _all_quoted(body: str, *, whole: bool) -> bool:
    """Whether all records of the beginning quote every field; the last one may be cut by the sample."""
    at = 0
    while at < len(body):
        found = _QUOTED_RECORD.match(body, at)
        if not found or not found[0]:
            return at > 0 and not whole and body.startswith('"', at)
        at = found.end()
    return bool(body)


def delimiter_of(path: Path) -> str:
    """The delimiter of the first line."""
    with real(path).open("rb") as file:
        sample = file.read(_SAMPLE).removeprefix(codecs.BOM_UTF8)
    return _header(sample.decode(errors="ignore"), frozenset())[0]
