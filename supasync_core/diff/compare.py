"""The tables of two sides, one after the other: which, by which key, which columns, whose types."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from itertools import product

from supasync_core.api.registry import did_you_mean
from supasync_core.diff.difference import LEFT, NAMES, RIGHT, DiffRequest, TableDiff
from supasync_core.diff.engine import DiffEngine
from supasync_core.diff.leniency import Eased, Leniency
from supasync_core.diff.renamed_side import RenamedSide
from supasync_core.diff.sides import FileSide, Side, load_both
from supasync_core.model import timestamps
from supasync_core.model.errors import ConfigError, TableError
from supasync_core.model.opaque_keys import foreign
from supasync_core.model.table import Column, Shape, Table
from supasync_core.model.wording import counted
from supasync_core.staging.csv.choices import Choices

TIMESTAMPS = ("updated_at", "created_at")
"""The timestamps of tables that are not declared, as far as they have them."""


@dataclass(kw_only=True)
class DiffOptions:
    """What is compared, and how; ``now`` is the time from which ``min_age`` counts.

    ``renamed``: what the right side calls columns, by what the left side calls them.
    """

    tables: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    strict: bool = False
    min_age: timedelta | None = None
    leniency: Leniency = field(default_factory=Leniency)
    renamed: Mapping[str, str] = field(default_factory=dict)
    now: str = field(default_factory=lambda: timestamps.to_text(timestamps.now()))

    @property
    def narrowed(self) -> bool:
        """Whether an option leaves out tables, columns or differences, other than those of young rows."""
        names = {each.name for each in fields(DiffOptions)} - {"key", "strict", "min_age", "now"}
        usual = DiffOptions()
        return any(getattr(self, name) != getattr(usual, name) for name in names)


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables to compare, and those that one side alone has."""

    both: tuple[Table, ...]
    left_only: tuple[str, ...] = ()
    right_only: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether both sides have the same tables."""
        return not (self.left_only or self.right_only)


@dataclass(frozen=True, slots=True)
class SideComparison:
    """Compares the tables of two sides; ``declared`` are those of tables.yaml, None without it."""

    left: Side | RenamedSide
    right: Side
    engine: DiffEngine
    options: DiffOptions
    choices: Choices
    declared: tuple[Table, ...] | None = None

    def tables(self) -> Tables:
        """Which tables there are; ConfigError where none is shared, or a named one is missing."""
        declared = self.declared or ()
        chosen = [self._named(name, declared) for name in dict.fromkeys(self.options.tables)]
        mine, theirs = (side.tables(chosen or declared) for side in (self.left, self.right))
        if chosen:
            return Tables(tuple(map(self._renamed, chosen)))
        single = [_single(self.left), _single(self.right)]
        if all(single) and mine and theirs:
            known = {table.name for table in declared}
            one = next((each[0] for each in (mine, theirs) if each[0].name in known), mine[0])
            return Tables((self._renamed(one),))
        names = [None if tables is None else {t.name: t for t in tables} for tables in (mine, theirs)]
        if names[0] is None and names[1] is None:
            return Tables(tuple(map(self._renamed, declared)))
        found = _shared(names, declared, single)
        return replace(found, both=tuple(map(self._renamed, found.both)))

    def check(self, tables: Sequence[Table]) -> None:
        """ConfigError for a name of ``--columns``, ``--ignore`` or ``--null`` that nothing has."""
        self._check_nulls(tables)
        self._check_renamed(tables)
        wanted = dict.fromkeys(self._theirs((*self.options.columns, *self.options.ignore)))
        if not wanted:
            return
        pairs = [(table, side.shape(table)) for table in tables for side in (self.left, self.right)]
        shapes = [shape for _, shape in pairs]
        for name in self._theirs(self.options.columns):
            having = [table for table, shape in pairs if name in shape.names]
            if having and not any(name in _copied(table, [name]) for table in having):
                raise ConfigError([f"--columns {name}: tables.yaml leaves it out"])
        known = {name for shape in shapes for name in shape.names}
        unknown = [name for name in wanted if name not in known]
        if unknown and all(shape.known for shape in shapes):
            raise ConfigError(
                [f"no compared table has a column {name}{did_you_mean(name, known)}" for name in unknown]
            )

    def _check_nulls(self, tables: Sequence[Table]) -> None:
        """ConfigError where ``--null`` names something that no file has, before any row is compared."""
        if not self.choices.nulls.keys() - {"*"}:
            return
        for table, side in product(tables, (self.left, self.right)):
            try:
                side.shape(table)  # which notes the names of its files and columns
            except TableError:
                return  # the name may be one of that file, and its own error is raised when it is compared
        there = sorted(self.choices.met - {"*"})
        lost = sorted(self.choices.nulls.keys() - {*there, "*"})
        if lost:
            problem = "no such file, table or column"
            raise ConfigError([f"--null {name}: {problem}{did_you_mean(name, there)}" for name in lost])

    def _check_renamed(self, tables: Sequence[Table]) -> None:
        """ConfigError where ``--map`` names a column that no table has, as far as that is known by now."""
        left = self.left
        if not isinstance(left, RenamedSide):
            return
        pairs = [(left.own_shape(table), self.right.shape(table)) for table in tables]
        if not all(shape.known for pair in pairs for shape in pair):
            return
        problems = []
        for mine, theirs in left.names.items():
            if any(mine in own.names and theirs in other.names for own, other in pairs):
                continue
            names = {name for own, _ in pairs for name in own.names}
            if mine in names and mine in left.names.values():
                continue  # it makes room for another column of its name
            side, name = ("right", theirs) if mine in names else ("left", mine)
            there = names if side == "left" else {name for _, other in pairs for name in other.names}
            problems.append(
                f"--map {mine}={theirs}: the {side} side has no column {name}{did_you_mean(name, there)}"
            )
        if problems:
            raise ConfigError(problems)

    def _renamed(self, table: Table) -> Table:
        """The table by the right side's names; where that is a project, it is declared by them."""
        declared_there = self.right.name in NAMES
        return (
            self.left.renamed(table) if isinstance(self.left, RenamedSide) and not declared_there else table
        )

    def _theirs(self, names: Sequence[str]) -> tuple[str, ...]:
        """Names that a person has given, as the right side has them."""
        return tuple(self.options.renamed.get(name, name) for name in names)

    def compared(self, table: Table) -> TableDiff:
        """Compare a table; the rows that differ can be had from the engine until it is closed."""
        shapes = [side.shape(table) for side in (self.left, self.right)]
        table = self._keyed(table, shapes)
        shape, notes = self._types(shapes)
        whole = bool(self.options.leniency)
        left, right = load_both(self.engine, (self.left, self.right), table, shape, whole=whole)
        mine = left.columns or right.columns  # a side without any rows may not know its own
        theirs = right.columns or left.columns
        wanted = self._wanted(table, mine, theirs)
        request = DiffRequest(
            table=table,
            shape=shape,
            columns=tuple(name for name in mine if name in theirs and name in wanted),
            strict=self.options.strict,
            min_age=self.options.min_age,
            now=self.options.now,
            leniency=self.options.leniency,
        )
        found = self.engine.compare(request, left, right)
        pair = ((LEFT, left), (RIGHT, right))
        lossy = [place for place, side in pair if side.lossy or side.rounded or side.doubtful]
        return replace(
            found,
            lossy=tuple(lossy),
            eased=(*found.eased, *self._mapped(mine, theirs)),
            bounded=left.begins is not None or right.begins is not None,
            partial=tuple(place for place, side in ((LEFT, left), (RIGHT, right)) if side.part),
            left_only=tuple(name for name in mine if name not in theirs and name in wanted),
            right_only=tuple(name for name in theirs if name not in mine and name in wanted),
            notes=(
                *notes,
                *(f"left: {note}" for note in left.notes),
                *(f"right: {note}" for note in right.notes),
                *self._notes(request, found),
            ),
        )

    def _mapped(self, mine: Sequence[str], theirs: Sequence[str]) -> Iterator[Eased]:
        """The names of ``--map`` that both sides of the table have."""
        for own, other in self.options.renamed.items():
            if other in mine and other in theirs:
                yield Eased(f"map {own}={other}", "", (other,))

    def _named(self, name: str, declared: Sequence[Table]) -> Table:
        """The declared table; two sides of files may hold one that is not declared."""
        found = next((table for table in declared if table.name == name), None)
        if found is None and declared and (self.left.typed or self.right.typed):
            known = [table.name for table in declared]
            raise ConfigError([f"--table {name}: tables.yaml has no such table{did_you_mean(name, known)}"])
        return found or Table(name=name)

    def _keyed(self, table: Table, shapes: Sequence[Shape]) -> Table:
        """The table with the key and the timestamps to use; SchemaError where no key is known."""
        names = [shape.names for shape in shapes if shape.known and shape.columns]
        if self.options.key:
            table = replace(table, key=self._theirs(self.options.key))
        for name in table.key:
            if any(name not in each for each in names):
                every = sorted(frozenset.intersection(*names))
                raise table.schema_error(
                    f"the key column {name} is not on both sides{did_you_mean(name, every)}",
                    hint=_in_another_case(name, names)
                    or "name the key's columns: --key COLUMN, once for each of them",
                )
        declared = {each.name for each in self.declared or ()}
        return table if table.name in declared else replace(table, timestamp=TIMESTAMPS)

    def _types(self, shapes: Sequence[Shape]) -> tuple[Shape, list[str]]:
        """The types that decide: a project's before a file's; where two projects disagree, none."""
        left, right = shapes
        if self.left.typed != self.right.typed:
            first, second = (left, right) if self.left.typed else (right, left)
            return _merged(first, second), []
        notes = []
        columns = []
        for column in _merged(left, right).columns:
            mine, theirs = left.column(column.name), right.column(column.name)
            if mine and theirs and mine.type and theirs.type and mine.type != theirs.type:
                notes.append(f"{column.name} is {mine.type} on the left, {theirs.type} on the right")
                columns.append(Column(column.name))
            else:
                columns.append(column)
        return Shape(tuple(columns)), notes

    def _wanted(self, table: Table, mine: Sequence[str], theirs: Sequence[str]) -> set[str]:
        """The columns to compare: of those that are copied what was asked for, and not to be ignored."""
        every = {*mine, *theirs}
        copied = _copied(table, every)
        asked = copied & {*(self._theirs(self.options.columns) or copied), *table.key}
        return asked - {*self._theirs(self.options.ignore)}

    def _notes(self, request: DiffRequest, found: TableDiff) -> Iterator[str]:
        """What was not compared, or not as it seems."""
        table = request.table
        if self.options.min_age is not None and not any(name in request.columns for name in table.timestamp):
            yield "--min-age has no effect: no timestamp of the table is compared"
        for name in foreign(request.shape, table.key):
            yield (
                f"the key column {name} is compared like text: whether two spellings are one key was not "
                "checked"
            )
        if found.outside:
            rows = counted(found.outside, "row is", "rows are")
            yield f"{rows} outside of the bounds of the export and not compared: the export cannot have them"


def _copied(table: Table, names: Collection[str]) -> set[str]:
    """Those of the columns that tables.yaml does not leave out."""
    return {*names} & ({*(table.columns or names)} - {*table.exclude} | {*table.key})


def _single(side: Side | RenamedSide) -> bool:
    """Whether the side is one file that holds one table, whatever it is called."""
    side = side.side if isinstance(side, RenamedSide) else side
    return isinstance(side, FileSide) and side.project is None and side.files.single(side.path)


def _shared(
    names: Sequence[dict[str, Table] | None], declared: Sequence[Table], single: Sequence[bool]
) -> Tables:
    """The tables of both sides; a project has what is declared."""
    whole = {table.name: table for table in declared}
    mine, theirs = (whole if each is None else each for each in names)
    both = [table for name, table in {**whole, **mine}.items() if name in mine and name in theirs]
    if not both:
        left, right = (", ".join(each) or "none" for each in (mine, theirs))
        raise ConfigError(
            [f"the sides share no table: the left has {left}, the right has {right}"],
            hint="name the table: --table NAME",
        )
    if any(single):
        return Tables(tuple(both))
    return Tables(
        tuple(both),
        tuple(name for name in mine if name not in theirs),
        tuple(name for name in theirs if name not in mine),
    )


def _merged(first: Shape, second: Shape) -> Shape:
    """The columns of both; a type of the first wins."""
    columns = {column.name: column for column in second.columns}
    for column in first.columns:
        if column.type or column.name not in columns:
            columns[column.name] = column
    return Shape(tuple(columns.values()))


def _in_another_case(name: str, sides: Sequence[Collection[str]]) -> str | None:
    """The hint where a side has the column in other letters alone."""
    alike = {each for side in sides for each in side if each != name and each.lower() == name.lower()}
    other = min(alike, default=None)
    return other and f"one side calls it {other}: names are case-sensitive; use the same name in both headers"
