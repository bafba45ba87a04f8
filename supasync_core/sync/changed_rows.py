"""What is said of rows that the sink holds otherwise than they were sent, and whether it holds some so."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence

from supasync_core.api.backend import Computing, Sink
from supasync_core.model import pg_literals, raw_json
from supasync_core.model.batch import Batch, Key
from supasync_core.model.errors import SchemaError
from supasync_core.model.printable import command
from supasync_core.model.same_value import same_as_literal, same_cell, same_fractions
from supasync_core.model.table import Table
from supasync_core.sync.longest_fractions import may_round

_PLAIN = ("text", "character varying", "boolean", "smallint", "integer", "bigint", "timestamp")
"""Types of which equal values are spelt alike by every format, or are moments."""

REWRITTEN = "json or jsonb"
"""Of a column that is the one in OLD and the other in NEW: jsonb has one value of a name that comes twice."""


class ChangedError(SchemaError):
    """The sink does not hold what was sent: whatever was copied of the table may be changed."""


def changed(table: Table, names: Sequence[str], key: Key, computed: Collection[str] = ()) -> ChangedError:
    """The error for a row of which the sink holds these columns otherwise than they were sent."""
    if made := [name for name in names if name in computed]:
        return table.error(
            ChangedError,
            f"NEW computes {', '.join(made)} itself, and has other values than OLD; key {', '.join(key)}",
            hint="in NEW, alter table ... alter column ... drop expression makes it a plain column, and what "
            "supasync schema sql --identity prints lets an identity column take OLD's numbers; or keep "
            f"NEW's values: {_left_out(table, made)}; then: {command('sync', '--full', table.name)}",
        )
    if set(names) <= set(table.timestamp):
        what = "a trigger there sets it"
    else:
        what = "a trigger there changes it, or its type holds less than OLD's (supasync schema diff)"
    they = "it was" if len(names) == 1 else "they were"
    return table.error(
        ChangedError,
        f"NEW changed {', '.join(names)} after {they} written: {what}; key {', '.join(key)}",
        hint="supasync schema sql --triggers guard prints the SQL after which NEW's triggers ignore copied "
        f"rows (--triggers off: until the switch); then: {command('sync', '--full', table.name)}",
    )


def _left_out(table: Table, names: Sequence[str]) -> str:
    if table.columns:
        return f"take {', '.join(names)} out of columns:"
    return f"exclude: [{', '.join([*table.exclude, *names])}]"


def refuse_changed(
    sink: Sink, table: Table, sent: Mapping[Key, str], found: Iterable[Batch], aside: Collection[Key]
) -> None:
    """ChangedError where the sink holds a row otherwise than it was written; a file has no triggers."""
    if not isinstance(sink, Computing):
        return
    shape, computed = sink.shape(table), sink.computed(table)
    kinds = {column.name: column.type or "" for column in shape.columns}
    for after in found:
        for key, text in table.texts(after).items():
            if key not in sent or key in aside:
                continue
            mine, theirs = raw_json.cells(sent[key]), raw_json.cells(text)
            names = [
                name
                for name, cell in mine.items()
                if name in theirs
                and name not in table.key
                and not kept(kinds.get(name, ""), cell, theirs[name])
            ]
            if names:
                raise changed(table, names, key, computed)


def kept(kind: str, mine: str, theirs: str) -> bool:
    """Whether the sink holds what was sent: by content, and of an array in PostgreSQL's own form as well.

    Types whose formats spell equal values in several ways are judged by what they may round.
    """
    if not kind.startswith(_PLAIN):
        return "null" in (mine, theirs) or not may_round(kind) or same_fractions(mine, theirs)
    if kind.endswith("[]") and mine.startswith('"') and theirs.startswith("["):
        return same_as_literal(
            pg_literals.without_bounds(json.loads(mine)), theirs, moments=kind.startswith("timestamp")
        )
    return same_cell(kind, mine, theirs, lenient=True)
