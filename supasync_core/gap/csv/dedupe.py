"""One staged row for each key, of several files or of one that repeats itself.

Keys are compared as their types have it: two spellings of one instant are one key.
"""
# ruff: noqa: S608 - names are quoted by values.identifier

from collections.abc import Sequence

from supasync_core.model.batch import Key
from supasync_core.model.opaque_keys import foreign
from supasync_core.model.pg_types import is_document, type_of
from supasync_core.model.table import Shape, Table
from supasync_core.model.wording import counted
from supasync_core.staging.csv.export_finding import ERROR, WARNING, ExportFinding
from supasync_core.staging.csv.raw_table import MOST
from supasync_core.staging.duckdb_tables import Kinds, Tables, qualified
from supasync_core.staging.equality import normal
from supasync_core.staging.staged_tables import ready
from supasync_core.staging.staging_file import Staging
from supasync_core.staging.values import identifier, instant, plain


def prefer_exact(staging: Staging, table: Table, shape: Shape, exact: str) -> None:
    """Take out rows of other files whose key an exact one has; ``exact`` is the number of the exact files."""
    there = qualified(ready(table))
    kinds, file, _, place = _staged(staging, table)
    pairs = " AND ".join(f"{_key(shape, kinds, 'r', n)} = {_key(shape, kinds, 'e', n)}" for n in table.key)
    staging.fetch(
        f"DELETE FROM {there} WHERE {place} IN (SELECT r.{place} FROM {there} AS r "
        f"SEMI JOIN (SELECT * FROM {there} AS s WHERE s.{file} IN ({exact})) AS e ON {pairs} "
        f"WHERE r.{file} NOT IN ({exact}))"
    )


def one_of_each(staging: Staging, table: Table, shape: Shape) -> list[ExportFinding]:
    """Report keys that come with different content; the newest row of each, else the last, is kept."""
    there = f"{qualified(ready(table))} AS r"
    kinds, file, _, place = _staged(staging, table)
    keys = [_key(shape, kinds, "r", name) for name in table.key]
    key = ", ".join(keys)
    staging.fetch(
        f"CREATE OR REPLACE TEMP TABLE repeated AS SELECT {_named(keys)} FROM {there} "
        f"GROUP BY {key} HAVING count(*) > 1"
    )
    if not staging.fetch("SELECT 1 FROM temp.repeated LIMIT 1"):
        return []
    shown = ", ".join(f"any_value({plain(f'r.{identifier(n)}', kinds[n])})" for n in table.key)
    contents = ", ".join(_content(shape, kinds, name) for name in kinds if name not in table.key) or "NULL"
    staging.fetch(
        f"CREATE OR REPLACE TEMP TABLE twice AS "
        f"SELECT count(DISTINCT hash({contents})) AS different, {shown} "
        f"FROM {there} SEMI JOIN temp.repeated AS k ON {_pairs(keys)} GROUP BY {key}"
    )
    twice, differing = staging.fetch("SELECT count(*), count(*) FILTER (different > 1) FROM temp.twice")[0]
    moments = [str(instant(f"r.{identifier(n)}", kinds[n])) for n in table.timestamp if n in kinds]
    newest = f"coalesce({', '.join(moments)}) DESC NULLS LAST, " if moments else ""
    staging.fetch(
        f"DELETE FROM {qualified(ready(table))} WHERE {place} IN (SELECT r.{place} FROM {there} "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {newest}r.{file} DESC, r.{place} DESC) > 1)"
    )
    named = counted(twice, "key occurs", "keys occur")
    found = [_finding(table, f"{named} more than once: one row of each is kept", level=WARNING)]
    for _, *values in staging.fetch(
        f"SELECT * FROM temp.twice WHERE different > 1 ORDER BY ALL LIMIT {MOST}"
    ):
        key_of = tuple(map(str, values))
        found.append(_finding(table, f"key {', '.join(key_of)} occurs with different content", key=key_of))
    if differing > MOST:
        named = counted(differing - MOST, "more key occurs", "more keys occur")
        found.append(_finding(table, f"{named} with different content"))
    return found


def _finding(table: Table, text: str, *, level: str = ERROR, key: Key = ()) -> ExportFinding:
    return ExportFinding(kind="duplicate", table=table.name, text=text, level=level, key=key)


def unchecked(table: Table, shape: Shape) -> list[ExportFinding]:
    """Say of which key columns PostgreSQL alone knows when two texts are one value."""
    found = []
    for name in foreign(shape, table.key):
        text = (
            f"the key column {name} is of the type {type_of(shape, name)}, and is compared like text: "
            "whether NEW takes two spellings for one key was not checked"
        )
        found.append(ExportFinding(kind="key", table=table.name, text=text, level=WARNING, column=name))
    return found


def _staged(staging: Staging, table: Table) -> tuple[Kinds, str, str, str]:
    """The columns of the staged rows, and the quoted names of the staging's own."""
    tables = Tables(staging.connection)
    file, row, place = (identifier(str(name)) for name in tables.own(ready(table)))
    return tables.existing(ready(table)), file, row, place


def _key(shape: Shape, kinds: Kinds, side: str, name: str) -> str:
    return normal(type_of(shape, name), plain(f"{side}.{identifier(name)}", kinds[name]))


def _named(keys: Sequence[str]) -> str:
    return ", ".join(f"{key} AS k{i}" for i, key in enumerate(keys))


def _pairs(keys: Sequence[str]) -> str:
    return " AND ".join(f"{key} IS NOT DISTINCT FROM k.k{i}" for i, key in enumerate(keys))


def _content(shape: Shape, kinds: Kinds, name: str) -> str:
    """A cell's text, the same for all spellings that are known without parsing a document."""
    if is_document(type_of(shape, name)):
        return f"CAST(r.{identifier(name)} AS VARCHAR)"
    return _key(shape, kinds, "r", name)
