"""Objects that were removed from NEW, kept whole in the staging until they are put back or forgotten."""
# ruff: noqa: S608 - the names of tables are our own

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from supasync_account.storage.header_values import encoded_json
from supasync_account.storage.object_listing import StoredObject, listed
from supasync_account.storage.object_reads import refuse_other
from supasync_account.storage.storage_client import StorageClient, path_of
from supasync_account.storage.storage_errors import ObjectError
from supasync_account.storage.storage_progress import StorageProgress
from supasync_core.api.registration import Fence
from supasync_core.model import timestamps
from supasync_core.model.errors import ConfigError

LARGEST: Final = 20_000_000
"""Bytes of an object that is kept; a larger one is not removed."""
_TABLE: Final = "kept.storage_removed"
_SETUP: Final = (
    f"CREATE TABLE IF NOT EXISTS {_TABLE} (pair VARCHAR, removal VARCHAR, moment VARCHAR, bucket VARCHAR, "
    "name VARCHAR, mimetype VARCHAR, cache VARCHAR, metadata VARCHAR, content BLOB, undone BOOLEAN)"
)
_ROBOTS: Final = f"ALTER TABLE {_TABLE} ADD COLUMN IF NOT EXISTS robots VARCHAR"


@dataclass(frozen=True, slots=True)
class KeptObjects:
    """What was removed from NEW of this pair of projects."""

    progress: StorageProgress
    new: StorageClient
    fence: Fence

    def keep(
        self,
        removal: str,
        bucket: str,
        held: StoredObject,
        metadata: Any,  # noqa: ANN401 - JSON
        md5: str | None = None,
    ) -> None:
        """Read it from NEW and keep it; ObjectError where that is not what was looked at.

        ``md5`` is that of the bytes that were sent; else its own ETag says it, where that is one.
        """
        shown = f"{bucket}/{held.name}"
        robots = listed(self.new, bucket, held.name)
        path = path_of("object", "authenticated", bucket, key=held.name)
        with self.new.stream(path, held.size) as response:
            refuse_other(shown, held, response, project="NEW")
            content = b"".join(response.iter_raw())
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if robots is None or len(content) != held.size or (md5 or held.md5 or found) != found:
            raise ObjectError("refused", f"NEW: {shown} was not read as it is stored")
        self._set_up()
        now = timestamps.to_text(timestamps.now())
        values = [removal, now, bucket, held.name, held.mimetype, held.cache, json.dumps(metadata), content]
        self.progress.asked(
            f"INSERT INTO {_TABLE} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, false, ?)",
            [self.progress.pair, *values, robots.robots],
        )

    def _set_up(self) -> None:
        """The table, also where an earlier version has made it."""
        self.progress.asked(_SETUP)
        self.progress.asked(_ROBOTS)

    def removals(self) -> list[tuple[str, str, int]]:
        """The removals that can be undone, the newest first: id, moment, objects."""
        self._set_up()
        return [
            (removal, moment, number)
            for removal, moment, number in self.progress.asked(
                f"SELECT removal, min(moment), count(*) FROM {_TABLE} WHERE pair = ? AND NOT undone "
                "GROUP BY removal ORDER BY 2 DESC",
                [self.progress.pair],
            )
        ]

    def undo(self, removal: str | None = None) -> tuple[int, Sequence[str]]:
        """Put the objects of a removal back, the newest by default; how many, and what was in the way.

        ConfigError where that removal does not exist.
        """
        known = self.removals()
        found = next((each for each, _, _ in known if removal in (None, each)), None)
        if found is None:
            what = f"no removal {removal}" if removal else "nothing that could be put back"
            raise ConfigError([f"storage: the staging has {what}"])
        names = self.progress.asked(
            f"SELECT bucket, name FROM {_TABLE} WHERE pair = ? AND removal = ? AND NOT undone ORDER BY 1, 2",
            [self.progress.pair, found],
        )
        flaws: list[str] = []
        for bucket, name in names:
            try:
                self._put_back(found, bucket, name)
            except ObjectError as err:
                flaws.append(f"{bucket}/{name}: {err.message}")
        return len(names) - len(flaws), flaws

    def _put_back(self, removal: str, bucket: str, name: str) -> None:
        key = [self.progress.pair, removal, bucket, name]
        these = "pair = ? AND removal = ? AND bucket = ? AND name = ?"
        query = f"SELECT mimetype, cache, metadata, content, robots FROM {_TABLE} WHERE {these}"
        [(mimetype, cache, metadata, content, robots)] = self.progress.asked(query, key)
        told = json.loads(metadata)
        headers = {
            "Content-Type": mimetype,
            "Cache-Control": cache,
            "x-upsert": "false",
            **({"x-metadata": encoded_json(told)} if told else {}),
            **({"x-robots-tag": robots} if robots else {}),
        }
        self.fence.ask()
        self.new.send("POST", path_of("object", bucket, key=name), headers=headers, body=bytes(content))
        self.progress.asked(f"UPDATE {_TABLE} SET undone = true WHERE {these}", key)
