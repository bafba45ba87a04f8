"""What a column's type says about its cells."""

from supasync_core.model.table import Shape

WHOLE = ("smallint", "integer", "bigint")
FLOATS = ("real", "double precision")
TEXTLESS = (
    *WHOLE,
    *FLOATS,
    "numeric",
    "boolean",
    "uuid",
    "date",
    "interval",
    "json",
    "jsonb",
    "inet",
    "cidr",
    "macaddr",
    "macaddr8",
    "money",
    "bytea",
    "point",
    "bit",
)


def type_of(shape: Shape, name: str) -> str:
    """The type's name; empty where nobody knows."""
    column = shape.column(name)
    return (column.type or "") if column else ""


def is_text(shape: Shape, name: str) -> bool:
    """Whether an empty text may be a value of the column; True of a type that is not known, as of citext."""
    column = shape.column(name)
    if column is not None and column.values:
        return "" in column.values
    kind = type_of(shape, name)
    own = "." in kind and not kind.endswith("[]")
    return own or not (kind in TEXTLESS or kind.startswith("time") or kind.endswith(("range", "[]")))


def is_json(shape: Shape, name: str) -> bool:
    """Whether the column holds JSON."""
    return type_of(shape, name) in ("json", "jsonb")


def is_array(shape: Shape, name: str) -> bool:
    """Whether the column holds arrays."""
    return type_of(shape, name).endswith("[]")


def may_be_null(shape: Shape, name: str) -> bool:
    """Whether the column takes NULL; True where nobody knows."""
    column = shape.column(name)
    return column is None or column.nullable is not False
