"""A SQL database as a state store: the journal as rows of a table of its own."""

# ruff: noqa: S608 - parameters are bound, names are constants

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

from supasync_core.api.journal import Journal, JournalStore
from supasync_core.api.sql_backend import SqlDatabase
from supasync_core.api.sql_window import Parameters
from supasync_core.model.table import Table

_STATE = Table(name="sync_metadata")
_LOCKING = (
    """CREATE TABLE IF NOT EXISTS sync_metadata
    (number INTEGER PRIMARY KEY, run_id TEXT, sync_status TEXT, state TEXT, entry TEXT)""",
    """INSERT INTO sync_metadata (number, sync_status) SELECT -1, 'lock'
    WHERE NOT EXISTS (SELECT 1 FROM sync_metadata WHERE number = -1)""",
    "UPDATE sync_metadata SET sync_status = 'lock' WHERE number = -1",
)
"""An update holds its row until the transaction ends; a table that is only read would be read by two."""


class SqlStore(SqlDatabase, JournalStore):
    """A state store in the table ``sync_metadata``: a subclass says `connect` and `columns`.

    Its `transaction` is for one process at a time: where the database's own is not, a subclass locks in it.
    """

    def entries(self) -> Journal:
        """The journal; nothing is created."""
        with self.translated(None):
            if self.columns(_STATE) is None:
                return []
            rows = self.execute(
                "SELECT state, entry FROM sync_metadata WHERE number >= 0 ORDER BY number"
            ).fetchall()
        return [json.loads(entry) | {"state": state and json.loads(state)} for state, entry in rows]

    @contextmanager
    def changing(self) -> Iterator[Journal]:
        """The journal in a transaction; where it has changed it is written again."""
        with self.translated(None), self.transaction():
            for statement in _LOCKING:
                self.execute(statement)
            entries = self.entries()
            before = deepcopy(entries)
            yield entries
            if entries != before:
                self._replace(entries)

    def _replace(self, entries: Journal) -> None:
        self.execute("DELETE FROM sync_metadata WHERE number >= 0")
        for number, entry in enumerate(entries):
            bound = Parameters(self.driver.paramstyle)
            rest = {name: value for name, value in entry.items() if name != "state"}
            state = None if entry["state"] is None else json.dumps(entry["state"])
            values = (number, entry["run_id"], entry["sync_status"], state, json.dumps(rest))
            marks = ", ".join(map(bound.bind, values))
            self.execute(f"INSERT INTO sync_metadata VALUES ({marks})", bound.values)
