"""On which line of a file a row begins."""

import csv
from collections.abc import Collection
from pathlib import Path

from supasync_csv.gap.physical import delimiter_of

_LONGEST = 1 << 30


def lines(path: Path, rows: Collection[int]) -> dict[int, int]:
    """The line of each of the rows, counted from 1; a row is a record of the header's width."""
    found: dict[int, int] = {}
    last = max(rows, default=0)
    csv.field_size_limit(_LONGEST)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter_of(path))
            width = len(next(reader, []))
            number, begins = 0, reader.line_num + 1
            for record in reader:
                number += len(record) == width
                if number in rows and number not in found:
                    found[number] = begins
                if number >= last:
                    break
                begins = reader.line_num + 1
    except (csv.Error, UnicodeError, OSError):
        pass
    return found
