"""A side that calls columns otherwise than the other side: asked by its own names, told by the other's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from supasync_core.diff.engine import DiffEngine
from supasync_core.diff.loaded_side import LoadedSide
from supasync_core.diff.sides import Side
from supasync_core.model.batch import Key
from supasync_core.model.table import Shape, Table


@dataclass(frozen=True, slots=True)
class RenamedSide:
    """The left side; ``names`` are those of the right side, by its own."""

    side: Side
    names: Mapping[str, str]

    @property
    def name(self) -> str:
        """The side's name."""
        return self.side.name

    @property
    def typed(self) -> bool:
        """Whether its types decide."""
        return self.side.typed

    def tables(self, declared: Sequence[Table]) -> list[Table] | None:
        """Its tables."""
        return self.side.tables(declared)

    def shape(self, table: Table) -> Shape:
        """The columns by the right side's names; SchemaError where two would have one name."""
        shape = self.own_shape(table)
        self._refuse_clash(table, [column.name for column in shape.columns])
        columns = tuple(replace(each, name=self._name(each.name)) for each in shape.columns)
        return replace(shape, columns=columns)

    def own_shape(self, table: Table) -> Shape:
        """The columns by its own names."""
        return self.side.shape(self._own(table))

    def load(self, engine: DiffEngine, place: str, table: Table, shape: Shape) -> LoadedSide:
        """Load it; a note names a column that it does not have."""
        own = {theirs: mine for mine, theirs in self.names.items()}
        columns = tuple(replace(each, name=own.get(each.name, each.name)) for each in shape.columns)
        loaded = self.side.load(engine, place, self._own(table), replace(shape, columns=columns))
        self._refuse_clash(table, loaded.columns)
        missing = [name for name in self.names if loaded.columns and name not in loaded.columns]
        notes = [f"--map {name}={self.names[name]}: there is no column {name}" for name in missing]
        return replace(
            loaded,
            cells={self._name(name): text for name, text in loaded.cells.items()},
            columns=tuple(map(self._name, loaded.columns)),
            doubtful={self._name(name): word for name, word in loaded.doubtful.items()},
            begins=loaded.begins and {self._name(name): bound for name, bound in loaded.begins.items()},
            notes=(*loaded.notes, *notes),
        )

    def present(self, table: Table, keys: Sequence[Key]) -> set[Key]:
        """As the side tells."""
        return self.side.present(self._own(table), keys)

    def marked(self, table: Table, keys: Sequence[Key]) -> set[Key]:
        """As the side tells."""
        return self.side.marked(self._own(table), keys)

    def renamed(self, table: Table) -> Table:
        """A table that is declared by the side's own names, by those of the right side."""
        return _with_names(table, self.names)

    def _own(self, table: Table) -> Table:
        return _with_names(table, {theirs: mine for mine, theirs in self.names.items()})

    def _name(self, name: str) -> str:
        return self.names.get(name, name)

    def _refuse_clash(self, table: Table, columns: Sequence[str]) -> None:
        for mine, theirs in self.names.items():
            if mine in columns and theirs in columns and theirs not in self.names:
                raise table.schema_error(
                    f"--map {mine}={theirs}: the left side has a column {theirs}, too",
                    hint=f"rename that, too, even to a name that the right side lacks: --map {theirs}=OTHER",
                )


def _with_names(table: Table, names: Mapping[str, str]) -> Table:
    def other(columns: Sequence[str]) -> tuple[str, ...]:
        return tuple(names.get(each, each) for each in columns)

    mark = table.soft_delete
    return replace(
        table,
        key=other(table.key),
        timestamp=other(table.timestamp),
        columns=other(table.columns),
        exclude=other(table.exclude),
        soft_delete=mark and names.get(mark, mark),
    )
