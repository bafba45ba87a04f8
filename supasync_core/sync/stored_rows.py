"""Rows that were written, read back: a trigger of NEW may have changed them."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence

from supasync_core.api.backend import Computing, Sink
from supasync_core.model import pg_literals, raw_json
from supasync_core.model.batch import Batch, Key
from supasync_core.model.same_value import same_as_literal, same_cell
from supasync_core.model.table import Table
from supasync_core.sync.readback import SAMPLE, changed

_PLAIN = ("text", "character varying", "boolean", "smallint", "integer", "bigint", "timestamp")
"""Types of which equal values are spelt alike by every format, or are moments."""


def sample(table: Table, batch: Batch, aside: Collection[Key]) -> Sequence[Key]:
    """The keys of some rows that were written."""
    return [key for key in table.keys(batch) if key not in aside][:SAMPLE]


def refuse_changed(
    sink: Sink, table: Table, sent: Mapping[Key, str], found: Iterable[Batch], aside: Collection[Key]
) -> None:
    """ChangedError where the sink holds a row otherwise than it was written; a file has no triggers."""
    if not isinstance(sink, Computing):
        return
    shape, computed = sink.shape(table), sink.computed(table)
    kinds = {column.name: column.type or "" for column in shape.columns if column.name not in computed}
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
                and kinds.get(name, "").startswith(_PLAIN)
                and not _kept(kinds[name], cell, theirs[name])
            ]
            if names:
                raise changed(table, names, key)


def _kept(kind: str, mine: str, theirs: str) -> bool:
    """Whether the sink holds what was sent: by content, and of an array in PostgreSQL's own form as well."""
    if kind.endswith("[]") and mine.startswith('"') and theirs.startswith("["):
        return same_as_literal(
            pg_literals.without_bounds(json.loads(mine)), theirs, moments=kind.startswith("timestamp")
        )
    return same_cell(kind, mine, theirs, lenient=True)
