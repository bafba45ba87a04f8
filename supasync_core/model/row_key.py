"""A key that is made of the whole row, for a table of the source whose rows nothing else tells apart.

Equal rows are numbered, so that two of them stay two. The sink has the key as a column with a unique index:
whatever is sent again, after a lost answer or a kill, is the same row, and never another one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Final

from supasync_core.model.printable import command, sql_name
from supasync_core.model.table import NEVER, Column, Table

ROW_KEY: Final = "supasync_row"
"""The name under which tables.yaml, the rows on their way and the sink have it."""
MOST_ROWS: Final = 20_000
MOST_BYTES: Final = 50_000_000
"""What is read as a whole, each time that a row is asked for."""
NOT_BY_HAND: Final = "it has no key, so it is not carried over by hand: copy it by SQL"
COLUMN: Final = Column(ROW_KEY, "text", nullable=True, key=False)


def has_row_key(table: Table) -> bool:
    """Whether the table's key is made of its rows."""
    return table.key == (ROW_KEY,)


def row_keys(rows: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """A key for each row, from the text of its cells by name: a digest, and a number from the second on."""
    seen: Counter[str] = Counter()
    for cells in rows:
        digest = sha256()
        for name in sorted(cells):
            for text in (name, cells[name]):
                raw = text.encode(errors="surrogatepass")
                digest.update(len(raw).to_bytes(8) + raw)
        found = digest.hexdigest()
        seen[found] += 1
        yield found if seen[found] == 1 else f"{found}-{seen[found]}"


def problems(table: Table) -> Iterator[str]:
    """What is wrong with the settings of a table that names such a key, a sentence each."""
    if ROW_KEY not in table.key:
        return
    if len(table.key) > 1:
        yield f"key: {ROW_KEY} stands for the whole row, so no other column is part of the key"
    if table.strategy != "snapshot":
        yield f"key: {ROW_KEY} needs strategy: snapshot: the whole table is read each time"
    if table.deletes == "ignore":
        yield (
            f"key: {ROW_KEY} needs deletes: report or mirror: an update makes another row, and the one "
            "before it stays in NEW"
        )
    elif table.compare_every == NEVER:
        yield (
            f"key: {ROW_KEY} cannot be combined with compare_every: never: the row before an update would "
            "stay in NEW unseen"
        )
    if table.columns or table.exclude:
        yield f"key: {ROW_KEY} is made of all columns, so none may be left out by columns or exclude"


def missing_in_sink(columns: Sequence[str]) -> str:
    """What to do where the sink's table lacks these columns."""
    if ROW_KEY in columns:
        return "paste what supasync schema sql prints into NEW's SQL editor: it adds that column"
    return f"add it to NEW's table, or leave it out: exclude: [{', '.join(columns)}]"


def start_again(table: Table) -> str:
    """What to do where rows that were copied would stay as they are."""
    again = f"to copy all rows again: {command('sync', '--full', table.name)}"
    if not has_row_key(table):
        return again
    place = f"{sql_name(table.schema)}.{sql_name(table.relation)}"
    return f"its rows have other keys now: run truncate {place}; in NEW, then {again.partition(': ')[2]}"
