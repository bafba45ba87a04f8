"""Two sides of a table as SQL: which rows belong together, which cells differ, what is left over."""
# ruff: noqa: S608 - names are quoted by values.identifier

from collections.abc import Mapping
from dataclasses import dataclass

from supasync_core.diff.seams import Question, Taken
from supasync_duckdb import equality
from supasync_duckdb.values import VARCHAR, instant, literal

SAME, DIFFERENT, OPEN = 0, 1, 2
"""What SQL says of two cells; ``OPEN`` are documents whose content has to be compared."""


@dataclass(frozen=True, slots=True)
class Held:
    """One side as SQL: where its rows are, and what each column's text is there."""

    relation: str
    cells: Mapping[str, str]
    where: str = "true"

    def select(self, columns: tuple[str, ...], letter: str) -> str:
        """The rows with their places ``n`` and their texts ``l0 ...`` or ``r0 ...``."""
        cells = [f"{self.cells.get(name, 'NULL::VARCHAR')} AS {letter}{i}" for i, name in enumerate(columns)]
        return f"(SELECT {', '.join(['rowid AS n', *cells])} FROM {self.relation} WHERE {self.where})"


@dataclass(frozen=True, slots=True)
class Pairing:
    """The statements that compare two sides; ``number`` tells this table's results from others'."""

    question: Question
    left: Held
    right: Held
    mine: Taken
    theirs: Taken
    number: int

    @property
    def columns(self) -> tuple[str, ...]:
        """The key, then what is compared."""
        key = self.question.table.key
        return (*key, *(name for name in self.question.columns if name not in key))

    @property
    def differing(self) -> range:
        """The numbers of the columns that may differ: all but the key."""
        return range(len(self.question.table.key), len(self.columns))

    @property
    def results(self) -> str:
        """The table of rows that differ."""
        return f"pairs_{self.number}"

    def kind(self, i: int) -> str:
        """The type that decides for a column; empty where nobody knows."""
        column = self.question.shape.column(self.columns[i])
        return (column.type or "") if column else ""

    def joined(self) -> str:
        """All rows of both sides by key, as the table ``places``: a NULL place where one is missing."""
        return (
            f"CREATE OR REPLACE TABLE places AS SELECT l.n AS l, r.n AS r, {self._differs()} AS d "
            f"FROM {self._left} AS l FULL JOIN {self._right} AS r ON {self._same_key('l.l', 'r.r')}"
        )

    def repeated(self) -> str:
        """Keys that come more than once on a side, as the table ``repeated``."""
        width = range(len(self.question.table.key))
        names = {letter: ", ".join(f"{letter}{i} AS k{i}" for i in width) for letter in "lr"}
        sides = [
            f"SELECT {names['l']}, 1 AS l, 0 AS r FROM {self._left}",
            f"SELECT {names['r']}, 0 AS l, 1 AS r FROM {self._right}",
        ]
        key = ", ".join(f"k{i}" for i in width)
        return (
            f"CREATE OR REPLACE TABLE repeated AS SELECT {key}, sum(l)::BIGINT AS l, sum(r)::BIGINT AS r "
            f"FROM ({' UNION ALL '.join(sides)}) GROUP BY {key} HAVING sum(l) > 1 OR sum(r) > 1"
        )

    def without_repeated(self) -> list[str]:
        """Take rows with such keys out of ``places``."""
        return [
            f"DELETE FROM places WHERE {letter} IN (SELECT n FROM {rows} AS s SEMI JOIN repeated AS k "
            f"ON {self._same_key(f's.{letter}', 'k.k')})"
            for letter, rows in (("l", self._left), ("r", self._right))
        ]

    def respelt(self) -> list[str]:
        """Put rows together whose keys are other spellings of one value, where that leaves no doubt."""
        width = range(len(self.question.table.key))
        parts = []
        for letter, rows, other in (("l", self._left, "r"), ("r", self._right, "l")):
            keys = [f"{equality.looked(self.kind(i), f'{letter}{i}')} AS k{i}" for i in width]
            parts.append(
                f"SELECT n, {', '.join(keys)} FROM {rows} WHERE n IN "
                f"(SELECT {letter} FROM places WHERE {other} IS NULL)"
            )
        listed = ", ".join(f"k{i}" for i in width)
        alone = f"QUALIFY count(*) OVER (PARTITION BY {listed}) = 1"
        mine, theirs = (f"(SELECT * FROM ({part}) {alone})" for part in parts)
        found = (
            f"CREATE OR REPLACE TABLE respelt AS SELECT l.n AS l, r.n AS r FROM {mine} AS l "
            f"JOIN {theirs} AS r ON {self._same_key('l.k', 'r.k')}"
        )
        apart = (
            "DELETE FROM places WHERE (l IS NULL OR r IS NULL) "
            "AND (l IN (SELECT l FROM respelt) OR r IN (SELECT r FROM respelt))"
        )
        together = (
            f"INSERT INTO places SELECT l.n, r.n, {self._differs()} FROM respelt AS s "
            f"JOIN {self._left} AS l ON l.n = s.l JOIN {self._right} AS r ON r.n = s.r"
        )
        return [found, apart, together]

    def different(self) -> str:
        """The rows that differ, with all texts of both sides and what SQL says of each column."""
        flags = [f"{self._flag(i)}::TINYINT AS d{i}" for i in self.differing]
        kind = "CASE WHEN p.l IS NULL THEN 'added' WHEN p.r IS NULL THEN 'removed' ELSE 'changed' END AS kind"
        texts = [f"{letter}{i}" for letter in "lr" for i in range(len(self.columns))]
        return (
            f"CREATE OR REPLACE TABLE {self.results} AS SELECT {', '.join([kind, *texts, *flags])} "
            f"FROM (SELECT * FROM places WHERE d) AS p LEFT JOIN {self._left} AS l ON l.n = p.l "
            f"LEFT JOIN {self._right} AS r ON r.n = p.r"
        )

    def open_cells(self, i: int) -> str:
        """The documents of a column whose content has to be compared."""
        return f"SELECT rowid, l{i}, r{i} FROM {self.results} WHERE kind = 'changed' AND d{i} = {OPEN}"

    def without_equal(self) -> str:
        """Take rows out of which nothing differs after all."""
        flags = " OR ".join(f"d{i} <> {SAME}" for i in self.differing) or "false"
        return f"DELETE FROM {self.results} WHERE kind = 'changed' AND NOT ({flags}) RETURNING 1"

    def young(self, cutoff: str) -> str | None:
        """Take rows out whose own time, on either side, is later; None where the table has no timestamps."""
        moments = [self.moment(letter) for letter in "lr"]
        late = [f"coalesce({each} > TIMESTAMPTZ {literal(cutoff)}, false)" for each in moments if each]
        return f"DELETE FROM {self.results} WHERE {' OR '.join(late)} RETURNING 1" if late else None

    def moment(self, letter: str) -> str | None:
        """The row's own time: of its first timestamp that is not NULL."""
        places = [self.columns.index(n) for n in self.question.table.timestamp if n in self.columns]
        values = [str(instant(f"{letter}{i}", VARCHAR)) for i in places]
        return f"coalesce({', '.join(values)})" if values else None

    def newest(self, held: Held) -> str | None:
        """The greatest text of the first timestamp that the side has."""
        names = [name for name in self.question.table.timestamp if name in held.cells]
        return (
            f"SELECT max({held.cells[names[0]]}) FROM {held.relation} WHERE {held.where}" if names else None
        )

    def order(self, side: str = "") -> str:
        """By kind, then by key, whole numbers as such."""
        width = range(len(self.question.table.key))
        keys = [f"coalesce({side}l{i}, {side}r{i})" for i in width]
        return ", ".join(
            ["kind", *(f"TRY_CAST({key} AS HUGEINT) NULLS LAST, {key} NULLS FIRST" for key in keys)]
        )

    @property
    def _left(self) -> str:
        return self.left.select(self.columns, "l")

    @property
    def _right(self) -> str:
        return self.right.select(self.columns, "r")

    def _same_key(self, mine: str, theirs: str) -> str:
        width = range(len(self.question.table.key))
        return " AND ".join(f"{mine}{i} IS NOT DISTINCT FROM {theirs}{i}" for i in width)

    def _differs(self) -> str:
        """Whether anything does; the texts are looked into only where they are not the same."""
        same = " AND ".join(f"l{i} IS NOT DISTINCT FROM r{i}" for i in self.differing) or "true"
        cells = " OR ".join(f"{self._flag(i)} <> {SAME}" for i in self.differing) or "false"
        return f"CASE WHEN l.n IS NULL OR r.n IS NULL THEN true WHEN {same} THEN false ELSE {cells} END"

    def _flag(self, i: int) -> str:
        """What SQL says of the cells of a column."""
        mine, theirs, kind, name = f"l{i}", f"r{i}", self.kind(i), self.columns[i]
        cases = [f"WHEN {mine} IS NOT DISTINCT FROM {theirs} THEN {SAME}"]
        for null, text, taken in ((mine, theirs, self.mine), (theirs, mine, self.theirs)):
            if name in taken.doubtful:
                word = literal(taken.doubtful[name])
                cases.append(f"WHEN {null} IS NULL AND {text} = {word} THEN {SAME}")
        alike = equality.alike(kind, mine, theirs, strict=self.question.strict)
        cases += [
            f"WHEN {mine} IS NULL OR {theirs} IS NULL THEN {DIFFERENT}",
            f"WHEN {alike} THEN {SAME}" if alike != "false" else "",
            f"WHEN {equality.documents(kind, mine, theirs)} THEN {OPEN}",
        ]
        return f"CASE {' '.join(filter(None, cases))} ELSE {DIFFERENT} END"
