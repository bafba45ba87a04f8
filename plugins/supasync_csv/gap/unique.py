"""One staged row for each key, of several files or of one that repeats itself."""
# ruff: noqa: S608 - names are quoted by values.identifier

from collections.abc import Sequence

from supasync_core.evidence import Key
from supasync_core.gap.seams import WARNING, Finding
from supasync_core.tables import Table
from supasync_duckdb.staging.backend import DuckdbStaging
from supasync_duckdb.staging.parents import FILE, ROW, ready
from supasync_duckdb.tables import Tables, qualified
from supasync_duckdb.values import identifier, instant


def prefer_exact(staging: DuckdbStaging, table: Table, exact: Sequence[str]) -> set[Key]:
    """Take out rows of other files whose key an exact one has; the keys of the exact ones."""
    names = [identifier(name) for name in table.key]
    chosen = " UNION ALL BY NAME ".join(f"SELECT {', '.join(names)} FROM ({part})" for part in exact)
    there = qualified(ready(table))
    same = " AND ".join(f"{there}.{name}::VARCHAR = e.{name}::VARCHAR" for name in names)
    staging.fetch(
        f"DELETE FROM {there} WHERE {identifier(ROW)} IS NOT NULL "
        f"AND EXISTS (SELECT 1 FROM ({chosen}) AS e WHERE {same})"
    )
    return {tuple(map(str, row)) for row in staging.fetch(chosen)}


def one_of_each(staging: DuckdbStaging, table: Table) -> list[Finding]:
    """Report keys that come with different content; the newest row of each, else the last, is kept."""
    there = qualified(ready(table))
    key = ", ".join(identifier(name) for name in table.key)
    kinds = Tables(staging.connection).existing(ready(table))
    others = ", ".join(f"{identifier(name)}::VARCHAR" for name in kinds if name not in (FILE, ROW))
    repeated = f"SELECT {key} FROM {there} GROUP BY ALL HAVING count(*) > 1"
    twice = staging.fetch(
        f"SELECT {key}, count(DISTINCT hash({others})) FROM {there} SEMI JOIN ({repeated}) USING ({key}) "
        f"GROUP BY {key}"
    )
    if not twice:
        return []
    moments = [str(instant(identifier(n), kinds[n])) for n in table.timestamp if n in kinds]
    newest = f"coalesce({', '.join(moments)}) DESC NULLS LAST, " if moments else ""
    staging.fetch(
        f"DELETE FROM {there} WHERE rowid IN (SELECT rowid FROM {there} QUALIFY row_number() OVER "
        f"(PARTITION BY {key} ORDER BY {newest}{identifier(FILE)} DESC, rowid DESC) > 1)"
    )
    text = f"{len(twice):,} keys come more than once: one row of each is kept"
    found = [Finding(kind="duplicate", table=table.name, text=text, level=WARNING)]
    for *values, contents in twice:
        if contents > 1:
            texts = tuple(map(str, values))
            text = f"key {', '.join(texts)} comes with different content"
            found.append(Finding(kind="duplicate", table=table.name, text=text, key=texts))
    return found
