"""Rows that were written, read back: whether the sink holds them as they were sent.

A trigger may stamp or change rows, a type may hold fewer digits, a child table may show rows too. Whatever it
is, the upsert succeeded, so only a look at the row tells.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from supasync_core.api.backend import Computing
from supasync_core.api.row_formats import Declaring
from supasync_core.model import raw_json, transform
from supasync_core.model.batch import Batch, Key
from supasync_core.model.pg_types import are_texts, is_json, type_of
from supasync_core.model.printable import command
from supasync_core.model.same_key import translator
from supasync_core.model.same_value import (
    moment,
    same_as_printed,
    same_cell,
    same_fractions,
    same_json,
)
from supasync_core.model.table import Column, Shape, Table
from supasync_core.model.transform import SameColumns
from supasync_core.project.migration import Migration
from supasync_core.schema.printed_precision import Printing
from supasync_core.sync.changed_rows import REWRITTEN, ChangedError, changed
from supasync_core.sync.file_spellings import FileSpellings, is_unlisted, kept
from supasync_core.sync.longest_fractions import LongestFractions, may_round
from supasync_core.sync.trailing_blanks import TrailingBlanks
from supasync_core.sync.zoned_months import ZonedMonths, shared_moments

SAMPLE = 20
"""Rows of one table that are read back, in one request."""
_LARGEST = 100_000
"""Bytes of a row that is worth reading back as a whole: more would cost more than it tells."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sent:
    """A row as it was sent; of a ``large`` one, a few columns."""

    key: Key
    text: str
    large: bool


@dataclass
class Readback:
    """A sample of one table's rows, spread over all that was sent; ``of_files``, not by OLD."""

    migration: Migration
    table: Table
    sample: list[Sent] = field(default_factory=list)
    longest: list[Sent] = field(default_factory=list)
    finders: Sequence[LongestFractions | TrailingBlanks | ZonedMonths | FileSpellings] = ()
    of_files: bool = False

    def sent(self, batch: Batch) -> None:
        """Take rows of a batch into the sample, and those that a narrower type would change first."""
        self.scan(batch)
        self.take(batch)

    def take(self, batch: Batch) -> None:
        """Take rows of a batch into the sample, its last one among them."""
        self.sample += self._of(batch, _spread(range(batch.count), SAMPLE))
        latest = {each.key: each for each in self.sample}
        self.sample = _spread(list(latest.values()), SAMPLE)

    def scan(self, batch: Batch) -> None:
        """Take the rows alone that have more digits behind a point, or a longer text before a blank."""
        if not self.finders and batch.count and self._reads_anew:
            kinds = self._columns(batch.columns)
            self.finders = (LongestFractions(kinds), FileSpellings(kinds))
        elif not self.finders and batch.count:
            kinds, shape = self._columns(batch.columns), self.migration.source.shape(self.table)
            enums = {column.name for column in shape.columns if column.values}
            alike = self._declared_alike()
            judged = {name: kinds[name] for name in kinds if name not in enums and name not in alike}
            new = self.migration.sink.shape(self.table)
            self.finders = (
                LongestFractions(judged),
                TrailingBlanks.of([*judged], shape, new),
                ZonedMonths.of([*judged], shape, new),
            )
        for finder in self.finders:
            self.longest += self._of(batch, finder.places(batch), finder.names)

    def _declared_alike(self) -> set[str]:
        """The columns that hold as many digits and letters in NEW as in OLD."""
        source, sink = self.migration.source, self.migration.sink
        if not isinstance(source, Declaring) or not isinstance(sink, Declaring):
            return set()
        old, new = source.declared(self.table), sink.declared(self.table)
        return {name for name, kind in old.items() if new.get(name) == kind}

    def _of(self, batch: Batch, places: Sequence[int], names: Sequence[str] = ()) -> Iterator[Sent]:
        """The rows at these places that have a key; of a large row these columns alone, or it is left out."""
        if not places:
            return
        texts = batch.rows.texts
        for place in places:
            row, large = batch.rows[place], len(texts.bytes_at(place)) > _LARGEST
            if (names or not large) and all(row.get(name) is not None for name in self.table.key):
                text = _narrow(batch, place, names) if large else texts[place]
                yield Sent(self.table.key_of(row), text, large=large)

    def look(self, aside: Collection[Key] | None) -> None:
        """ChangedError where the sink lacks a row, or holds it otherwise than it was sent.

        Rows ``aside`` were refused; None where they are not known one by one: then nothing is judged.
        """
        taken = [*self.longest, *self.sample]
        self.sample, self.longest = [], []
        if aside is None:
            return
        for large in (False, True):
            self._judge({each.key: each for each in taken if each.large == large and each.key not in aside})

    def _judge(self, sent: dict[Key, Sent]) -> None:
        """Rows of which the same columns were kept: none of a large one is asked for that was not."""
        if not sent:
            return
        columns = self._columns(
            dict.fromkeys(name for each in sent.values() for name in raw_json.cells(each.text))
        )
        self._refuse_misprinted(sent, columns)
        narrow = self.table.whole().narrowed((*self.table.key, *columns))
        found = [
            pair
            for batch in self.migration.sink.rows(narrow, self.table.key, sorted(sent))
            for pair in narrow.texts(batch).items()
        ]
        told = translator(narrow, self.migration.sink.shape(self.table), sent)
        found = [(told(key) or key, text) for key, text in found]
        if not found:
            raise self._absent()
        wrong = dict(self._differing(sent, found, columns))
        if wrong and (key := self._unchanged(sent, wrong)) is not None:
            raise self._changed(key, wrong[key])

    def _refuse_misprinted(self, sent: dict[Key, Sent], columns: Mapping[str, str | None]) -> None:
        """SchemaError where OLD does not print what it holds."""
        if not self.migration.alike:
            return
        shape = Shape(tuple(Column(name, kind) for name, kind in columns.items()))
        printing = Printing.of("OLD", self.migration.source, self.table, shape)
        if printing.kinds:
            for each in sent.values():
                printing.take(each.key, each.text)
            printing.check()

    def _columns(self, found: Iterable[str]) -> dict[str, str | None]:
        """The columns that can be compared, with their types: those of one type, or both texts.

        Where rows are not as a PostgreSQL printed them, those are compared that a type of NEW may round.
        """
        names = [name for name in found if name not in self.table.key]
        stamps = {name: None for name in names if name in self.table.timestamp}
        if self._reads_anew:
            kinds = {name: type_of(self.migration.sink.shape(self.table), name) for name in names}
            told = {name: kind for name, kind in kinds.items() if may_round(kind) or is_unlisted(kind)}
            return {**stamps, **told}
        if not self.migration.alike:
            return dict(stamps)
        old, new = self.migration.source.shape(self.table), self.migration.sink.shape(self.table)
        partial = self.table.exclude or self.table.columns  # a column may be computed of one that is not sent
        left_out = self._computed if partial else ()
        known = {name: kind for name in names if (kind := _shared(old, new, name)) and name not in left_out}
        return {**stamps, **known}

    @property
    def _computed(self) -> frozenset[str]:
        """The columns that NEW computes itself, as far as writing has shown."""
        sink = self.migration.sink
        return sink.computed(self.table) if isinstance(sink, Computing) else frozenset()

    @property
    def _reads_anew(self) -> bool:
        """Whether NEW's types read what OLD's did not print."""
        changed = bool(self.table.transform) and self.migration.alike
        return self.of_files or self.migration.misreads or changed

    def _differing(
        self, sent: dict[Key, Sent], found: Sequence[tuple[Key, str]], columns: dict[str, str | None]
    ) -> Iterator[tuple[Key, list[str]]]:
        """The rows that are otherwise, with the columns; no column where a key names several rows."""
        keys = [key for key, _ in found]
        yield from ((key, []) for key in dict.fromkeys(keys) if keys.count(key) > 1)
        for key, text in found:
            if key not in sent or keys.count(key) > 1:
                continue
            mine, theirs = raw_json.cells(sent[key].text), raw_json.cells(text)
            names = [
                name
                for name, kind in columns.items()
                if name in mine and name in theirs and not self._kept(name, kind, mine[name], theirs[name])
            ]
            if names:
                yield key, names

    def _kept(self, name: str, kind: str | None, mine: str, theirs: str) -> bool:
        stamp = name in self.table.timestamp
        if same_cell(kind or "", mine, theirs, stamp=stamp):
            return True
        if self._reads_anew and not stamp:
            return same_fractions(mine, theirs) and (
                not is_unlisted(kind or "") or kept(kind or "", mine, theirs)
            )
        if _depends_on_the_side(kind or ""):
            return same_as_printed(mine, theirs)
        if kind == REWRITTEN:
            return same_json(mine, theirs, strict=False)
        if stamp:  # what is not a timestamp is not judged
            texts = [cell[1:-1] for cell in (mine, theirs) if cell.startswith('"')]
            return any(isinstance(moment(text), str) for text in texts)
        return False

    def _unchanged(self, sent: dict[Key, Sent], wrong: dict[Key, list[str]]) -> Key | None:
        """A row that the source still has as it was sent: one that changed may have been sent again since."""
        transforms = self.migration.transforms(self.table)
        same = SameColumns()
        now = {
            key: raw_json.cells(text)
            for batch in self.migration.source.rows(self.table, self.table.key, sorted(wrong))
            for key, text in self.table.texts(transform.apply(transforms, self.table, batch, same)).items()
        }
        for key, names in wrong.items():
            before = raw_json.cells(sent[key].text)
            if key in now and all(now[key].get(name) == before.get(name) for name in names):
                return key
        return None

    def _absent(self) -> ChangedError:
        return self.table.error(
            ChangedError,
            "NEW confirmed rows and does not have the first of them under its key",
            hint=f"does a trigger or the type of a column change ({', '.join(self.table.key)}) there, or its "
            f"backend write nothing? Correct that, then: {command('sync', '--full', self.table.name)}",
        )

    def _changed(self, key: Key, names: list[str]) -> ChangedError:
        table, shown = self.table, ", ".join(key)
        if not names:
            return table.error(
                ChangedError,
                f"NEW has several rows with the key {shown}: a child table (INHERITS) has it "
                "too, or the key is not unique there",
                hint="supasync check names child tables; supasync verify tells what NEW has",
            )
        return changed(table, names, key, self._computed)


def _narrow(batch: Batch, place: int, names: Sequence[str]) -> str:
    """These columns of a row, which is never copied."""
    cells = raw_json.raw_columns(batch.body, names)[place]
    there = [f"{json.dumps(name)}:{cell.decode()}" for name, cell in zip(names, cells, strict=True) if cell]
    return "{" + ",".join(there) + "}"


def _shared(old: Shape, new: Shape, name: str) -> str | None:
    """The column's type, where both sides are known to print equal values of it alike; one of several texts.

    NEW's column may be a shorter text than OLD's since setup, which cuts off blanks without an error. A
    timestamp whose zone only one side's type has must be printed in UTC.
    """
    mine, theirs = old.column(name), new.column(name)
    if mine is None or theirs is None:
        return None
    if mine.type == theirs.type or are_texts(mine.type, theirs.type):
        return mine.type
    if is_json(mine.type or "") and is_json(theirs.type or ""):
        return REWRITTEN
    return shared_moments(mine.type or "", theirs.type or "")


def _depends_on_the_side(kind: str) -> bool:
    """Whether a cell may hold moments, or numbers of the column's own scale, beside other things."""
    return kind.endswith("[]") or kind in ("numeric", "tstzrange", "tstzmultirange") or "." in kind


def _spread(items: Sequence[T], most: int) -> list[T]:
    """So many of the items, evenly, the last one among them."""
    step = max(len(items) / most, 1)
    return [items[len(items) - 1 - int(step * i)] for i in range(min(len(items), most))][::-1]


def sample(table: Table, batch: Batch, aside: Collection[Key]) -> Sequence[Key]:
    """The keys of some rows that were written."""
    return [key for key in table.keys(batch) if key not in aside][:SAMPLE]
