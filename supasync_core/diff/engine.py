"""Both sides of a table are loaded into a private DuckDB database, joined there, and told apart."""
# ruff: noqa: S608 - names are quoted by values.identifier, values are bound as parameters

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from supasync_core.diff.difference import KINDS, LEFT, RIGHT, DiffRequest, DuplicateKey, RowDiff, TableDiff
from supasync_core.diff.loaded_side import LoadedSide
from supasync_core.diff.pairing import OPEN, SAME, Pairing
from supasync_core.model import raw_json, timestamps
from supasync_core.model.batch import Batch
from supasync_core.model.pg_types import NUMBERS, is_document, type_of
from supasync_core.model.same_value import same_document
from supasync_core.model.table import Shape, Table
from supasync_core.staging.connection import Database, duckdb_path, open_in_memory, translate_errors
from supasync_core.staging.own_names import ROW_ID
from supasync_core.staging.values import identifier, literal

MEMORY = "650MB"
"""What DuckDB may hold in memory; more goes to its temporary files."""
_FETCHED = 1000
_BOOLEANS = {"t": "true", "true": "true", "f": "false", "false": "false"}
_LISTED = 1000
"""Duplicate keys that are named; all are counted."""


@dataclass
class DiffEngine(Database):
    """One private database; what it holds in memory is bounded, whatever the number of rows.

    A side is loaded by `hold` (a relation that is there already), `gather` or `load`, then compared.
    """

    loaded: dict[str, LoadedSide] = field(default_factory=dict)
    results: dict[Table, Pairing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="supasync-")
        self.path = Path(self._folder.name) / "diff"
        self.connection = open_in_memory(
            (
                f"memory_limit = '{MEMORY}'",
                f"temp_directory = {literal(duckdb_path(self.path))}",
                "preserve_insertion_order = false",
            )
        )

    def hold(
        self,
        place: str,
        relation: str,
        cells: Mapping[str, str],
        where: str | None = None,
        number: str = ROW_ID,
    ) -> LoadedSide:
        """The ``left`` or ``right`` side: the rows of a relation, with the SQL of each column's text."""
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
        """Copy the rows of several relations, each with its cells, into one table."""
        names = list(dict.fromkeys(name for _, cells in parts for name in cells))
        relation = f"side_{place}"
        rows = " UNION ALL BY NAME ".join(
            f"SELECT {', '.join(f'{sql} AS {identifier(name)}' for name, sql in cells.items())} FROM {part}"
            for part, cells in parts
        )
        texts = ", ".join(f"s.{identifier(name)} AS c{i}" for i, name in enumerate(names))
        self.fetch(
            f"CREATE OR REPLACE TABLE {relation} AS SELECT row_number() OVER () AS number, {texts} "
            f"FROM ({rows}) AS s WHERE {f'({where})' if where else 'true'}"
        )
        columns = {name: f"c{i}" for i, name in enumerate(names)}
        return self.hold(place, relation, columns, number="number")

    def load(self, place: str, shape: Shape, batches: Iterable[Batch]) -> LoadedSide:
        """Load rows as texts: documents as their JSON, all else as PostgreSQL prints it."""
        columns: dict[str, str] = {}
        rows = 0
        relation = f"rows_{place}"
        self.fetch(f"CREATE OR REPLACE TABLE {relation} (number BIGINT)")
        for batch in batches:
            texts = [raw_json.cells(text) for text in raw_json.split(batch.body)]
            for name in (name for row in texts for name in row if name not in columns):
                columns[name] = f"c{len(columns)}"
                self.fetch(f"ALTER TABLE {relation} ADD COLUMN {columns[name]} VARCHAR")
            lists = [[_text(row.get(name), shape, name) for row in texts] for name in columns]
            marks = ", ".join(["unnest(CAST(? AS BIGINT[]))", *["unnest(CAST(? AS VARCHAR[]))"] * len(lists)])
            names = ", ".join(["number", *columns.values()])
            numbers = list(range(rows, rows + len(texts)))
            self.fetch(f"INSERT INTO {relation} ({names}) SELECT {marks}", [numbers, *lists])
            rows += len(texts)
        self._drop(place, but=relation)
        return self.hold(place, relation, columns, number="number")

    def batches_of(self, side: LoadedSide, table: Table, shape: Shape) -> Iterator[Batch]:
        """The rows of a side as JSON: documents and numbers as they stand, all else as strings."""
        kinds = [(json.dumps(name, ensure_ascii=False), type_of(shape, name)) for name in side.cells]
        found = self.connection.cursor().execute(
            f"SELECT {', '.join(side.cells.values())} FROM {side.relation} WHERE {side.where}"
        )
        while rows := found.fetchmany(min(table.page_size, _FETCHED)):
            texts = (
                ",".join(f"{name}:{_json(text, kind)}" for (name, kind), text in zip(kinds, row, strict=True))
                for row in rows
            )
            yield Batch(raw_json.join(f"{{{text}}}" for text in texts))

    def compare(self, question: DiffRequest, left: LoadedSide, right: LoadedSide) -> TableDiff:
        """Join by the key's texts, then by their values; look into texts only where they differ."""
        pairing = Pairing(question, left, right, len(self.results))
        self._check_key(question.table, left, right)
        for statement in pairing.joined():
            self.fetch(statement)
        duplicates, number = self._duplicates(pairing, left, right)
        if self._is_any("r IS NULL") and self._is_any("l IS NULL"):
            for statement in pairing.respelt():
                self.fetch(statement)
        matched = self.fetch("SELECT count(*) FROM places WHERE l IS NOT NULL AND r IS NOT NULL")[0][0]
        for statement in pairing.different():
            self.fetch(statement)
        self._compare_documents(pairing, lossy=left.lossy or right.lossy)
        for statement in pairing.settled():
            self.fetch(statement)
        changed = self.fetch(f"SELECT count(*) FROM {pairing.results} WHERE kind = 'changed'")[0][0]
        young, outside = self._leave_young(pairing), self._leave_outside(pairing)
        self.results[question.table] = pairing
        counts = dict(self.fetch(f"SELECT kind, count(*) FROM {pairing.results} GROUP BY kind"))
        newest = {
            place: self.fetch(query)[0][0] if query else None
            for place, side in ((LEFT, left), (RIGHT, right))
            if counts.keys() - {"changed"}
            for query in [side.newest(question.table.timestamp)]
        }
        self.fetch("DROP TABLE places")
        for place in tuple(self.loaded):
            self._drop(place)
            self.fetch(f"DETACH DATABASE IF EXISTS {place}_file")
        return TableDiff(
            table=question.table,
            **counts,
            unchanged=matched - changed,
            young=young,
            outside=outside,
            columns=tuple(pairing.columns),
            duplicates=duplicates,
            duplicate_keys=number,
            newest=newest,
        )

    def rows(self, table: Table, kinds: Sequence[str] = KINDS) -> Iterator[RowDiff]:
        """The rows that differ, a thousand at a time."""
        pairing = self.results[table]
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

    def batches(self, table: Table, kinds: Sequence[str], place: str, *, texts: bool) -> Iterator[Batch]:
        """Rows as JSON: documents and numbers as they stand, all else as strings; or all as ``texts``."""
        pairing = self.results[table]
        types = ["" if texts else pairing.kind(i) for i in range(len(pairing.columns))]
        names = [json.dumps(name, ensure_ascii=False) for name in pairing.columns]
        waiting: list[str] = []
        for kind, *sides, _ in self._found(pairing, kinds):
            mine, other = sides if place == LEFT else reversed(sides)
            # a key in the spelling of the side that is written to
            row = [*other[: len(table.key)], *mine[len(table.key) :]] if kind == "changed" else mine
            cells = (
                f"{name}:{_cell(text, each)}" for name, text, each in zip(names, row, types, strict=True)
            )
            waiting.append(f"{{{','.join(cells)}}}")
            if len(waiting) == min(table.page_size, _FETCHED):
                yield Batch(raw_json.join(waiting))
                waiting = []
        if waiting:
            yield Batch(raw_json.join(waiting))

    def close(self) -> None:
        """Forget everything."""
        self.connection.close()
        self._folder.cleanup()

    def _drop(self, place: str, but: str = "") -> None:
        """Drop what is loaded on a side; an attached file stays as it is."""
        side = self.loaded.pop(place, None)
        if side and side.relation != but and not side.relation.startswith(f"{place}_file."):
            self.fetch(f"DROP TABLE {side.relation}")

    def _check_key(self, table: Table, left: LoadedSide, right: LoadedSide) -> None:
        for place, side in ((LEFT, left), (RIGHT, right)):
            missing = [name for name in table.key if name not in side.cells]
            if missing and side.rows:
                raise table.schema_error(
                    f"the {place} side has no key column {', '.join(missing)}",
                    hint=f"name the key by --key; its columns are: {', '.join(side.columns)}",
                )

    def _duplicates(
        self, pairing: Pairing, left: LoadedSide, right: LoadedSide
    ) -> tuple[tuple[DuplicateKey, ...], int]:
        """The keys that do not tell rows apart, looked for where a row has come out twice; their number."""
        twice = self.fetch("SELECT count(l), count(r) FROM places")[0] != (left.rows, right.rows)
        if not twice and not self._repeats_alone(pairing):
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

    def _repeats_alone(self, pairing: Pairing) -> bool:
        """Whether a key comes twice among rows that the other side does not have."""
        return any(
            self._is_any(f"{other} IS NULL") and bool(self.fetch(pairing.repeats_alone(letter)))
            for letter, other in (("l", "r"), ("r", "l"))
        )

    def _is_any(self, condition: str) -> bool:
        return bool(self.fetch(f"SELECT 1 FROM places WHERE {condition} LIMIT 1"))

    def _compare_documents(self, pairing: Pairing, *, lossy: bool) -> None:
        """Compare documents by content, some thousand at a time."""
        strict = pairing.question.strict
        found = self.connection.cursor().execute(f"SELECT place, i, l, r FROM cells WHERE flag = {OPEN}")
        while rows := found.fetchmany(_FETCHED):
            equal = [
                place
                for place, i, mine, theirs in rows
                if same_document(mine, theirs, strict=strict, lossy=lossy, kind=pairing.kind(i))
            ]
            if equal:
                self.fetch(
                    f"UPDATE cells SET flag = {SAME} WHERE place IN (SELECT unnest(CAST(? AS BIGINT[])))",
                    [equal],
                )

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
        while rows := found.fetchmany(_FETCHED):
            yield from rows


def _text(cell: str | None, shape: Shape, name: str) -> str | None:
    """A JSON cell as it is compared."""
    if cell is None or cell == "null":
        return None
    if is_document(type_of(shape, name)):
        return cell
    return raw_json.plain(cell)


def _cell(text: str | None, kind: str) -> str:
    """The JSON of a text: documents, booleans and numbers as they stand, all else as a string."""
    if text is None:
        return "null"
    if kind == "boolean" and text in _BOOLEANS:
        return _BOOLEANS[text]
    if is_document(kind) or kind in NUMBERS:
        try:
            value = json.loads(text, parse_constant=_no_json, parse_int=float)
        except RecursionError:
            return text
        except ValueError:
            return json.dumps(text, ensure_ascii=False)
        if is_document(kind) or not isinstance(value, str):
            return text
    return json.dumps(text, ensure_ascii=False)


def _json(text: str | None, kind: str) -> str:
    """A text of a known type as the API prints it: a document that is a text alone stands for itself."""
    if text is not None and is_document(kind) and text.startswith('"'):
        return json.dumps(text, ensure_ascii=False)
    return _cell(text, kind)


def _no_json(word: str) -> None:
    """NaN and infinities, which the API prints as strings."""
    raise ValueError(word)
