"""What is known of objects between runs, in this machine's staging file: what was copied, and how far.

An object is there with the values of OLD that were copied and with what NEW had of it then. So an hour in
which nothing changes is seen by OLD's listing alone, and a killed run sends nothing again that was confirmed.
Where the file is lost, objects that are equal on both sides are taken as they are.
"""
# ruff: noqa: S608 - the names of tables are our own

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, Final, Self

from supasync_account.storage.known_object import Known
from supasync_account.storage.object_copy import Copied, Task
from supasync_account.storage.object_listing import StoredObject
from supasync_account.storage.resumable_upload import LARGE
from supasync_core.model import timestamps
from supasync_core.staging.connection import (
    Database,
    open_in_memory,
    open_to_look,
    open_to_write,
    private_umask,
    release,
    releasing,
    transaction,
    translate_errors,
)

MEMORY: Final = "600MB"
EVERYWHERE: Final = ""
"""What is remembered of no single bucket."""
_OBJECTS: Final = "kept.storage_objects"
_SETUP: Final = """
CREATE SCHEMA IF NOT EXISTS kept;
CREATE TABLE IF NOT EXISTS kept.storage_objects (pair VARCHAR, bucket VARCHAR, name VARCHAR, size BIGINT,
  etag VARCHAR, mimetype VARCHAR, cache VARCHAR, updated VARCHAR, md5 VARCHAR, new_etag VARCHAR,
  moment VARCHAR);
CREATE TABLE IF NOT EXISTS kept.storage_buckets (pair VARCHAR, bucket VARCHAR, name VARCHAR, value VARCHAR);
CREATE TABLE IF NOT EXISTS kept.storage_uploads (pair VARCHAR, bucket VARCHAR, name VARCHAR, etag VARCHAR,
  path VARCHAR);
ALTER TABLE kept.storage_uploads ADD COLUMN IF NOT EXISTS told VARCHAR;
ALTER TABLE kept.storage_objects ADD COLUMN IF NOT EXISTS unseen BOOLEAN;
ALTER TABLE kept.storage_objects ADD COLUMN IF NOT EXISTS proven BOOLEAN;
ALTER TABLE kept.storage_objects ADD COLUMN IF NOT EXISTS tags VARCHAR;
CREATE TABLE IF NOT EXISTS kept.storage_doubts (pair VARCHAR, bucket VARCHAR, name VARCHAR, etag VARCHAR,
  new_etag VARCHAR, md5 VARCHAR, ours BOOLEAN);
"""
THESE: Final = "name IN (SELECT unnest(CAST(? AS VARCHAR[])))"
_OF_THESE: Final = "(bucket, name) IN (SELECT unnest(?), unnest(?))"
_LISTED: Final = """
CREATE OR REPLACE TEMP TABLE listed (side VARCHAR, bucket VARCHAR, name VARCHAR, size BIGINT, etag VARCHAR,
  mimetype VARCHAR, cache VARCHAR, updated VARCHAR, robots VARCHAR)
"""
_COLUMNS: Final = ("name", "size", "etag", "mimetype", "cache", "updated", "robots")
_OF_ROW: Final = ", ".join(f"l.{each}" for each in _COLUMNS)


class StorageProgress(Database):
    """The opened file; any thread may ask it. ``pair`` names both projects."""

    def __init__(self, path: Path, pair: str) -> None:
        self.path, self.pair = path, pair
        self._lock = RLock()
        self._uploads: dict[tuple[str, str], tuple[str, str, str]] = {}

    @classmethod
    @contextmanager
    def writing(cls, path: Path, pair: str) -> Iterator[Self]:
        """One that remembers; LockedError where another process has the file open."""
        made = cls(path, pair)
        made.connection = open_to_write(path, memory=MEMORY, loads=True)
        with made._opened():
            made._uploads = made._begun()
            yield made

    @classmethod
    @contextmanager
    def looking(cls, path: Path | None, pair: str) -> Iterator[Self]:
        """One that writes no file: what is listed is compared in memory."""
        made = cls(path or Path("memory"), pair)
        made.connection = open_in_memory()
        with made._opened():
            if path is not None and path.exists():
                made._load(path)
            made._uploads = made._begun()
            yield made

    @contextmanager
    def _opened(self) -> Iterator[None]:
        try:
            with translate_errors(self.path), private_umask():
                self.connection.execute(_SETUP)
                self.connection.execute(_LISTED)
            yield
        finally:
            release(self.connection)

    def _load(self, path: Path) -> None:
        """Take what the file has of this pair, so that it is not held open."""
        with releasing(open_to_look(path)) as other, translate_errors(path):
            names = {name for (name,) in other.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
            for table in ("storage_objects", "storage_buckets", "storage_uploads", "storage_doubts"):
                if table in names:
                    rows = other.execute(f"SELECT * FROM kept.{table} WHERE pair = ?", [self.pair])
                    columns = ", ".join(column[0] for column in rows.description)
                    while found := rows.fetchmany(10_000):
                        self._insert(f"kept.{table} ({columns})", found)

    def _insert(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        columns = [list(column) for column in zip(*rows, strict=True)]
        parts = ", ".join("unnest(?)" for _ in columns)
        self.connection.execute(f"INSERT INTO {table} SELECT {parts}", columns)

    def asked(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement; for any thread."""
        with self._lock:
            return self.fetch(query, values)

    # What is listed now

    def note(self, side: str, bucket: str, page: Sequence[StoredObject]) -> None:
        """Add a page of a listing, or what was found of one."""
        if not page:
            return
        rows = [(side, bucket, *(getattr(each, name) for name in _COLUMNS)) for each in page]
        with self._lock, translate_errors(self.path):
            self._insert("listed", rows)

    def forget_listed(self, side: str, bucket: str) -> None:
        """Begin a listing of it again."""
        self.asked("DELETE FROM listed WHERE side = ? AND bucket = ?", [side, bucket])

    def counted(self, side: str, bucket: str) -> tuple[int, int]:
        """How many objects a listing has shown, and their bytes."""
        query = (
            "SELECT count(*), coalesce(sum(greatest(size, 0)), 0) FROM listed WHERE side = ? AND bucket = ?"
        )
        [(number, size)] = self.asked(query, [side, bucket])
        return number, int(size)

    def changed(self, bucket: str) -> list[StoredObject]:
        """The objects of OLD's listing that were not copied as they are now, in the order of their names."""
        found = self.asked(
            f"SELECT {_OF_ROW} FROM listed AS l LEFT JOIN {_OBJECTS} AS k ON k.pair = ? "
            "AND (k.bucket, k.name, k.size, k.etag, k.mimetype, k.cache, k.updated) = "
            "(l.bucket, l.name, l.size, l.etag, l.mimetype, l.cache, l.updated) "
            "WHERE l.side = 'OLD' AND l.bucket = ? AND k.name IS NULL ORDER BY l.name",
            [self.pair, bucket],
        )
        return [StoredObject(*row) for row in found]

    def gone(self, bucket: str) -> dict[str, Known]:
        """What was copied once and OLD's listing does not show any more."""
        found = self.asked(
            f"SELECT k.name, k.size, k.etag, k.mimetype, k.cache, k.md5, k.new_etag FROM {_OBJECTS} AS k "
            "ANTI JOIN (SELECT name FROM listed WHERE side = 'OLD' AND bucket = ?) AS l ON l.name = k.name "
            "WHERE k.pair = ? AND k.bucket = ? ORDER BY k.name",
            [bucket, self.pair, bucket],
        )
        return {row[0]: Known(*row[1:]) for row in found}

    def shown(self, side: str, bucket: str, names: Sequence[str]) -> dict[str, StoredObject]:
        """Those of the objects that a listing shows."""
        found = self.asked(
            f"SELECT {_OF_ROW} FROM listed AS l WHERE side = ? AND bucket = ? AND {THESE}",
            [side, bucket, list(names)],
        )
        return {row[0]: StoredObject(*row) for row in found}

    def pairs(self, bucket: str) -> Iterator[tuple[StoredObject | None, StoredObject | None, Known | None]]:
        """Every object that either side's listing shows, by name, and what is known of its copy."""
        old, new = (", ".join(f"{side}.{each}" for each in _COLUMNS) for side in ("o", "n"))
        of = "FROM listed WHERE bucket = ? AND side ="
        query = (
            f"SELECT {old}, {new}, k.size, k.etag, k.mimetype, k.cache, k.md5, k.new_etag, "
            "coalesce(k.proven, false), coalesce(k.tags, '') "
            f"FROM (SELECT * {of} 'OLD') AS o FULL JOIN (SELECT * {of} 'NEW') AS n ON n.name = o.name "
            f"LEFT JOIN {_OBJECTS} AS k ON k.pair = ? AND k.bucket = ? AND k.name = o.name "
            "ORDER BY coalesce(o.name, n.name)"
        )
        width = len(_COLUMNS)
        for row in self.asked(query, [bucket, bucket, self.pair, bucket]):
            left, right, rest = row[:width], row[width : 2 * width], row[2 * width :]
            yield (
                None if left[0] is None else StoredObject(*left),
                None if right[0] is None else StoredObject(*right),
                None if rest[0] is None else Known(*rest),
            )

    # What was copied

    def known(self, bucket: str, names: Sequence[str]) -> dict[str, Known]:
        """Those of the objects that were copied by this machine."""
        found = self.asked(
            "SELECT name, size, etag, mimetype, cache, md5, new_etag, coalesce(proven, false), "
            f"coalesce(tags, '') FROM {_OBJECTS} "
            f"WHERE pair = ? AND bucket = ? AND {THESE}",
            [self.pair, bucket, list(names)],
        )
        return {row[0]: Known(*row[1:]) for row in found}

    def forget_stale(self, bucket: str) -> int:
        """Forget copies that NEW's listing does not show as they were made; how many.

        Those that OLD has deleted are kept: what becomes of them is another question.
        """
        stale = (
            f"FROM {_OBJECTS} AS k WHERE k.pair = ? AND k.bucket = ? "
            "AND k.name IN (SELECT name FROM listed WHERE side = 'OLD' AND bucket = ?) "
            "AND (k.name, k.size, k.mimetype, k.cache, coalesce(nullif(k.new_etag, ''), k.md5)) NOT IN "
            "(SELECT (name, size, mimetype, cache, etag) FROM listed WHERE side = 'NEW' AND bucket = ?)"
        )
        values = [self.pair, bucket, bucket, bucket]
        [(number,)] = self.asked(f"SELECT count(*) {stale}", values)
        if number:
            self.asked(f"DELETE {stale}", values)
        return int(number)

    def buckets(self) -> dict[str, int]:
        """The buckets from which objects were copied, with their number."""
        query = f"SELECT bucket, count(*) FROM {_OBJECTS} WHERE pair = ? GROUP BY bucket ORDER BY bucket"
        return dict(self.asked(query, [self.pair]))

    def number(self, bucket: str | None = None) -> int:
        """How many objects were copied, of one bucket or of all."""
        where, values = ("AND bucket = ?", [self.pair, bucket]) if bucket else ("", [self.pair])
        return int(self.asked(f"SELECT count(*) FROM {_OBJECTS} WHERE pair = ? {where}", values)[0][0])

    def keep(self, copied: Sequence[Copied]) -> None:
        """Remember what NEW has confirmed."""
        if not copied:
            return
        now = timestamps.to_text(timestamps.now())
        rows = [
            (
                self.pair,
                each.task.bucket,
                each.task.listed.name,
                each.task.listed.size,
                each.task.listed.etag,
                each.task.listed.mimetype,
                each.task.listed.cache,
                each.task.listed.updated,
                each.md5,
                each.etag,
                now,
                each.sent and not each.seen,
                each.proven,
                each.task.tags,
            )
            for each in copied
        ]
        names = [[row[1] for row in rows], [row[2] for row in rows]]
        with self._lock, translate_errors(self.path), transaction(self.connection):
            for table in (_OBJECTS, "kept.storage_uploads", "kept.storage_doubts"):
                self.connection.execute(
                    f"DELETE FROM {table} WHERE pair = ? AND {_OF_THESE}", [self.pair, *names]
                )
            self._insert(_OBJECTS, rows)

    def drop(self, bucket: str, names: Sequence[str]) -> None:
        """Forget objects that neither side has any more."""
        values = [self.pair, bucket, list(names)]
        self.asked(f"DELETE FROM {_OBJECTS} WHERE pair = ? AND bucket = ? AND {THESE}", values)

    # What was begun

    def begun(self, bucket: str, listed: StoredObject) -> bool:
        """Whether an upload of this very object has begun, in whatever way."""
        return self._upload(bucket, listed) is not None

    def may_have_left(self, bucket: str, listed: StoredObject, there: StoredObject) -> bool:
        """Whether an upload of it may have left what NEW has: of its size and type, and not of other bytes.

        Other bytes are believed to be ours where they were seen to come from OLD, or are those of then.
        """
        query = f"SELECT etag FROM kept.storage_uploads WHERE pair = ? AND bucket = ? AND {THESE}"
        if (there.md5,) in self.asked(query, [self.pair, bucket, [listed.name]]):
            return True
        path, came = self._upload(bucket, listed) or (None, "")
        like = (there.size, there.mimetype) == (listed.size, listed.mimetype)
        known = there.md5 is None or listed.md5 is None or there.md5 in (listed.md5, None if path else came)
        return path is not None and like and known

    def place(self, bucket: str, listed: StoredObject, told: str) -> str | None:
        """The path of one in pieces that began with the same headers."""
        path, before = self._upload(bucket, listed) or ("", "")
        return path if path and before == told else None

    def begin(self, bucket: str, listed: StoredObject, path: str, told: str = "") -> None:
        """Remember it. ``told``: what NEW was told of the object; without a path, the MD5 of what came."""
        values = [self.pair, bucket, listed.name]
        with self._lock, translate_errors(self.path), transaction(self.connection):
            known = "WHERE pair = ? AND bucket = ? AND name = ? AND path IS NOT NULL"
            # NEW may have what was sent of an earlier version until this one is there.
            earlier = f"UPDATE kept.storage_uploads SET path = NULL, told = NULL {known} AND etag <> ?"
            self.connection.execute(earlier, [*values, listed.etag])
            self.connection.execute(f"DELETE FROM kept.storage_uploads {known}", values)
            insert = "INSERT INTO kept.storage_uploads VALUES (?, ?, ?, ?, ?, ?)"
            self.connection.execute(insert, [*values, listed.etag, path, told])
            self._uploads[bucket, listed.name] = listed.etag, path, told

    def intend(self, tasks: Iterable[Task]) -> None:
        """Remember what small uploads of a run are of, until `keep`: it may be killed before that."""
        rows = [
            (self.pair, each.bucket, each.listed.name, each.listed.etag, None, None)
            for each in tasks
            if each.listed.size <= LARGE
        ]
        if rows:
            these = [[row[at] for row in rows] for at in (1, 2, 3)]
            with self._lock, translate_errors(self.path), transaction(self.connection):
                same = "path IS NULL AND (bucket, name, etag) IN (SELECT unnest(?), unnest(?), unnest(?))"
                delete = f"DELETE FROM kept.storage_uploads WHERE pair = ? AND {same}"
                self.connection.execute(delete, [self.pair, *these])
                self._insert("kept.storage_uploads", rows)

    def _upload(self, bucket: str, listed: StoredObject) -> tuple[str, str] | None:
        """What is asked of every object, and rarely has an answer: all of it is held in memory."""
        etag, path, told = self._uploads.get((bucket, listed.name), ("", "", ""))
        return (path, told) if etag and etag == listed.etag else None

    def _begun(self) -> dict[tuple[str, str], tuple[str, str, str]]:
        query = (
            "SELECT bucket, name, etag, path, coalesce(told, '') FROM kept.storage_uploads "
            "WHERE pair = ? AND path IS NOT NULL"
        )
        return {(bucket, name): tuple(rest) for bucket, name, *rest in self.asked(query, [self.pair])}

    # What is known of a bucket

    def of_bucket(self, bucket: str) -> Mapping[str, Any]:
        """What was remembered of the bucket, by name."""
        query = "SELECT name, value FROM kept.storage_buckets WHERE pair = ? AND bucket = ?"
        return {name: json.loads(value) for name, value in self.asked(query, [self.pair, bucket])}

    def remember(self, bucket: str, **facts: Any) -> None:  # noqa: ANN401 - JSON
        """Remember something of the bucket, in the place of what it was before."""
        for name, value in facts.items():
            with self._lock, translate_errors(self.path), transaction(self.connection):
                values = [self.pair, bucket, name]
                delete = "DELETE FROM kept.storage_buckets WHERE pair = ? AND bucket = ? AND name = ?"
                self.connection.execute(delete, values)
                insert = "INSERT INTO kept.storage_buckets VALUES (?, ?, ?, ?)"
                self.connection.execute(insert, [*values, json.dumps(value)])
