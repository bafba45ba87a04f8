"""Whether what a side prints is what it holds: settings of its database decide that, for every value alike.

With a low ``extra_float_digits`` it prints fewer digits of a float than it holds, and does not find its own
rows by them; of floats inside a point or a composite that is not known. With a ``DateStyle`` other than ISO a
range of dates reads otherwise to whoever has another one; single dates are ISO in JSON. (PostgreSQL
documentation, "extra_float_digits", "DateStyle", "to_json".)
"""

import re
from dataclasses import dataclass, field

from supasync_core.api.backend import Side
from supasync_core.model import pg_literals, raw_json
from supasync_core.model.batch import Batch, Key
from supasync_core.model.errors import SchemaError
from supasync_core.model.printable import command
from supasync_core.model.table import Shape, Table

SAMPLE = 20
"""Rows that a side is asked for, in one request."""
_SHORT = {"double precision": 15, "real": 6}
"""Significant digits that are printed at most where the setting is low."""
_RANGES = ("daterange", "datemultirange", "tsrange", "tsmultirange", "tstzrange", "tstzmultirange")
_LARGEST = 100_000
_NUMBER = re.compile(r"-?[\d.]+(?:e[-+]?\d+)?", re.IGNORECASE)
_ISO = re.compile(r"\d{4}-\d\d-\d\d")
_STYLED = re.compile(r'[\[(,](?:\\*")*\d\d[-/.]\d\d[-/.]\d{4}')
"""The bound of a range in another style, inside of a type that may be made of one."""


@dataclass
class Printing:
    """A sample of what one side printed of a table; ``name`` is how people call the side."""

    name: str
    side: Side
    table: Table
    kinds: dict[str, str]
    sample: dict[Key, dict[str, str]] = field(default_factory=dict)
    met: int = 0
    stride: int = 1

    @classmethod
    def of(cls, name: str, side: Side, table: Table, shape: Shape) -> "Printing":
        """For the columns of these types that travel."""
        kinds = {column.name: column.type or "" for column in shape.columns if column.name not in table.key}
        return cls(name, side, table, {each: kind for each, kind in kinds.items() if _is_asked(kind)})

    def seen(self, batch: Batch) -> None:
        """Take rows of the page into the sample, spread over all that come."""
        first = -self.met % self.stride
        self.met += batch.count
        if not self.kinds:
            return
        for place in range(first, batch.count, self.stride):
            text = batch.rows.texts[place]
            if len(text) <= _LARGEST:
                self.take(self.table.key_of(batch.rows[place]), text)
        while len(self.sample) > 2 * SAMPLE:
            self.sample = dict(list(self.sample.items())[::2])
            self.stride *= 2

    def take(self, key: Key, text: str) -> None:
        """Take one row."""
        cells = raw_json.cells(text)
        self.sample[key] = {name: cells[name] for name in self.kinds if name in cells}

    def check(self) -> None:
        """SchemaError where the side does not print what it holds."""
        for cells in self.sample.values():
            for name, cell in cells.items():
                if _is_styled(self.kinds[name], cell):
                    raise self._error(f"does not print the dates in {name} as ISO dates", "DateStyle")
        name, asked = self._floats()
        lost = self._lost(name, asked) if asked else {}
        if lost and any(text == lost[key] for key, text in self._again(name, lost).items()):
            low = f"prints fewer digits of {name} than it holds: extra_float_digits is low"
            raise self._error(low, "extra_float_digits")

    def _floats(self) -> tuple[str, dict[Key, str]]:
        """The column whose numbers are the longest, and those numbers; none where one shows all."""
        found: dict[str, dict[Key, str]] = {}
        longest: dict[str, int] = {}
        for key, cells in self.sample.items():
            for name, cell in cells.items():
                kind = self.kinds[name].removesuffix("[]")
                digits = _digits(cell) if kind in _SHORT else 0
                text = _literal(cell, self.kinds[name])
                if kind not in _SHORT or text is None:
                    continue
                if digits > _SHORT[kind]:
                    return "", {}
                found.setdefault(name, {})[key] = text
                longest[name] = max(longest.get(name, 0), digits - _SHORT[kind])
        if not found:
            return "", {}
        name = max(longest, key=longest.__getitem__)
        by_length = sorted(found[name].items(), key=lambda each: -_digits(each[1]))
        return name, dict(by_length[:SAMPLE])

    def _lost(self, name: str, asked: dict[Key, str]) -> dict[Key, str]:
        """Those that the side does not find by what it printed."""
        narrow = self.table.whole().narrowed(self.table.key)
        values = [(*key, text) for key, text in asked.items()]
        batches = self.side.rows(narrow, (*self.table.key, name), values)
        found = {key for batch in batches for key in narrow.keys(batch)}
        return {key: text for key, text in asked.items() if key not in found}

    def _again(self, name: str, lost: dict[Key, str]) -> dict[Key, str]:
        """What it prints of them now: a row may have changed meanwhile."""
        narrow = self.table.whole().narrowed((*self.table.key, name))
        return {
            key: _literal(raw_json.cells(text).get(name, ""), self.kinds[name]) or ""
            for batch in self.side.rows(narrow, self.table.key, list(lost))
            for key, text in narrow.texts(batch).items()
        }

    def _error(self, what: str, setting: str) -> SchemaError:
        table = self.table.name
        return SchemaError(
            f"{table}: {self.name} {what}",
            table=table,
            hint=f"in {self.name}'s SQL editor: alter database postgres reset {setting}; alter role "
            f"authenticator reset {setting}; then: {command('sync', '--full', table)}",
        )


def _is_asked(kind: str) -> bool:
    """Whether a setting may decide how the type is printed: of types of the app's own, that is not known."""
    one = kind.removesuffix("[]")
    return one in _SHORT or one in _RANGES or "." in one


def _is_styled(kind: str, cell: str) -> bool:
    """Whether the cell shows dates, and not as ISO dates."""
    if kind in _RANGES:
        return re.search(r"\d", cell) is not None and not _ISO.search(cell)
    return kind.removesuffix("[]") not in _SHORT and _STYLED.search(cell) is not None


def _literal(cell: str, kind: str) -> str | None:
    """The number, or the array of numbers as PostgreSQL writes it; None for anything else."""
    if not kind.endswith("[]"):
        return cell if _NUMBER.fullmatch(cell) else None
    return pg_literals.printed(cell, kind.removesuffix("[]")) if cell.startswith("[") else None


def _digits(text: str) -> int:
    """The significant digits of the longest number in JSON."""
    mantissas = (re.split("[eE]", number)[0] for number in _NUMBER.findall(text))
    return max((len(each.lstrip("-").replace(".", "").strip("0")) for each in mantissas), default=0)
