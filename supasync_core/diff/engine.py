"""Both sides of a table are loaded into a private DuckDB database, joined there, and told apart."""
# ruff: noqa: S608 - names are quoted by values.identifier, values are bound as parameters

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from supasync_core.diff.difference import (
    ADDED,
    CHANGED,
    KINDS,
    LEFT,
    REMOVED,
    RIGHT,
    DiffRequest,
    DuplicateKey,
    RowDiff,
    TableDiff,
)
from supasync_core.diff.fetched_rows import LONG, MOST, pages
from supasync_core.diff.leniency import Eased
from supasync_core.diff.loaded_side import NOTHING, LoadedSide
from supasync_core.diff.open_cells import eased, lenient, settle
from supasync_core.diff.pairing import FEW, Joined, Pairing, joined_of
from supasync_core.diff.row_json import cell, compared, read_cell
from supasync_core.model import raw_json, timestamps
from supasync_core.model.batch import Batch
from supasync_core.model.pg_types import type_of
from supasync_core.model.table import Shape, Table
from supasync_core.staging.connection import Database, duckdb_path, open_in_memory, translate_errors
from supasync_core.staging.own_names import ROW_ID
from supasync_core.staging.values import identifier, literal

MEMORY = "650MB"
"""What DuckDB may hold in memory; more goes to its temporary files."""
_LISTED = 1000
"""Duplicate keys that are named; all are counted."""


@dataclass
class DiffEngine(Database):
    """One private database; what it holds in memory is bounded, whatever the number of rows.

    A side is loaded by `hold` (a relation that is there already), `gather` or `load`, then compared.
    """

    loaded: dict[str, LoadedSide] = field(default_factory=dict)
    results: dict[Table, Pairing] = field(default_factory=dict)
    attached: set[str] = field(default_factory=set)
    """The sides whose files are attached."""

    def __post_init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="supasync-")
        self.drafts = Path(self._folder.name)
        self.path = self.drafts / "diff"
        self.connection = open_in_memory(
            (
                f"memory_limit = '{MEMORY}'",
                f"temp_directory = {literal(duckdb_path(self.path))}",
                "preserve_insertion_order = false",
            )
        )

    def hold(  # noqa: PLR0913 - a relation, and how it is read
        self,
        place: str,
        relation: str,
        cells: Mapping[str, str],
        where: str | None = None,
        *,
        number: str = ROW_ID,
        rows: int | None = None,
    ) -> LoadedSide:
        """The ``left`` or ``right`` side: the rows of a relation, with the SQL of each column's text.

        ``rows``: how many there are, where that is known.
        """
        if rows is None:
            rows = int(self.fetch(f"SELECT count(*) FROM {relation} WHERE {where or 'true'}")[0][0])
        self.loaded[place] = LoadedSide(
            relation=relation,
            cells=cells,
            columns=tuple(cells),
            rows=rows,
            where=f"({where})" if where else "true",
            number=number,
        )
        return self.loaded[place]

    def gather(
        self, place: str, parts: Sequence[tuple[str, Mapping[str, str]]], where: str | None
    ) -> LoadedSide:
        """Copy the rows of several relations, each with its cells, into one table.

        Only a filter needs their names, of which DuckDB takes ``Name`` and ``name`` for one column.
        """
        names = dict.fromkeys(name for _, cells in parts for name in cells)
        columns = {name: f"c{i}" for i, name in enumerate(names)}
        inside = {name: identifier(name) if where else own for name, own in columns.items()}
        rows = " UNION ALL ".join(
            f"SELECT {', '.join(f'{cells.get(name, NOTHING)} AS {own}' for name, own in inside.items())} "
            f"FROM {part}"
            for part, cells in parts
        )
        texts = ", ".join(f"s.{inside[name]} AS {own}" for name, own in columns.items())
        relation = f"side_{place}"
        self.fetch(
            f"CREATE OR REPLACE TABLE {relation} AS SELECT row_number() OVER () AS number, {texts} "
            f"FROM ({rows}) AS s WHERE {f'({where})' if where else 'true'}"
        )
        return self.hold(place, relation, columns, number="number")

    def load(self, place: str, shape: Shape, batches: Iterable[Batch]) -> LoadedSide:
        """Load rows as texts: documents as their JSON, all else as PostgreSQL prints it."""
        relation = f"rows_{place}"
        pages = ([raw_json.cells(text) for text in raw_json.split(batch.body)] for batch in batches)
        columns, _ = self.fill(relation, shape, pages)
        self._drop(place, but=relation)
        return self.hold(place, relation, columns, number="number")

    def fill(
        self, relation: str, shape: Shape, pages: Iterable[Sequence[Mapping[str, str]]]
    ) -> tuple[dict[str, str], int]:
        """Make a table of rows, the JSON of each cell by its name; its columns, and how many rows it has."""
        columns: dict[str, str] = {}
        rows = 0
        self.fetch(f"CREATE OR REPLACE TABLE {relation} (number BIGINT)")
        for texts in pages:
            for name in (name for row in texts for name in row if name not in columns):
                columns[name] = f"c{len(columns)}"
                self.fetch(f"ALTER TABLE {relation} ADD COLUMN {columns[name]} VARCHAR")
            lists = [[compared(row.get(name), shape, name) for row in texts] for name in columns]
            marks = ", ".join(["unnest(CAST(? AS BIGINT[]))", *["unnest(CAST(? AS VARCHAR[]))"] * len(lists)])
            names = ", ".join(["number", *columns.values()])
            numbers = list(range(rows, rows + len(texts)))
            self.fetch(f"INSERT INTO {relation} ({names}) SELECT {marks}", [numbers, *lists])
            rows += len(texts)
        return columns, rows

    def batches_of(self, side: LoadedSide, table: Table, shape: Shape) -> Iterator[Batch]:
        """The rows of a side as JSON: documents and numbers as they stand, all else as strings."""
        kinds = [(json.dumps(name, ensure_ascii=False), type_of(shape, name)) for name in side.cells]
        found = self.connection.cursor().execute(
            f"SELECT {', '.join(side.cells.values())} FROM {side.relation} WHERE {side.where}"
        )
        while rows := found.fetchmany(min(table.page_size, MOST)):
            texts = (
                ",".join(
                    f"{name}:{read_cell(text, kind)}" for (name, kind), text in zip(kinds, row, strict=True)
                )
                for row in rows
            )
            yield Batch(raw_json.join(f"{{{text}}}" for text in texts))

    def compare(self, question: DiffRequest, left: LoadedSide, right: LoadedSide) -> TableDiff:
        """Join by the key's texts, then by their values; look into texts only where they differ."""
        held = lenient(self, question, (left, right))
        pairing = Pairing(question, left, right, len(self.results), held)
        self._check_key(question.table, left, right)
        there = self._join(pairing)
        duplicates, number = self._duplicates(pairing, there, left, right)
        if number:
            there = self._joined()
        if there.left_alone and there.right_alone:
            for statement in pairing.respelt():
                self.fetch(statement)
            there = self._joined()
        counts: dict[str, int] = {}
        changed = young = outside = 0
        passed = eased(self, pairing, differ=False)
        if there.different:
            self.results[question.table] = pairing
            changed, passed = self._differing(pairing, lossy=left.lossy or right.lossy)
            young, outside = self._leave_young(pairing), self._leave_outside(pairing)
            counts = dict(self.fetch(f"SELECT kind, count(*) FROM {pairing.results} GROUP BY kind"))
        newest = {
            place: self.fetch(query)[0][0] if query else None
            for place, side in ((LEFT, left), (RIGHT, right))
            if counts.keys() - {"changed"}
            for query in [side.newest(question.table.timestamp)]
        }
        if max(left.rows, right.rows) > FEW:
            self.fetch("DROP TABLE places")
        for place in tuple(self.loaded):
            self._drop(place)
        for place in self.attached:
            self.fetch(f"DETACH DATABASE IF EXISTS {place}_file")
        self.attached.clear()
        return TableDiff(
            table=question.table,
            added=counts.get(ADDED, 0),
            removed=counts.get(REMOVED, 0),
            changed=counts.get(CHANGED, 0),
            unchanged=there.matched - changed + left.shared,
            young=young,
            outside=outside,
            columns=tuple(pairing.columns),
            duplicates=duplicates,
            duplicate_keys=number,
            newest=newest,
            eased=passed,
        )

    def rows(self, table: Table, kinds: Sequence[str] = KINDS) -> Iterator[RowDiff]:
        """The rows that differ, a thousand at a time."""
        pairing = self.results.get(table)
        if pairing is None:
            return
        names, keyed = pairing.columns, len(table.key)
        for kind, mine, theirs, numbers in self._found(pairing, kinds):
            differing = [names[i] for i in numbers]
            yield RowDiff(
                kind,
                tuple((theirs if kind == "added" else mine)[:keyed]),
                None if kind == "added" else dict(zip(pairing.columns, mine, strict=True)),
                None if kind == "removed" else dict(zip(pairing.columns, theirs, strict=True)),
                tuple(differing),
            )

    def batches(
        self, table: Table, kinds: Sequence[str], place: str, *, texts: bool, rows: int | None = None
    ) -> Iterator[Batch]:
        """Rows as JSON: documents and numbers as they stand, all else as strings; or all as ``texts``.

        At most so many ``rows`` at a time, a page unless given; fewer where they are long.
        """
        pairing = self.results.get(table)
        if pairing is None:
            return
        types = ["" if texts else pairing.kind(i) for i in range(len(pairing.columns))]
        names = [json.dumps(name, ensure_ascii=False) for name in pairing.columns]
        most = rows or min(table.page_size, MOST)
        waiting: list[str] = []
        size = 0
        for kind, *sides, _ in self._found(pairing, kinds):
            mine, other = sides if place == LEFT else reversed(sides)
            # a key in the spelling of the side that is written to
            row = [*other[: len(table.key)], *mine[len(table.key) :]] if kind == "changed" else mine
            cells = (f"{name}:{cell(text, each)}" for name, text, each in zip(names, row, types, strict=True))
            waiting.append(f"{{{','.join(cells)}}}")
            size += len(waiting[-1])
            if len(waiting) == most or (rows and size >= LONG):
                yield Batch(raw_json.join(waiting))
                waiting, size = [], 0
        if waiting:
            yield Batch(raw_json.join(waiting))

    def close(self) -> None:
        """Forget everything."""
        self.connection.close()
        self._folder.cleanup()

    def _drop(self, place: str, but: str = "") -> None:
        """Let go of what is loaded on a side, but of a file; a small table is replaced by the next one."""
        side = self.loaded.pop(place, None)
        if side is None or side.relation == but:
            return
        if side.rows > FEW and not side.relation.startswith(f"{place}_file."):
            self.fetch(f"DROP TABLE {side.relation}")

    def _check_key(self, table: Table, left: LoadedSide, right: LoadedSide) -> None:
        for place, side in ((LEFT, left), (RIGHT, right)):
            missing = [name for name in table.key if name not in side.cells]
            if missing and side.rows:
                raise table.schema_error(
                    f"the {place} side has no key column {', '.join(missing)}",
                    hint=f"name the key by --key; its columns are: {', '.join(side.columns)}",
                )

    def _join(self, pairing: Pairing) -> Joined:
        """Put the rows of both sides together; nothing of few rows is kept where all of them are equal."""
        if not pairing.left.rows and not pairing.right.rows:
            return Joined(0, 0, 0, 0, 0)
        if pairing.few:
            there = Joined(*self.fetch(joined_of(f"({pairing.pairs()})"))[0])
            if there == Joined(pairing.left.rows, pairing.right.rows, 0, 0, 0):
                return there
        for statement in pairing.joined():
            self.fetch(statement)
        return self._joined()

    def _joined(self) -> Joined:
        """How the rows of both sides were put together."""
        return Joined(*self.fetch(joined_of("places"))[0])

    def _duplicates(
        self, pairing: Pairing, there: Joined, left: LoadedSide, right: LoadedSide
    ) -> tuple[tuple[DuplicateKey, ...], int]:
        """The keys that do not tell rows apart, looked for where a row has come out twice; their number."""
        once = (there.left, there.right) == (left.rows, right.rows)
        if once and not self._repeats_alone(pairing, there):
            return (), 0
        self.fetch(pairing.repeated())
        for statement in pairing.without_repeated():
            self.fetch(statement)
        number = self.fetch("SELECT count(*) FROM repeated")[0][0]
        listed = self.fetch(f"SELECT * FROM repeated ORDER BY ALL LIMIT {_LISTED}")
        return tuple(
            DuplicateKey(tuple("NULL" if text is None else text for text in row[:-2]), row[-2], row[-1])
            for row in listed
        ), number

    def _repeats_alone(self, pairing: Pairing, there: Joined) -> bool:
        """Whether a key comes twice among rows that the other side does not have."""
        alone = (("l", there.left_alone), ("r", there.right_alone))
        return any(rows > 1 and bool(self.fetch(pairing.repeats_alone(letter))) for letter, rows in alone)

    def _differing(self, pairing: Pairing, *, lossy: bool) -> tuple[int, tuple[Eased, ...]]:
        """Make the table of rows that differ; how many of them both sides have, and what passed for equal."""
        for statement in pairing.different():
            self.fetch(statement)
        settle(self, pairing, lossy=lossy)
        passed = eased(self, pairing, differ=True)
        for statement in pairing.settled():
            self.fetch(statement)
        query = f"SELECT count(*) FROM {pairing.results} WHERE kind = 'changed'"
        return int(self.fetch(query)[0][0]), passed

    def _leave_young(self, pairing: Pairing) -> int:
        if pairing.question.min_age is None:
            return 0
        cutoff = timestamps.shifted(pairing.question.now, -pairing.question.min_age)
        statement = pairing.young(cutoff)
        return int(self.fetch(statement)[0][0]) if statement else 0

    def _leave_outside(self, pairing: Pairing) -> int:
        """Leave out what an export that knows its bounds cannot have; their number."""
        sides = (("r", pairing.left.begins), ("l", pairing.right.begins))
        return sum(
            int(self.fetch(pairing.outside(letter, begins))[0][0])
            for letter, begins in sides
            if begins is not None
        )

    def _found(self, pairing: Pairing, kinds: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Kind, all texts of both sides, and the numbers of the columns that differ."""
        marks = ", ".join("?" * len(kinds))
        query = (
            f"SELECT kind, lt, rt, differing FROM {pairing.results} WHERE kind IN ({marks}) "
            f"ORDER BY {pairing.order()}"
        )
        with translate_errors(self.path):
            found = self.connection.cursor().execute(query, list(kinds))
        for rows in pages(
            found, lambda row: sum(len(text or "") for side in row[1:3] for text in side or ())
        ):
            yield from rows
