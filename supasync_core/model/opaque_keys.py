"""Key columns of which the server alone knows when two texts are one value: citext, a collation, a domain."""

from collections.abc import Collection, Iterable, Sequence

from supasync_core.model.batch import Key
from supasync_core.model.pg_types import PLAIN, is_array, type_of
from supasync_core.model.table import Shape

_TEXTS = ("text", "character varying", "character", "name", "varchar", "char", "bpchar")
_PLAIN_BEGIN = ("timestamp", "time ", "bit", "json")
SINGLY = 100
"""Keys that are asked for one by one to learn which row is meant; beyond that they are left alone."""


def opaque(shape: Shape, key: Sequence[str]) -> tuple[str, ...]:
    """The key columns that may hold equal values in different texts, for all that their type says.

    A text is among them: its collation may be nondeterministic, and no description tells.
    """
    return tuple(
        name
        for name in key
        if (column := shape.column(name)) is not None
        and not column.values
        and not _is_duckdbs(kind := column.type or "")
        and not (kind in PLAIN or kind.startswith(_PLAIN_BEGIN))
    )


def _is_duckdbs(kind: str) -> bool:
    """Whether a file's own type, which it writes in capitals; it takes two texts for two values."""
    return kind == kind.upper() and kind != "" and '"' not in kind


def foreign(shape: Shape, key: Sequence[str]) -> tuple[str, ...]:
    """Those of them whose type is not PostgreSQL's own: what is said of them was not checked."""
    kinds = {name: type_of(shape, name) for name in opaque(shape, key)}
    return tuple(name for name, kind in kinds.items() if kind not in (*_TEXTS, "") and not is_array(kind))


def literal(keys: Iterable[Key], asked: Collection[Key], places: Sequence[int]) -> list[bool]:
    """Of each key, whether it was asked for by this very text in these of its columns."""
    texts = {tuple(key[i] for i in places) for key in asked}
    return [tuple(key[i] for i in places) in texts for key in keys]
