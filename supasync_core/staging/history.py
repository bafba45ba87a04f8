"""What the staging keeps: keys that the source was seen to have, rows that were removed or overwritten."""
# ruff: noqa: S608 - the names of tables are our own

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from supasync_core.model import raw_json
from supasync_core.model.batch import Batch, Key
from supasync_core.model.same_key import may_differ, translator
from supasync_core.model.table import Shape, Table
from supasync_core.staging.connection import Database, second_connection, transaction, translate_errors

SETUP = """
CREATE SCHEMA IF NOT EXISTS kept;
CREATE TABLE IF NOT EXISTS kept.sighted (source VARCHAR, name VARCHAR, key VARCHAR, version VARCHAR);
CREATE TABLE IF NOT EXISTS kept.removed
  (removal VARCHAR, moment VARCHAR, sink VARCHAR, name VARCHAR, key VARCHAR, content VARCHAR, undone BOOLEAN);
CREATE TABLE IF NOT EXISTS kept.overwritten (removal VARCHAR, moment VARCHAR, sink VARCHAR, name VARCHAR,
  key VARCHAR, content VARCHAR, written VARCHAR, undone BOOLEAN);
CREATE TEMP TABLE IF NOT EXISTS sightings (source VARCHAR, name VARCHAR, key VARCHAR, version VARCHAR);
"""
_KEEP_SIGHTED = (
    """UPDATE temp.sightings AS n SET version = k.version FROM kept.sighted AS k
    WHERE (k.source, k.name, k.key) = (n.source, n.name, n.key)
    AND n.source = ? AND n.name = ? AND n.version IS NULL""",
    """DELETE FROM kept.sighted AS k USING temp.sightings AS n
    WHERE (k.source, k.name, k.key) = (n.source, n.name, n.key) AND n.source = ? AND n.name = ?""",
    """INSERT INTO kept.sighted SELECT source, name, key, max(version) FROM temp.sightings
    WHERE source = ? AND name = ? GROUP BY ALL""",
    "DELETE FROM temp.sightings WHERE source = ? AND name = ?",
)
_DOUBTFUL = ""
"""Stands for a version that no row has."""
_PAGE = 1000
_JSON = json.JSONEncoder(ensure_ascii=False)
Kept = Literal["removed", "overwritten"]
"""What happened to rows that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Rows that were removed from a sink at one time: their number by table's full name.

    ``at`` is an ISO text; ``undone`` says whether they were all put back.
    """

    id: str
    at: str
    rows: Mapping[str, int]
    undone: bool


class History(Database):
    """The part of a staging that remembers rows."""

    def sighted(self, source: str, table: Table, versions: Mapping[Key, str | None]) -> None:
        """Note rows that the source has now; they count once `keep_sighted` is called."""
        self.fetch(
            "INSERT INTO temp.sightings SELECT ?, ?, unnest(CAST(? AS VARCHAR[])), "
            "unnest(CAST(? AS VARCHAR[]))",
            [source, table.full_name, list(map(_text, versions)), list(versions.values())],
        )

    def rewritten(self, source: str, table: Table) -> list[Key]:
        """Of the rows noted now, those whose version was another one when they were last kept."""
        found = self.fetch(
            "SELECT key FROM temp.sightings AS n JOIN kept.sighted AS k USING (source, name, key) "
            "WHERE source = ? AND name = ? AND n.version <> k.version ORDER BY key",
            [source, table.full_name],
        )
        return [_key(text) for (text,) in found]

    def keep_sighted(self, source: str, table: Table, doubtful: Sequence[Key] = ()) -> None:
        """Keep what was noted, too; ``doubtful`` rows count as rewritten next time."""
        name = table.full_name
        with translate_errors(self.path, table), transaction(self.connection):
            self.connection.execute(
                "UPDATE temp.sightings SET version = ? WHERE source = ? AND name = ? "
                "AND key IN (SELECT unnest(CAST(? AS VARCHAR[])))",
                [_DOUBTFUL, source, name, list(map(_text, doubtful))],
            )
            for statement in _KEEP_SIGHTED:
                self.connection.execute(statement, [source, name])

    def seen(self, source: str, table: Table, keys: Sequence[Key], shape: Shape) -> set[Key]:
        """Those of the sink's keys that the source had once: kept before, or staged from an export of it.

        ``shape`` is the sink's: by its types a key is found that the source prints otherwise. The proof of a
        row that was removed is used up, also where it was put back: what has its key now may be the sink's
        own, until the source's row has been sent again.
        """
        found = self.fetch(
            "SELECT key FROM kept.sighted WHERE source = ? AND name = ? "
            "AND key IN (SELECT unnest(CAST(? AS VARCHAR[])))",
            [source, table.full_name, list(map(_text, keys))],
        )
        staged = self.staged_keys(table, keys)
        same = {_key(text) for (text,) in found}
        left = [key for key in keys if key not in same]
        otherwise = self._printed_otherwise(source, table, left, shape).values()
        return {*same, *otherwise} | (staged - self.taken(table, staged).keys() if staged else staged)

    def _printed_otherwise(
        self, source: str, table: Table, keys: Sequence[Key], shape: Shape
    ) -> dict[Key, Key]:
        """The keys that the source had under other texts, by these: all of the table's are looked through."""
        if not keys or not may_differ(table, shape):
            return {}
        told = translator(table, shape, keys)
        found = self.fetch(
            "SELECT key FROM kept.sighted WHERE source = ? AND name = ?", [source, table.full_name]
        )
        known = (_key(text) for (text,) in found)
        return {kept: mine for kept in known if (mine := told(kept)) is not None and mine != kept}

    def put_back(self, table: Table, keys: Collection[Key]) -> set[Key]:
        """Those of the keys whose rows somebody put back after they were removed."""
        found = self.fetch(
            "SELECT key FROM kept.removed WHERE name = ? AND undone "
            "AND key IN (SELECT unnest(CAST(? AS VARCHAR[])))",
            [table.full_name, list(map(_text, keys))],
        )
        return {_key(text) for (text,) in found}

    def taken(self, table: Table, keys: Collection[Key]) -> dict[Key, str]:
        """When rows of these keys were last removed, as ISO text, of those that ever were."""
        found = self.fetch(
            "SELECT key, max(moment) FROM kept.removed WHERE name = ? "
            "AND key IN (SELECT unnest(CAST(? AS VARCHAR[]))) GROUP BY key",
            [table.full_name, list(map(_text, keys))],
        )
        return {_key(text): str(moment) for text, moment in found}

    def forget(self, source: str, table: Table, keys: Collection[Key], shape: Shape) -> None:
        """The source may have had these rows of the sink: only another look proves it again."""
        kept = [*keys, *self._printed_otherwise(source, table, [*keys], shape)]
        self.fetch(
            "DELETE FROM kept.sighted WHERE source = ? AND name = ? "
            "AND key IN (SELECT unnest(CAST(? AS VARCHAR[])))",
            [source, table.full_name, list(map(_text, kept))],
        )

    def staged_keys(self, table: Table, keys: Sequence[Key]) -> set[Key]:
        """Those of the keys that a staged row has."""
        raise NotImplementedError

    def keep(  # noqa: PLR0913, PLR0917 - a row of the history
        self, kept: Kept, removal: str, at: str, sink: str, table: Table, batch: Batch
    ) -> None:
        """Keep whole rows before they are removed or overwritten."""
        keys = [_text(key) for key in table.keys(batch)]
        with translate_errors(self.path, table), transaction(self.connection):
            self.connection.execute(
                f"INSERT INTO kept.{kept} (removal, moment, sink, name, undone, key, content) "
                "SELECT ?, ?, ?, ?, false, unnest(CAST(? AS VARCHAR[])), unnest(CAST(? AS VARCHAR[]))",
                [removal, at, sink, table.full_name, keys, list(batch.rows.texts)],
            )

    def keep_written(self, removal: str, table: Table, batch: Batch) -> None:
        """Keep what overwritten rows are now."""
        keys = [_text(key) for key in table.keys(batch)]
        with translate_errors(self.path, table), transaction(self.connection):
            self.connection.execute(
                "UPDATE kept.overwritten AS o SET written = n.content FROM (SELECT "
                "unnest(CAST(? AS VARCHAR[])) AS key, unnest(CAST(? AS VARCHAR[])) AS content) AS n "
                "WHERE o.removal = ? AND o.name = ? AND o.key = n.key",
                [keys, list(batch.rows.texts), removal, table.full_name],
            )

    def changes(self, kept: Kept, sink: str) -> list[Removal]:
        """What was removed from that sink, or overwritten in it, the newest first."""
        found = self.fetch(
            f"SELECT removal, min(moment), name, count(*), bool_and(undone) FROM kept.{kept} "
            "WHERE sink = ? GROUP BY removal, name ORDER BY 2 DESC, 1 DESC, name",
            [sink],
        )
        removals: dict[str, Removal] = {}
        for removal, at, name, rows, undone in found:
            known = removals.get(removal)
            removals[removal] = Removal(
                id=removal,
                at=at,
                rows={**(known.rows if known else {}), name: rows},
                undone=undone and (known is None or known.undone),
            )
        return list(removals.values())

    def removed_rows(self, removal: str, table: Table) -> Iterator[Batch]:
        """The table's rows of that removal that were not put back."""
        found = self.fetch(
            "SELECT content FROM kept.removed WHERE removal = ? AND name = ? AND NOT undone ORDER BY rowid",
            [removal, table.full_name],
        )
        for start in range(0, len(found), _PAGE):
            yield Batch(raw_json.join(content for (content,) in found[start : start + _PAGE]))

    def check_key(self, kept: Kept, removal: str, table: Table) -> None:
        """SchemaError unless the table's key is the one by which its rows of that change were kept."""
        with translate_errors(self.path, table):
            found = second_connection(self.connection).execute(
                f"SELECT key, content FROM kept.{kept} WHERE removal = ? AND name = ? AND NOT undone",
                [removal, table.full_name],
            )
        while rows := found.fetchmany(_PAGE):
            batch = Batch(raw_json.join(content for _, content in rows))
            if list(map(_text, table.keys(batch))) != [key for key, _ in rows]:
                raise table.schema_error(
                    f"its rows were not changed by the key {', '.join(table.key)}: nothing was undone",
                    hint="undo the change by the key that it was made by: --key, or key: in tables.yaml",
                )

    def overwritten_rows(self, removal: str, table: Table) -> Iterator[tuple[str, str | None]]:
        """The texts of rows before and after, of those that are not restored; None where none is known."""
        with translate_errors(self.path, table):
            found = second_connection(self.connection).execute(
                "SELECT content, written FROM kept.overwritten "
                "WHERE removal = ? AND name = ? AND NOT undone ORDER BY rowid",
                [removal, table.full_name],
            )
        while rows := found.fetchmany(_PAGE):
            yield from rows

    def settle(self, kept: Kept, removal: str, table: Table) -> None:
        """Note that nothing of that change to the table's rows is left to be undone."""
        self.fetch(
            f"UPDATE kept.{kept} SET undone = true WHERE removal = ? AND name = ?", [removal, table.full_name]
        )


def _text(key: Key) -> str:
    return _JSON.encode(key)


def _key(text: str) -> Key:
    return tuple(json.loads(text))
