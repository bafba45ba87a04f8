"""The settings of one table, and what a source or sink knows of its columns."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar

from supasync_core.model.batch import Batch, Cursor, Key, Row
from supasync_core.model.errors import SchemaError, TableError
from supasync_core.model.wording import where_not_null

E = TypeVar("E", bound=TableError)
DELETES = ("ignore", "report", "mirror")
"""What is done about rows that the source has no more: nothing, naming them, removing them from the sink."""
UPDATES = ("seen", "unseen")
"""Whether a table's timestamp moves when a row is updated."""
USUAL = timedelta(hours=24)
"""How often a table is compared with the source, where it is and nothing else is said."""
NEVER = timedelta.max


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table as tables.yaml declares it.

    ``name`` is the entry's, under which state, staging and files are kept. The database has the table under
    the name ``table``, where that is given, so that tables of one name in two schemas can be told apart.

    ``where`` is a filter in the source's own language: PostgREST's for ``rest``, SQL for ``duckdb`` and
    ``csv``. ``columns`` empty means all of them. ``deletes`` is one of `DELETES`. ``updates`` is one of
    `UPDATES`, or None where the timestamp's name is to tell. ``every`` is how often runs read the table, None
    for each of them. Every ``compare_every`` a run compares the whole table with the source; None is `USUAL`
    where that is needed. Where the sink refuses more rows than ``refused_per_run``, or ``refused_in_all``,
    the table stops. ``strategy_settings`` are those of the strategy, ``transform_settings`` those of each
    transform that has any, by its name. ``soft_delete`` is the column that marks a row of the source as
    deleted where it is not NULL: such a row is not copied, and removed from the sink.
    """

    name: str
    table: str | None = None
    schema: str = "public"
    key: tuple[str, ...] = ("id",)
    timestamp: tuple[str, ...] = ("updated_at",)
    updates: str | None = None
    depends_on: tuple[str, ...] = ()
    strategy: str = "incremental"
    overlap: timedelta = timedelta(minutes=15)
    page_size: int = 1000
    every: timedelta | None = None
    where: str | None = None
    columns: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    transform: tuple[str, ...] = ()
    deletes: str = "ignore"
    compare_every: timedelta | None = None
    refused_per_run: int = 20
    refused_in_all: int = 100
    soft_delete: str | None = None
    was: str | None = None
    strategy_settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    transform_settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)

    @property
    def compared_every(self) -> timedelta:
        """How often the whole table is compared with the source, where it is at all; `NEVER` by wish."""
        return self.compare_every or USUAL

    @property
    def relation(self) -> str:
        """The table's name in the database."""
        return self.table or self.name

    @property
    def full_name(self) -> str:
        """Schema and name as one text, unlike that of any other: `address_of` parts them again."""
        plain = "." not in self.schema and not self.schema.startswith('"')
        return f"{self.schema if plain else json.dumps(self.schema)}.{self.name}"

    @property
    def address(self) -> tuple[str, str]:
        """Where it is in the database: its schema, and its name in there."""
        return self.schema, self.relation

    def error(self, kind: type[E], what: str, hint: str | None = None) -> E:
        """The error of this kind that names this table, what is wrong with it, and what to do."""
        return kind(f"{self.name}: {what}", table=self.name, hint=hint)

    def schema_error(self, what: str, hint: str | None = None) -> SchemaError:
        """The same where the table itself is unfit."""
        return self.error(SchemaError, what, hint)

    def whole(self) -> "Table":
        """The table with all of its rows: without the filter, and without those marked as deleted."""
        return replace(self, where=None)

    @property
    def marks(self) -> tuple[str, ...]:
        """The columns that are NULL in every row that the source does not mark as deleted."""
        return (self.soft_delete,) if self.soft_delete else ()

    def raw(self) -> "Table":
        """The table with all rows that the source holds, those marked as deleted too."""
        return replace(self.whole(), soft_delete=None)

    def narrowed(self, columns: Iterable[str]) -> "Table":
        """The table with these columns, all of them where there are none, untransformed."""
        return replace(self, columns=tuple(dict.fromkeys(columns)), exclude=(), transform=())

    def key_of(self, row: Row) -> Key:
        """The texts of the row's key columns; SchemaError where one is NULL or missing."""
        found: tuple[Any, ...] = tuple([row.get(name) for name in self.key])
        for value in found:
            if not isinstance(value, str):
                return tuple(self._key_text(row, name) for name in self.key)
        return found

    def keys(self, batch: Batch) -> list[Key]:
        """The key of each row of the batch; SchemaError where one is NULL or missing."""
        return list(map(self.key_of, batch.rows))

    def texts(self, batch: Batch) -> dict[Key, str]:
        """The text of each row of the batch by its key; of two rows with one key that of the last."""
        return dict(zip(self.keys(batch), batch.rows.texts, strict=True))

    def place(self, row: Row, column: str | None) -> Cursor:
        """The row's place in the keyset of ``column``; SchemaError where a key is NULL or missing."""
        return Cursor(value=None if column is None else row[column], key=self.key_of(row))

    def exact_keys(self, keys: Iterable[Sequence[str]]) -> list[tuple[str, ...]]:
        """The keys, each once, before rows are named by them alone; SchemaError where one cannot be a key.

        PostgreSQL holds no NUL in a text, and a filter that is cut off there would name other rows.
        """
        found = list(dict.fromkeys(map(tuple, keys)))
        for key in found:
            if len(key) != len(self.key) or not all(isinstance(text, str) for text in key):
                raise self.schema_error(f"{len(key)} values are not a key of ({', '.join(self.key)})")
            if any("\0" in text for text in key):
                raise self.schema_error("a key cannot contain a NUL character")
        return found

    def _key_text(self, row: Row, column: str) -> str:
        value = row.get(column)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return value
        if value is None and column in row:
            raise self.schema_error(
                f"a row has NULL in the key column {column} and cannot be told apart",
                hint=f"declare another key, or leave such rows out with {where_not_null(column)}",
            )
        raise self.schema_error(
            f"the key column {column} is "
            + ("not in the rows" if value is None else "not a plain value and cannot be a key"),
            hint="name the key's columns in tables.yaml: key: [...]",
        )


@dataclass(frozen=True, slots=True)
class Column:
    """What is known of a column; None where the backend cannot tell.

    ``refers`` is the table and the column that a foreign key points to. ``default`` is its text, as far as
    it is shown. ``values`` are an enum's, in their order. ``length`` is the most characters that it holds.
    """

    name: str
    type: str | None = None
    nullable: bool | None = None
    key: bool | None = None
    refers: tuple[str, str] | None = None
    default: str | None = None
    values: tuple[str, ...] = ()
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a table as one side has them; ``known`` is False where the backend cannot tell.

    ``view`` is True where it shows itself to be a view, not a table; ``texts`` where a cell is but a text,
    as in CSV; ``grows`` where a batch adds the columns that the table does not have.
    """

    columns: tuple[Column, ...] = ()
    known: bool = True
    view: bool = False
    texts: bool = False
    grows: bool = False
    names: frozenset[str] = field(init=False)
    _named: Mapping[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", frozenset(column.name for column in self.columns))
        object.__setattr__(self, "_named", {column.name: column for column in reversed(self.columns)})

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of the primary key; empty where there is none, or none is known."""
        return tuple(column.name for column in self.columns if column.key)

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return self._named.get(name)


def address_of(name: str) -> tuple[str, str]:
    """Schema and name of a table's full name."""
    if name.startswith('"'):
        schema, end = json.JSONDecoder().raw_decode(name)
        return str(schema), name[end + 1 :]
    schema, _, rest = name.partition(".")
    return schema, rest
