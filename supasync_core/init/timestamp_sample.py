"""What a sample of rows shows of a table's timestamps: which is set once, which moves with updates.

Pure functions over rows that were read. A name is only a promise; the rows show whether it is kept. What they
cannot show is never taken for proof: too few rows prove nothing.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from supasync_core.api.blind_spots import is_update_name
from supasync_core.model import timestamps
from supasync_core.model.batch import Row
from supasync_core.model.table import Column, Shape
from supasync_core.model.timestamps import Instant

LEAST = 10
"""Rows below which a column that never moved proves nothing."""
_PROOF = 3
"""Rows that must have moved before a column is believed against its name."""
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_TIMES = re.compile(r"timestamp|date$", re.IGNORECASE)
_NOW = re.compile(
    r"now\(|current_(timestamp|date)|localtimestamp|(clock|statement|transaction)_timestamp|timezone\(",
    re.IGNORECASE,
)
_MOSTLY = 0.95
"""The share of neighbours that must rise: late commits change places, random numbers rise by half."""
_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_MADE = re.compile("creat|insert|added|recorded|logged|occurred|receiv|posted|joined|regist|submit")
_EVENT = re.compile(
    "seen|login|signin|signed|activ|visit|publish|expir|start|begin|until|confirm|verif|delet|archiv|schedul"
    "|deliver|complet|finish|cancel|trial|birth|remind|invit|accept|process|access|reset|approv|renew|period"
    "|valid|event|deadline"
)
_EVENT_WORD = re.compile("due|end|from|read|sent|send|paid|pay|ran|run|ship|next|used")
"""Beginnings of words, which occur within others too."""


@dataclass(frozen=True, slots=True)
class Moves:
    """How a column's values compare with the times at which the same rows were inserted, in rows.

    ``present``: rows that have a value. ``future``: values that are ahead of the source's clock.
    """

    rows: int
    present: int = 0
    later: int = 0
    equal: int = 0
    earlier: int = 0
    future: int = 0


def moves(rows: Sequence[Row], column: str, made: str | None, now: Instant | None = None) -> Moves:
    """The values of ``column`` compared with those of ``made``; without ``made``, how many there are at all.

    A value that all rows have which were there at one time, as ``alter table ... add column ... default
    now()`` leaves behind, is not a move: it is the smallest one, and shared.
    """
    pairs = [
        (timestamps.parse_or_none(row.get(column)), timestamps.parse_or_none(row.get(made)) if made else None)
        for row in rows
    ]
    values = Counter(value for value, _ in pairs if value is not None)
    floor = min(values, default=None)
    bulk = floor if floor is not None and values[floor] >= _PROOF else None
    limit = inf if now is None else now + _DAY
    step = _DAY if _is_daily(rows, column) or (made and _is_daily(rows, made)) else _SECOND
    both = [(value, start) for value, start in pairs if value is not None and start is not None]
    compared = [(value, _order(value, start, step)) for value, start in both]
    return Moves(
        rows=len(rows),
        present=sum(values.values()),
        later=sum(order > 0 and value != bulk for value, order in compared),
        equal=sum(order == 0 or (order > 0 and value == bulk) for value, order in compared),
        earlier=sum(order < 0 for _, order in compared),
        future=sum(value > limit for value, _ in pairs if value is not None),
    )


def standstill(shape: Shape, column: str, rows: Sequence[Row]) -> str | None:
    """Why nothing seems to set this timestamp when a row is updated; None where the rows do not show that."""
    found = insert_time(shape, rows, leave=(column,))
    moved = moves(rows, column, found.name if found else None)
    if len(rows) < LEAST:
        return None
    if not moved.present:
        return f"nothing sets {column}, it is NULL in all of the {len(rows)} rows read"
    if found is None or moved.later or moved.later + moved.equal + moved.earlier < LEAST:
        return None
    return f"nothing sets {column}, it is never later than {found.name} in the {len(rows)} rows read"


@dataclass(frozen=True, slots=True)
class Judged:
    """The timestamps of a table: ``made`` shows when a row was inserted, ``changed`` when it was updated.

    ``how`` is why ``changed`` is taken for that: ``moves`` (the rows show it), ``proven`` (they show it,
    though its name does not speak of updates), ``name`` (its name alone: nothing can be compared),
    ``few`` (its name, and too few rows to tell), ``still`` (it should move, and never did). ``reason``
    is the sentence.
    """

    made: Column | None = None
    changed: Column | None = None
    how: str | None = None
    reason: str = ""


def judged(shape: Shape, rows: Sequence[Row], now: Instant | None = None) -> Judged:
    """The timestamps of a table by its columns and some of its rows."""
    made = insert_time(shape, rows, now=now)
    found = [
        each for column in timestamp_columns(shape) if (each := _changed(shape, column, made, rows, now))
    ]
    ranks = ("moves", "proven", "name", "few", "still")
    best = min(found, key=lambda each: ranks.index(each.how or ""), default=None)
    return best or Judged(made)


def _changed(
    shape: Shape, column: Column, made: Column | None, rows: Sequence[Row], now: Instant | None
) -> Judged | None:
    """The column as one that shows updates; None where it is not one."""
    if column.key or column.refers or column == made:
        return None
    seen = moves(rows, column.name, made.name if made else None, now)
    later = f"later than {made.name if made else ''} in {seen.later} of the {seen.rows} rows read"
    if not is_update_name(column.name):
        proof = (
            seen.present == seen.rows == seen.later + seen.equal and seen.later >= _PROOF and not seen.future
        )
        proven = proof and not is_event(column.name) and (has_clock(column) or seen.equal > 0)
        return Judged(made, column, "proven", f"{later}, and never earlier") if proven else None
    if seen.later:
        return Judged(made, column, "moves", later)
    if sentence := standstill(shape, column.name, rows):
        return Judged(made, column, "still", sentence)
    if len(rows) < LEAST:
        return Judged(made, column, "few", f"too few rows to tell whether {column.name} moves with updates")
    return Judged(made, column, "name", "by its name; the rows do not show whether each update sets it")


def timestamp_columns(shape: Shape) -> list[Column]:
    """The columns that hold timestamps or days; those of an unknown type may."""
    return [column for column in shape.columns if column.type is None or _TIMES.match(column.type)]


def insert_time(
    shape: Shape, rows: Sequence[Row], leave: Sequence[str] = (), now: Instant | None = None
) -> Column | None:
    """The column that best shows when a row was inserted: by its default, its name, its values."""
    named = [column for column in timestamp_columns(shape) if not is_update_name(column.name)]
    found = [column for column in named if column.name not in leave and not column.refers]
    sound = [column for column in found if is_stamped(column) or _is_plain_time(column, rows, now)]
    stamped = [column.name for column in sound]
    return min(
        sound,
        key=lambda column: (
            not named_like_insert(column.name),
            not has_clock(column),
            is_event(column.name),
            sum(moves(rows, column.name, other).later for other in stamped if other != column.name),
        ),
        default=None,
    )


def is_stamped(column: Column) -> bool:
    """Whether the default or the name says that inserting a row sets it."""
    return column.type is not None and (has_clock(column) or named_like_insert(column.name))


def has_clock(column: Column) -> bool:
    """Whether the column's default is the time."""
    return bool(_NOW.search(column.default or ""))


def named_like_insert(name: str) -> bool:
    """Whether the name speaks of inserting the row."""
    return bool(_MADE.search(_plain(name)))


def is_event(name: str) -> bool:
    """Whether the name speaks of a moment in the row's life: it may move, and not with every update."""
    words = [word.lower() for word in _WORD.findall(name)]
    return bool(_EVENT.search(_plain(name))) or any(map(_EVENT_WORD.match, words))


def _is_plain_time(column: Column, rows: Sequence[Row], now: Instant | None = None) -> bool:
    """Whether the values could be those of an insert time: there in every row, never ahead of the clock."""
    if not rows or column.type is None:
        return False
    seen = moves(rows, column.name, None, now)
    return seen.present == seen.rows and not seen.future


def rises(rows: Sequence[Row], key: str, column: str) -> bool:
    """Whether the column rises with a key of whole numbers in almost all rows; False where too few tell."""
    ordered = sorted(_numbered(rows, key, column))
    steps = [later - earlier for (_, earlier), (_, later) in pairwise(ordered)]
    rising = sum(step >= 0 for step in steps)
    return len(steps) >= _PROOF and any(step > 0 for step in steps) and rising >= _MOSTLY * len(steps)


def _numbered(rows: Sequence[Row], key: str, column: str) -> Iterator[tuple[int, Instant]]:
    for row in rows:
        at = timestamps.parse_or_none(row.get(column))
        text = str(row.get(key))
        if at is not None and text.lstrip("-").isdecimal():
            yield int(text), at


def _order(value: Instant, start: Instant, step: int) -> int:
    """-1, 0 or 1; within a second, or on one day where only days are known, two times are one."""
    if step == _DAY:
        value, start = (each if each in (inf, -inf) else each // _DAY for each in (value, start))
        return (value > start) - (value < start)
    if value == start or abs(value - start) < step:
        return 0
    return 1 if value > start else -1


def _is_daily(rows: Sequence[Row], column: str) -> bool:
    texts = [text for row in rows if isinstance(text := row.get(column), str)]
    return bool(texts) and all(len(text) <= len("2026-01-01") for text in texts)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
