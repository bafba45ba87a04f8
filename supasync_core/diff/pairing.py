"""Two sides of a table as SQL: which rows belong together, which cells differ, what is left over."""
# ruff: noqa: S608 - names are quoted by values.identifier

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from supasync_core.diff.difference import DiffRequest
from supasync_core.diff.leniency import NUMBER, TEXT, TIME
from supasync_core.diff.loaded_side import LoadedSide
from supasync_core.model.pg_types import type_of
from supasync_core.staging import equality
from supasync_core.staging.values import VARCHAR, instant, literal

SAME, DIFFERENT, OPEN, WITHIN, ALIKE = range(5)
"""What is said of two cells: ``OPEN`` are those that SQL cannot compare, such as documents.

``WITHIN`` a tolerance, and ``ALIKE`` but for blanks and case, are those that a person lets pass for equal.
"""
EQUAL = (SAME, WITHIN, ALIKE)
WIDE = 64
"""Columns that one statement looks at: each takes some megabytes while it runs."""


FEW = 10_000
"""Rows of a side for which less is planned, and that are not worth a statement to drop them."""


@dataclass(frozen=True, slots=True)
class Joined:
    """How many rows have come out of a join of both sides: of each, of each alone, and that may differ."""

    left: int
    right: int
    left_alone: int
    right_alone: int
    different: int

    @property
    def matched(self) -> int:
        """Rows that both sides have."""
        return self.left - self.left_alone


def joined_of(pairs: str) -> str:
    """The SQL of `Joined` for pairs of rows."""
    alone = "count(*) FILTER (r IS NULL), count(*) FILTER (l IS NULL)"
    return f"SELECT count(l), count(r), {alone}, count(*) FILTER (d) FROM {pairs} AS pairs"


@dataclass(frozen=True, slots=True)
class Pairing:
    """The statements that compare two sides; ``number`` tells this table's results from others'."""

    question: DiffRequest
    left: LoadedSide
    right: LoadedSide
    number: int
    lenient: Mapping[str, str] = field(default_factory=dict)
    """What columns that may differ a little hold: numbers, times or texts."""
    columns: tuple[str, ...] = field(init=False)
    """The key, then what is compared."""

    def __post_init__(self) -> None:
        key = self.question.table.key
        names = (*key, *(name for name in self.question.columns if name not in key))
        object.__setattr__(self, "columns", names)

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
        return type_of(self.question.shape, self.columns[i])

    def joined(self) -> list[str]:
        """All rows of both sides by key, as the table ``places``: a NULL place where one is missing.

        ``d`` tells whether they may differ: in a wide table, whether any text does.
        """
        made = f"CREATE OR REPLACE TABLE places AS {self.pairs()}"
        if not self._wide:
            return [made]
        parts = [self.differing[start : start + WIDE] for start in range(0, len(self.differing), WIDE)]
        return [
            made,
            *(
                f"UPDATE places SET d = true FROM {self._rows('l', part)} AS l, {self._rows('r', part)} AS r "
                f"WHERE l.n = places.l AND r.n = places.r AND NOT places.d AND NOT ({_same_texts(part)})"
                for part in parts
            ),
        ]

    @property
    def few(self) -> bool:
        """Whether less is planned for these rows, of which any text tells that they may differ."""
        return not self._wide and max(self.left.rows, self.right.rows) <= FEW

    def pairs(self) -> str:
        """The SELECT of all rows by key; of a wide table, whether one side lacks them."""
        first = self._keyed if self._wide else range(len(self.columns))
        differs = "(l.n IS NULL OR r.n IS NULL)" if self._wide else self._differs()
        return (
            f"SELECT l.n AS l, r.n AS r, {differs} AS d FROM {self._rows('l', first)} AS l "
            f"FULL JOIN {self._rows('r', first)} AS r ON {self._same_key('l.l', 'r.r')}"
        )

    def repeated(self) -> str:
        """Keys that come more than once on a side, as the table ``repeated``."""
        names = {letter: ", ".join(f"{letter}{i} AS k{i}" for i in self._keyed) for letter in "lr"}
        sides = [
            f"SELECT {names['l']}, 1 AS l, 0 AS r FROM {self._rows('l', self._keyed)}",
            f"SELECT {names['r']}, 0 AS l, 1 AS r FROM {self._rows('r', self._keyed)}",
        ]
        key = ", ".join(f"k{i}" for i in self._keyed)
        return (
            f"CREATE OR REPLACE TABLE repeated AS SELECT {key}, sum(l)::BIGINT AS l, sum(r)::BIGINT AS r "
            f"FROM ({' UNION ALL '.join(sides)}) GROUP BY {key} HAVING sum(l) > 1 OR sum(r) > 1"
        )

    def without_repeated(self) -> list[str]:
        """Take rows with such keys out of ``places``."""
        return [
            f"DELETE FROM places WHERE {letter} IN (SELECT n FROM {rows} AS s SEMI JOIN repeated AS k "
            f"ON {self._same_key(f's.{letter}', 'k.k')})"
            for letter, rows in (("l", self._rows("l", self._keyed)), ("r", self._rows("r", self._keyed)))
        ]

    def repeats_alone(self, letter: str) -> str:
        """A row where a key comes twice among rows that the other side does not have."""
        other = "r" if letter == "l" else "l"
        keys = ", ".join(f"{letter}{i}" for i in self._keyed)
        return (
            f"SELECT 1 FROM {self._rows(letter, self._keyed)} "
            f"WHERE n IN (SELECT {letter} FROM places WHERE {other} IS NULL) "
            f"GROUP BY {keys} HAVING count(*) > 1 LIMIT 1"
        )

    def respelt(self) -> list[str]:
        """Put rows together whose keys are other spellings of one value, where that leaves no doubt."""
        parts = []
        for letter, other in (("l", "r"), ("r", "l")):
            rows = self._rows(letter, self._keyed)
            keys = [f"{equality.looked(self.kind(i), f'{letter}{i}')} AS k{i}" for i in self._keyed]
            parts.append(
                f"SELECT n, {', '.join(keys)} FROM {rows} WHERE n IN "
                f"(SELECT {letter} FROM places WHERE {other} IS NULL)"
            )
        listed = ", ".join(f"k{i}" for i in self._keyed)
        looked = self._keyed if self._wide else range(len(self.columns))
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
            f"INSERT INTO places SELECT l.n, r.n, {'true' if self._wide else self._differs()} "
            f"FROM respelt AS s JOIN {self._rows('l', looked)} AS l ON l.n = s.l "
            f"JOIN {self._rows('r', looked)} AS r ON r.n = s.r"
        )
        return [found, apart, together]

    def different(self) -> list[str]:
        """The rows that may differ as the table ``found``, their cells whose texts do as the table ``cells``.

        ``lt`` and ``rt`` are all texts of a row, ``flag`` is what SQL says of a cell.
        """
        kind = "CASE WHEN p.l IS NULL THEN 'added' WHEN p.r IS NULL THEN 'removed' ELSE 'changed' END AS kind"
        rows = (
            f"CREATE OR REPLACE TABLE found AS SELECT row_number() OVER () AS number, {kind}, "
            f"{self._list('l')} AS lt, {self._list('r')} AS rt FROM (SELECT * FROM places WHERE d) AS p "
            f"LEFT JOIN {self._listed('l')} AS l ON l.n = p.l LEFT JOIN {self._listed('r')} AS r ON r.n = p.r"
        )
        cells = (
            f"CREATE OR REPLACE TABLE cells AS SELECT row_number() OVER () AS place, number, i, l, r, "
            f"({self._flags()})::TINYINT AS flag FROM (SELECT number, unnest(lt) AS l, unnest(rt) AS r, "
            f"unnest(range({len(self.columns)})) AS i FROM found WHERE kind = 'changed') AS each "
            f"WHERE i >= {len(self._keyed)} AND l IS DISTINCT FROM r"
        )
        return [rows, cells]

    def settled(self) -> list[str]:
        """Keep the rows in which something differs after all, with the numbers of those columns."""
        differing = (
            f"SELECT number, list(i ORDER BY i) AS differing FROM cells WHERE flag NOT IN {EQUAL} "
            "GROUP BY number"
        )
        kept = (
            f"CREATE OR REPLACE TABLE {self.results} AS "
            "SELECT f.kind, f.lt, f.rt, coalesce(c.differing, []) AS differing FROM found AS f "
            f"LEFT JOIN ({differing}) AS c ON c.number = f.number "
            "WHERE f.kind <> 'changed' OR c.number IS NOT NULL"
        )
        return [kept, "DROP TABLE cells", "DROP TABLE found"]

    def young(self, cutoff: str) -> str | None:
        """Take rows out whose own time, on either side, is later; None where the table has no timestamps."""
        moments = [self.moment(letter) for letter in "lr"]
        late = [f"coalesce({each} > TIMESTAMPTZ {literal(cutoff)}, false)" for each in moments if each]
        return f"DELETE FROM {self.results} WHERE {' OR '.join(late)}" if late else None

    def outside(self, letter: str, begins: Mapping[str, str | None]) -> str:
        """Take rows out that this side alone has, where the other does not reach them, or nobody can tell."""
        cases = []
        for name, bound in begins.items():
            there = name in self.columns
            cell = _text(letter, self.columns.index(name)) if there else "NULL"
            reached = "true" if bound is None else _beyond(cell, bound)
            cases.append("WHEN true THEN true" if name == "*" else f"WHEN {cell} IS NOT NULL THEN {reached}")
        kind = "removed" if letter == "l" else "added"
        inside = f"CASE {' '.join(cases)} END" if cases else "false"
        return f"DELETE FROM {self.results} WHERE kind = '{kind}' AND NOT coalesce({inside}, false)"

    def moment(self, letter: str) -> str | None:
        """The row's own time: of its first timestamp that is not NULL."""
        places = [self.columns.index(n) for n in self.question.table.timestamp if n in self.columns]
        values = [str(instant(_text(letter, i), VARCHAR)) for i in places]
        return f"coalesce({', '.join(values)})" if values else None

    def order(self) -> str:
        """By kind, then by key, whole numbers as such."""
        keys = [f"coalesce({_text('l', i)}, {_text('r', i)})" for i in self._keyed]
        return ", ".join(
            ["kind", *(f"TRY_CAST({key} AS HUGEINT) NULLS LAST, {key} NULLS FIRST" for key in keys)]
        )

    @property
    def _keyed(self) -> range:
        return range(len(self.question.table.key))

    @property
    def _wide(self) -> bool:
        return len(self.columns) > WIDE

    def _rows(self, letter: str, numbers: Iterable[int]) -> str:
        """A side's rows, with the key and these columns."""
        side = self.left if letter == "l" else self.right
        return side.select(self.columns, letter, dict.fromkeys([*self._keyed, *numbers]))

    def _listed(self, letter: str) -> str:
        """A side's rows: in a wide table as lists, so that no statement has so many columns at a time."""
        side = self.left if letter == "l" else self.right
        return side.lists(self.columns, letter) if self._wide else self._rows(letter, self.differing)

    def _list(self, letter: str) -> str:
        cells = ", ".join(f"{letter}.{letter}{i}" for i in range(len(self.columns)))
        return f"{letter}.{letter}t" if self._wide else f"[{cells}]"

    def _same_key(self, mine: str, theirs: str) -> str:
        return " AND ".join(f"{mine}{i} IS NOT DISTINCT FROM {theirs}{i}" for i in self._keyed)

    def _differs(self) -> str:
        """Whether anything does; the texts are looked into only where they are not the same.

        Of few rows only whether any text does: DuckDB plans all that for longer than it compares them later.
        """
        if self.few:
            return f"(l.n IS NULL OR r.n IS NULL OR NOT ({_same_texts(self.differing)}))"
        cells = " OR ".join(f"{self._flag(i, f'l{i}', f'r{i}')} <> {SAME}" for i in self.differing) or "false"
        same = _same_texts(self.differing)
        return f"CASE WHEN l.n IS NULL OR r.n IS NULL THEN true WHEN {same} THEN false ELSE {cells} END"

    def _flags(self) -> str:
        """What SQL says of the cells ``l`` and ``r`` of column ``i``: one expression for all of one type."""
        alike: dict[str, list[int]] = {}
        for i in self.differing:
            alike.setdefault(self._flag(i, "l", "r"), []).append(i)
        cases = [f"WHEN i IN ({', '.join(map(str, each))}) THEN {flag}" for flag, each in alike.items()]
        return f"CASE {' '.join(cases)} END" if cases else f"{SAME}"

    def _flag(self, i: int, mine: str, theirs: str) -> str:
        kind, name = self.kind(i), self.columns[i]
        cases = [f"WHEN {mine} IS NOT DISTINCT FROM {theirs} THEN {SAME}"]
        for null, text, side in ((mine, theirs, self.left), (theirs, mine, self.right)):
            if name in side.doubtful:
                word = literal(side.doubtful[name])
                cases.append(f"WHEN {null} IS NULL AND {text} = {word} THEN {SAME}")
        alike = equality.alike(kind, mine, theirs, strict=self.question.strict)
        cases += [
            f"WHEN {mine} IS NULL OR {theirs} IS NULL THEN {DIFFERENT}",
            f"WHEN {alike} THEN {SAME}" if alike != "false" else "",
            *self._easing(i, mine, theirs),
            f"WHEN {equality.documents(kind, mine, theirs)} THEN {OPEN}",
        ]
        return f"CASE {' '.join(filter(None, cases))} ELSE {DIFFERENT} END"

    def _easing(self, i: int, mine: str, theirs: str) -> Iterator[str]:
        """Cases of cells that may pass for equal, where a person has asked for that."""
        held, kind = self.lenient.get(self.columns[i]), self.kind(i)
        leniency = self.question.leniency
        if held and leniency.texts and (held == TEXT or not kind):
            left, right = leniency.eased(mine), leniency.eased(theirs)
            alike = equality.alike(kind, left, right, strict=self.question.strict)
            yield f"WHEN {left} = {right} OR {alike} THEN {ALIKE}"
        if held in {NUMBER, TIME}:
            yield f"WHEN true THEN {OPEN}"


def _same_texts(numbers: Iterable[int]) -> str:
    return " AND ".join(f"l{i} IS NOT DISTINCT FROM r{i}" for i in numbers) or "true"


def _text(letter: str, i: int) -> str:
    """A text of a row that differs."""
    return f"{letter}t[{i + 1}]"


def _beyond(cell: str, bound: str) -> str:
    """Whether a text is greater than the bound, as whole numbers or as times."""
    if bound.removeprefix("-").isdecimal():
        return f"TRY_CAST({cell} AS HUGEINT) > TRY_CAST({literal(bound)} AS HUGEINT)"
    return f"{instant(cell, VARCHAR)} > {instant(literal(bound), VARCHAR)}"
