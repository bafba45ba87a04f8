"""DuckDB's CSV reader with every option given: its sniffer skips lines and cuts off names."""

import re
from collections.abc import Sequence
from pathlib import Path

from supasync_core.staging.values import literal
from supasync_core.system.files import name_of

LONGEST = (4_000_000, 64_000_000, 1_000_000_000)
"""Bytes of a line that are read, tried in this order; PostgreSQL holds values of up to 1 GB.

A reader's buffers are as large as its longest line, or larger: with the last size alone, a file larger than
``memory_limit`` was refused (measured on DuckDB 2.0: 830 MB under 600 MB).
"""
_BUFFER = 32_000_000
NOT_IN_LINES = b"\x1e\x1f"
"""Characters that no line may have which is read as one text."""
_PATTERN = re.compile(r"([*?[])")


def scan(
    path: Path, columns: Sequence[str], *, longest: int, delimiter: str = ",", rejects: bool = False
) -> str:
    """The SQL that reads a file with a header: texts, NULL where a cell is empty without quotes.

    With ``rejects``, lines that are not valid rows are left out and stand in DuckDB's ``reject_errors``.
    """
    typed = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in columns)
    buffer = longest if longest < LONGEST[0] else max(_BUFFER, longest)
    options = (
        f"auto_detect = false, columns = {{{typed}}}, header = true, delim = {literal(delimiter)}, "
        "quote = '\"', escape = '\"', comment = '', nullstr = '', allow_quoted_nulls = false, "
        f"compression = 'none', strict_mode = true, max_line_size = {longest}, buffer_size = {buffer}"
    )
    rejecting = ", ignore_errors = true, store_rejects = true, rejects_limit = 0" if rejects else ""
    return f"read_csv({this_one(path)}, {options}{rejecting})"


def scan_lines(path: Path) -> str:
    """The SQL that reads each line behind a header of one line as the text ``line``, whatever stands in it.

    Blank lines are left out; one that is not UTF-8, or has a character of ``NOT_IN_LINES``, is an error.
    """
    null, delimiter = map(chr, NOT_IN_LINES)
    options = (
        "auto_detect = false, columns = {line: 'VARCHAR'}, header = true, quote = '', escape = '', "
        f"comment = '', nullstr = {literal(null)}, delim = {literal(delimiter)}, compression = 'none', "
        f"strict_mode = true, max_line_size = {LONGEST[0]}, buffer_size = {_BUFFER}"
    )
    return f"read_csv({this_one(path)}, {options})"


def this_one(path: Path) -> str:
    """The path as a SQL text of which DuckDB reads this file alone: of ``g[ab]`` it would read ``ga``."""
    return literal(_PATTERN.sub(r"[\1]", name_of(path.absolute())))
